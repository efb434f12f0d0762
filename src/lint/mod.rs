//! Rules and their findings. A rule turns one kind of fact of the analysis into findings; it looks at no syntax and
//! names no operator. Each rule has a file of its own in `lints/`.

use crate::diagnostic::{Label, Severity};
use crate::ops::Exception;
use crate::source::Span;

pub mod python;
pub mod registry;
pub mod suppress;

/// How sure a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Certainty {
    /// On some path.
    Sometimes,
    /// On every run that reaches the place.
    Always,
}

/// A rule's metadata.
#[derive(Debug)]
pub struct Rule {
    /// The stable code: `GL101`. Never reused.
    pub code: &'static str,
    /// The flagged pattern, in kebab case: `backward-without-graph`.
    pub name: &'static str,
    /// One line, lower case, without a final stop.
    pub summary: &'static str,
    /// The severity of a finding that is certain; a rule may lower it for one on some path only.
    pub severity: Severity,
    /// The explanation, Markdown with `.tg` examples that are run by a test: `explain` prints it.
    pub documentation: &'static str,
    /// The version of gradlint that brought it.
    pub since: &'static str,
}

/// What PyTorch will say or not say.
#[derive(Clone, PartialEq, Debug)]
pub enum Prediction {
    /// It raises.
    Raises {
        /// The exception's type.
        error: Exception,
        /// Its whole text; `…` where a part cannot be known before the run.
        torch_message: String,
        /// Where.
        span: Span,
    },
    /// A gradient is none.
    NoneGrad {
        /// The tensor, in the program's words.
        expr: String,
        /// Where that shows: a read of `.grad`, a `step`, the parameter itself.
        span: Span,
    },
    /// A gradient is wrong or stale, in silence.
    WrongGrad {
        /// The tensor, in the program's words.
        expr: String,
        /// Where that shows.
        span: Span,
    },
    /// Nothing is predicted: hygiene.
    None,
}

/// A replacement of text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// Whether a fix may change what else the program does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applicability {
    /// It cannot.
    Safe,
    /// It may; `--unsafe-fixes` applies it.
    Unsafe,
}

/// A change of the program that removes the finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// Whether it may change what else the program does.
    pub applicability: Applicability,
    /// What it does, in the imperative.
    pub message: String,
    /// The changes, in order, without overlap.
    pub edits: Vec<Edit>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// By which rule.
    pub rule: &'static Rule,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// The headline, lower case, without a final stop; program text in backquotes.
    pub message: String,
    /// Where the finding points. Always in the user's own text.
    pub span: Span,
    /// What is shown at `span`; empty where the headline says it all.
    pub label: String,
    /// What PyTorch will say.
    pub prediction: Prediction,
    /// The story, in the order in which it happens; `span` itself is not among them.
    pub causes: Vec<Label>,
    /// What to do, a line each.
    pub help: Vec<String>,
    /// A change that does it.
    pub fix: Option<Fix>,
    /// What the interpreter saw; none where it was not asked or could not run the program.
    pub confirmed: Option<bool>,
}
