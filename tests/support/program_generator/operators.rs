//! Calls of the operator table: arguments that fit the parameters of a row, and what its shape rule makes of them.

use std::sync::LazyLock;

use gradlint::ops::row::Default as Preset;
use gradlint::ops::{
    Arg, Dtype, Gradient, InPlace, Meta, OpError, OpRow, Param, ParamKind, ResultKind, Scalar,
    Shape, table,
};

use super::scope::{Growing, Variable, contiguous};

/// What is called on random arguments may refuse by the numbers in them, which no analysis follows; these have recipes
/// of their own. `equal` and `allclose` give no tensor.
const BY_NUMBERS: &[&str] = &[
    "multinomial",
    "bernoulli",
    "multi_margin_loss",
    "block_diag",
    "isclose",
    // Composed in ways that the row does not show.
    "repeat_interleave",
    "dist",
    "var_mean",
    "std_mean",
    // Sizes that depend on each other.
    "scatter",
    "scatter_add",
    "scatter_reduce",
    "gather",
    "prelu",
    "threshold",
    "softshrink",
    "roll",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "positive",
    "remainder",
    "fmod",
    // Which of equal elements they take, PyTorch does not say.
    "topk",
    "kthvalue",
    "median",
    "mode",
    "median.dim",
    "unique",
    "nonzero",
    "masked_select",
    "linalg_norm",
    "type",
    // Near a pole the last digits of the input decide.
    "digamma",
    "polygamma",
    "lgamma",
    "tan",
    "erfinv",
    "new_empty",
    "binary_cross_entropy",
    "linalg_inv",
    "linalg_solve",
    "linalg_cholesky",
    "linalg_det",
    "linalg_slogdet",
    "one_hot",
    "repeat_interleave.Tensor",
    "equal",
    "allclose",
    "item",
    "empty",
    "empty_like",
    "detach",
    "detach_",
    "randperm",
    "tensor",
    "as_strided",
    "einsum",
    "normal",
    // Which signs singular vectors have is up to LAPACK.
    "linalg_svd",
    "linalg_eigh",
];

/// Functions of PyTorch that have the names of Python's.
const PYTHONS: &[&str] = &["sum", "min", "max", "abs", "round", "pow", "all", "any"];

/// Parameters that depend on each other; what has them is called by recipes.
const BY_RECIPE: &[&str] = &[
    "kernel_size",
    "output_size",
    "num_groups",
    "groups",
    "upscale_factor",
    "downscale_factor",
    "running_mean",
    "normalized_shape",
    "equation",
];

/// The rows that are drawn from: those that can be written as a call with a tensor.
static ROWS: LazyLock<Vec<&'static OpRow>> = LazyLock::new(|| {
    let written = |row: &OpRow| {
        let forms = row.forms;
        !forms.function.is_empty() || !forms.method.is_empty() || !forms.functional.is_empty()
    };
    let plain = |row: &OpRow| {
        let kinds = row.params.iter().map(|param| param.kind);
        row.params
            .first()
            .is_some_and(|param| takes_tensor(param.kind))
            && !kinds
                .clone()
                .any(|kind| matches!(kind, ParamKind::Index | ParamKind::Data))
            && !row.forms.method.contains(&"type")
            && !row
                .params
                .iter()
                .any(|param| BY_RECIPE.contains(&param.name))
    };
    let by_numbers = |row: &OpRow| {
        BY_NUMBERS.contains(&row.name)
            || BY_NUMBERS.contains(&row.name.split('.').next().unwrap_or(""))
    };
    let rows = table::all().map(|(_, row)| row);
    rows.filter(|row| !row.name.starts_with('_') && written(row) && plain(row) && !by_numbers(row))
        .collect()
});

fn takes_tensor(kind: ParamKind) -> bool {
    matches!(
        kind,
        ParamKind::Tensor { .. } | ParamKind::Tensors | ParamKind::TensorOrScalar
    )
}

/// The number of operators that calls are drawn from.
pub fn count() -> usize {
    ROWS.len()
}

/// Arguments for a row.
struct Call {
    row: &'static OpRow,
    args: Vec<Arg<Meta>>,
    /// Each as it is written; none where it is left out.
    texts: Vec<Option<String>>,
    tracked: bool,
}

