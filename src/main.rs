//! The command `gradlint`.

use std::io::{BufWriter, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use clap::Parser;
use gradlint::driver::options::Cli;
use gradlint::driver::{self, Streams};

/// The interpreter makes and drops many small values: a third of its time is the allocator's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(report_bug));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let status = if error.use_stderr() {
                driver::FAILED
            } else {
                driver::OK
            };
            error.print().ok();
            return ExitCode::from(status);
        }
    };
    ExitCode::from(gradlint::with_stack(|| execute(&cli)))
}

fn execute(cli: &Cli) -> u8 {
    let stdout = std::io::stdout();
    let color =
        stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut out = BufWriter::new(stdout.lock());
    let mut err = std::io::stderr();
    driver::execute(
        cli,
        &mut Streams {
            out: &mut out,
            err: &mut err,
            color,
        },
    )
}

/// What a crash says: that it is ours, and where.
fn report_bug(panic: &PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("a panic");
    let place = panic
        .location()
        .map(|place| format!(" at {}:{}", place.file(), place.line()))
        .unwrap_or_default();
    writeln!(
        std::io::stderr(),
        "gradlint: this is a bug in gradlint, please report it: {what}{place}"
    )
    .ok();
}
