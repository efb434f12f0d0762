//! The programs that are measured.
#![allow(dead_code, reason = "each benchmark uses some")]

/// The command's allocator: what a benchmark says is to hold for the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::fmt::Write;

/// `statements` operators one after the other, some of them in place, with a backward at the end.
pub fn straight_line(statements: usize) -> String {
    let mut text = String::from("w = ones(4, requires_grad=true)\nx = w * 1.0\n");
    for at in 0..statements {
        let line = match at % 4 {
            0 => "y = x * 2.0",
            1 => "x = y + w",
            2 => "x += 1.0",
            _ => "z = x.relu()",
        };
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("x.sum().backward()\n");
    text
}

/// Loops of unknown length, one in the other.
pub fn nested_loops(depth: usize) -> String {
    let mut text = String::from("w = ones(4, requires_grad=true)\nx = w * 1.0\n");
    for level in 0..depth {
        writeln!(text, "{}while unknown() {{", "    ".repeat(level)).expect("strings do not fail");
    }
    writeln!(text, "{}x = x * 0.5 + w", "    ".repeat(depth)).expect("strings do not fail");
    for level in (0..depth).rev() {
        writeln!(text, "{}}}", "    ".repeat(level)).expect("strings do not fail");
    }
    text.push_str("x.sum().backward()\n");
    text
}

/// Branches on unknown conditions, one after the other.
pub fn branches(count: usize) -> String {
    let mut text = String::from("w = ones(4, requires_grad=true)\nx = w * 1.0\n");
    for _ in 0..count {
        text.push_str("if unknown() {\n    x = x * 2.0\n} else {\n    x = x + w\n}\n");
    }
    text.push_str("x.sum().backward()\n");
    text
}

/// Functions that call one another.
pub fn call_chain(depth: usize) -> String {
    let mut text = String::from("fn f0(x) {\n    return x * 2.0\n}\n");
    for level in 1..=depth {
        writeln!(
            text,
            "fn f{level}(x) {{\n    y = f{}(x)\n    return y + x\n}}",
            level - 1
        )
        .expect("strings do not fail");
    }
    writeln!(
        text,
        "w = ones(4, requires_grad=true)\nf{depth}(w).sum().backward()"
    )
    .expect("strings do not fail");
    text
}