impl Growing<'_> {
    /// A statement that calls an operator of the table.
    pub fn operator(&mut self) {
        for _ in 0..12 {
            let row = *self.dice.pick(&ROWS);
            if matches!(row.in_place, InPlace::Only) {
                continue;
            }
            if self.call_of(row, None) {
                return;
            }
        }
    }

    /// A statement that makes a view.
    pub fn view(&mut self) {
        for _ in 0..20 {
            let row = *self.dice.pick(&ROWS);
            let is_view = matches!(row.result, ResultKind::View | ResultKind::MultiView);
            if is_view && self.call_of(row, None) {
                return;
            }
        }
    }

    /// A statement that writes a tensor by the in-place form of an operator.
    pub fn operator_in_place(&mut self, target: &Variable) {
        for _ in 0..12 {
            let row = *self.dice.pick(&ROWS);
            let can_write = !matches!(row.in_place, InPlace::No) && !row.forms.method.is_empty();
            if can_write && self.call_of(row, Some(target)) {
                return;
            }
        }
    }

    fn call_of(&mut self, row: &'static OpRow, target: Option<&Variable>) -> bool {
        for _ in 0..4 {
            let Some(call) = self.arguments(row, target) else {
                continue;
            };
            let inferred = (row.infer)(&call.args);
            if let Some(target) = target {
                if self.write(&call, target, inferred) {
                    return true;
                }
                continue;
            }
            match inferred {
                Ok(metas) if metas.iter().all(is_small) => {
                    self.bind_results(&call, metas);
                    return true;
                }
                // What PyTorch refuses is written now and then.
                Err(OpError::Raises(..)) if self.dice.one_in(150) => {
                    let text = self.written(&call, false);
                    self.line(format!("v0 = {text}"));
                    return true;
                }
                // The size of the result depends on the numbers.
                Err(error) if is_by_values(&error) && self.dice.one_in(3) => {
                    let (text, name) = (self.written(&call, false), self.fresh("l"));
                    self.line(format!("{name} = ({text} * 1.0).sum()"));
                    self.losses.push(name);
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    fn write(
        &mut self,
        call: &Call,
        target: &Variable,
        inferred: Result<Vec<Meta>, OpError>,
    ) -> bool {
        let fits = match &inferred {
            Ok(metas) => metas.first().is_some_and(|meta| {
                meta.shape == target.meta.shape
                    && (meta.dtype == target.meta.dtype || self.dice.one_in(20))
            }),
            Err(OpError::Raises(..)) => self.dice.one_in(100),
            Err(OpError::Unsupported(_)) => false,
        };
        let is_view = matches!(call.row.result, ResultKind::View);
        if !(fits || is_view && inferred.is_ok()) {
            return false;
        }
        let text = self.written(call, true);
        self.line(text);
        let meta = inferred.ok().and_then(|metas| metas.into_iter().next());
        if let (true, Some(meta)) = (is_view, meta) {
            let known = self.variables.iter_mut();
            known
                .filter(|variable| variable.name == target.name)
                .for_each(|variable| variable.meta = meta.clone());
        }
        if call.tracked && self.tracking {
            let known = self.variables.iter_mut();
            known
                .filter(|variable| variable.name == target.name && !variable.leaf)
                .for_each(|variable| variable.tracked = true);
        }
        true
    }

    fn bind_results(&mut self, call: &Call, metas: Vec<Meta>) {
        let text = self.written(call, false);
        let grows = !matches!(call.row.gradient, Gradient::NotDifferentiable);
        let tracked = call.tracked && grows;
        if let [meta] = &metas[..]
            && !matches!(call.row.result, ResultKind::MultiView)
        {
            self.bind(&text, meta.clone(), tracked);
            return;
        }
        if self.dice.one_in(2) {
            let nth = self.dice.below(metas.len());
            self.bind(&format!("{text}[{nth}]"), metas[nth].clone(), tracked);
            return;
        }
        let names: Vec<String> = metas.iter().map(|_| self.fresh("v")).collect();
        let comma = if names.len() == 1 { "," } else { "" };
        self.line(format!("{}{comma} = {text}", names.join(", ")));
        for (name, meta) in names.iter().zip(metas) {
            let tracked = tracked && self.tracking && meta.dtype.is_floating();
            self.enter(name, meta, false, tracked);
        }
    }

    /// The call as it is written.
    fn written(&mut self, call: &Call, in_place: bool) -> String {
        let forms = call.row.forms;
        let ways = [
            (forms.method, 0),
            (forms.method, 0),
            (forms.function, 1),
            (forms.functional, 2),
        ];
        // Some options belong to the function alone.
        let named = row_options(call);
        let fitting: Vec<_> = ways
            .into_iter()
            .filter(|(names, way)| !names.is_empty() && (!in_place || *way == 0))
            .filter(|(_, way)| !named || *way == 2)
            .collect();
        if fitting.is_empty() {
            return String::new();
        }
        let (names, way) = *self.dice.pick(&fitting);
        let name = self.dice.word(names);
        let ending = match in_place && !name.ends_with('_') {
            true => "_",
            false => "",
        };
        let mut arguments = written_arguments(call);
        match way {
            0 => {
                let own = arguments.remove(0);
                format!("{own}.{name}{ending}({})", arguments.join(", "))
            }
            // These names alone are Python's own functions.
            1 if PYTHONS.contains(&name) => format!("torch.{name}({})", arguments.join(", ")),
            1 => format!("{name}({})", arguments.join(", ")),
            _ => format!("F.{name}({})", arguments.join(", ")),
        }
    }

    fn arguments(&mut self, row: &'static OpRow, target: Option<&Variable>) -> Option<Call> {
        let mut call = Call {
            row,
            args: Vec::new(),
            texts: Vec::new(),
            tracked: false,
        };
        let mut first: Option<Variable> = target.cloned();
        let mut dims_left_out = false;
        for (nth, param) in row.params.iter().enumerate() {
            if nth == 0 && target.is_some() {
                let own = target?;
                call.args.push(Arg::Tensor(own.meta.clone()));
                call.texts.push(Some(own.name.clone()));
                call.tracked |= own.tracked;
                continue;
            }
            // What comes behind a dimension that is left out belongs to the form that has one.
            let alone = dims_left_out && param.default.is_some();
            let hidden = param.name == "stable"
                || matches!(param.name, "inplace" | "training")
                    && (row.forms.functional.is_empty() || target.is_some());
            let leave_out = param.default.is_some() && self.dice.percent(60) || alone || hidden;
            dims_left_out |= leave_out && matches!(param.name, "dim" | "dims");
            if leave_out {
                call.args.push(preset(param)?);
                call.texts.push(None);
                continue;
            }
            let (arg, text) = self.argument(row, param, &mut first, &mut call.tracked)?;
            call.args.push(arg);
            call.texts.push(Some(text));
        }
        Some(call)
    }

    fn argument(
        &mut self,
        row: &OpRow,
        param: &Param,
        first: &mut Option<Variable>,
        tracked: &mut bool,
    ) -> Option<(Arg<Meta>, String)> {
        let number = |scalar: Scalar, text: &str| Some((Arg::Scalar(scalar), text.to_owned()));
        match param.kind {
            ParamKind::Tensor { diff: false } => self.fixed(row, param.name, first),
            ParamKind::OptTensor { diff: false } => self.fixed(row, param.name, first),
            ParamKind::TensorOrScalar if self.dice.one_in(3) => self.number(),
            ParamKind::Tensor { .. } | ParamKind::OptTensor { .. } | ParamKind::TensorOrScalar => {
                let chosen = self.operand(first);
                *tracked |= chosen.tracked;
                let answer = (Arg::Tensor(chosen.meta.clone()), chosen.name.clone());
                first.get_or_insert(chosen);
                Some(answer)
            }
            ParamKind::Tensors => {
                let one = self.float();
                let mut parts = vec![one.clone()];
                for _ in 0..self.dice.below(3) {
                    parts.push(self.like(&one));
                }
                *tracked |= parts.iter().any(|part| part.tracked);
                let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
                let text = format!("[{}]", names.join(", "));
                let metas = parts.iter().map(|part| part.meta.clone()).collect();
                first.get_or_insert(one);
                Some((Arg::Tensors(metas), text))
            }
            ParamKind::Scalar => self.number(),
            ParamKind::Int => {
                let value = self.int(param.name, first.as_ref());
                number(Scalar::Int(value), &value.to_string())
            }
            ParamKind::Bool => match self.dice.one_in(2) {
                true => number(Scalar::Bool(true), "true"),
                false => number(Scalar::Bool(false), "false"),
            },
            ParamKind::Ints => {
                let values = self.ints(param.name, first.as_ref());
                let text = values
                    .iter()
                    .map(i64::to_string)
                    .collect::<Vec<_>>()
                    .join(", ");
                Some((Arg::Ints(values.into()), format!("[{text}]")))
            }
            ParamKind::Str => {
                let word = match param.name {
                    "reduction" => self.dice.word(&["mean", "sum", "none"]),
                    "rounding_mode" => self.dice.word(&["trunc", "floor"]),
                    "approximate" => self.dice.word(&["none", "tanh"]),
                    _ => return None,
                };
                Some((Arg::Str(word.into()), format!("\"{word}\"")))
            }
            ParamKind::Dtype => {
                let all = [Dtype::F32, Dtype::F64];
                let dtype = *self.dice.pick(&all);
                // `bool` alone is Python's type.
                let name = match dtype {
                    Dtype::F32 => "float32",
                    Dtype::F64 => "float64",
                    Dtype::I64 => "int64",
                    Dtype::Bool => "torch.bool",
                };
                Some((Arg::Dtype(dtype), name.to_owned()))
            }
            ParamKind::Index | ParamKind::Data => None,
        }
    }

    /// A tensor beside the first one: mostly of the same shape.
    fn operand(&mut self, first: &Option<Variable>) -> Variable {
        match first {
            None if self.dice.one_in(12) => self.any(),
            None => self.mostly(|variable| variable.is_floating() && variable.tracked),
            Some(first) if self.dice.percent(65) => self.like(&first.clone()),
            Some(_) => self.float(),
        }
    }

    /// A tensor that no gradient flows to: indices, a mask, or another's shape.
    fn fixed(
        &mut self,
        row: &OpRow,
        name: &str,
        first: &Option<Variable>,
    ) -> Option<(Arg<Meta>, String)> {
        let first = first.as_ref()?;
        match name {
            "mask" | "condition" => {
                let shape = first.meta.shape.clone();
                if let Some(mask) = self.find(|variable| {
                    variable.meta.dtype == Dtype::Bool && variable.meta.shape == shape
                }) {
                    return Some((Arg::Tensor(mask.meta.clone()), mask.name));
                }
                let meta = contiguous(Dtype::Bool, &shape);
                Some((Arg::Tensor(meta), format!("({} > 0.3)", first.name)))
            }
            "index" | "indices" => {
                let least = first.meta.shape.iter().min().copied().unwrap_or(1);
                if least == 0 {
                    return None;
                }
                let same = Shape::from_slice(&first.meta.shape);
                let flat = Shape::from_slice(&[1 + self.dice.below(3)]);
                let shape = if self.dice.one_in(2) { same } else { flat };
                if let Some(index) = self
                    .find(|variable| variable.is_index && variable.meta.shape == shape && least > 1)
                {
                    return Some((Arg::Tensor(index.meta.clone()), index.name));
                }
                let text = format!("randint(0, {least}, ({}))", super::leaves::trailing(&shape));
                Some((Arg::Tensor(contiguous(Dtype::I64, &shape)), text))
            }
            _ if matches!(row.gradient, Gradient::Formula(_)) => {
                let other = self.like(&first.clone());
                Some((Arg::Tensor(other.meta.clone()), other.name))
            }
            _ => {
                let other = self.any();
                Some((Arg::Tensor(other.meta.clone()), other.name))
            }
        }
    }

    fn number(&mut self) -> Option<(Arg<Meta>, String)> {
        let numbers: [f64; 7] = [0.5, 2.0, -1.0, 1.0, 3.0, 0.0, 1.5];
        let value = *self.dice.pick(&numbers);
        if self.dice.one_in(3) && value.fract() == 0.0 {
            return Some((
                Arg::Scalar(Scalar::Int(value as i64)),
                format!("{}", value as i64),
            ));
        }
        Some((Arg::Scalar(Scalar::Float(value)), format!("{value:?}")))
    }

    fn int(&mut self, name: &str, first: Option<&Variable>) -> i64 {
        let ndim = first.map_or(1, |first| first.meta.ndim());
        if name.contains("dim") && !self.dice.one_in(40) {
            let dim = self.dice.below(ndim.max(1)) as i64;
            return if self.dice.one_in(4) {
                dim - ndim.max(1) as i64
            } else {
                dim
            };
        }
        match self.dice.below(8) {
            0 => -1,
            1..=3 => 1,
            4 | 5 => 2,
            6 => 0,
            _ => 3,
        }
    }

    fn ints(&mut self, name: &str, first: Option<&Variable>) -> Vec<i64> {
        let Some(first) = first else {
            return vec![2];
        };
        let shape = first.meta.shape.clone();
        let ndim = shape.len();
        match name {
            "size" | "shape" if self.dice.one_in(4) => {
                // As `expand` wants it.
                let sizes = shape
                    .iter()
                    .map(|&size| if size == 1 { 3 } else { size as i64 });
                let more = if self.dice.one_in(2) { vec![2] } else { vec![] };
                more.into_iter().chain(sizes).collect()
            }
            "size" | "shape" => self.other_shape(first.meta.numel()),
            "dims" if self.dice.one_in(2) => {
                let mut dims: Vec<i64> = (0..ndim as i64).collect();
                let turn = self.dice.below(ndim.max(1));
                dims.rotate_left(turn.min(ndim));
                dims
            }
            "dim" | "dims" | "axis" => {
                let count = 1 + self.dice.below(ndim.max(1));
                (0..count).map(|dim| dim as i64).collect()
            }
            "split_size" | "split_sizes" => match shape.first() {
                Some(&size) if size > 1 => vec![1, size as i64 - 1],
                _ => vec![1],
            },
            "pad" => vec![1, self.dice.below(2) as i64],
            _ => (0..ndim.max(1))
                .map(|_| 1 + self.dice.below(2) as i64)
                .collect(),
        }
    }

    fn other_shape(&mut self, numel: usize) -> Vec<i64> {
        let numel = numel as i64;
        let mut fitting = vec![vec![numel], vec![-1], vec![1, numel], vec![numel, 1]];
        for by in [2, 3] {
            if numel % by == 0 {
                fitting.push(vec![by, numel / by]);
                fitting.push(vec![numel / by, by]);
                fitting.push(vec![-1, by]);
            }
        }
        if numel % 4 == 0 {
            fitting.push(vec![2, 2, numel / 4]);
        }
        self.dice.pick(&fitting).clone()
    }
}

/// Whether only the kernel knows the sizes of the result.
fn is_by_values(error: &OpError) -> bool {
    gradlint::ops::kit::follows_from_values(error)
}

/// Whether an option is given that only `torch.nn.functional` has.
fn row_options(call: &Call) -> bool {
    let mut given = call.row.params.iter().zip(&call.texts);
    given.any(|(param, text)| text.is_some() && matches!(param.name, "inplace" | "training"))
}

/// Positional ones first; behind one that is left out, by name.
fn written_arguments(call: &Call) -> Vec<String> {
    let mut by_name = false;
    let mut out = Vec::new();
    for (param, text) in call.row.params.iter().zip(&call.texts) {
        match text {
            None => by_name = true,
            Some(text) if by_name || param.keyword_only => {
                out.push(format!("{}={text}", param.name))
            }
            Some(text) => out.push(text.clone()),
        }
    }
    out
}

/// What a parameter is where it is not given.
pub fn preset(param: &Param) -> Option<Arg<Meta>> {
    Some(match param.default? {
        Preset::None => Arg::None,
        Preset::Scalar(scalar) => Arg::Scalar(scalar),
        Preset::Str(text) => Arg::Str(text.into()),
        Preset::Ints(values) => Arg::Ints(values.into()),
    })
}

fn is_small(meta: &Meta) -> bool {
    meta.numel() <= 36 && meta.ndim() <= 4 && meta.numel() > 0
}
