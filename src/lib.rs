//! `gradlint`: finds, before a PyTorch training script runs, the gradients that it will never get.
//!
//! ```text
//!  .tg ─ syntax (logos, lalrpop) ─ front/tg ────┐                       ┌─ analysis ─ facts ─ lints ─┐
//!                                               ├─ ir (petgraph CFG) ───┤                            ├─ confirm ─ render ─ driver ─ main
//!  .py ─ ruff_python_parser ────── front/python ┘        │              └─ interp ── outcome ────────┘
//!                                                   ops + prelude
//! ```
//!
//! The rooms, in the order in which they may use each other (downward only):

// What everything stands on.
pub mod diagnostic;
pub mod index;
pub mod operator;
pub mod source;
pub mod symbol;

// The operator table, and the library written in the language itself.
pub mod ops;
pub mod prelude;

// Text, tree, representation.
pub mod syntax;

pub mod ir;

pub mod front;

pub mod emit;

// The two machines. They meet only in `ir` and `ops`.
pub mod dataflow;

pub mod analysis;

pub mod interp;

// Findings.
pub mod lint;

pub mod lints;

pub mod confirm;
pub mod fixes;

// Out to the world.
pub mod render;

pub mod driver;

use analysis::fact::Lost;
use diagnostic::Diagnostic;
use front::python::notebook::Notebook;
use front::python::project::Project;
use front::python::{Flavor, Translated};
use interp::outcome::{Outcome, RunOptions};
use ir::Program;
use lint::registry::{INVALID_PROGRAM, SYNTAX_ERROR, UNUSED_SUPPRESSION};
use lint::{Certainty, Finding, Prediction, Rule};
use source::{Files, NoFiles, Origin, SourceMap, Span};
use syntax::ast::{Block, Comment, Dialect, Module, StmtKind};

/// What a message about the text is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageKind {
    /// The text does not parse.
    Syntax,
    /// A name, method or argument that does not exist.
    Name,
}

impl MessageKind {
    /// The rule that findings of this kind carry.
    pub fn rule(self) -> &'static Rule {
        match self {
            MessageKind::Syntax => &SYNTAX_ERROR,
            MessageKind::Name => &INVALID_PROGRAM,
        }
    }
}

/// A text that was parsed and lowered.
pub struct Checked {
    /// The texts that places are in.
    pub sources: SourceMap,
    /// The tree.
    pub module: Module,
    /// The program, as far as it could be understood.
    pub program: Program,
    /// What is wrong with the text itself.
    pub messages: Vec<(MessageKind, Diagnostic)>,
    /// The comments of the other files of the program.
    pub other_comments: Vec<Comment>,
    /// What is not followed, since nothing in it concerns gradients.
    pub left_out: Vec<Span>,
}

/// What linting a text gives.
#[derive(Debug, Default)]
pub struct LintResult {
    /// The texts that places are in.
    pub sources: SourceMap,
    /// What was found, in the order of places. What is wrong with the text itself is among it.
    pub findings: Vec<Finding>,
    /// Whether the text is no program, and was not analyzed.
    pub is_refused: bool,
    /// Where the analysis lost track.
    pub lost: Vec<analysis::fact::Lost>,
    /// Every read of a gradient that was none or may have been, whether it is a finding or not.
    pub none_reads: Vec<Span>,
}

/// Parses a text and does nothing else with it. Returns the number of messages.
pub fn parse_text(name: &str, text: &str) -> usize {
    let mut sources = SourceMap::default();
    let file = sources.add(name, text, Origin::User);
    syntax::parse(file, text).1.len()
}

/// Parses and lowers a text. A text with syntax errors is not lowered: each would be told again as an unknown name.
pub fn check_text(name: &str, text: &str) -> Checked {
    check_text_in(&NoFiles, name, text)
}

/// The same, with what it imports from the files around it.
pub fn check_text_in(files: &dyn Files, name: &str, text: &str) -> Checked {
    if is_python(name) {
        return check_python(&Project::new(files, name), name, text);
    }
    let mut sources = SourceMap::default();
    let file = sources.add(name, text, Origin::User);
    let (module, errors) = syntax::parse(file, text);
    let mut messages: Vec<_> = errors
        .into_iter()
        .map(|error| (MessageKind::Syntax, error))
        .collect();
    let mut program = Program::default();
    if messages.is_empty() {
        let (lowered, errors) = front::tg::lower(&mut sources, &module);
        messages.extend(errors.into_iter().map(|error| (MessageKind::Name, error)));
        program = lowered;
    }
    Checked {
        sources,
        module,
        program,
        messages,
        other_comments: Vec::new(),
        left_out: Vec::new(),
    }
}

/// Whether a file of that name is in Python.
pub fn is_python(name: &str) -> bool {
    name.ends_with(".py") || is_notebook(name)
}

