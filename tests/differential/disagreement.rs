//! What two witnesses say differently of one program.

/// Who disagrees, and in what way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// The interpreter and PyTorch.
    PyTorch,
    /// A failure or a none gradient that the analysis does not foretell.
    Missed,
    /// A finding that is said to happen always, and does not.
    Contradicted,
    /// A finding that is said to happen sometimes, and does not on any way.
    NotWitnessed,
}

/// A disagreement.
#[derive(Clone, Debug)]
pub struct Disagreement {
    pub class: Class,
    /// What kind of thing it is: the same for programs that have the same cause, as far as one can tell.
    pub kind: String,
    /// What is said.
    pub text: String,
}

impl Disagreement {
    pub fn new(class: Class, kind: impl Into<String>, text: impl Into<String>) -> Disagreement {
        Disagreement {
            class,
            kind: kind.into(),
            text: text.into(),
        }
    }

    pub fn is_like(&self, other: &Disagreement) -> bool {
        self.class == other.class && self.kind == other.kind
    }
}

/// A text without what differs from program to program: numbers, and what is quoted.
pub fn shape_of(text: &str) -> String {
    let mut out = String::new();
    let first = text.lines().next().unwrap_or("");
    for letter in first.chars().take(120) {
        match letter {
            '0'..='9' | '…' if out.ends_with('#') => {}
            '0'..='9' | '…' => out.push('#'),
            letter => out.push(letter),
        }
    }
    while out.contains("#, #") || out.contains("[#]") {
        out = out.replace("#, #", "#").replace("[#]", "#");
    }
    out
}
