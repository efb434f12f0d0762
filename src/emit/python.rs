//! A program as a Python script that does the same under real PyTorch, so that any `.tg` program can be judged by it.
//!
//! Every statement becomes lines of its own, never less than one, and every expression stays on the line of its
//! statement: CPython names the line of the innermost call, and so that line is always that of a statement.
//! A header carries what the script needs beside PyTorch: the seed, and PyTorch's view of `input()` and `unknown()`.

mod bindings;
mod class;
mod expr;
mod literal;
mod names;
mod stmt;

use rustc_hash::FxHashMap;

use crate::source::SourceMap;
use crate::symbol::Symbol;
use crate::syntax::ast::Module;

use bindings::Scopes;
use names::Needs;

/// A Python script with the places its lines come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Python {
    /// The script.
    pub text: String,
    /// For each line of the script that is a statement: its number, and the number of the line of the program where
    /// that statement begins. Ordered by the first; both count from one.
    pub line_map: Vec<(u32, u32)>,
}

/// `module`, which has no syntax errors, as a Python script.
pub fn emit(module: &Module, sources: &SourceMap) -> Python {
    let mut writer = Writer::new(module, sources);
    writer.module();
    let header = writer.needs.header();
    let offset = header.lines().count() as u32;
    let line_map = writer
        .line_map
        .iter()
        .map(|&(python, tg)| (python + offset, tg))
        .collect();
    Python {
        text: header + &writer.text,
        line_map,
    }
}

/// The state of writing one script.
struct Writer<'a> {
    module: &'a Module,
    sources: &'a SourceMap,
    /// The body written so far; the header, which depends on it, comes before it.
    text: String,
    /// The number of lines in `text`.
    lines: u32,
    line_map: Vec<(u32, u32)>,
    indent: usize,
    /// The next of the module's comments to write.
    comment: usize,
    scopes: Scopes,
    needs: Needs,
    /// Whether a class of this name derives from `nn.Module`.
    modules: FxHashMap<Symbol, bool>,
    /// Where the program says `.__init__`, in order of place.
    init_calls: Vec<u32>,
}

impl<'a> Writer<'a> {
    fn new(module: &'a Module, sources: &'a SourceMap) -> Writer<'a> {
        let scopes = Scopes::of_module(module);
        let needs = Needs::new(scopes.binds(Symbol::intern("torch")));
        Writer {
            module,
            sources,
            text: String::new(),
            lines: 0,
            line_map: Vec::new(),
            indent: 0,
            comment: 0,
            scopes,
            needs,
            modules: FxHashMap::default(),
            init_calls: class::init_calls(module),
        }
    }

    /// Writes one line at the present depth.
    fn line(&mut self, text: &str) {
        for _ in 0..self.indent {
            self.text.push_str("    ");
        }
        self.text.push_str(text);
        self.text.push('\n');
        self.lines += 1;
    }

    /// Writes one line that comes from line `tg` of the program.
    fn mapped(&mut self, tg: u32, text: &str) {
        self.line(text);
        self.line_map.push((self.lines, tg));
    }
}

impl Python {
    /// The script with its line map in a comment at its end, so that the map goes wherever the script goes.
    pub fn with_map(&self) -> String {
        let pairs: String = self
            .line_map
            .iter()
            .map(|(python, tg)| format!(" {python}:{tg}"))
            .collect();
        format!("{}# lines:{pairs}\n", self.text)
    }
}
