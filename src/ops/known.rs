//! The names that PyTorch 2.15 has, modelled here or not: what exists there is no mistake of a program, and what is not
//! modelled is unknown to the analysis and unsupported by the interpreter.

/// The public names of `torch.Tensor` (`dir(torch.Tensor)`).
const TENSOR: &str = include_str!("tensor_names.txt");
/// The public functions, classes and dtypes of `torch` and its modules, without the leading `torch.`, and `F.…`.
const TORCH: &str = include_str!("torch_names.txt");

/// The public attributes and methods of tensors.
pub fn tensor_names() -> impl Iterator<Item = &'static str> {
    TENSOR.lines()
}

/// Whether PyTorch's tensors have an attribute or method of that name.
pub fn is_of_tensor(name: &str) -> bool {
    tensor_names().any(|known| known == name)
}

/// Whether PyTorch has a function, class or dtype of that dotted name.
pub fn is_of_torch(dotted: &str) -> bool {
    let name = dotted.strip_prefix("torch.").unwrap_or(dotted);
    TORCH.lines().any(|known| known == name)
}
