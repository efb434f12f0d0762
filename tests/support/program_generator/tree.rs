//! A program as a tree of statements, so that statements can be put together, changed and taken away.

use std::fmt::Write as _;

/// A statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// One without a block, on one line.
    Line(String),
    /// One with blocks: what stands before each brace, and what within.
    Block(Vec<(String, Vec<Node>)>),
}

/// A program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree(pub Vec<Node>);

/// A statement of one line.
pub fn line(text: impl Into<String>) -> Node {
    Node::Line(text.into())
}

/// A statement with one block.
pub fn block(head: impl Into<String>, body: Vec<Node>) -> Node {
    Node::Block(vec![(head.into(), body)])
}

impl Tree {
    /// The program's text.
    pub fn text(&self) -> String {
        self.write(false)
    }

    /// The text with a `print` before each statement, on the same line, that tells that the run has come to it:
    /// `at 7` for line 7. The lines are those of [`Tree::text`].
    pub fn marked(&self) -> String {
        self.write(true)
    }

    fn write(&self, marked: bool) -> String {
        let mut writer = Writer {
            out: String::new(),
            line: 0,
            marked,
        };
        writer.nodes(&self.0, 0);
        writer.out
    }

    /// The number of statements.
    pub fn len(&self) -> usize {
        count(&self.0)
    }
}

fn count(nodes: &[Node]) -> usize {
    let inner = |node: &Node| match node {
        Node::Line(_) => 0,
        Node::Block(parts) => parts.iter().map(|(_, body)| count(body)).sum(),
    };
    nodes.iter().map(|node| 1 + inner(node)).sum()
}

struct Writer {
    out: String,
    line: usize,
    marked: bool,
}

impl Writer {
    fn nodes(&mut self, nodes: &[Node], depth: usize) {
        if nodes.is_empty() && depth > 0 {
            self.text("pass", depth, false);
        }
        for node in nodes {
            match node {
                Node::Line(text) => self.text(text, depth, can_be_marked(text)),
                Node::Block(parts) => self.block(parts, depth),
            }
        }
    }

    fn block(&mut self, parts: &[(String, Vec<Node>)], depth: usize) {
        for (nth, (head, body)) in parts.iter().enumerate() {
            match nth {
                0 => self.text(&format!("{head} {{"), depth, can_be_marked(head)),
                _ => self.text(&format!("}} {head} {{"), depth, false),
            }
            self.nodes(body, depth + 1);
        }
        self.text("}", depth, false);
    }

    fn text(&mut self, text: &str, depth: usize, mark: bool) {
        self.line += 1;
        let indent = "    ".repeat(depth);
        let mark = match mark && self.marked {
            true => format!("print(\"at {}\"); ", self.line),
            false => String::new(),
        };
        writeln!(self.out, "{indent}{mark}{text}").expect("writing to a string succeeds");
    }
}

/// Definitions and what belongs to them stand as they are: nothing can go wrong there, and a class holds no calls.
fn can_be_marked(text: &str) -> bool {
    !["fn ", "class ", "@", "}", "global ", "nonlocal "]
        .iter()
        .any(|start| text.starts_with(start))
}

/// The tree of a text without syntax errors that is written as people write it: a brace opens at the end of a line
/// and closes at the start of one. None where it is written otherwise.
pub fn parse(text: &str) -> Option<Tree> {
    let lines = joined_lines(text);
    let mut at = 0;
    let nodes = parse_nodes(&lines, &mut at)?;
    (at == lines.len()).then_some(Tree(nodes))
}

fn parse_nodes(lines: &[String], at: &mut usize) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    while let Some(text) = lines.get(*at).filter(|text| !text.starts_with('}')) {
        *at += 1;
        match text.strip_suffix('{') {
            None => nodes.push(line(text.as_str())),
            Some(head) => nodes.push(parse_block(head.trim_end(), lines, at)?),
        }
    }
    Some(nodes)
}

fn parse_block(head: &str, lines: &[String], at: &mut usize) -> Option<Node> {
    let mut parts = vec![(head.to_owned(), parse_nodes(lines, at)?)];
    loop {
        let closing = lines.get(*at)?.strip_prefix('}')?.trim();
        *at += 1;
        if closing.is_empty() {
            return Some(Node::Block(parts));
        }
        let head = closing.strip_suffix('{')?.trim_end();
        parts.push((head.to_owned(), parse_nodes(lines, at)?));
    }
}

/// The lines without comments and blank ones; what stands in brackets is on one line, and so is a decorator with what
/// it decorates.
fn joined_lines(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut open = 0;
    for raw in text.lines() {
        let code = without_comment(raw).trim();
        if code.is_empty() {
            continue;
        }
        match out.last_mut() {
            Some(last) if open > 0 => {
                last.push(' ');
                last.push_str(code);
            }
            _ => out.push(code.to_owned()),
        }
        open += brackets(code);
    }
    out
}

fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '#') => return &line[..at],
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
    }
    line
}

/// How many brackets a line opens more than it closes. Braces are blocks, but for those within brackets.
fn brackets(code: &str) -> i32 {
    let mut quote = None;
    let mut open = 0;
    for letter in code.chars() {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(start), _) if start == letter => quote = None,
            (None, '(' | '[') => open += 1,
            (None, ')' | ']') => open -= 1,
            _ => {}
        }
    }
    open
}
