//! Files in, exit status out. With `main` and `render` the only room that knows of input and output.

use std::io::Write;
use std::path::Path;

use crate::LintResult;
use crate::render;
use crate::render::human::Human;

mod collect;
mod lint;
mod mend;
pub mod options;
mod parallel;
mod run;
mod select;
mod tree;

pub use lint::lint;
use options::{Cli, Command, EmitOptions, EmitTo, ExplainOptions, PlainFormat};
pub use run::run;

/// Nothing was found, or the program finished.
pub const OK: u8 = 0;
/// Something was found, or the program raised.
pub const FOUND: u8 = 1;
/// The tool could not do its work.
pub const FAILED: u8 = 2;

/// Where output goes. Writing to a pipe that was closed is no error: nobody reads any more.
pub struct Streams<'a> {
    /// Findings.
    pub out: &'a mut dyn Write,
    /// Everything else.
    pub err: &'a mut dyn Write,
    /// Whether `out` is a terminal that shows colours.
    pub color: bool,
}

impl Streams<'_> {
    fn print(&mut self, text: &str) {
        self.out.write_all(text.as_bytes()).ok();
    }
    fn say(&mut self, text: &str) {
        self.err.write_all(text.as_bytes()).ok();
    }
    fn complain(&mut self, text: &str) {
        self.say(&format!("gradlint: {text}\n"));
    }
}

/// Does what the command line says and returns the exit status.
pub fn execute(cli: &Cli, streams: &mut Streams) -> u8 {
    let status = match &cli.command {
        None => lint(&cli.lint, streams),
        Some(Command::Run(options)) => run(options, streams),
        Some(Command::Rules(options)) => rules(options.format, streams),
        Some(Command::Explain(options)) => explain(options, streams),
        Some(Command::Emit(options)) => emit(options, streams),
        Some(Command::Graph { .. }) => not_available("`graph`", streams),
        Some(Command::Lsp) => not_available("`lsp`", streams),
    };
    streams.out.flush().ok();
    status
}

fn not_available(what: &str, streams: &mut Streams) -> u8 {
    streams.complain(&format!("{what} is not available yet"));
    FAILED
}

fn rules(format: PlainFormat, streams: &mut Streams) -> u8 {
    streams.print(&match format {
        PlainFormat::Human => render::rules::list(select::all()),
        PlainFormat::Json => render::rules::json(select::all()),
    });
    OK
}

fn explain(options: &ExplainOptions, streams: &mut Streams) -> u8 {
    let rules: Vec<_> = match &options.rule {
        None => select::all().collect(),
        Some(name) => crate::lint::registry::find(select::all(), name)
            .into_iter()
            .collect(),
    };
    if let (true, Some(name)) = (rules.is_empty(), &options.rule) {
        streams.complain(&select::no_such_rule(name));
        return FAILED;
    }
    streams.print(&match options.format {
        PlainFormat::Human => rules
            .iter()
            .map(|rule| render::rules::explanation(rule))
            .collect::<Vec<_>>()
            .join("\n"),
        PlainFormat::Json => render::rules::json(rules.into_iter()),
    });
    OK
}

fn emit(options: &EmitOptions, streams: &mut Streams) -> u8 {
    let name = display_name(&options.file);
    let text = match collect::read(&options.file) {
        Ok(text) => text,
        Err(reason) => {
            streams.complain(&format!("{name}: {reason}"));
            return FAILED;
        }
    };
    let checked = crate::check_text(&name, &text);
    // What the program means does not matter to its form as text.
    let matters = |kind| options.to != EmitTo::Tg || kind == crate::MessageKind::Syntax;
    if checked.messages.iter().any(|(kind, _)| matters(*kind)) {
        let (result, _) = checked.refuse();
        messages(&result, streams);
        return FAILED;
    }
    streams.print(&match options.to {
        EmitTo::Tg => crate::syntax::print(&checked.module, &text),
        EmitTo::Python => crate::emit::python::emit(&checked.module, &checked.sources).with_map(),
        EmitTo::Ir => crate::ir::print::print_own(&checked.program),
    });
    OK
}

/// What is wrong with the text, where the text was to be run or printed.
fn messages(result: &LintResult, streams: &mut Streams) {
    let human = Human::new(&result.sources, false);
    for finding in &result.findings {
        streams.say(&human.finding(finding));
    }
}

fn display_name(path: &Path) -> String {
    match path.as_os_str() == "-" {
        true => "<stdin>".to_owned(),
        false => path.display().to_string(),
    }
}
