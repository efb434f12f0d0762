//! The names that PyTorch 2.15 has, modelled here or not: what exists there is no mistake of a program, and what is not
//! modelled is unknown to the analysis and unsupported by the interpreter.

use std::cmp::Ordering;

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
    holds_line(TENSOR, name)
}

/// Whether PyTorch has a function, class or dtype of that dotted name.
pub fn is_of_torch(dotted: &str) -> bool {
    let name = dotted.strip_prefix("torch.").unwrap_or(dotted);
    holds_line(TORCH, name)
}

/// Whether one of the lines of a sorted text is `wanted`, found by halving what is left of it.
fn holds_line(text: &str, wanted: &str) -> bool {
    let mut left = text;
    while !left.is_empty() {
        let bytes = left.as_bytes();
        let middle = bytes.len() / 2;
        let is_end = |byte: &u8| *byte == b'\n';
        let start = bytes[..middle].iter().rposition(is_end);
        let start = start.map_or(0, |end| end + 1);
        let length = bytes[start..].iter().position(is_end);
        let end = length.map_or(bytes.len(), |length| start + length);
        match left[start..end].cmp(wanted) {
            Ordering::Equal => return true,
            Ordering::Less => left = left.get(end + 1..).unwrap_or_default(),
            Ordering::Greater => left = &left[..start],
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{TENSOR, TORCH, holds_line};

    #[test]
    fn lines_are_sorted_and_each_is_found() {
        for text in [TENSOR, TORCH] {
            assert!(text.lines().is_sorted());
            assert!(text.lines().all(|line| holds_line(text, line)));
            let other = |line: &str| format!("{line}.of_nothing");
            assert!(!text.lines().any(|line| holds_line(text, &other(line))));
        }
        assert!(!holds_line("", "relu") && !holds_line(TORCH, ""));
    }
}
