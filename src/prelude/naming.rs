//! The names of the library: how files export theirs, and what in a text may be one. Also part of the build script:
//! nothing but the standard library is used.

/// The words of a text that could be names.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}

/// The namespace that a file's names are exported under.
pub fn namespace(path: &str) -> &'static str {
    match path.split_once('/') {
        Some(("optim", file)) if file.starts_with("lr_") => "optim.lr_scheduler",
        Some(("distributions", _)) => "distributions",
        Some(("amp", _)) => "amp",
        Some(("autograd", _)) => "autograd",
        Some(("numpy", _)) => "numpy",
        Some(("checkpoint", _)) => "utils.checkpoint",
        Some(("derivatives", _)) => "autograd.functional",
        Some(("graph", _)) => "autograd.graph",
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

/// A name with its namespace.
pub fn join(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        _ => format!("{namespace}.{name}"),
    }
}
