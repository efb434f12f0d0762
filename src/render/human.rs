//! A finding for people: the story in labels, in its order, then what PyTorch says, what to do, and what a run saw.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use codespan_reporting::diagnostic::{Diagnostic, Label, LabelStyle};
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term::termcolor::Ansi;
use codespan_reporting::term::{self, Config, Styles, StylesWriter};

use crate::diagnostic::Severity;
use crate::lint::{Applicability, Certainty, Finding, Fix, Prediction};
use crate::source::{FileId, SourceMap, Span};

/// Bytes of the longest line that is shown. A longer one is named by its number only.
const MAX_LINE: usize = 1_000;

/// The text of one finding, with an empty line behind it.
pub fn finding(finding: &Finding, sources: &SourceMap, color: bool) -> String {
    Human::new(sources, color).finding(finding)
}

/// Shows the findings of one program.
pub struct Human<'s> {
    sources: &'s SourceMap,
    texts: Texts<'s>,
    color: bool,
}

impl<'s> Human<'s> {
    /// For the program that was added first.
    pub fn new(sources: &'s SourceMap, color: bool) -> Human<'s> {
        let texts = Texts::new(sources, sources.first());
        Human {
            sources,
            texts,
            color,
        }
    }

    /// The text of `finding`, with an empty line behind it.
    pub fn finding(&self, finding: &Finding) -> String {
        let diagnostic = diagnostic(finding, self.sources);
        self.texts.cell.set(cell(finding.span, self.sources));
        let shown = match self.color {
            true => self.colored(&diagnostic),
            false => term::emit_into_string(&Config::default(), &self.texts, &diagnostic).ok(),
        };
        shown.unwrap_or_else(|| plain(finding, self.sources))
    }

    fn colored(&self, diagnostic: &Diagnostic<FileId>) -> Option<String> {
        let styles = Styles::default();
        let mut ansi = Ansi::new(Vec::new());
        let mut writer = StylesWriter::new(&mut ansi, &styles);
        term::emit_to_write_style(&mut writer, &Config::default(), &self.texts, diagnostic).ok()?;
        String::from_utf8(ansi.into_inner()).ok()
    }
}

/// What is shown if the renderer refuses: it should not, but a finding must not be lost.
fn plain(finding: &Finding, sources: &SourceMap) -> String {
    super::concise::finding(finding, sources)
}

fn diagnostic(finding: &Finding, sources: &SourceMap) -> Diagnostic<FileId> {
    let story = story(finding);
    let mut notes = Vec::new();
    let mut labels = Vec::new();
    let here = cell(finding.span, sources);
    let is_near = |span: Span| is_shown(sources, span) && cell(span, sources) == here;
    match story.iter().all(|step| is_near(step.span)) {
        true => labels.extend(story.iter().map(|step| step.label(sources))),
        false => notes.extend(story.iter().map(|step| step.note(sources))),
    }
    notes.extend(self::notes(finding));
    let diagnostic = match finding.severity {
        Severity::Error => Diagnostic::error(),
        Severity::Warning => Diagnostic::warning(),
        Severity::Info => Diagnostic::note(),
    };
    diagnostic
        .with_code(finding.rule.code)
        .with_message(&finding.message)
        .with_labels(labels)
        .with_notes(notes)
}

/// One step of the story.
struct Step {
    span: Span,
    style: LabelStyle,
    message: String,
}

impl Step {
    fn label(&self, sources: &SourceMap) -> Label<FileId> {
        let range = first_line(sources, self.span);
        Label::new(self.style, self.span.file, range).with_message(&self.message)
    }
    fn note(&self, sources: &SourceMap) -> String {
        let file = sources.file(self.span.file);
        let at = file.location(self.span.start);
        format!("at {}:{at} {}", file.name.display(), self.message)
    }
}

/// The causes and the place itself, numbered where there is more than one cause.
fn story(finding: &Finding) -> Vec<Step> {
    let causes = finding
        .causes
        .iter()
        .map(|cause| (cause.span, LabelStyle::Secondary, cause.message.as_str()));
    let place = (finding.span, LabelStyle::Primary, finding.label.as_str());
    let numbered = finding.causes.len() > 1;
    let step = |(nth, (span, style, text)): (usize, (Span, LabelStyle, &str))| {
        let text = if text.is_empty() && numbered {
            "here"
        } else {
            text
        };
        let message = if numbered {
            format!("{}. {text}", nth + 1)
        } else {
            text.to_owned()
        };
        Step {
            span,
            style,
            message,
        }
    };
    causes.chain([place]).enumerate().map(step).collect()
}

fn notes(finding: &Finding) -> Vec<String> {
    let mut notes = Vec::new();
    match &finding.prediction {
        Prediction::Raises {
            error,
            torch_message,
            ..
        } => notes.push(format!("PyTorch: {}: {torch_message}", error.name())),
        Prediction::NoneGrad { expr, .. } => notes.push(format!(
            "PyTorch: says nothing; the gradient of `{expr}` is none"
        )),
        Prediction::WrongGrad { .. } => {
            notes.push("PyTorch: says nothing; the gradient is wrong".to_owned())
        }
        Prediction::None => {}
    }
    if finding.certainty == Certainty::Sometimes {
        notes.push("when: on some path only".to_owned());
    }
    notes.extend(finding.help.iter().map(|help| format!("help: {help}")));
    notes.extend(finding.fix.as_ref().map(fix));
    notes.extend(
        finding
            .confirmed
            .map(|seen| confirmed(&finding.prediction, seen).to_owned()),
    );
    notes
}

fn fix(fix: &Fix) -> String {
    let how = match fix.applicability {
        Applicability::Safe => "--fix",
        Applicability::Unsafe => "--unsafe-fixes",
    };
    format!("fix: {} (`{how}` does it)", fix.message)
}

fn confirmed(prediction: &Prediction, seen: bool) -> &'static str {
    match (seen, prediction) {
        (true, Prediction::Raises { .. }) => "confirmed: a run raised it at this line",
        (true, Prediction::NoneGrad { .. }) => "confirmed: a run had no gradient here",
        (true, _) => "confirmed: a run did it here",
        (false, _) => "not confirmed: a run came past this place and it did not happen",
    }
}

