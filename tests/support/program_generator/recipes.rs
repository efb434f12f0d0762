//! Calls of what the operator table cannot tell alone how to call: operators whose arguments depend on each other, and
//! what the library composes of others.

use gradlint::ops::{Dtype, Shape};

use super::leaves::trailing;
use super::scope::{Growing, contiguous};

/// A call with holes for tensors, and the sizes of its result. `{2,3}` is any floating tensor of these sizes, `{p2,3}` one of
/// numbers between zero and one, `{i5:2,3}` integers below five, `{b2}` a mask.
pub const RECIPES: &[(&str, &[usize])] = &[
    ("F.conv1d({1,2,5}, {3,2,2})", &[1, 3, 4]),
    ("F.conv1d({2,2,3}, {1,2,2}, {1})", &[2, 1, 2]),
    ("F.conv2d({1,1,3,3}, {1,1,2,2})", &[1, 1, 2, 2]),
    (
        "F.conv2d({1,1,2,2}, {1,1,2,2}, {1}, padding=1)",
        &[1, 1, 3, 3],
    ),
    ("F.conv_transpose1d({1,2,2}, {2,1,2})", &[1, 1, 3]),
    ("F.linear({2,3}, {2,3})", &[2, 2]),
    ("F.linear({2,3}, {2,3}, {2})", &[2, 2]),
    ("F.linear({4}, {2,4})", &[2]),
    ("F.bilinear({2,3}, {2,2}, {2,3,2})", &[2, 2]),
    ("F.embedding({i3:2,2}, {3,2})", &[2, 2, 2]),
    ("F.cross_entropy({2,3}, {i3:2})", &[]),
    ("F.cross_entropy({2,3}, {i3:2}, label_smoothing=0.1)", &[]),
    ("F.cross_entropy({2,3}, {i3:2}, reduction=\"none\")", &[2]),
    ("F.cross_entropy({2,3}, {p2,3})", &[]),
    ("F.nll_loss({2,3}, {i3:2})", &[]),
    ("F.nll_loss({2,3}, {i3:2}, reduction=\"sum\")", &[]),
    ("F.binary_cross_entropy({p4}, {p4})", &[]),
    (
        "F.binary_cross_entropy({p2,3}, {p2,3}, reduction=\"sum\")",
        &[],
    ),
    ("F.binary_cross_entropy_with_logits({4}, {p4})", &[]),
    ("F.l1_loss({2,3}, {2,3})", &[]),
    ("F.mse_loss({4}, {4}, reduction=\"none\")", &[4]),
    ("F.kl_div({2,3}, {p2,3}, reduction=\"batchmean\")", &[]),
    ("F.poisson_nll_loss({4}, {p4})", &[]),
    ("F.gaussian_nll_loss({4}, {4}, {p4} + 0.1)", &[]),
    ("F.hinge_embedding_loss({4}, {4})", &[]),
    ("F.margin_ranking_loss({4}, {4}, {4})", &[]),
    ("F.triplet_margin_loss({2,3}, {2,3}, {2,3})", &[]),
    ("F.cosine_embedding_loss({2,3}, {2,3}, {2})", &[]),
    ("F.cosine_similarity({2,3}, {2,3})", &[2]),
    ("F.pairwise_distance({2,3}, {2,3})", &[2]),
    ("F.normalize({2,3})", &[2, 3]),
    ("F.multi_margin_loss({2,3}, {i3:2})", &[]),
    ("F.multilabel_soft_margin_loss({2,3}, {p2,3})", &[]),
    ("F.soft_margin_loss({4}, {4})", &[]),
    ("F.layer_norm({2,3}, [3], {3}, {3})", &[2, 3]),
    ("F.layer_norm({2,3}, [3])", &[2, 3]),
    ("F.group_norm({2,2,3}, 1)", &[2, 2, 3]),
    ("F.rms_norm({2,3}, [3])", &[2, 3]),
    ("F.instance_norm({2,2,3})", &[2, 2, 3]),
    (
        "F.batch_norm({2,3}, none, none, {3}, {3}, training=true)",
        &[2, 3],
    ),
    ("F.local_response_norm({1,2,3}, 2)", &[1, 2, 3]),
    ("F.max_pool1d({1,2,4}, 2)", &[1, 2, 2]),
    ("F.avg_pool1d({1,2,4}, 2)", &[1, 2, 2]),
    ("F.max_pool2d({1,1,4,4}, 2)", &[1, 1, 2, 2]),
    ("F.avg_pool2d({1,1,4,4}, 2)", &[1, 1, 2, 2]),
    ("F.adaptive_avg_pool1d({1,2,4}, 2)", &[1, 2, 2]),
    ("F.pad({2,3}, (1, 1))", &[2, 5]),
    ("F.pad({1,2,3}, (1, 1), mode=\"reflect\")", &[1, 2, 5]),
    ("F.interpolate({1,2,3}, scale_factor=2)", &[1, 2, 6]),
    ("F.pixel_shuffle({1,4,1,1}, 2)", &[1, 1, 2, 2]),
    ("F.one_hot({i3:2}, 3).float()", &[2, 3]),
    ("F.softmax({2,3}, dim=1)", &[2, 3]),
    ("F.log_softmax({2,3}, dim=-1)", &[2, 3]),
    ("F.softmin({4}, dim=0)", &[4]),
    ("F.softsign({4})", &[4]),
    ("F.tanhshrink({4})", &[4]),
    ("F.prelu({4}, {1})", &[4]),
    ("F.glu({2,2}, -1)", &[2, 1]),
    ("F.relu({2,3}, inplace=true)", &[2, 3]),
    ("F.dropout({2,3}, 0.5)", &[2, 3]),
    ("F.dropout({4}, 0.5, training=false)", &[4]),
    (
        "F.scaled_dot_product_attention({1,2,4}, {1,2,4}, {1,2,4})",
        &[1, 2, 4],
    ),
    ("bernoulli({p4})", &[4]),
    ("{p2,3}.bernoulli()", &[2, 3]),
    ("normal({4}, 1.0)", &[4]),
    ("normal({4}, {p4})", &[4]),
    ("matmul({2,3}, {3})", &[2]),
    ("{2,3} @ {3,2}", &[2, 2]),
    ("{2,3} @ {2,3}.t()", &[2, 2]),
    ("{3} @ {3}", &[]),
    ("{2,2,3} @ {3,2}", &[2, 2, 2]),
    ("mm({2,2}, {2,2})", &[2, 2]),
    ("bmm({2,2,3}, {2,3,2})", &[2, 2, 2]),
    ("addmm({2,2}, {2,3}, {3,2})", &[2, 2]),
    ("addmv({2}, {2,3}, {3})", &[2]),
    ("baddbmm({2,2,2}, {2,2,3}, {2,3,2})", &[2, 2, 2]),
    ("outer({2}, {3})", &[2, 3]),
    ("{2}.outer({2})", &[2, 2]),
    ("einsum(\"ij,jk->ik\", {2,3}, {3,2})", &[2, 2]),
    ("einsum(\"ij->ji\", {2,3})", &[3, 2]),
    ("einsum(\"ij,ij->\", {2,2}, {2,2})", &[]),
    ("einsum(\"i,j->ij\", {2}, {3})", &[2, 3]),
    ("tensordot({2,3}, {3,2}, 1)", &[2, 2]),
    ("kron({2}, {2})", &[4]),
    ("linalg.inv({2,2} @ {2,2}.t() + eye(2) * 3)", &[2, 2]),
    ("linalg.det({2,2})", &[]),
    ("linalg.solve(eye(2) * 2 + 0.1 * {2,2}, {2})", &[2]),
    ("linalg.norm({2,3})", &[]),
    ("linalg.vector_norm({4}, 2)", &[]),
    ("hstack([{2,2}, {2,2}])", &[2, 4]),
    ("vstack([{4}, {4}])", &[2, 4]),
    ("cat([{2,2}, {2,3}], 1)", &[2, 5]),
    ("cat([{2,3}, {1,3}])", &[3, 3]),
    ("stack([{4}, {4}, {4}])", &[3, 4]),
    ("where({b4}, {4}, {4})", &[4]),
    ("where({b2,2}, {2,2}, 0.0)", &[2, 2]),
    ("where({2,3} > 0, {2,3}, 1.0)", &[2, 3]),
    ("{4}.masked_fill({b4}, 2.0)", &[4]),
    ("{2,3}.gather(1, {i3:2,2})", &[2, 2]),
    ("{2,3}.index_select(0, {i2:2})", &[2, 3]),
    ("{2,3}.scatter(1, {i3:2,2}, 1.5)", &[2, 3]),
    ("zeros(2, 3).scatter_add(1, {i3:2,2}, {2,2})", &[2, 3]),
    ("{2,3}.index_add(0, {i2:2}, {2,3})", &[2, 3]),
    ("take({2,3}, {i4:2})", &[2]),
    ("{2,3}.take_along_dim({i3:2,1}, 1)", &[2, 1]),
    ("{2,3}[{i2:2}]", &[2, 3]),
    ("{2,3}[:, [0, 2]]", &[2, 2]),
    ("{4}.flatten()", &[4]),
    ("{2,2,3}.flatten(1)", &[2, 6]),
    ("{2,3}.reshape(3, 2)", &[3, 2]),
    ("{2,3}.t().reshape(6)", &[6]),
    ("{2,3}.reshape(-1)", &[6]),
    ("{4}.unflatten(0, (2, 2))", &[2, 2]),
    ("{2,3}.permute(1, 0)", &[3, 2]),
    ("{3}.expand(2, 3)", &[2, 3]),
    ("{1,3}.expand(2, -1)", &[2, 3]),
    ("{4}.unfold(0, 2, 2)", &[2, 2]),
    ("{2,3}.diagonal()", &[2]),
    ("{2,2}.tril()", &[2, 2]),
    ("{2,2}.trace()", &[]),
    ("diag({3})", &[3, 3]),
    ("{2,3}.swapaxes(0, 1)", &[3, 2]),
    ("{4}.view_as({2,2})", &[2, 2]),
    ("{2,3}.max(1)[0]", &[2]),
    ("{2,3}.min(0).values", &[3]),
    ("randn(4, requires_grad=true).topk(2)[0]", &[2]),
    ("randn(5, requires_grad=true).median()", &[]),
    ("randn(2, 3, requires_grad=true).kthvalue(2, 1)[0]", &[2]),
    ("{2,3}.sort(1)[0]", &[2, 3]),
    ("{4}.cumsum(0)", &[4]),
    ("{4}.cumprod(0)", &[4]),
    ("{2,3}.logsumexp(1)", &[2]),
    ("{2,3}.std(0)", &[3]),
    ("{4}.var()", &[]),
    ("{2,3}.norm(dim=1)", &[2]),
    ("{4}.lerp({4}, 0.3)", &[4]),
    ("fmod({4}, 2.0)", &[4]),
    ("remainder({4}, {4} * {4} + 1)", &[4]),
    ("F.softshrink({4}, 0.3)", &[4]),
    ("F.threshold({4}, 0.1, 2.0)", &[4]),
    ("var_mean({2,3}, 1)[0]", &[2]),
    ("{2,3}.roll(1, 0)", &[2, 3]),
    ("addcmul({4}, {4}, {4}, value=0.5)", &[4]),
    ("addcdiv({4}, {4}, {p4} + 1)", &[4]),
    ("{4}.clamp(-0.5, 0.5)", &[4]),
    ("maximum({4}, {4})", &[4]),
    ("atan2({4}, {4})", &[4]),
    ("{4}.pow({p4})", &[4]),
    ("2.0 ** {4}", &[4]),
    ("1.0 - {4}", &[4]),
    ("1 / ({4} + 3)", &[4]),
    ("-{4}", &[4]),
    ("{2,3} // 2", &[2, 3]),
    ("{4} % 2", &[4]),
    ("tensor_split({4}, 2)[0]", &[2]),
    ("{4}.split(2)[1]", &[2]),
    ("{4}.chunk(2)[1]", &[2]),
    ("{2,3}.unbind(0)[0]", &[3]),
    ("{4}.roll(1)", &[4]),
    ("{4}.flip(0)", &[4]),
    ("{2}.repeat(2)", &[4]),
    ("tensor({}.item())", &[]),
    ("nn.Parameter({4})", &[4]),
    ("as_tensor({4})", &[4]),
    ("autograd.Variable({4})", &[4]),
    ("zeros_like({2,3})", &[2, 3]),
    ("{4}.new_zeros(4)", &[4]),
    ("{2,3}.sum(0, keepdim=true)", &[1, 3]),
    ("{4}.type_as({4})", &[4]),
    ("sum([{4}, {4}])", &[4]),
];

