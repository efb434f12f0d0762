//! How lint time grows: with statements, with nesting, with branches, with calls. `cargo bench --bench lint`.

use divan::{Bencher, counter::ItemsCount};

mod programs;

fn main() {
    gradlint::with_stack(divan::main);
}

/// Lexing and parsing alone, to compare the whole with.
#[divan::bench(args = [3_000, 300_000])]
fn parse_straight_line(bencher: Bencher, statements: usize) {
    let text = programs::straight_line(statements);
    bencher
        .counter(ItemsCount::new(statements))
        .bench(|| gradlint::parse_text("bench.tg", &text));
}

#[divan::bench(args = [3_000, 300_000])]
fn lint_straight_line(bencher: Bencher, statements: usize) {
    let text = programs::straight_line(statements);
    bencher
        .counter(ItemsCount::new(statements))
        .bench(|| gradlint::lint_text("bench.tg", &text));
}

#[divan::bench(args = [2, 4, 6, 8])]
fn lint_nested_loops(bencher: Bencher, depth: usize) {
    let text = programs::nested_loops(depth);
    bencher
        .counter(ItemsCount::new(depth))
        .bench(|| gradlint::lint_text("bench.tg", &text));
}

#[divan::bench(args = [4, 16, 64])]
fn lint_branches_in_a_row(bencher: Bencher, branches: usize) {
    let text = programs::branches(branches);
    bencher
        .counter(ItemsCount::new(branches))
        .bench(|| gradlint::lint_text("bench.tg", &text));
}

#[divan::bench(args = [4, 16, 64])]
fn lint_call_chain(bencher: Bencher, depth: usize) {
    let text = programs::call_chain(depth);
    bencher
        .counter(ItemsCount::new(depth))
        .bench(|| gradlint::lint_text("bench.tg", &text));
}
