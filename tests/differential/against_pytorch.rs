//! The interpreter's run against PyTorch's.

use gradlint::interp::outcome::{Ending, Observation, Raised, TensorState};
use gradlint::ops::Scalar;
use gradlint::ops::inplace::UNDEFINED;

use super::disagreement::{Class, Disagreement, shape_of};
use super::subject::Run;
use crate::support::printed;
use crate::support::recorded::{Event, Record, Tensor, number};

/// What differs between a run and PyTorch's record of the same program.
pub fn compare(run: &Run, record: &Record) -> Vec<Disagreement> {
    let mut found = Found(Vec::new());
    if record.outcome == "timeout" {
        // Neither came to an end.
        if !matches!(run.outcome.ending, Ending::Stopped(_)) {
            found.say("timeout", "PyTorch took too long");
        }
        return found.0;
    }
    if found.endings_differ(run, record) {
        return found.0;
    }
    found.caught(run, record);
    found.warnings(run, record);
    if !printed::agree(&run.printed, &record.stdout) {
        found.say(
            "printed",
            format!("printed\n{}instead of\n{}", run.printed, record.stdout),
        );
    }
    for (name, theirs) in &record.tensors {
        let mut ours = run.outcome.tensors.iter();
        match ours.find(|(ours, _)| ours == name) {
            Some((_, ours)) => found.tensor(name, ours, theirs),
            None => found.say("no tensor", format!("`{name}` is no tensor at the end")),
        }
    }
    for (name, _) in &run.outcome.tensors {
        if !record.tensors.contains_key(name) && !is_of_comprehension(run, name) {
            found.say(
                "one tensor more",
                format!("`{name}` is a tensor at the end, and none in PyTorch"),
            );
        }
    }
    found.0
}

/// The variables of comprehensions are told as tensors, too, and are no names of the program.
fn is_of_comprehension(run: &Run, name: &str) -> bool {
    let text = run.lines.text();
    let mut lines = text.lines().filter(|line| line.contains('['));
    lines.any(|line| {
        line.split(" for ").skip(1).any(|part| {
            let names = part.split(" in ").next().unwrap_or("");
            names.split(',').any(|other| other.trim() == name)
        })
    })
}

struct Found(Vec<Disagreement>);

impl Found {
    fn say(&mut self, kind: impl Into<String>, text: impl Into<String>) {
        self.0.push(Disagreement::new(Class::PyTorch, kind, text));
    }

    fn differ<T: PartialEq + std::fmt::Debug>(
        &mut self,
        name: &str,
        what: &str,
        ours: T,
        theirs: T,
    ) {
        if ours != theirs {
            self.say(
                what,
                format!("{name}.{what}: {ours:?} instead of {theirs:?}"),
            );
        }
    }

    fn endings_differ(&mut self, run: &Run, record: &Record) -> bool {
        let theirs = (record.outcome == "raised")
            .then(|| record.raised().pop())
            .flatten();
        match (&run.outcome.ending, theirs) {
            (Ending::Finished, None) => return false,
            (Ending::Raised(ours), Some(theirs)) => {
                return self.exceptions_differ(run, ours, &theirs);
            }
            (Ending::Finished, Some(theirs)) => self.say(
                format!("finished, not raised {}", shape_of(&theirs.text)),
                format!("finished instead of raising {theirs:?}"),
            ),
            (Ending::Raised(ours), None) => self.say(
                format!("raised, not finished {}", shape_of(&ours.message)),
                format!(
                    "raised {} on line {}: {}",
                    ours.error,
                    run.lines.of(ours.span),
                    ours.message
                ),
            ),
            (Ending::Stopped(bound), _) => self.say("stopped", format!("stopped at {bound:?}")),
            // PyTorch does not say what comes of it. It is counted among the endings.
            (Ending::Unsupported { what, .. }, _) if what.contains(UNDEFINED) => {}
            (Ending::Unsupported { what, span }, theirs) => self.say(
                format!("unsupported {}", shape_of(what)),
                format!(
                    "unsupported on line {}: {what}; PyTorch: {theirs:?}",
                    run.lines.of(*span)
                ),
            ),
        }
        true
    }

    fn exceptions_differ(&mut self, run: &Run, ours: &Raised, theirs: &Event) -> bool {
        let line = run.lines.of(ours.span);
        let (what, kind) = if ours.error != theirs.error {
            (
                "type",
                format!(
                    "{} not {} {}",
                    ours.error,
                    theirs.error,
                    shape_of(&theirs.text)
                ),
            )
        } else if line != theirs.line {
            ("line", shape_of(&theirs.text))
        } else if !same_text(&ours.message, &theirs.text) {
            ("text", shape_of(&theirs.text))
        } else {
            return false;
        };
        self.say(
            format!("{what} of exception: {kind}"),
            format!(
                "raised {} on line {line}: {}\n  instead of {} on line {}: {}",
                ours.error, ours.message, theirs.error, theirs.line, theirs.text
            ),
        );
        true
    }

