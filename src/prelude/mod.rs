//! The library written in `.tg`, embedded in the binary: its texts, and an index of what they export.
//! Nothing is parsed here; a front end parses the files that a program names.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

macro_rules! files {
    ($($path:literal)*) => { &[$(($path, include_str!($path)),)*] };
}

/// The embedded files, with their paths below `prelude/`. A test holds the list against the folder.
pub const FILES: &[(&str, &str)] = files! {
    "builtins.tg"
    "distributions/categorical.tg"
    "distributions/distribution.tg"
    "distributions/independent.tg"
    "distributions/kl.tg"
    "distributions/normal.tg"
    "distributions/uniform.tg"
    "functional/activation.tg"
    "functional/attention.tg"
    "functional/bilinear.tg"
    "functional/ctc.tg"
    "functional/distance.tg"
    "functional/dropout.tg"
    "functional/embedding.tg"
    "functional/embedding_bag.tg"
    "functional/linear.tg"
    "functional/loss.tg"
    "functional/loss_class.tg"
    "functional/norm.tg"
    "functional/pooling.tg"
    "functional/reduction.tg"
    "functional/resize.tg"
    "functional/rrelu.tg"
    "functional/softmax.tg"
    "init/dirac.tg"
    "init/init.tg"
    "init/orthogonal.tg"
    "init/trunc_normal.tg"
    "nn/activation.tg"
    "nn/attention.tg"
    "nn/batchnorm.tg"
    "nn/bilinear.tg"
    "nn/container.tg"
    "nn/conv.tg"
    "nn/dropout.tg"
    "nn/embedding.tg"
    "nn/embedding_bag.tg"
    "nn/flatten.tg"
    "nn/fold.tg"
    "nn/linear.tg"
    "nn/loss.tg"
    "nn/loss_class.tg"
    "nn/loss_margin.tg"
    "nn/module.tg"
    "nn/norm.tg"
    "nn/parameter_container.tg"
    "nn/pooling.tg"
    "nn/relu.tg"
    "nn/resize.tg"
    "nn/rnn.tg"
    "nn/rnn_cell.tg"
    "nn/softmax.tg"
    "nn/transformer.tg"
    "nn/transformer_decoder.tg"
    "optim/adadelta.tg"
    "optim/adagrad.tg"
    "optim/adam.tg"
    "optim/adamax.tg"
    "optim/lbfgs.tg"
    "optim/lr_cosine.tg"
    "optim/lr_cycle.tg"
    "optim/lr_lambda.tg"
    "optim/lr_plateau.tg"
    "optim/lr_scheduler.tg"
    "optim/lr_sequence.tg"
    "optim/strong_wolfe.tg"
    "optim/nadam.tg"
    "optim/optimizer.tg"
    "optim/rmsprop.tg"
    "optim/rprop.tg"
    "optim/sgd.tg"
    "tensor/determinant.tg"
    "tensor/matmul.tg"
    "tensor/product.tg"
    "tensor/reshape.tg"
    "tensor/split.tg"
    "torch/broadcast.tg"
    "torch/determinant.tg"
    "torch/einsum.tg"
    "torch/grid.tg"
    "torch/neural.tg"
    "torch/product.tg"
    "torch/shape.tg"
    "torch/split.tg"
    "torch/stack.tg"
    "torch/tensordot.tg"
    "utils.tg"
};

static EMBEDDED: LazyLock<Prelude> = LazyLock::new(|| Prelude::index(FILES));

/// An exported name: where it is defined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Export {
    /// The place of the file in [`Prelude::files`].
    pub file: usize,
    /// The top-level name in it.
    pub name: &'static str,
}

/// The texts with the index of what they export.
#[derive(Debug)]
pub struct Prelude {
    files: &'static [(&'static str, &'static str)],
    dotted: FxHashMap<String, Export>,
    builtins: FxHashMap<&'static str, Export>,
    tensor: FxHashMap<&'static str, Export>,
}

impl Prelude {
    /// The prelude in the binary, indexed on first use.
    pub fn embedded() -> &'static Prelude {
        &EMBEDDED
    }

    /// The index of the top-level names of `files`.
    pub fn index(files: &'static [(&'static str, &'static str)]) -> Prelude {
        let mut prelude = Prelude {
            files,
            dotted: FxHashMap::default(),
            builtins: FxHashMap::default(),
            tensor: FxHashMap::default(),
        };
        for (file, (path, text)) in files.iter().enumerate() {
            for name in text.lines().filter_map(exported) {
                prelude.enter(path, Export { file, name });
            }
        }
        prelude
    }

    fn enter(&mut self, path: &str, export: Export) {
        if path == "builtins.tg" {
            self.builtins.entry(export.name).or_insert(export);
        } else if path.starts_with("tensor/") {
            self.tensor.entry(export.name).or_insert(export);
        } else {
            let dotted = join(namespace(path), export.name);
            self.dotted.entry(dotted).or_insert(export);
        }
    }

    /// The files: paths below `prelude/` and texts.
    pub fn files(&self) -> &'static [(&'static str, &'static str)] {
        self.files
    }
    /// What a dotted name without `torch.` stands for: `nn.Linear`, `F.linear`, `hstack`.
    pub fn dotted(&self, name: &str) -> Option<Export> {
        self.dotted.get(name).copied()
    }
    /// A builtin of Python's that is written in `.tg`.
    pub fn builtin(&self, name: &str) -> Option<Export> {
        self.builtins.get(name).copied()
    }
    /// A tensor method that is written in `.tg`.
    pub fn tensor_method(&self, name: &str) -> Option<Export> {
        self.tensor.get(name).copied()
    }
    /// What a file of the namespace means by `_name`.
    pub fn private(&self, namespace: &str, name: &str) -> Option<Export> {
        self.dotted(&join(namespace, name))
            .or_else(|| self.builtin(name))
            .or_else(|| self.tensor_method(name))
    }
    /// All public dotted names and builtins, sorted.
    pub fn names(&self) -> Vec<&str> {
        let dotted = self.dotted.keys().map(String::as_str);
        let mut names: Vec<&str> = dotted
            .chain(self.builtins.keys().copied())
            .filter(|name| !is_private(name))
            .collect();
        names.sort_unstable();
        names
    }
    /// The names of all tensor methods, sorted.
    pub fn tensor_methods(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = self
            .tensor
            .keys()
            .copied()
            .filter(|name| !is_private(name))
            .collect();
        names.sort_unstable();
        names
    }
}

/// The namespace that a file's names are exported under.
pub fn namespace(path: &str) -> &'static str {
    match path.split_once('/') {
        Some(("optim", file)) if file.starts_with("lr_") => "optim.lr_scheduler",
        Some(("distributions", _)) => "distributions",
        Some(("nn", _)) => "nn",
        Some(("functional", _)) => "F",
        Some(("optim", _)) => "optim",
        Some(("init", _)) => "nn.init",
        _ => match path {
            "utils.tg" => "nn.utils",
            _ => "",
        },
    }
}

fn is_private(dotted: &str) -> bool {
    dotted
        .rsplit('.')
        .next()
        .is_some_and(|name| name.starts_with('_'))
}

fn join(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

/// The name that a line at column 0 defines: `class C`, `fn f`, `name = `.
fn exported(line: &'static str) -> Option<&'static str> {
    let defined = line
        .strip_prefix("class ")
        .or_else(|| line.strip_prefix("fn "));
    let rest = defined.unwrap_or(line);
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let assigned = after
        .trim_start()
        .strip_prefix('=')
        .is_some_and(|value| !value.starts_with('='));
    (!name.is_empty() && (defined.is_some() || assigned)).then_some(name)
}
