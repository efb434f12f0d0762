//! What real PyTorch did with each program, as `tests/oracle/record.py` wrote it down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gradlint::lint::{Finding, Prediction};
use gradlint::source::Span;
use serde::{Deserialize, Serialize};

/// `recorded.json`.
#[derive(Deserialize)]
pub struct Recorded {
    /// Each program by its path from the root of the repository.
    pub programs: BTreeMap<String, Record>,
}

/// What one program did.
#[derive(Clone, Deserialize, Serialize)]
pub struct Record {
    /// `finished` or `raised`
    pub outcome: String,
    /// The exception that ended it.
    #[serde(rename = "type")]
    pub error: Option<String>,
    pub text: Option<String>,
    /// The line of the program where the statement begins that raised.
    pub line: Option<u32>,
    /// The exceptions that the program caught.
    pub caught: Vec<Event>,
    pub warnings: Vec<Warning>,
    pub stdout: String,
    pub tensors: BTreeMap<String, Tensor>,
}

#[derive(Clone, Deserialize, Serialize, PartialEq, Eq, Debug)]
pub struct Event {
    #[serde(rename = "type")]
    pub error: String,
    pub text: String,
    pub line: u32,
}

#[derive(Clone, Deserialize, Serialize)]
pub struct Warning {
    pub text: String,
    pub line: Option<u32>,
}

/// A tensor that a top-level name is bound to at the end.
#[derive(Clone, Deserialize, Serialize)]
pub struct Tensor {
    /// Why PyTorch would not say more.
    pub unreadable: Option<String>,
    #[serde(default)]
    pub dtype: String,
    #[serde(default)]
    pub shape: Vec<usize>,
    /// Told by a living PyTorch only.
    #[serde(default, skip_serializing)]
    pub strides: Option<Vec<usize>>,
    #[serde(default)]
    pub requires_grad: bool,
    #[serde(default)]
    pub leaf: bool,
    /// None for an inference tensor.
    #[serde(default)]
    pub version: Option<u64>,
    pub grad: Option<Vec<serde_json::Value>>,
    pub values: Option<Vec<serde_json::Value>>,
}

impl Record {
    /// Every exception of the run, in order, the one that ended it last.
    pub fn raised(&self) -> Vec<Event> {
        let last = self.error.as_ref().map(|error| Event {
            error: error.clone(),
            text: self.text.clone().unwrap_or_default(),
            line: self.line.unwrap_or(0),
        });
        self.caught.iter().cloned().chain(last).collect()
    }
}

/// A recorded number: what JSON has no number for is a string.
pub fn number(value: &serde_json::Value) -> f64 {
    match value {
        serde_json::Value::Bool(value) => f64::from(u8::from(*value)),
        serde_json::Value::String(text) => text.parse().expect("recorded: inf, -inf or nan"),
        value => value.as_f64().expect("recorded: a number"),
    }
}

/// Whether two numbers agree to within 1e-4, relative for large ones.
pub fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-4 * b.abs().max(1.0)
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// All records.
pub fn load() -> Recorded {
    let path = root().join("tests/oracle/recorded.json");
    let text =
        std::fs::read_to_string(&path).expect("tests/oracle/recorded.json is made by record.py");
    serde_json::from_str(&text).expect("recorded.json has the form that record.py writes")
}

/// Where the finding predicts an exception of that type and text, if it does.
pub fn predicted(finding: &Finding, error: &str, text: &str) -> Option<Span> {
    match &finding.prediction {
        Prediction::Raises {
            error: kind,
            torch_message,
            span,
        } if kind.name() == error && matches(torch_message, text) => Some(*span),
        _ => None,
    }
}

/// Whether `text` is `pattern` with something in place of each `…`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
