//! What a run ended in: as Python would say it, and as the JSON object that checks read.

use serde_json::{Map, Value, json};

use super::json::{SCHEMA, range};
use crate::interp::outcome::{Bound, Ending, Outcome, Raised, TensorState, Warning};
use crate::ops::Scalar;
use crate::source::{SourceMap, Span};

/// What a run says beside its output: its warnings, and how it ended if it did not come to its end.
pub fn human(outcome: &Outcome, sources: &SourceMap) -> String {
    let mut text: String = outcome
        .warnings
        .iter()
        .map(|warning| self::warning(warning, sources))
        .collect();
    match &outcome.ending {
        Ending::Finished => {}
        Ending::Raised(raised) => text += &traceback(raised, sources),
        Ending::Stopped(bound) => {
            text += &format!(
                "stopped: the run came to its bound on {}\n",
                self::bound(*bound)
            )
        }
        Ending::Unsupported { what, span } => {
            text += &format!("{}: unsupported: {what}\n", place(*span, sources))
        }
    }
    text
}

fn warning(warning: &Warning, sources: &SourceMap) -> String {
    format!(
        "{}: UserWarning: {}\n",
        place(warning.span, sources),
        warning.message
    )
}

fn traceback(raised: &Raised, sources: &SourceMap) -> String {
    let mut frames = raised.frames.clone();
    if frames.last() != Some(&raised.span) {
        frames.push(raised.span);
    }
    let mut text = "Traceback (most recent call last):\n".to_owned();
    let hidden = frames.len().saturating_sub(2 * SHOWN_FRAMES);
    for (nth, span) in frames.iter().enumerate() {
        if hidden > 0 && nth == SHOWN_FRAMES {
            text += &format!("  … {hidden} more\n");
        }
        if hidden == 0 || nth < SHOWN_FRAMES || nth >= SHOWN_FRAMES + hidden {
            text += &frame(*span, sources);
        }
    }
    match raised.message.is_empty() {
        true => text + &format!("{}\n", raised.error),
        false => text + &format!("{}: {}\n", raised.error, raised.message),
    }
}

/// How many frames of a deep stack are shown at each of its ends.
const SHOWN_FRAMES: usize = 8;

/// Characters of a line that are shown.
const MAX_LINE: usize = 200;

fn frame(span: Span, sources: &SourceMap) -> String {
    let file = sources.file(span.file);
    let line = file
        .line_range(file.line(span.start))
        .and_then(|line| file.text.get(line))
        .unwrap_or("")
        .trim();
    let line: String = line
        .chars()
        .take(MAX_LINE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("  {}\n    {line}\n", place(span, sources))
}

fn place(span: Span, sources: &SourceMap) -> String {
    let file = sources.file(span.file);
    let at = file.location(span.start);
    format!("{}:{at}", file.name.display())
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Steps => "steps",
        Bound::Time => "time",
        Bound::Memory => "memory",
        Bound::Output => "output",
    }
}

/// The object of a run.
pub fn json(name: &str, outcome: &Outcome, sources: &SourceMap) -> Value {
    let mut object = json!({"schema": SCHEMA, "file": name});
    match &outcome.ending {
        Ending::Finished => object["outcome"] = "finished".into(),
        Ending::Raised(raised) => {
            object["outcome"] = "raised".into();
            object["raised"] = json!({"error": raised.error, "message": raised.message, "range": range(raised.span, sources)});
        }
        Ending::Stopped(bound) => {
            object["outcome"] = "stopped".into();
            object["bound"] = self::bound(*bound).into();
        }
        Ending::Unsupported { what, span } => {
            object["outcome"] = "unsupported".into();
            object["unsupported"] = json!({"message": what, "range": range(*span, sources)});
        }
    }
    let warnings = outcome
        .warnings
        .iter()
        .map(|warning| json!({"message": warning.message, "range": range(warning.span, sources)}));
    object["warnings"] = warnings.collect();
    object["output"] = outcome.output.as_str().into();
    let tensors: Map<String, Value> = outcome
        .tensors
        .iter()
        .map(|(name, state)| (name.clone(), tensor(state)))
        .collect();
    object["tensors"] = tensors.into();
    object
}

fn tensor(state: &TensorState) -> Value {
    let shape: &[usize] = &state.shape;
    json!({
        "shape": shape,
        "dtype": state.dtype.tg_name(),
        "requires_grad": state.requires_grad,
        "leaf": state.leaf,
        "grad": state.grad.as_ref().map(|grad| nested(shape, grad)),
    })
}

/// Numbers as nested lists of that shape.
fn nested(shape: &[usize], numbers: &[Scalar]) -> Value {
    let Some((&size, inner)) = shape.split_first() else {
        return numbers.first().map_or(Value::Null, |&first| number(first));
    };
    let each: usize = inner.iter().product();
    (0..size)
        .map(|nth| {
            nested(
                inner,
                numbers.get(nth * each..(nth + 1) * each).unwrap_or(&[]),
            )
        })
        .collect()
}

/// A number. JSON has none that is not finite: those are strings, as Python writes them.
fn number(number: Scalar) -> Value {
    match number {
        Scalar::Bool(value) => value.into(),
        Scalar::Int(value) => value.into(),
        Scalar::Float(value) if value.is_finite() => value.into(),
        Scalar::Float(value) if value.is_nan() => "nan".into(),
        Scalar::Float(value) => if value > 0.0 { "inf" } else { "-inf" }.into(),
    }
}
