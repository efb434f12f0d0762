//! GL407: what `forward` gives is cut from the parameters.

use crate::analysis::fact::FactKind;
use crate::diagnostic::Severity;
use crate::lint::Rule;
use crate::lints::Pattern;

/// The rule's metadata.
pub static RULE: Rule = Rule {
    code: "GL407",
    name: "output-without-graph",
    summary: "what `forward` gives is cut from the module's parameters",
    severity: Severity::Warning,
    documentation: include_str!("docs/GL407.md"),
    since: "0.1.0",
};

/// Which facts it reports, and how.
pub const PATTERN: Pattern = Pattern {
    rule: &RULE,
    applies: |kind| matches!(kind, FactKind::OutputWithoutGraph),
    headline: "`{}` cuts what `forward` gives from the module's parameters: none of them can get a gradient",
    label: "the only way back ends here",
    help: &[
        "use the tensor itself, and `detach()` where the result is used without training",
        "if no gradient is meant to pass, say so with `@torch.no_grad()` on `forward`",
    ],
};
