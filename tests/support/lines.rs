//! Which lines a statement covers: PyTorch's record names the line where the statement begins, the machines the line
//! of the expression within it.

use std::collections::BTreeMap;

use gradlint::source::SourceMap;
use gradlint::syntax::ast::{Block, Module};

/// For the first line of each statement without a block, the last line it reaches to.
pub struct Lines(BTreeMap<u32, u32>);

impl Lines {
    pub fn of(module: &Module, sources: &SourceMap) -> Lines {
        let mut lines = Lines(BTreeMap::new());
        lines.block(&module.body, sources);
        lines
    }

    /// Whether `line` is one of the statement that begins on line `start`.
    pub fn within(&self, line: u32, start: u32) -> bool {
        line == start || (start..=self.0.get(&start).copied().unwrap_or(start)).contains(&line)
    }

    fn block(&mut self, block: &Block, sources: &SourceMap) {
        for stmt in &block.stmts {
            let inner = stmt.all_blocks();
            if inner.is_empty() {
                let last = sources
                    .file(stmt.span.file)
                    .line(stmt.span.end.saturating_sub(1));
                let end = self.0.entry(sources.line(stmt.span)).or_insert(last);
                *end = last.max(*end);
            }
            inner
                .into_iter()
                .for_each(|block| self.block(block, sources));
        }
    }
}
