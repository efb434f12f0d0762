//! `gradlint emit --to python`: the script's text. That it does the same as the program is what `tests/oracle.rs` and
//! `tests/oracle/record.py` show.

use gradlint::emit::python;
use gradlint::ir::Intrinsic;
use gradlint::source::{Origin, SourceMap};

/// The script of `program` without its header.
fn body(program: &str) -> String {
    let script = emit(program).text;
    let (_, body) = script
        .split_once("manual_seed(0)\n\n")
        .expect("every script sets the seed");
    body.trim_end().into()
}

fn emit(program: &str) -> python::Python {
    let mut sources = SourceMap::default();
    let file = sources.add("program.tg", program, Origin::User);
    let (module, errors) = gradlint::syntax::parse(file, program);
    assert!(errors.is_empty(), "{program}\n{errors:?}");
    python::emit(&module, &sources)
}

#[test]
fn builtins_get_their_module() {
    assert_eq!(body("x = ones(2)"), "x = torch.ones(2)");
    assert_eq!(body("x = torch.ones(2)"), "x = torch.ones(2)");
    assert_eq!(
        body("x = autograd.grad(a, b)\na = 1\nb = 2").lines().next(),
        Some("x = torch.autograd.grad(a, b)")
    );
    assert_eq!(
        body("x = F.relu(nn.Linear(1, 2)(optim))"),
        "x = F.relu(nn.Linear(1, 2)(optim))"
    );
    assert_eq!(
        body("x = zeros(2, dtype=f64)"),
        "x = torch.zeros(2, dtype=torch.float64)"
    );
    assert_eq!(body("x = inf"), "x = torch.inf");
}

#[test]
fn a_name_that_the_program_binds_is_its_own() {
    assert_eq!(body("ones = 3\nx = ones"), "ones = 3\nx = ones");
    assert_eq!(
        body("fn f(ones) {\n    return ones\n}\nx = ones(1)")
            .lines()
            .last(),
        Some("x = torch.ones(1)")
    );
    assert_eq!(
        body("x = [ones for ones in range(3)]\ny = ones(1)")
            .lines()
            .last(),
        Some("y = torch.ones(1)")
    );
    assert_eq!(
        body("f = lambda zeros: zeros + ones(1)"),
        "f = lambda zeros: zeros + torch.ones(1)"
    );
}

#[test]
fn a_program_may_call_something_else_torch() {
    let script = emit("torch = 1\nx = ones(2)").text;
    assert!(
        script.contains("import torch as _torch\n") && script.contains("x = _torch.ones(2)\n"),
        "{script}"
    );
}

#[test]
fn python_builtins_stay_as_they_are() {
    for intrinsic in Intrinsic::ALL
        .iter()
        .filter(|&&intrinsic| intrinsic <= Intrinsic::ClassMethod)
    {
        assert_eq!(
            body(&format!("x = {}", intrinsic.name())),
            format!("x = {}", intrinsic.name())
        );
    }
}

#[test]
fn what_goes_by_its_argument_gets_a_helper() {
    assert_eq!(body("x = sum([1, 2])"), "x = sum([1, 2])");
    let script = emit("y = 1; x = sum(y)").text;
    assert!(
        script.contains("def _sum(") && script.contains("x = _sum(y)\n"),
        "{script}"
    );
    assert_eq!(body("sum = 1; x = sum"), "sum = 1\nx = sum");
}

#[test]
fn parentheses_stand_where_they_are_needed() {
    for same in [
        "x = (1 + 2) * 3",
        "x = -2 ** 3",
        "x = (-2) ** 3",
        "x = 2 ** -3",
        "x = not (1 and 2) or 3",
        "x = (1 if 2 else 3) + 4",
        "x = 1 - (2 - 3)",
        "x = (lambda: 1)()",
        "x = (1).real",
        "x = [1, (2, 3), *[4]]",
        "x = ()",
        "x, *y = 1, 2, 3",
        "x = 1 < 2 <= 3",
        "x = (1 < 2) < 3",
        "x = 5 // 2 % 3",
        "x = {1: 2, **{3: 4}}",
    ] {
        assert_eq!(body(same), same);
    }
    assert_eq!(
        body("a = 1\nx = a[1:, none, ..., ::2]").lines().last(),
        Some("x = a[1:, None, ..., ::2]")
    );
}

#[test]
fn strings_keep_their_text() {
    assert_eq!(body(r#"x = "a\"b\n\t\\ä""#), r#"x = "a\"b\n\t\\ä""#);
    assert_eq!(
        body(r#"y = 1; x = f"{y:.3f} {{}} {y!r} {y=}""#)
            .lines()
            .last(),
        Some(r#"x = f"{y:.3f} {{}} {y!r} y={y!r}""#)
    );
    assert_eq!(
        body(r#"x = f"{len('a')}{{""#),
        r#"x = "{}{{".format(len("a"))"#
    );
}

#[test]
fn blocks_are_indented() {
    let program = "if true { pass } else if false { x = 1 } else { }\ntry { pass } catch e { print(e) } finally { pass }";
    let script = "if True:\n    pass\nelif False:\n    x = 1\nelse:\n    pass\n\
                  try:\n    pass\nexcept Exception as e:\n    print(e)\nfinally:\n    pass";
    assert_eq!(body(program), script);
}

#[test]
fn modules_are_made_ready() {
    let class = |bases: &str| {
        format!("class A({bases}) {{\n    fn __init__(self) {{\n        self.x = 1\n    }}\n}}")
    };
    assert!(
        body(&class("nn.Module")).contains("def __init__(self):\n        super().__init__()\n")
    );
    assert!(
        body(&class("nn.Linear"))
            .contains("def __init__(self):\n        nn.Module.__init__(self)\n")
    );
    assert!(!body(&class("object")).contains("super"));
    let with_call = class("nn.Module").replace("self.x = 1", "super().__init__()");
    assert_eq!(body(&with_call).matches("__init__()").count(), 1);
}

#[test]
fn inputs_are_drawn() {
    assert_eq!(body("x: f32[2, 3] = input()"), "x = torch.randn((2, 3))");
    assert_eq!(
        body("x: f64[4] = input()"),
        "x = torch.randn((4,), dtype=torch.float64)"
    );
    assert_eq!(body("x: i64[] = input()"), "x = torch.randint(0, 2, ())");
    assert_eq!(body("x: bool[4] = input()"), "x = torch.rand((4,)) < 0.5");
}

#[test]
fn every_line_of_the_script_knows_its_statement() {
    let script = emit("# one\nx = [\n    1,\n]\n\ny = 2; z = 3\nif x {\n    y = 4\n}");
    let lines: Vec<&str> = script.text.lines().collect();
    let mapped: Vec<(&str, u32)> = script
        .line_map
        .iter()
        .map(|&(at, tg)| (lines[at as usize - 1].trim(), tg))
        .collect();
    assert_eq!(
        mapped,
        [
            ("x = [1]", 2),
            ("y = 2", 6),
            ("z = 3", 6),
            ("if x:", 7),
            ("y = 4", 8)
        ]
    );
    assert!(script.with_map().ends_with(":8\n"));
}

#[test]
fn a_deep_expression_is_written() {
    let program = format!("x = {}", ["1"; 300].join(" + "));
    assert_eq!(body(&program), program);
}
