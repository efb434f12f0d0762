//! The text of `.tg`: what is said about mistakes in it, how it is printed, and that no text is too much.
//!
//! `tests/syntax/errors/*.tg` and `tests/syntax/print/*.tg` are fixtures, each with the expected outcome in
//! `tests/syntax/snapshots/`. The programs that no file should hold are made in `hostile` below.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use gradlint::diagnostic::Diagnostic;
use gradlint::index::Idx as _;
use gradlint::source::{FileId, Origin, SourceMap, Span};
use gradlint::syntax::ast::{Module, StmtKind};
use gradlint::syntax::{self, MAX_ERRORS, same_tree};

fn parse(text: &str) -> (Module, Vec<Diagnostic>) {
    syntax::parse(FileId::new(0), text)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/syntax")
}

/// The fixtures of a folder with their names, in order.
fn fixtures(folder: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join(folder)).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "tg"));
    paths.sort();
    let name = |path: &PathBuf| {
        path.file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    };
    paths
        .iter()
        .map(|path| (name(path), std::fs::read_to_string(path).expect("readable")))
        .collect()
}

fn snapshot(name: String, text: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// One message with its line, marked from where to where it is.
fn show(text: &str, error: &Diagnostic) -> String {
    let mut map = SourceMap::default();
    let file = map.add("test.tg", text, Origin::User);
    let mut out = String::new();
    mark(
        &mut out,
        &map,
        file,
        error.primary.span,
        &error.primary.message,
    );
    for label in &error.secondary {
        mark(&mut out, &map, file, label.span, &label.message);
    }
    writeln!(out, "= {}", error.message).expect("a string");
    for help in &error.help {
        writeln!(out, "  help: {help}").expect("a string");
    }
    out
}

fn mark(out: &mut String, map: &SourceMap, file: FileId, span: Span, label: &str) {
    let place = map.file(file).location(span.start);
    let text = &map.file(file).text;
    let line = text.lines().nth(place.line as usize - 1).unwrap_or("");
    let wide = text
        .get(span.range())
        .unwrap_or("")
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .count()
        .max(1);
    let before = " ".repeat(place.column as usize - 1);
    let row = format!("{before}{} {label}", "^".repeat(wide));
    writeln!(out, "{:>3} | {line}\n    | {}", place.line, row.trim_end()).expect("a string");
}

#[test]
fn errors_say_what_was_found_and_what_would_fit() {
    for (name, text) in fixtures("errors") {
        let (_, errors) = parse(&text);
        assert!(!errors.is_empty(), "{name} has no errors");
        let shown: Vec<String> = errors.iter().map(|error| show(&text, error)).collect();
        snapshot(format!("errors-{name}"), shown.join("\n"));
    }
}

/// Found by fuzzing: the last character before a place may have several bytes.
#[test]
fn places_stand_between_characters() {
    for text in [
        "try{\u{fffd}",
        "try {}é",
        "x = é\u{1f600}",
        "try { é } finally",
    ] {
        for error in parse(text).1 {
            let place = error.primary.span.range();
            assert!(text.get(place).is_some(), "{text:?}: {error:?}");
        }
    }
}

/// Prints a program without mistakes, and holds the printer to its laws.
fn printed(name: &str, text: &str) -> String {
    let (module, errors) = parse(text);
    assert_eq!(errors, [], "{name}");
    let once = syntax::print(&module, text);
    let (again, errors) = parse(&once);
    assert_eq!(errors, [], "{name}, printed:\n{once}");
    assert!(same_tree(&module, &again), "{name}: another tree:\n{once}");
    assert_eq!(syntax::print(&again, &once), once, "{name}: another text");
    let comments = |module: &Module| {
        module
            .comments
            .iter()
            .map(|c| c.text.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        comments(&module),
        comments(&again),
        "{name}: other comments"
    );
    // Without its source the tree prints in another dress, but as the same tree.
    let bare = syntax::print(
        &Module {
            comments: Vec::new(),
            ..module.clone()
        },
        "",
    );
    let (bare_module, errors) = parse(&bare);
    assert_eq!(errors, [], "{name}, without source:\n{bare}");
    assert!(
        same_tree(&module, &bare_module),
        "{name}: another tree without source:\n{bare}"
    );
    once
}

#[test]
fn printed_programs_are_the_same_programs() {
    for (name, text) in fixtures("print") {
        snapshot(format!("print-{name}"), printed(&name, &text));
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    for (name, text) in fixtures("print") {
        let (module, _) = parse(&text);
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let (other, errors) = parse(&windows);
        assert_eq!(errors, [], "{name}");
        assert!(same_tree(&module, &other), "{name}");
    }
}

#[test]
fn trees_that_differ_are_told_apart() {
    let (reference, _) = parse("x = [a + b, 1]");
    for other in [
        "x = [a - b, 1]",
        "x = [a + b, 2]",
        "x = (a + b, 1)",
        "y = [a + b, 1]",
        "x = [a + b, 1]; pass",
    ] {
        assert!(!same_tree(&reference, &parse(other).0), "{other}");
    }
}

#[test]
fn values_of_f_strings_have_places() {
    let text = "x = f\"ä {a + f'{b}'}\"";
    let (module, errors) = parse(text);
    assert_eq!(errors, []);
    let shown: Vec<&str> = module
        .exprs
        .iter()
        .map(|expr| &text[expr.span.range()])
        .collect();
    assert_eq!(
        shown,
        ["x", "a", "b", "f'{b}'", "a + f'{b}'", "f\"ä {a + f'{b}'}\""]
    );
}

mod hostile {
    use super::*;

    /// Parses, and holds every text to what must hold for all of them.
    fn survive(text: &str) -> (Module, Vec<Diagnostic>) {
        let start = Instant::now();
        let (module, errors) = parse(text);
        // Generous, for a slow machine and a build without optimisation: quadratic time is far beyond.
        assert!(start.elapsed().as_secs() < 60, "took {:?}", start.elapsed());
        assert!(errors.len() <= MAX_ERRORS + 1);
        for error in &errors {
            assert!(text.get(error.primary.span.range()).is_some(), "{error:?}");
            assert!(error.message.len() < 300, "{error:?}");
        }
        syntax::print(&module, text);
        assert!(same_tree(&module, &module.clone()));
        (module, errors)
    }

    fn only_error(text: &str) -> String {
        let (_, errors) = survive(text);
        assert_eq!(errors.len(), 1, "{:#?}", &errors[..errors.len().min(5)]);
        errors[0].message.clone()
    }

    #[test]
    fn open_brackets() {
        for bracket in ["(", "[", "{", "f(", "x[", "{a: "] {
            assert_eq!(
                only_error(&bracket.repeat(100_000)),
                "nested too deeply",
                "{bracket}"
            );
        }
    }

    #[test]
    fn matched_brackets() {
        for (open, close) in [("(", ")"), ("[", "]"), ("x[", "]"), ("f(", ")")] {
            let text = format!("{}a{}", open.repeat(100_000), close.repeat(100_000));
            assert_eq!(only_error(&text), "nested too deeply", "{open}");
            let text = format!("{}a{}", open.repeat(199), close.repeat(199));
            assert_eq!(survive(&text).1, [], "{open}");
        }
    }

    #[test]
    fn closing_brackets() {
        for text in [")", "]", "}", "(]", "[)", "{)", "({)]"] {
            survive(&text.repeat(100_000));
            survive(&format!("{text}\n").repeat(100_000));
        }
        survive(&format!("{}{}", "[".repeat(100_000), ")".repeat(100_000)));
        survive(&format!("{}{}", "(".repeat(100_000), "}".repeat(100_000)));
    }

    #[test]
    fn long_chains() {
        let too_deep = "this expression is nested too deeply";
        for (start, link, end) in [
            ("a", " + a", ""),
            ("a", " and a", ""),
            ("a", " ** a", ""),
            ("a", ".b", ""),
            ("a", "(b)", ""),
            ("a", "[0]", ""),
            ("", "not ", "a"),
            ("", "- ", "a"),
            ("", "lambda: ", "a"),
            ("", "a if b else ", "c"),
        ] {
            let text = format!("{start}{}{end}", link.repeat(100_000));
            assert_eq!(only_error(&text), too_deep, "{link}");
            let text = format!("{start}{}{end}", link.repeat(390));
            assert_eq!(survive(&text).1, [], "{link}");
        }
        let flat = [("a", " < a"), ("a", ", a"), ("a", " = a"), ("'a'", " 'a'")];
        for (start, link) in flat {
            assert_eq!(
                survive(&format!("{start}{}", link.repeat(100_000))).1,
                [],
                "{link}"
            );
        }
    }

    #[test]
    fn deep_blocks() {
        for head in [
            "if a {",
            "while a {\n",
            "fn f() {",
            "class A {",
            "try {",
            "with a {",
        ] {
            let unclosed = head.repeat(100_000);
            assert!(
                survive(&unclosed).1[0]
                    .message
                    .contains("nested too deeply"),
                "{head}"
            );
            let closed = format!("{}{}", unclosed, "}".repeat(100_000));
            assert!(
                survive(&closed)
                    .1
                    .iter()
                    .any(|error| error.message == "nested too deeply"),
                "{head}"
            );
        }
        let blocks = format!(
            "{}x = {}a{}",
            "if a {\n".repeat(150),
            "not ".repeat(390),
            "\n}".repeat(150)
        );
        assert_eq!(survive(&blocks).1, []);
    }

    #[test]
    fn long_lines_and_tokens() {
        const SIZE: usize = 10_000_000;
        assert_eq!(survive(&"a".repeat(SIZE)).1, []);
        assert_eq!(survive(&" ".repeat(SIZE)).1, []);
        assert_eq!(survive(&format!("#{}", "a".repeat(SIZE))).1, []);
        assert_eq!(survive(&format!("x = '{}'", "a".repeat(SIZE))).1, []);
        assert_eq!(survive(&format!("x = f'{}'", "a".repeat(SIZE))).1, []);
        assert_eq!(
            only_error(&format!("'{}", "a".repeat(SIZE))),
            "this string is never closed"
        );
        assert!(only_error(&"1".repeat(SIZE)).ends_with("does not fit in 64 bits"));
        survive(&"a ".repeat(SIZE / 2));
        survive(&"\\\n".repeat(SIZE / 10));
        assert_eq!(survive(&format!("x = [{}]", "a, ".repeat(SIZE / 10))).1, []);
        assert_eq!(survive(&"x = 1; ".repeat(SIZE / 20)).1, []);
    }

    #[test]
    fn garbage() {
        // A fixed generator, so that a failure can be seen again.
        let mut state = 1u64;
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        let bytes: Vec<u8> = (0..300_000).map(|_| next() as u8).collect();
        survive(&String::from_utf8_lossy(&bytes));
        let words = [
            "if ", "x", " ", "{", "}", "(", ")", "[", "]", "\n", ";", "f\"", "\"", "'", "'''",
            "{{", ":", "=", "!r", "else", " catch ", "fn ", "#", "\\", "@", "1", ".", "1e5",
            "lambda ", "for ", " in ", "\r\n", "ä", "$",
        ];
        for _ in 0..3000 {
            let text: String = (0..60).map(|_| words[next() % words.len()]).collect();
            survive(&text);
        }
    }

    #[test]
    fn many_errors() {
        let (_, errors) = survive(&"x y\n".repeat(100_000));
        assert_eq!(errors.len(), MAX_ERRORS + 1);
        assert_eq!(
            errors[MAX_ERRORS].message,
            "too many errors: only the first 100 are shown"
        );
        survive(&"x = (\n".repeat(100_000));
        survive(&"f'{'".repeat(100_000));
        survive(&"f'{".repeat(100_000));
    }

    #[test]
    fn many_statements() {
        let (module, errors) = survive(&"x = f(a, b=1) + c.d[0]\n".repeat(300_000));
        assert_eq!(errors, []);
        assert_eq!(module.body.stmts.len(), 300_000);
        assert!(
            module
                .body
                .stmts
                .iter()
                .all(|stmt| matches!(stmt.kind, StmtKind::Assign { .. }))
        );
    }
}
