//! What a dotted name means in Python: its builtins, PyTorch by full path, and the modules of Python's library that are
//! modelled. Everything else is unknown.

use super::names::{self, Known};
use crate::ir::{Intrinsic, python};
use crate::prelude;

/// The modules of Python's library of which something is modelled.
const MODULES: &[&str] = &[
    "math",
    "copy",
    "functools",
    "itertools",
    "collections",
    "random",
    "time",
    "numpy",
];

/// PyTorch's modules whose names can also be reached by a shorter path.
const SHORTER: &[(&str, &str)] = &[
    ("nn.modules.activation.", "nn."),
    ("nn.modules.batchnorm.", "nn."),
    ("nn.modules.container.", "nn."),
    ("nn.modules.conv.", "nn."),
    ("nn.modules.linear.", "nn."),
    ("nn.modules.loss.", "nn."),
    ("nn.modules.module.", "nn."),
    ("nn.modules.normalization.", "nn."),
    ("nn.modules.rnn.", "nn."),
    ("nn.modules.transformer.", "nn."),
    ("nn.parameter.", "nn."),
    ("optim.optimizer.", "optim."),
    ("optim.adam.", "optim."),
    ("optim.adamw.", "optim."),
    ("optim.sgd.", "optim."),
    ("optim.swa_utils.", "optim.swa_utils."),
    ("autograd.grad_mode.", ""),
    ("autograd.variable.", "autograd."),
    ("autograd.function.", "autograd."),
    ("functional.", ""),
];

/// Modules whose functions give data from outside of the program, which requires no gradient.
const OUTSIDE: &[&str] = &[
    "absl",
    "ale_py",
    "argparse",
    "click",
    "configparser",
    "csv",
    "cv2",
    "datasets",
    "datetime",
    "dm_control",
    "docopt",
    "easydict",
    "envpool",
    "fire",
    "getpass",
    "glob",
    "gym",
    "gymnasium",
    "gzip",
    "h5py",
    "hashlib",
    "hydra",
    "imageio",
    "json",
    "librosa",
    "logging",
    "matplotlib",
    "ml_collections",
    "mujoco_py",
    "nltk",
    "numpy",
    "omegaconf",
    "os",
    "pandas",
    "pathlib",
    "pettingzoo",
    "PIL",
    "platform",
    "procgen",
    "psutil",
    "pybullet_envs",
    "re",
    "requests",
    "scipy",
    "shutil",
    "simple_parsing",
    "skimage",
    "sklearn",
    "soundfile",
    "string",
    "subprocess",
    "supersuit",
    "sys",
    "tarfile",
    "tempfile",
    "tensorboard",
    "tensorboardX",
    "torchaudio",
    "torchtext",
    "torchvision",
    "tqdm",
    "tyro",
    "urllib",
    "uuid",
    "visdom",
    "wandb",
    "yacs",
    "yaml",
    "zipfile",
];

/// Parts of their paths that tell of something else.
const INSIDE: &[&str] = &["models", "modules", "nn", "ops", "optim"];

/// Functions whose result is from outside whatever they are given, as long as it holds no tensor that requires a gradient.
const DATASETS: &[&str] = &[
    "torch.utils.data.",
    "torchvision.datasets.",
    "torchvision.transforms.",
    "torch.device",
    "torch.cuda.",
    "torch.accelerator.",
    "torch.mps.",
    "torch.xpu.",
    "torch.Generator",
    "torch.FloatTensor",
    "torch.DoubleTensor",
    "torch.HalfTensor",
    "torch.LongTensor",
    "torch.IntTensor",
    "torch.ShortTensor",
    "torch.CharTensor",
    "torch.ByteTensor",
    "torch.BoolTensor",
    "torch.sparse.FloatTensor",
    "torch.utils.tensorboard.",
    "stable_baselines3.common.buffers.",
];

/// What PyTorch tells of the machine, of types and of itself.
const ENVIRONMENT: &[&str] = &["torch.backends.", "torch.version.", "torch.__version__"];

/// What a path that is not modelled names beside PyTorch's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// Something that makes data of whatever it is given.
    Dataset,
    /// Something that makes data of data.
    Outside,
    /// Nothing is known of it.
    Unknown,
}

/// What a path that is not modelled names.
pub fn foreign(path: &str) -> Foreign {
    if DATASETS.iter().any(|prefix| path.starts_with(prefix)) {
        return Foreign::Dataset;
    }
    if ENVIRONMENT.iter().any(|prefix| path.starts_with(prefix)) {
        return Foreign::Outside;
    }
    let mut parts = path.split('.');
    let is_outside = parts.next().is_some_and(|root| OUTSIDE.contains(&root));
    match is_outside && !parts.any(|part| INSIDE.contains(&part)) {
        true => Foreign::Outside,
        false => Foreign::Unknown,
    }
}

/// Whether the name is one of Python's builtins that are modelled.
pub fn is_builtin(name: &str) -> bool {
    python::is_builtin(name)
}

/// Whether something of that module of Python's library is modelled.
pub fn is_module(name: &str) -> bool {
    MODULES.contains(&name)
}

/// Whether a full path names something modelled.
pub fn is_known(path: &str) -> bool {
    known(path).is_some()
}

/// What a name or full path means.
pub fn known(name: &str) -> Option<Known> {
    let name = name.strip_prefix("builtins.").unwrap_or(name);
    match name.split_once('.') {
        None if name == Intrinsic::Outside.name() => names::intrinsic(name),
        None if is_builtin(name) => names::plain(name),
        None => None,
        Some(("torch", rest)) => torch(rest),
        Some((module, _)) if MODULES.contains(&module) => library(name),
        Some(_) => None,
    }
}

fn torch(name: &str) -> Option<Known> {
    for (long, short) in SHORTER {
        if let Some(rest) = name.strip_prefix(long) {
            return names::torch(&names::canonical(&format!("{short}{rest}")));
        }
    }
    names::torch(&names::canonical(name))
}

fn library(name: &str) -> Option<Known> {
    names::intrinsic(name)
        .or_else(|| names::number(name, false))
        .or_else(|| prelude::dotted(name).map(Known::Prelude))
}
