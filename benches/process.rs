//! The whole command on short files, from start to exit: `cargo bench --bench process`.

use std::path::Path;
use std::process::{Command, Stdio};

fn main() {
    divan::main();
}

/// A few lines without modules, and programs of 30 to 40 lines with modules, an optimizer and a loop.
#[divan::bench(args = [
    "examples/detach.tg",
    "examples/regression.tg",
    "examples/vae.tg",
    "examples/convnet.tg",
    "examples/actor_critic.tg",
    "examples/target_network.tg",
    "examples/classifier.tg",
    "examples/attention.tg",
])]
fn lint(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let status = Command::new(env!("CARGO_BIN_EXE_gradlint"))
        .arg(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.code().is_some_and(|code| code <= 1)));
}
