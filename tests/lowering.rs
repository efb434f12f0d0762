//! What programs are lowered to: texts in `tests/lowering/`, read by eye. `BLESS=1` writes them anew.
#![allow(missing_docs)]

use std::fmt::Write;
use std::path::Path;

use gradlint::front::tg;
use gradlint::ir::{print, verify};
use gradlint::prelude;
use gradlint::source::{Origin, SourceMap};
use gradlint::{ir, syntax};

fn lower(text: &str) -> (ir::Program, String) {
    let mut sources = SourceMap::default();
    let file = sources.add("test.tg", text, Origin::User);
    let (module, messages) = syntax::parse(file, text);
    assert_eq!(messages, [], "the fixture has a syntax error");
    let (program, errors) = tg::lower(&mut sources, &module);
    let mut shown = String::new();
    for error in errors {
        let line = sources.line(error.primary.span);
        let help = error
            .help
            .iter()
            .fold(String::new(), |all, help| format!("{all}; {help}"));
        writeln!(
            shown,
            "{line}: {} at `{}`{help}",
            error.message,
            sources.text(error.primary.span)
        )
        .expect("a string");
    }
    (program, shown)
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lowering"))
}

#[test]
fn fixtures_are_lowered_as_read_by_eye() {
    let mut failed = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(root()).expect("the fixtures") {
        let path = entry.expect("a fixture").path();
        if path.extension().is_none_or(|extension| extension != "tg") {
            continue;
        }
        count += 1;
        let (program, errors) = lower(&std::fs::read_to_string(&path).expect("a fixture"));
        assert_eq!(verify::verify(&program), Ok(()));
        let shown = if errors.is_empty() {
            print::print_own(&program)
        } else {
            errors
        };
        let expected = path.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected, &shown).expect("writable");
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != shown {
            failed.push(format!("{}:\n{shown}", path.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(count >= 7);
}

#[test]
fn the_prelude_is_lowered_without_mistakes() {
    let mut sources = SourceMap::default();
    let (program, errors) = tg::lower_prelude(&mut sources);
    let shown = |error: &gradlint::diagnostic::Diagnostic| {
        let span = error.primary.span;
        format!(
            "{}:{}: {}",
            sources.file(span.file).name.display(),
            sources.line(span),
            error.message
        )
    };
    assert!(
        errors.is_empty(),
        "{}",
        errors.iter().map(shown).collect::<Vec<_>>().join("\n")
    );
    assert_eq!(program.units.len(), prelude::pieces().len() + 1);
    assert_eq!(verify::verify(&program), Ok(()));
}

/// The code of nested `finally` grows as the nesting does.
#[test]
fn nested_finally_is_linear() {
    let size = |depth: usize| {
        let text = format!(
            "fn f() {{\n{}return 1\n{}}}\n",
            "try {\n".repeat(depth),
            "} finally { print(1) }\n".repeat(depth)
        );
        let (program, errors) = lower(&text);
        assert_eq!(errors, "");
        program
            .functions
            .iter()
            .flat_map(|function| function.blocks.iter())
            .map(|block| block.instrs.len() + 1)
            .sum::<usize>()
    };
    let (small, large) = (size(20), size(80));
    assert!(large < small * 5, "{small} and {large}");
}

#[test]
fn the_verifier_refuses_what_is_wrong() {
    let (mut program, _) = lower("x = 1\ny = x + 2\nprint(y)\n");
    assert_eq!(verify::verify(&program), Ok(()));
    let body = program.units.iter().next().expect("the program").body;
    let function = program
        .functions
        .iter_mut()
        .nth(gradlint::index::Idx::index(body))
        .expect("the body");
    let block = function.blocks.iter_mut().next().expect("the entry");
    let call = block
        .instrs
        .iter()
        .position(|instr| matches!(instr.kind, ir::InstrKind::Builtin(_)))
        .expect("a temporary is made");
    block.instrs.remove(call);
    assert!(verify::verify(&program).is_err());
}
