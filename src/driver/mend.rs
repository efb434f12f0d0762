//! What fixes would change, as a unified diff.

use similar::TextDiff;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// The diff of a file; empty where nothing changes.
pub(super) fn diff(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(name, name)
        .to_string()
}
