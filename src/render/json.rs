//! Findings as the JSON object that editors and checks read.

use serde_json::{Map, Value, json};

use super::{Status, certainty, severity};
use crate::analysis::fact::Lost;
use crate::diagnostic::Label;
use crate::lint::{Applicability, Finding, Fix, Prediction};
use crate::source::{SourceFile, SourceMap, Span};

/// The version of the form of both objects.
pub const SCHEMA: u32 = 1;

/// The object of a lint.
#[derive(Default)]
pub struct Report {
    diagnostics: Vec<Value>,
    files: Vec<Value>,
    unknown: Option<Vec<Value>>,
}

impl Report {
    /// Adds a finding.
    pub fn finding(&mut self, finding: &Finding, sources: &SourceMap) {
        self.diagnostics.push(diagnostic(finding, sources));
    }

    /// Adds a place where the analysis lost track.
    pub fn lost(&mut self, lost: &Lost, sources: &SourceMap) {
        let place = json!({
            "file": name(lost.span, sources), "why": lost.why, "range": range(lost.span, sources)
        });
        self.unknown.get_or_insert_default().push(place);
    }

    /// Adds a file.
    pub fn file(&mut self, name: &str, status: &Status) {
        let mut file = json!({"file": name, "status": status.name()});
        if let Some(reason) = status.reason() {
            file["reason"] = reason.into();
        }
        self.files.push(file);
    }

    /// The whole text.
    pub fn finish(self) -> String {
        let mut object =
            json!({"schema": SCHEMA, "diagnostics": self.diagnostics, "files": self.files});
        if let Some(unknown) = self.unknown {
            object["unknown"] = unknown.into();
        }
        format!("{object:#}\n")
    }
}

fn diagnostic(finding: &Finding, sources: &SourceMap) -> Value {
    let mut object = json!({
        "file": name(finding.span, sources),
        "rule": finding.rule.code,
        "name": finding.rule.name,
        "severity": severity(finding.severity),
        "certainty": certainty(finding.certainty),
        "message": finding.message,
        "range": range(finding.span, sources),
        "predicts": prediction(&finding.prediction, sources),
        "causes": finding.causes.iter().map(|cause| self::cause(cause, sources)).collect::<Vec<_>>(),
        "help": finding.help,
    });
    if let Some(fix) = &finding.fix {
        object["fix"] = self::fix(fix, sources);
    }
    object["confirmed"] = finding.confirmed.into();
    object
}

fn cause(cause: &Label, sources: &SourceMap) -> Value {
    json!({"message": cause.message, "file": name(cause.span, sources), "range": range(cause.span, sources)})
}

fn prediction(prediction: &Prediction, sources: &SourceMap) -> Value {
    match prediction {
        Prediction::Raises {
            error,
            torch_message,
            span,
        } => {
            json!({"kind": "raises", "error": error.name(), "torch_message": torch_message, "range": range(*span, sources)})
        }
        Prediction::NoneGrad { expr, span } => {
            json!({"kind": "none-grad", "expr": expr, "range": range(*span, sources)})
        }
        Prediction::WrongGrad { expr, span } => {
            json!({"kind": "wrong-grad", "expr": expr, "range": range(*span, sources)})
        }
        Prediction::None => json!({"kind": "none"}),
    }
}

fn fix(fix: &Fix, sources: &SourceMap) -> Value {
    let applicability = match fix.applicability {
        Applicability::Safe => "safe",
        Applicability::Unsafe => "unsafe",
    };
    let edits = fix
        .edits
        .iter()
        .map(|edit| json!({"range": range(edit.span, sources), "text": edit.text}));
    json!({"applicability": applicability, "message": fix.message, "edits": edits.collect::<Vec<_>>()})
}

fn name(span: Span, sources: &SourceMap) -> String {
    sources.file(span.file).name.display().to_string()
}

/// A place: its first character, and the one past its last.
pub fn range(span: Span, sources: &SourceMap) -> Value {
    let file = sources.file(span.file);
    let mut range = Map::new();
    range.insert("start".to_owned(), position(file, span.start));
    range.insert("end".to_owned(), position(file, span.end));
    Value::Object(range)
}

fn position(file: &SourceFile, offset: u32) -> Value {
    let at = file.location(offset);
    let mut position =
        json!({"line": at.line, "column": at.column, "utf16": at.utf16, "offset": at.offset});
    if let Some(cell) = at.cell {
        position["cell"] = cell.into();
    }
    position
}
