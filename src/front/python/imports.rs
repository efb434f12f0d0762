//! What an import statement means.

use std::rc::Rc;

use ruff_python_ast::{Alias, StmtImportFrom};

/// PyTorch's namespaces, by path.
const NAMESPACES: &[&str] = &[
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.nn.utils",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "torch.autograd",
    "torch.linalg",
    "torch.distributions",
    "torch.func",
    "torch.utils",
    "torch.utils.data",
    "torch.utils.checkpoint",
];

/// Whether the path is one of PyTorch's namespaces.
pub fn is_namespace(path: &str) -> bool {
    NAMESPACES.contains(&path)
}

/// The name that `import a.b as c` binds, and the path that it stands for.
pub fn imported(alias: &Alias) -> (String, Rc<str>) {
    let path = alias.name.as_str();
    match &alias.asname {
        Some(name) => (name.to_string(), path.into()),
        None => {
            let root = path.split('.').next().unwrap_or(path);
            (root.to_owned(), root.into())
        }
    }
}

/// The module of `from a.b import c`; a relative one begins with a dot for each level.
pub fn module_of(import: &StmtImportFrom) -> Rc<str> {
    let name = import.module.as_ref().map_or("", |name| name.as_str());
    format!("{}{name}", ".".repeat(import.level as usize)).into()
}
