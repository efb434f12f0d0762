//! The built command: run in a folder, and what it did.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything may take, even in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub const DETACHED: &str = "x = tensor([2.0, 3.0], requires_grad=true)\nd = (x * 2).detach()\nloss = d.sum()\nloss.backward()\n";
pub const QUIET: &str = "x = tensor([2.0, 3.0], requires_grad=true)\nloss = (x * 2).sum()\nloss.backward()\nprint(x.grad)\n";

/// A folder of its own for a test, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("gradlint-cli-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("a folder can be made");
        std::fs::write(&path, content).expect("a file can be written");
        name.to_owned()
    }
    pub fn run(&self, args: &[&str]) -> Seen {
        run(Some(&self.0), args, b"")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a command did.
pub struct Seen {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
    #[track_caller]
    pub fn is(&self, status: i32) -> &Seen {
        assert_eq!(self.status, status, "out: {}\nerr: {}", self.out, self.err);
        assert!(!self.err.contains("bug in gradlint"), "{}", self.err);
        self
    }
    #[track_caller]
    pub fn says(&self, text: &str) -> &Seen {
        assert!(
            self.err.contains(text) || self.out.contains(text),
            "no `{text}` in\nout: {}\nerr: {}",
            self.out,
            self.err
        );
        self
    }
}

pub fn command(folder: Option<&Path>, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradlint"));
    command
        .args(args)
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    command
}

/// Runs the command to its end, with that on its standard input.
pub fn run(folder: Option<&Path>, args: &[&str], input: &[u8]) -> Seen {
    let mut child = command(folder, args).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let start = Instant::now();
    let reader = std::thread::spawn(move || child.wait_with_output());
    while !reader.is_finished() {
        assert!(start.elapsed() < PATIENCE, "hangs: {args:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    writer.join().expect("written");
    let Output {
        status,
        stdout,
        stderr,
    } = reader.join().expect("joined").expect("waited");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Seen {
        status: status.code().expect("no signal"),
        out: text(stdout),
        err: text(stderr),
    }
}

/// The keys of an object, in their order.
pub fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap_or_else(|| panic!("an object: {value}"))
        .keys()
        .map(String::as_str)
        .collect()
}