/// Whether the line of `span` is short enough to be shown.
fn is_shown(sources: &SourceMap, span: Span) -> bool {
    let file = sources.file(span.file);
    file.line_range(file.line(span.start))
        .is_some_and(|line| line.len() <= MAX_LINE)
}

/// The cell of a notebook that `span` begins in.
fn cell(span: Span, sources: &SourceMap) -> Option<u32> {
    sources.file(span.file).cell(span.start)
}

/// The part of `span` on its first line.
fn first_line(sources: &SourceMap, span: Span) -> Range<usize> {
    let range = span.range();
    let text = sources.text(span);
    let line = text.lines().next().unwrap_or("").trim_end();
    match text.contains('\n') {
        true => range.start..range.start + line.len(),
        false => range,
    }
}

/// The texts as the renderer asks for them.
struct Texts<'s> {
    sources: &'s SourceMap,
    file: FileId,
    text: Cow<'s, str>,
    /// The cell of a notebook that the present finding is in.
    cell: Cell<Option<u32>>,
}

impl<'s> Texts<'s> {
    /// Control characters of the text must not reach a terminal.
    fn new(sources: &'s SourceMap, file: FileId) -> Texts<'s> {
        let text: &str = &sources.file(file).text;
        let bad = |c: char| c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t');
        let text = match text.contains(bad) {
            true => Cow::Owned(text.replace(bad, "?")),
            false => Cow::Borrowed(text),
        };
        Texts {
            sources,
            file,
            text,
            cell: Cell::new(None),
        }
    }
}

impl<'a> Files<'a> for Texts<'_> {
    type FileId = FileId;
    type Name = String;
    type Source = &'a str;

    fn name(&'a self, id: FileId) -> Result<String, Error> {
        let name = self.sources.file(id).name.display();
        Ok(match self.cell.get() {
            Some(cell) => format!("{name}:cell {cell}"),
            None => name.to_string(),
        })
    }

    fn source(&'a self, id: FileId) -> Result<&'a str, Error> {
        Ok(if id == self.file {
            &self.text
        } else {
            &self.sources.file(id).text
        })
    }

    fn line_index(&'a self, id: FileId, byte_index: usize) -> Result<usize, Error> {
        Ok(self.sources.file(id).line(byte_index as u32) as usize - 1)
    }

    fn line_number(&'a self, id: FileId, line_index: usize) -> Result<usize, Error> {
        let line = line_index as u32 + 1;
        Ok(self.sources.file(id).shown_line(line) as usize)
    }

    fn line_range(&'a self, id: FileId, line_index: usize) -> Result<Range<usize>, Error> {
        let line = self.sources.file(id).line_range(line_index as u32 + 1);
        line.ok_or(Error::LineTooLarge {
            given: line_index,
            max: usize::MAX,
        })
    }
}
