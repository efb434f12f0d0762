//! The bound on nesting, looked for before anything is parsed: the parser calls itself, and so does whatever walks or
//! drops its tree.

/// Brackets within brackets, as in CPython.
const MAX_BRACKETS: usize = 200;

/// Levels of indentation, as in CPython.
const MAX_INDENTS: usize = 100;

/// Operators that may stand within each other in one expression.
const MAX_OPERATORS: usize = 10_000;

/// Where the text is nested too deeply, and what to say of it.
pub fn too_deep(text: &str) -> Option<(usize, &'static str)> {
    Scan::new(text).run()
}

/// A scan that knows just enough of Python: strings, comments, brackets, lines.
struct Scan<'t> {
    text: &'t [u8],
    at: usize,
    /// For each open bracket, the operators since the last comma in it; the first: outside of all.
    open: Vec<usize>,
    /// Their sum.
    operators: usize,
    indents: Vec<usize>,
}

impl<'t> Scan<'t> {
    fn new(text: &'t str) -> Scan<'t> {
        Scan {
            text: text.as_bytes(),
            at: 0,
            open: vec![0],
            operators: 0,
            indents: vec![0],
        }
    }

    fn run(mut self) -> Option<(usize, &'static str)> {
        let mut line_start = true;
        while self.at < self.text.len() {
            if std::mem::take(&mut line_start) && self.open.len() == 1 {
                self.indent();
            }
            let start = self.at;
            match self.text[self.at] {
                b'\n' => {
                    line_start = true;
                    self.separate(true);
                }
                b'\\' => self.at += 1,
                b'#' => self.skip_line(),
                b'"' | b'\'' => self.skip_string(),
                b'(' | b'[' | b'{' => self.open.push(0),
                b')' | b']' | b'}' => self.close(),
                b',' | b';' => self.separate(false),
                byte if byte.is_ascii_alphabetic() || byte == b'_' => self.word(),
                byte if is_operator(byte) => self.count(),
                _ => {}
            }
            self.at += 1;
            if self.open.len() > MAX_BRACKETS {
                return Some((start, "too many nested parentheses"));
            }
            if self.indents.len() > MAX_INDENTS {
                return Some((start, "too many levels of indentation"));
            }
            if self.operators > MAX_OPERATORS {
                return Some((start, "the expression is nested too deeply"));
            }
        }
        None
    }

    fn indent(&mut self) {
        let from = self.at;
        while matches!(self.text.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let width = self.at - from;
        let blank = matches!(self.text.get(self.at), None | Some(b'\n' | b'\r' | b'#'));
        if !blank {
            self.indents.retain(|outer| *outer < width);
            self.indents.push(width);
        }
        if self.at > from {
            self.at -= 1;
            self.at = self.at.max(from);
        }
    }

    /// `not`, `lambda` and the like are operators, too.
    fn word(&mut self) {
        let from = self.at;
        while self
            .text
            .get(self.at + 1)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        {
            self.at += 1;
        }
        let word = &self.text[from..=self.at];
        if matches!(
            word,
            b"not"
                | b"lambda"
                | b"if"
                | b"elif"
                | b"else"
                | b"and"
                | b"or"
                | b"await"
                | b"yield"
                | b"for"
                | b"is"
                | b"in"
        ) {
            self.count();
        }
    }

    fn count(&mut self) {
        self.operators += 1;
        if let Some(last) = self.open.last_mut() {
            *last += 1;
        }
    }

    /// A comma, or the end of a statement: what follows is not within what came before.
    fn separate(&mut self, line: bool) {
        if line && self.open.len() > 1 {
            return;
        }
        if let Some(last) = self.open.last_mut() {
            self.operators -= std::mem::take(last);
        }
    }

    fn close(&mut self) {
        if self.open.len() > 1 {
            self.operators -= self.open.pop().unwrap_or(0);
        }
        // `f(1)(2)(3)` is a chain.
        self.count();
    }

    fn skip_line(&mut self) {
        while self.at + 1 < self.text.len() && self.text[self.at + 1] != b'\n' {
            self.at += 1;
        }
    }

    fn skip_string(&mut self) {
        let quote = self.text[self.at];
        let triple = self.text[self.at..].starts_with(&[quote; 3]);
        self.at += if triple { 3 } else { 1 };
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'\\' => self.at += 1,
                b'\n' if !triple => {
                    self.at -= 1;
                    return;
                }
                _ if byte == quote && !triple => return,
                _ if byte == quote && self.text[self.at..].starts_with(&[quote; 3]) => {
                    self.at += 2;
                    return;
                }
                _ => {}
            }
            self.at += 1;
        }
    }
}

fn is_operator(byte: u8) -> bool {
    b"+-*/%@&|^~<>=.:!".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::too_deep;

    #[test]
    fn ordinary_texts_are_not_too_deep() {
        assert_eq!(
            too_deep("x = {'a': [1, 2], 'b': \"(((\"}  # ((((\nif x:\n    pass\n"),
            None
        );
        let table = format!("x = [{}]", "1.0 + 2.0, ".repeat(50_000));
        assert_eq!(too_deep(&table), None);
    }

    #[test]
    fn nesting_has_bounds() {
        for text in [
            "(".repeat(300),
            format!("x = {}1", "-".repeat(20_000)),
            format!("x = a{}", ".b()".repeat(20_000)),
            format!("x = 1{}", " + 1".repeat(20_000)),
            (0..150)
                .map(|n| format!("{}if x:\n", " ".repeat(n)))
                .collect(),
        ] {
            assert!(too_deep(&text).is_some());
        }
    }
}