    fn caught(&mut self, run: &Run, record: &Record) {
        let ours: Vec<(&str, &str, u32)> = run
            .outcome
            .observations
            .iter()
            .filter_map(|one| match one {
                Observation::Raised(raised) => Some((
                    raised.error.as_str(),
                    raised.message.as_str(),
                    run.lines.of(raised.span),
                )),
                _ => None,
            })
            .collect();
        let theirs = record.raised();
        let same = ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(ours, theirs)| {
                ours.0 == theirs.error && same_text(ours.1, &theirs.text) && ours.2 == theirs.line
            });
        if !same {
            self.say(
                "caught",
                format!("on the way: {ours:?}\n  instead of {theirs:?}"),
            );
        }
    }

    /// The warnings about the gradient of what is no leaf: a line each.
    fn warnings(&mut self, run: &Run, record: &Record) {
        let wanted = |text: &str| text.contains(".grad attribute of a Tensor");
        let mut ours: Vec<u32> = run
            .outcome
            .warnings
            .iter()
            .filter(|one| wanted(&one.message))
            .map(|one| run.lines.of(one.span))
            .collect();
        let mut theirs: Vec<u32> = record
            .warnings
            .iter()
            .filter(|one| wanted(&one.text))
            .map(|one| one.line.unwrap_or(0))
            .collect();
        for lines in [&mut ours, &mut theirs] {
            lines.sort_unstable();
            lines.dedup();
        }
        if ours != theirs {
            self.say(
                "warned",
                format!("warned of `.grad` on lines {ours:?} instead of {theirs:?}"),
            );
        }
    }

    fn tensor(&mut self, name: &str, ours: &TensorState, theirs: &Tensor) {
        if theirs.unreadable.is_some() {
            return;
        }
        let dtype = ours.dtype.torch_name().trim_start_matches("torch.");
        self.differ(name, "dtype", dtype, theirs.dtype.as_str());
        self.differ(name, "shape", &ours.shape[..], &theirs.shape[..]);
        if let Some(strides) = &theirs.strides {
            // Of a dimension of size one, or of a tensor without elements, they are of no account.
            let told = |strides: &[usize]| -> Vec<usize> {
                let sized = strides.iter().zip(&ours.shape);
                sized
                    .filter(|(_, size)| **size != 1)
                    .map(|(stride, _)| *stride)
                    .collect()
            };
            if !theirs.shape.contains(&0) && ours.shape[..] == theirs.shape[..] {
                self.differ(name, "strides", told(&ours.strides), told(strides));
            }
        }
        self.differ(
            name,
            "requires_grad",
            ours.requires_grad,
            theirs.requires_grad,
        );
        self.differ(name, "is_leaf", ours.leaf, theirs.leaf);
        self.differ(name, "_version", ours.version, theirs.version);
        self.differ(
            name,
            "grad is none",
            ours.grad.is_none(),
            theirs.grad.is_none(),
        );
        if let (Some(ours), Some(theirs)) = (&ours.grad, &theirs.grad) {
            self.numbers(name, "gradient", ours, theirs);
        }
        // What is no number has no integer: C leaves open which it becomes.
        let undefined = |value: &serde_json::Value| value.as_i64() == Some(i64::MIN);
        if let Some(theirs) = theirs
            .values
            .as_ref()
            .filter(|all| !all.iter().any(undefined))
        {
            self.numbers(name, "values", &ours.values, theirs);
        }
    }

    fn numbers(&mut self, name: &str, what: &str, ours: &[Scalar], theirs: &[serde_json::Value]) {
        let ours: Vec<f64> = ours.iter().map(|value| value.as_f64()).collect();
        let theirs: Vec<f64> = theirs.iter().map(number).collect();
        let largest = theirs
            .iter()
            .filter(|value| value.is_finite())
            .fold(1.0, |a: f64, b| a.max(b.abs()));
        let close = |(&a, &b): (&f64, &f64)| {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-3 * b.abs() + 1e-5 * largest
        };
        if ours.len() != theirs.len() || !ours.iter().zip(&theirs).all(close) {
            self.say(
                what,
                format!("{name}, {what}: {ours:?} instead of {theirs:?}"),
            );
        }
    }
}

/// Texts are equal, but for the last digits of numbers within them.
fn same_text(ours: &str, theirs: &str) -> bool {
    // What an index into a tensor without dimensions is refused for, PyTorch reads from memory that is not its own.
    let of_nothing = "is out of bounds for dimension 0 with size 0";
    if ours.ends_with(of_nothing) && theirs == "select() cannot be applied to a 0-dim tensor." {
        return true;
    }
    ours == theirs || (printed::agree(ours, theirs) && ours.len() == theirs.len())
}