/// Whether a file of that name is a notebook.
pub fn is_notebook(name: &str) -> bool {
    name.ends_with(".ipynb")
}

/// Parses and lowers a text in Python, with syntax errors as far as it parses.
fn check_python(project: &Project, name: &str, text: &str) -> Checked {
    let mut sources = SourceMap::default();
    let translated = match is_notebook(name) {
        true => translate_notebook(project, &mut sources, name, text),
        false => {
            let file = sources.add(name, text, Origin::User);
            front::python::translate_in(project, file, text, Flavor::Script)
        }
    };
    let module = translated.module;
    let mut others = project.translate(&mut sources);
    let (program, _) = front::tg::lower_all(&mut sources, &module, &others);
    let messages = translated
        .errors
        .into_iter()
        .map(|error| (MessageKind::Syntax, error))
        .collect();
    Checked {
        sources,
        module,
        program,
        messages,
        other_comments: others
            .iter_mut()
            .flat_map(|other| std::mem::take(&mut other.comments))
            .collect(),
        left_out: translated.left_out,
    }
}

/// The cells of a notebook as one program. What is no notebook is an empty program with an error.
fn translate_notebook(
    project: &Project,
    sources: &mut SourceMap,
    name: &str,
    json: &str,
) -> Translated {
    match front::python::notebook::read(json) {
        Ok(Notebook { text, cells }) => {
            let file = sources.add_notebook(name, &*text, cells);
            front::python::translate_in(project, file, &text, Flavor::Notebook)
        }
        Err(reason) => {
            let file = sources.add(name, json, Origin::User);
            let mut translated = front::python::translate(file, "", Flavor::Notebook);
            let error = Diagnostic::error(Span::new(file, 0, 0), reason);
            translated.errors.push(error);
            translated
        }
    }
}

impl Checked {
    /// Whether the text is no program at all.
    pub fn is_refused(&self) -> bool {
        self.module.dialect == Dialect::Tg && !self.messages.is_empty()
    }

    /// The messages as findings, and the tree.
    pub fn refuse(self) -> (LintResult, Module) {
        let findings = self
            .messages
            .into_iter()
            .map(|(kind, message)| as_finding(kind, message))
            .collect();
        let result = LintResult {
            sources: self.sources,
            findings,
            is_refused: true,
            lost: Vec::new(),
            none_reads: Vec::new(),
        };
        (result, self.module)
    }
}

/// Lints a text. Needs a deep stack: call it within [`with_stack`].
pub fn lint_text(name: &str, text: &str) -> LintResult {
    lint_text_in(&NoFiles, name, text)
}

/// The same, with what it imports from the files around it.
pub fn lint_text_in(files: &dyn Files, name: &str, text: &str) -> LintResult {
    let is_script = is_python(name) && !is_notebook(name);
    if is_script && front::python::is_without_torch(text) {
        return lint_syntax(name, text);
    }
    let checked = match is_script {
        true => check_python(&Project::focused(files, name), name, text),
        false => check_text_in(files, name, text),
    };
    lint_checked(checked, false)
}

/// Looks for syntax errors in Python, and for nothing else.
fn lint_syntax(name: &str, text: &str) -> LintResult {
    let mut sources = SourceMap::default();
    let file = sources.add(name, text, Origin::User);
    let errors = front::python::syntax_errors(file, text);
    let mut findings: Vec<Finding> = errors
        .into_iter()
        .map(|error| as_finding(MessageKind::Syntax, error))
        .collect();
    findings.sort_by(|a, b| order(a).cmp(&order(b)));
    LintResult {
        sources,
        is_refused: !findings.is_empty(),
        findings,
        ..LintResult::default()
    }
}

/// The same, each finding with whether a run of the program saw it.
pub fn lint_text_confirmed(name: &str, text: &str) -> LintResult {
    lint_text_confirmed_in(&NoFiles, name, text)
}

/// The same, with what it imports from the files around it.
pub fn lint_text_confirmed_in(files: &dyn Files, name: &str, text: &str) -> LintResult {
    lint_checked(check_text_in(files, name, text), true)
}

/// The same, each finding with a change that mends it, if one is known and the interpreter confirms it.
///
/// The text of a notebook is not that of its code: it is left as it is.
pub fn lint_text_with_fixes(name: &str, text: &str) -> LintResult {
    lint_text_with_fixes_in(&NoFiles, name, text)
}

