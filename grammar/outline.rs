//! How a file of the library falls into pieces: its functions, its classes, and the methods of these. A program needs few
//! of them, so that only those are parsed that it may reach. Part of the build script.

/// A top-level definition of a file.
pub struct Outline<'t> {
    /// The name that it defines.
    pub name: &'t str,
    /// A function or assignment as a whole; of a class all but its methods and the brace at its end.
    pub head: &'t str,
    /// The methods of a class.
    pub members: Vec<Member<'t>>,
    /// The brace at the end of a class.
    pub tail: &'t str,
}

/// A method of a class.
pub struct Member<'t> {
    /// Its name.
    pub name: &'t str,
    /// It, with its decorators.
    pub text: &'t str,
}

/// The top-level definitions of a text.
///
/// # Panics
/// If the text is not laid out as the library's files are: definitions begin in the first column, methods in the fifth,
/// what stands in a class beside methods comes before them, and the closing brace of each stands below its first letter.
pub fn outline(text: &str) -> Vec<Outline<'_>> {
    let pieces = cut(text, "");
    let pieces = pieces.into_iter().map(|(name, piece)| {
        if !is_class(piece) {
            return Outline {
                name,
                head: piece,
                members: Vec::new(),
                tail: "",
            };
        }
        let tail = piece.len() - "}\n".len();
        let members = cut(&piece[..tail], METHOD);
        let start = members.first().map_or(tail, |(_, member)| {
            member.as_ptr() as usize - piece.as_ptr() as usize
        });
        let in_members: usize = members.iter().map(|(_, member)| code_lines(member)).sum();
        let all = code_lines(&piece[..tail]);
        assert_eq!(
            code_lines(&piece[..start]) + in_members,
            all,
            "{name} is laid out otherwise"
        );
        Outline {
            name,
            head: &piece[..start],
            members: members
                .into_iter()
                .map(|(name, text)| Member { name, text })
                .collect(),
            tail: &piece[tail..],
        }
    });
    pieces.collect()
}

/// How many lines are neither empty nor a comment.
fn code_lines(text: &str) -> usize {
    let lines = text.lines().map(str::trim_start);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count()
}

/// How far a method is indented.
const METHOD: &str = "    ";

fn is_class(piece: &str) -> bool {
    let first = piece.lines().find(|line| !line.starts_with('@'));
    first.is_some_and(|line| line.starts_with("class ") && line.ends_with('{'))
}

/// The definitions in `text` that begin with `indent`, with their names.
fn cut<'t>(text: &'t str, indent: &str) -> Vec<(&'t str, &'t str)> {
    let mut found = Vec::new();
    let mut start = None;
    let mut name = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let own = line.strip_prefix(indent).filter(|own| {
            let first = own.chars().next();
            first.is_some_and(|first| !first.is_whitespace() && first != '#')
        });
        if let Some(own) = own {
            if start.is_none() && (indent.is_empty() || is_method(own)) {
                start = Some(at);
            }
            name = name.or_else(|| start.and_then(|_| defined(own)));
            let ends = own.starts_with('}') || !(own.starts_with('@') || own.ends_with("{\n"));
            if let (Some(first), true) = (start, ends) {
                let name = name.take();
                let name = name.unwrap_or_else(|| panic!("not a definition: {own}"));
                found.push((name, &text[first..end]));
                start = None;
            }
        }
        at = end;
    }
    assert!(start.is_none(), "a definition does not end: {name:?}");
    found
}

fn is_method(line: &str) -> bool {
    line.starts_with("fn ") || line.starts_with('@')
}

/// The name that a line defines: `class C`, `fn f`, `name = `.
fn defined(line: &str) -> Option<&str> {
    let keyword = line
        .strip_prefix("class ")
        .or_else(|| line.strip_prefix("fn "));
    let rest = keyword.unwrap_or(line);
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let assigned = after
        .trim_start()
        .strip_prefix('=')
        .is_some_and(|value| !value.starts_with('='));
    (!name.is_empty() && (keyword.is_some() || assigned)).then_some(name)
}

/// Whether a method is called by its name without the name being in any text: by the language, or by the machines.
/// For `del` see `src/front/tg/reach.rs`.
pub fn is_called_unnamed(method: &str) -> bool {
    let by_language = method.starts_with("__") && !matches!(method, "__delattr__" | "__delitem__");
    by_language || matches!(method, "forward" | "register_parameter")
}

/// The parts of a text in which a name may be used: the code, what f-strings hold in braces, and strings of one word
/// (attributes that are asked for by name). Not comments, and not the words of messages.
pub fn naming_parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['#', '"']) {
        parts.push(&rest[..at]);
        let opened = &rest[at..];
        if opened.starts_with('#') {
            rest = &opened[opened.find('\n').unwrap_or(opened.len())..];
            continue;
        }
        let end = end_of_string(opened);
        let string = &opened[1..end - 1];
        if rest[..at].ends_with('f') {
            let braced = string.split('{').skip(1);
            parts.extend(braced.map(|part| part.split('}').next().unwrap_or(part)));
        } else if !string.contains(' ') {
            parts.push(string);
        }
        rest = &opened[end..];
    }
    parts.push(rest);
    parts
}

/// Where a string that begins the text ends, its quotes included.
fn end_of_string(text: &str) -> usize {
    let mut escaped = true;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    panic!("a string does not end: {text}")
}
