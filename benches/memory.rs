//! Peak memory of a lint, a statement: `cargo bench --bench memory`. Reads `/proc`, so Linux only.

mod programs;

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap_or("VmHWM: 0 kB");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[expect(clippy::print_stdout, reason = "a benchmark's report")]
fn main() {
    const STATEMENTS: usize = 300_000;
    let text = programs::straight_line(STATEMENTS);
    let before = peak_kib();
    gradlint::with_stack(move || {
        gradlint::lint_text("bench.tg", &text);
    });
    let after = peak_kib();
    println!(
        "{} bytes a statement ({STATEMENTS} statements, {} KiB in all)",
        (after - before) * 1024 / STATEMENTS as u64,
        after
    );
}
