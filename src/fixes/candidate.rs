//! What may mend a finding, by what stands at the places that it names. Nothing here has to be right: what does not help
//! is not confirmed.

use super::site;
use crate::diagnostic::Severity;
use crate::lint::{Applicability, Edit, Finding, Fix, Prediction};
use crate::source::{SourceMap, Span};
use crate::syntax::ast::{ArgumentKind, Dialect, ExprId, ExprKind, Module, StmtKind};

/// The changes to try, the likeliest first.
pub(super) fn candidates(finding: &Finding, module: &Module, sources: &SourceMap) -> Vec<Fix> {
    if finding.severity == Severity::Info || module.exprs.is_empty() {
        return Vec::new();
    }
    let writer = Writer { module, sources };
    let mut places: Vec<Span> = finding.causes.iter().map(|cause| cause.span).collect();
    places.push(finding.span);
    places.retain(|span| span.file == module.file);
    let mut out = Vec::new();
    for &place in &places {
        out.extend(writer.out_of_place(place));
        out.extend(writer.without_detach(place));
        out.extend(writer.with_requires_grad(place));
        if let Prediction::Raises { .. } = finding.prediction {
            out.extend(writer.with_retain_graph(place));
        }
        if place != finding.span {
            out.extend(writer.step_later(place, finding.span));
        }
        out.extend(writer.call(place));
        out.extend(writer.detached_sum(place));
    }
    out.extend(writer.retain_grad(&places));
    out
}

/// Writes changes of one program.
struct Writer<'m> {
    module: &'m Module,
    sources: &'m SourceMap,
}

