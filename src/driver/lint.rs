//! `gradlint PATH...`: each file is read, linted, shown and forgotten in its turn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::collect::{self, Input};
use super::options::{Color, Format, LintOptions};
use super::tree::Tree;
use super::{FAILED, FOUND, OK, Streams, mend, parallel, select};
use crate::diagnostic::Severity;
use crate::render::human::Human;
use crate::render::{Status, concise, json};
use crate::{LintResult, fixes, lint_text_confirmed_in, lint_text_in, lint_text_with_fixes_in};

/// Lints what the options name.
pub fn lint(options: &LintOptions, streams: &mut Streams) -> u8 {
    let unknown = || select::unknown(options.select.iter().chain(&options.ignore));
    if let Some(problem) = options.not_available().map(str::to_owned).or_else(unknown) {
        streams.complain(&problem);
        return FAILED;
    }
    let tree = Tree::of(&options.paths);
    let mut session = Session {
        options,
        color: color(options.color, streams),
        tree: &tree,
        report: json::Report::default(),
        tally: Tally::default(),
        shown: BTreeSet::new(),
    };
    let inputs = collect::inputs(&options.paths, options.stdin_filename.as_deref());
    let inputs: Vec<(String, Input)> = inputs.into_iter().collect();
    if session.fixes_files() {
        for (name, input) in &inputs {
            session.file(name, input, streams);
        }
    } else {
        let read_and_lint =
            |(name, input): &(String, Input)| read_and_lint(options, &tree, name, input);
        parallel::in_order(&inputs, read_and_lint, |(name, _), linted| {
            session.linted(name, linted, streams);
        });
    }
    session.finish(streams)
}

/// What a file's text and its lint are, or why there is none.
type Linted = Result<(String, LintResult), Status>;

fn read_and_lint(options: &LintOptions, tree: &Tree, name: &str, input: &Input) -> Linted {
    let text = text_of(input)?;
    let result = lint_one(options, tree, name, &text);
    Ok((text, result))
}

fn text_of(input: &Input) -> Result<String, Status> {
    match input {
        Input::No(status) => Err(status.clone()),
        Input::File(path) => collect::read(path).map_err(Status::Unreadable),
        Input::Stdin => collect::read("-".as_ref()).map_err(Status::Unreadable),
    }
}

fn lint_one(options: &LintOptions, tree: &Tree, name: &str, text: &str) -> LintResult {
    match (options.wants_fixes(), options.confirm) {
        (true, _) => lint_text_with_fixes_in(tree, name, text),
        (false, true) => lint_text_confirmed_in(tree, name, text),
        (false, false) => lint_text_in(tree, name, text),
    }
}

fn color(color: Color, streams: &Streams) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => streams.color,
    }
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    files: usize,
    failed: bool,
    errors: usize,
    warnings: usize,
    infos: usize,
    /// By code, with the rule's name.
    rules: BTreeMap<&'static str, (usize, &'static str)>,
}

/// How often a file is mended and looked at again: one fix may make room for another.
const MAX_ROUNDS: usize = 8;

/// One lint of many files.
struct Session<'o> {
    options: &'o LintOptions,
    color: bool,
    /// The files around each.
    tree: &'o Tree,
    report: json::Report,
    tally: Tally,
    /// What was told: a file that others import is looked at with each of them.
    shown: BTreeSet<(PathBuf, u32, u32, &'static str)>,
}