/// The same, with what it imports from the files around it. Those are left as they are.
pub fn lint_text_with_fixes_in(files: &dyn Files, name: &str, text: &str) -> LintResult {
    if is_notebook(name) {
        return lint_text_confirmed_in(files, name, text);
    }
    let checked = check_text_in(files, name, text);
    let module = checked.module.clone();
    let mut result = lint_checked(checked, true);
    if !result.is_refused {
        let lint = |text: &str| {
            let result = lint_text_in(files, name, text);
            (!result.is_refused).then_some(result.findings)
        };
        let run = |text: &str, options: &RunOptions| run_text_in(files, name, text, options).ok();
        let mut verifier = fixes::Verifier::new(text, &lint, &run);
        fixes::attach(
            &mut result.findings,
            &module,
            &result.sources,
            &mut verifier,
        );
    }
    result
}

fn lint_checked(checked: Checked, confirm: bool) -> LintResult {
    if checked.is_refused() {
        return checked.refuse().0;
    }
    let Checked {
        sources,
        mut module,
        program,
        messages,
        other_comments,
        left_out,
    } = checked;
    let is_refused = !messages.is_empty();
    let mut straight = Vec::new();
    if confirm {
        straight_line(&module.body, &mut straight);
    }
    let is_in_python = module.dialect != Dialect::Tg;
    let comments = std::mem::take(&mut module.comments);
    // The tree is as large as what the analysis needs, which needs no tree.
    drop(module);
    let mut facts = analysis::analyze(&program, &sources);
    facts.lost.extend(left_out.into_iter().map(|span| Lost {
        span,
        why: "nothing here concerns gradients, and it is not followed",
    }));
    let mut findings = lints::check(&facts, &sources);
    findings.extend(
        messages
            .into_iter()
            .map(|(kind, message)| as_finding(kind, message)),
    );
    findings.sort_by(|a, b| order(a).cmp(&order(b)));
    let comments = comments
        .iter()
        .chain(&other_comments)
        .map(|comment| (comment.span, &*comment.text, comment.own_line));
    let unused = lint::suppress::suppress(&mut findings, comments, &sources);
    if !is_refused {
        let own = |span: &Span| span.file == sources.first();
        findings.extend(unused.into_iter().filter(own).map(unused_suppression));
        findings.sort_by(|a, b| order(a).cmp(&order(b)));
    }
    if is_in_python {
        findings.iter_mut().for_each(lint::python::in_python);
    }
    if confirm {
        confirm::confirm(&mut findings, &program, &sources, &straight);
    }
    LintResult {
        sources,
        findings,
        is_refused,
        lost: facts.lost,
        none_reads: facts.none_reads,
    }
}

fn order(finding: &Finding) -> (Span, &'static str, &str) {
    (finding.span, finding.rule.code, &finding.message)
}

fn unused_suppression(span: Span) -> Finding {
    let message = Diagnostic {
        severity: UNUSED_SUPPRESSION.severity,
        ..Diagnostic::error(span, "this silences nothing: there is no such finding")
    };
    finding_of(
        &UNUSED_SUPPRESSION,
        message.with_help("take the comment away"),
    )
}

fn as_finding(kind: MessageKind, message: Diagnostic) -> Finding {
    finding_of(kind.rule(), message)
}

fn finding_of(rule: &'static Rule, message: Diagnostic) -> Finding {
    Finding {
        rule,
        severity: message.severity,
        certainty: Certainty::Always,
        message: message.message,
        span: message.primary.span,
        label: message.primary.message,
        prediction: Prediction::None,
        causes: message.secondary,
        help: message.help,
        fix: None,
        confirmed: None,
    }
}

/// The simple statements that every run comes to that gets so far.
fn straight_line(block: &Block, out: &mut Vec<Span>) {
    for stmt in &block.stmts {
        match &stmt.kind {
            StmtKind::Expr(_)
            | StmtKind::Assign { .. }
            | StmtKind::Annotated { .. }
            | StmtKind::AugAssign { .. } => out.push(stmt.span),
            StmtKind::With { body, .. } => straight_line(body, out),
            _ => {}
        }
    }
}

/// Runs a text in the interpreter; what is wrong with the text, if it is no program. Needs a deep stack, too.
pub fn run_text(
    name: &str,
    text: &str,
    options: &RunOptions,
) -> Result<(Outcome, SourceMap), LintResult> {
    run_text_in(&NoFiles, name, text, options)
}

fn run_text_in(
    files: &dyn Files,
    name: &str,
    text: &str,
    options: &RunOptions,
) -> Result<(Outcome, SourceMap), LintResult> {
    let checked = check_text_in(files, name, text);
    match checked.messages.is_empty() {
        true => Ok((
            interp::run(&checked.program, &checked.sources, options),
            checked.sources,
        )),
        false => Err(checked.refuse().0),
    }
}

/// Runs `work` on a thread whose stack is deep enough for any program that is within the bounds.
///
/// # Panics
/// If `work` does.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(analysis::STACK)
            .spawn_scoped(scope, work);
        match thread.expect("a thread can be made").join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