impl Writer<'_> {
    fn text(&self, span: Span) -> &str {
        self.sources.text(span)
    }

    fn of(&self, expr: ExprId) -> &str {
        self.text(self.module[expr].span)
    }

    fn yes(&self) -> &'static str {
        match self.module.dialect {
            Dialect::Tg => "true",
            Dialect::Python => "True",
        }
    }

    /// `y += e` as `y = y + e`, `y.f_(e)` as `y = y.f(e)`.
    fn out_of_place(&self, place: Span) -> Option<Fix> {
        let (block, at) = site::statement(self.module, place)?;
        let stmt = &block.stmts[at];
        let text = match stmt.kind {
            StmtKind::AugAssign { target, op, value } if site::is_plain(self.module, target) => {
                let value = self.operand(value);
                format!("{0} = {0} {1} {value}", self.of(target), op.text())
            }
            StmtKind::Expr(expr) => self.method_out_of_place(expr)?,
            _ => return None,
        };
        Some(fix(
            Applicability::Safe,
            format!("write out of place: `{text}`"),
            vec![(stmt.span, text)],
        ))
    }

    fn method_out_of_place(&self, expr: ExprId) -> Option<String> {
        let ExprKind::Call { callee, .. } = self.module[expr].kind else {
            return None;
        };
        let ExprKind::Attribute(object, name) = self.module[callee].kind else {
            return None;
        };
        let plain = name.symbol.as_str().strip_suffix('_')?;
        if plain.is_empty() || plain.ends_with('_') || !site::is_plain(self.module, object) {
            return None;
        }
        let (whole, called) = (self.module[expr].span, self.module[callee].span);
        let args = &self.text(whole)[(called.end - whole.start) as usize..];
        Some(format!("{0} = {0}.{plain}{args}", self.of(object)))
    }

    /// The text of an operand, in brackets if it is not a single thing.
    fn operand(&self, value: ExprId) -> String {
        let text = self.of(value);
        match self.module[value].kind {
            ExprKind::Binary(..)
            | ExprKind::Logical(..)
            | ExprKind::Compare(..)
            | ExprKind::Conditional { .. }
            | ExprKind::Lambda { .. }
            | ExprKind::Tuple(_)
                if !text.starts_with('(') =>
            {
                format!("({text})")
            }
            _ => text.to_owned(),
        }
    }

    /// `y.detach()` as `y`.
    fn without_detach(&self, place: Span) -> Option<Fix> {
        let cut = |expr: ExprId| match &self.module[expr].kind {
            ExprKind::Call { callee, args } if args.is_empty() => {
                match &self.module[*callee].kind {
                    ExprKind::Attribute(_, name) if name.symbol.as_str() == "detach" => Some(name),
                    _ => None,
                }
            }
            ExprKind::Attribute(_, name) if name.symbol.as_str() == "data" => Some(name),
            _ => None,
        };
        let name = site::expressions(self.module, place).find_map(cut)?;
        let before = Span {
            end: name.span.start,
            ..place
        };
        let kept = self.text(before).trim_end().strip_suffix('.')?.trim_end();
        let cut = Span {
            start: place.start + kept.len() as u32,
            ..place
        };
        let removed = self.text(cut).trim().to_owned();
        Some(fix(
            Applicability::Unsafe,
            format!("remove `{removed}`"),
            vec![(cut, String::new())],
        ))
    }

    /// `ones(2)` as `ones(2, requires_grad=true)`.
    fn with_requires_grad(&self, place: Span) -> Option<Fix> {
        let is_factory = |expr: &ExprId| match &self.module[*expr].kind {
            ExprKind::Call { callee, .. } => {
                !matches!(self.module[*callee].kind, ExprKind::Attribute(object, _)
                    if !site::is_plain(self.module, object))
            }
            _ => false,
        };
        let call = site::expressions(self.module, place).find(is_factory)?;
        let edit = self.with_keyword(call, "requires_grad")?;
        Some(fix(
            Applicability::Unsafe,
            format!("add `requires_grad={}`", self.yes()),
            vec![edit],
        ))
    }

    /// An earlier `loss.backward()` as `loss.backward(retain_graph=true)`.
    fn with_retain_graph(&self, place: Span) -> Option<Fix> {
        let is_backward = |callee: ExprId| {
            matches!(self.module[callee].kind, ExprKind::Attribute(_, name)
                if matches!(name.symbol.as_str(), "backward" | "grad"))
        };
        let (call, _) = site::calls(self.module, place).find(|(_, callee)| is_backward(*callee))?;
        let edit = self.with_keyword(call, "retain_graph")?;
        Some(fix(
            Applicability::Safe,
            format!("add `retain_graph={}`", self.yes()),
            vec![edit],
        ))
    }

    /// The edit that gives a call the keyword argument.
    fn with_keyword(&self, call: ExprId, name: &str) -> Option<(Span, String)> {
        let ExprKind::Call { args, .. } = &self.module[call].kind else {
            return None;
        };
        let is_it = |kind: &ArgumentKind| matches!(kind, ArgumentKind::Keyword(key) if key.symbol.as_str() == name);
        if args.iter().any(|arg| is_it(&arg.kind)) {
            return None;
        }
        let span = self.module[call].span;
        let inside = self.text(span).strip_suffix(')')?.trim_end();
        let comma = match args.is_empty() || inside.ends_with(',') {
            true if args.is_empty() => "",
            true => " ",
            false => ", ",
        };
        let at = Span {
            start: span.start + inside.len() as u32,
            end: span.start + inside.len() as u32,
            ..span
        };
        Some((at, format!("{comma}{name}={}", self.yes())))
    }

    /// A `step` moved behind the backward that needs what it overwrites.
    fn step_later(&self, step: Span, backward: Span) -> Option<Fix> {
        let (block, at) = site::statement(self.module, step)?;
        let (other, to) = site::statement(self.module, backward)?;
        let is_step = matches!(block.stmts[at].kind, StmtKind::Expr(expr) if self.calls_step(expr));
        if !std::ptr::eq(block, other) || to <= at || !is_step {
            return None;
        }
        let (from, behind) = (block.stmts[at].span, block.stmts[to].span);
        let text = self.text(from).to_owned();
        let line = self.whole_line(from)?;
        let end = Span {
            start: behind.end,
            ..behind
        };
        let indent = self.indent(behind);
        Some(fix(
            Applicability::Unsafe,
            format!("move `{text}` behind the backward"),
            vec![(line, String::new()), (end, format!("\n{indent}{text}"))],
        ))
    }

    fn calls_step(&self, expr: ExprId) -> bool {
        let ExprKind::Call { callee, .. } = self.module[expr].kind else {
            return false;
        };
        matches!(self.module[callee].kind, ExprKind::Attribute(_, name) if name.symbol.as_str() == "step")
    }

    /// The line of a statement with its line end, if nothing else stands on it.
    fn whole_line(&self, span: Span) -> Option<Span> {
        let file = self.sources.file(span.file);
        let range = file.line_range(file.line(span.start))?;
        let line = Span::new(span.file, range.start, range.end);
        let alone = self.text(line).trim() == self.text(span);
        alone.then_some(line)
    }

    fn indent(&self, span: Span) -> String {
        let file = self.sources.file(span.file);
        let line = file.line_range(file.line(span.start)).unwrap_or(0..0);
        let text = file.text.get(line).unwrap_or("");
        text.chars()
            .take_while(|c| *c == ' ' || *c == '\t')
            .collect()
    }

    /// A method that is named and not called, with its brackets.
    fn call(&self, place: Span) -> Option<Fix> {
        let (block, at) = site::statement(self.module, place)?;
        let StmtKind::Expr(expr) = block.stmts[at].kind else {
            return None;
        };
        let ExprKind::Attribute(..) = self.module[expr].kind else {
            return None;
        };
        let end = Span {
            start: self.module[expr].span.end,
            ..self.module[expr].span
        };
        Some(fix(
            Applicability::Unsafe,
            "call it: add `()`".into(),
            vec![(end, "()".into())],
        ))
    }

    /// `total += loss` as `total += loss.detach()`.
    fn detached_sum(&self, place: Span) -> Option<Fix> {
        let (block, at) = site::statement(self.module, place)?;
        let value = match block.stmts[at].kind {
            StmtKind::AugAssign { value, .. } => value,
            StmtKind::Assign { value, .. } => match self.module[value].kind {
                ExprKind::Binary(_, _, right) => right,
                _ => return None,
            },
            _ => return None,
        };
        let text = match self.operand(value) {
            operand if site::is_plain(self.module, value) || operand.starts_with('(') => operand,
            _ => return None,
        };
        let text = format!("{text}.detach()");
        Some(fix(
            Applicability::Safe,
            format!("add `{text}`, which keeps no graph"),
            vec![(self.module[value].span, text)],
        ))
    }

    /// `y.retain_grad()` behind the statement that computes `y`.
    fn retain_grad(&self, places: &[Span]) -> Option<Fix> {
        let read = |&place: &Span| self.text(place).strip_suffix(".grad");
        let name = places.iter().find_map(read)?;
        if !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let made = places
            .iter()
            .find_map(|&place| self.statement_binding(place, name))?;
        let end = Span {
            start: made.end,
            ..made
        };
        let text = format!("\n{}{name}.retain_grad()", self.indent(made));
        Some(fix(
            Applicability::Safe,
            format!("keep the gradient: `{name}.retain_grad()`"),
            vec![(end, text)],
        ))
    }

    /// The statement at `place` if it binds `name`.
    fn statement_binding(&self, place: Span, name: &str) -> Option<Span> {
        let (block, at) = site::statement(self.module, place)?;
        let StmtKind::Assign { targets, .. } = &block.stmts[at].kind else {
            return None;
        };
        let binds = targets.iter().any(|&target| self.of(target) == name);
        binds.then(|| block.stmts[at].span)
    }
}

fn fix(applicability: Applicability, message: String, edits: Vec<(Span, String)>) -> Fix {
    Fix {
        applicability,
        message,
        edits: edits
            .into_iter()
            .map(|(span, text)| Edit { span, text })
            .collect(),
    }
}