impl Session<'_> {
    /// Mends a file, and shows what is left.
    fn file(&mut self, name: &str, input: &Input, streams: &mut Streams) {
        let mended = text_of(input).and_then(|text| {
            let mended = self.mend(name, input, text, streams);
            mended.map_err(Status::Unreadable)
        });
        let linted = mended.map(|text| {
            let result = lint_one(self.options, self.tree, name, &text);
            (text, result)
        });
        self.linted(name, linted, streams);
    }

    /// Counts and shows what was found in a file.
    fn linted(&mut self, name: &str, linted: Linted, streams: &mut Streams) {
        self.tally.files += 1;
        let status = match linted {
            Ok((text, result)) => self.text(name, &text, result, streams),
            Err(status) => status,
        };
        self.tally.failed |= status != Status::Ok;
        if let Some(reason) = status.reason() {
            streams.complain(&format!("{name}: {reason}"));
        }
        self.report.file(name, &status);
    }

    fn fixes_files(&self) -> bool {
        (self.options.fix || self.options.unsafe_fixes) && !self.options.diff
    }

    /// Mends a file as far as it can be, and returns the text that it has now.
    fn mend(
        &self,
        name: &str,
        input: &Input,
        text: String,
        streams: &mut Streams,
    ) -> Result<String, String> {
        let Input::File(path) = input else {
            streams.complain("standard input cannot be changed: `--diff` shows what would be");
            return Ok(text);
        };
        let mut mended = text.clone();
        for _ in 0..MAX_ROUNDS {
            let result = lint_text_with_fixes_in(self.tree, name, &mended);
            let next = self.mended(&mended, &result);
            if next == mended {
                break;
            }
            mended = next;
        }
        if mended != text {
            std::fs::write(path, &mended).map_err(|error| error.to_string())?;
            streams.say(&format!("{name}: mended\n"));
        }
        Ok(mended)
    }

    fn text(
        &mut self,
        name: &str,
        text: &str,
        mut result: LintResult,
        streams: &mut Streams,
    ) -> Status {
        result.findings.retain(|finding| {
            select::is_shown(finding.rule, &self.options.select, &self.options.ignore)
        });
        let sources = &result.sources;
        result.findings.retain(|finding| {
            let place = finding.span;
            let file = sources.file(place.file).name.clone();
            self.shown
                .insert((file, place.start, place.end, finding.rule.code))
        });
        self.count(&result);
        // The report holds the fixes itself.
        if self.options.diff && self.options.format != Format::Json {
            streams.print(&mend::diff(name, text, &self.mended(text, &result)));
        } else {
            self.show(&result, streams);
        }
        if result.is_refused {
            Status::SyntaxError
        } else {
            Status::Ok
        }
    }

    /// The text with the fixes that were asked for.
    fn mended(&self, text: &str, result: &LintResult) -> String {
        let edits = fixes::combined(&result.findings, self.options.unsafe_fixes);
        fixes::apply(text, &edits)
    }

    fn count(&mut self, result: &LintResult) {
        for finding in &result.findings {
            match finding.severity {
                Severity::Error => self.tally.errors += 1,
                Severity::Warning => self.tally.warnings += 1,
                Severity::Info => self.tally.infos += 1,
            }
            self.tally
                .rules
                .entry(finding.rule.code)
                .or_insert((0, finding.rule.name))
                .0 += 1;
        }
    }

    fn show(&mut self, result: &LintResult, streams: &mut Streams) {
        let human = Human::new(&result.sources, self.color);
        for finding in &result.findings {
            match self.options.format {
                Format::Json => self.report.finding(finding, &result.sources),
                Format::Concise => streams.print(&concise::finding(finding, &result.sources)),
                _ => streams.print(&human.finding(finding)),
            }
        }
        let lost = result.lost.iter().filter(|_| self.options.explain_unknown);
        for lost in lost.filter(|lost| result.sources.is_user(lost.span)) {
            match self.options.format {
                Format::Json => self.report.lost(lost, &result.sources),
                _ => streams.print(&concise::lost(lost, &result.sources)),
            }
        }
    }

    fn finish(self, streams: &mut Streams) -> u8 {
        match self.options.format {
            Format::Json => streams.print(&self.report.finish()),
            Format::Human => streams.say(&self.tally.summary()),
            _ => {}
        }
        if self.options.statistics {
            streams.say(&self.tally.statistics());
        }
        match self.tally.errors + self.tally.warnings > 0 {
            _ if self.tally.failed => FAILED,
            true if !self.options.exit_zero => FOUND,
            _ => OK,
        }
    }
}

impl Tally {
    fn summary(&self) -> String {
        let counts = [
            (self.errors, "error"),
            (self.warnings, "warning"),
            (self.infos, "note"),
        ];
        let found: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| plural(count, what))
            .collect();
        let found = if found.is_empty() {
            "nothing found".to_owned()
        } else {
            found.join(", ")
        };
        format!("{found} in {}\n", plural(self.files, "file"))
    }

    fn statistics(&self) -> String {
        self.rules
            .iter()
            .map(|(code, (count, name))| format!("{count:6}  {code}  {name}\n"))
            .collect()
    }
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