impl Growing<'_> {
    /// A statement that follows a recipe.
    pub fn recipe(&mut self) {
        let (text, shape) = *self.dice.pick(RECIPES);
        let (text, tracked) = self.filled(text);
        self.bind(&text, contiguous(Dtype::F32, shape), tracked);
    }

    /// The call with tensors in the holes, and whether one of them requires grad.
    fn filled(&mut self, recipe: &str) -> (String, bool) {
        let (mut out, mut rest, mut tracked) = (String::new(), recipe, false);
        while let Some((before, after)) = rest.split_once('{') {
            let (hole, after) = after
                .split_once('}')
                .expect("a recipe closes what it opens");
            let (text, is_tracked) = self.hole(hole);
            out += before;
            out += &text;
            tracked |= is_tracked;
            rest = after;
        }
        (out + rest, tracked)
    }

    fn hole(&mut self, hole: &str) -> (String, bool) {
        let (kind, sizes) = match hole.chars().next() {
            Some(kind @ ('p' | 'b' | 'i')) => (kind, &hole[1..]),
            _ => ('f', hole),
        };
        let (below, sizes) = sizes.split_once(':').unwrap_or(("", sizes));
        let shape: Shape = sizes
            .split(',')
            .filter_map(|size| size.parse().ok())
            .collect();
        let size = trailing(&shape);
        match kind {
            'b' => (format!("(rand(({size})) > 0.5)"), false),
            'i' => (format!("randint(0, {below}, ({size}))"), false),
            'p' if self.dice.one_in(2) => (format!("rand(({size}))"), false),
            'p' => self.between_zero_and_one(&shape),
            _ => self.float_of(&shape),
        }
    }

    fn between_zero_and_one(&mut self, shape: &Shape) -> (String, bool) {
        let (text, tracked) = self.float_of(shape);
        (format!("{text}.sigmoid()"), tracked)
    }

    fn float_of(&mut self, shape: &Shape) -> (String, bool) {
        let found = self
            .find(|variable| variable.meta.dtype == Dtype::F32 && variable.meta.shape == *shape);
        if let Some(found) = found
            && !self.dice.one_in(6)
        {
            return (found.name, found.tracked);
        }
        let numel: usize = shape.iter().product();
        let other = self
            .find(|variable| variable.meta.dtype == Dtype::F32 && variable.meta.numel() == numel);
        match other {
            Some(other) if self.dice.one_in(2) => {
                let sizes = super::scope::sizes(shape);
                let sizes = if sizes.is_empty() {
                    "()".to_owned()
                } else {
                    sizes
                };
                (format!("{}.reshape({sizes})", other.name), other.tracked)
            }
            _ => {
                let size = trailing(shape);
                let tracked = self.dice.one_in(2);
                let option = if tracked { ", requires_grad=true" } else { "" };
                (format!("randn(({size}){option})"), tracked)
            }
        }
    }
}
