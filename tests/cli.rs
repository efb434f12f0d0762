//! The command as a whole: what it does with bad input, its exit statuses, its streams, the form of its JSON.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything may take, even in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const DETACHED: &str = "x = tensor([2.0, 3.0], requires_grad=true)\nd = (x * 2).detach()\nloss = d.sum()\nloss.backward()\n";
const QUIET: &str = "x = tensor([2.0, 3.0], requires_grad=true)\nloss = (x * 2).sum()\nloss.backward()\nprint(x.grad)\n";

/// A folder of its own for a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("gradlint-cli-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("a folder can be made");
        std::fs::write(&path, content).expect("a file can be written");
        name.to_owned()
    }
    fn run(&self, args: &[&str]) -> Seen {
        run(Some(&self.0), args, b"")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a command did.
struct Seen {
    status: i32,
    out: String,
    err: String,
}

impl Seen {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
    #[track_caller]
    fn is(&self, status: i32) -> &Seen {
        assert_eq!(self.status, status, "out: {}\nerr: {}", self.out, self.err);
        assert!(!self.err.contains("bug in gradlint"), "{}", self.err);
        self
    }
    #[track_caller]
    fn says(&self, text: &str) -> &Seen {
        assert!(self.err.contains(text) || self.out.contains(text), "no `{text}` in\nout: {}\nerr: {}", self.out, self.err);
        self
    }
}

fn command(folder: Option<&Path>, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradlint"));
    command.args(args).env_remove("NO_COLOR").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    command
}

fn run(folder: Option<&Path>, args: &[&str], input: &[u8]) -> Seen {
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
    let Output { status, stdout, stderr } = reader.join().expect("joined").expect("waited");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Seen { status: status.code().expect("no signal"), out: text(stdout), err: text(stderr) }
}

#[test]
fn an_empty_file_is_fine() {
    let folder = Folder::new("empty");
    folder.file("a.tg", "");
    folder.run(&["a.tg"]).is(0);
    folder.run(&["run", "a.tg"]).is(0);
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = Folder::new("unreadable");
    folder.file("binary.tg", [0_u8, 159, 146, 150]);
    folder.file("latin.tg", b"x = 1 # caf\xe9\n");
    folder.run(&["binary.tg"]).is(2).says("binary.tg: a binary file");
    folder.run(&["latin.tg"]).is(2).says("latin.tg: not UTF-8 at byte 11");
    folder.run(&["missing.tg"]).is(2).says("missing.tg: no such file or folder");
    folder.run(&["run", "."]).is(2).says("this is a folder");
    folder.run(&["run", "missing.tg"]).is(2).says("no such file or folder");
    folder.run(&["emit", "missing.tg", "--to", "tg"]).is(2).says("no such file or folder");
    let seen = folder.run(&["missing.tg", "--format", "json"]);
    assert_eq!(seen.is(2).json()["files"][0]["status"], "unreadable");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_never_ends_is_not_read() {
    let folder = Folder::new("endless");
    folder.run(&["/dev/zero"]).is(2).says("not a regular file");
}

#[test]
fn a_large_file_is_refused() {
    let folder = Folder::new("large");
    folder.file("a.tg", vec![b'\n'; (64 << 20) + 1]);
    folder.run(&["a.tg"]).is(2).says("larger than 64 MiB");
}

#[test]
fn a_folder_means_its_programs() {
    let folder = Folder::new("folder");
    for name in ["p/b.tg", "p/a.tg", "p/ignored.tg", "p/sub/c.tg"] {
        folder.file(name, DETACHED);
    }
    folder.file("p/.gitignore", "ignored.tg\n");
    folder.file("p/notes.txt", "no program");
    let seen = folder.run(&["p", "--format", "json"]);
    let files: Vec<String> = seen.is(1).json()["files"].as_array().expect("a list").iter().map(|file| file["file"].as_str().expect("text").to_owned()).collect();
    assert_eq!(files, ["p/a.tg", "p/b.tg", "p/sub/c.tg"]);
    let again = folder.run(&["p/sub/c.tg", "p", "p/a.tg", "--format", "json"]);
    assert_eq!(seen.out, again.out, "each file once, whatever the order of the arguments");
}

#[test]
fn a_folder_without_programs_is_said() {
    let folder = Folder::new("nothing");
    folder.file("sub/notes.txt", "");
    folder.run(&["sub"]).is(2).says("without `.tg` files");
}

#[test]
fn python_is_not_there_yet() {
    let folder = Folder::new("python");
    folder.file("a.py", "import torch\n");
    folder.run(&["a.py"]).is(2).says("Python files are not supported yet");
    assert_eq!(folder.run(&["a.py", "--format", "json"]).json()["files"][0]["status"], "skipped");
}

#[test]
fn a_long_line_is_not_shown_as_a_whole() {
    let folder = Folder::new("line");
    folder.file("good.tg", format!("x = [{}]\n", "1, ".repeat(3_500_000)));
    let seen = folder.run(&["good.tg"]);
    seen.is(0);
    folder.file("bad.tg", format!("x = \"{}\" +\n", "a".repeat(10_000_000)));
    let seen = folder.run(&["bad.tg"]);
    seen.is(2).says("bad.tg:1:");
    assert!(seen.out.len() < 10_000, "{} bytes", seen.out.len());
}

#[test]
fn deep_nesting_is_an_error() {
    let folder = Folder::new("deep");
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("-", "")] {
        folder.file("a.tg", format!("x = {}", open.repeat(100_000)));
        folder.run(&["a.tg"]).is(2);
        folder.file("a.tg", format!("x = {}1{}\n", open.repeat(100_000), close.repeat(100_000)));
        folder.run(&["a.tg"]).is(2);
    }
}

#[test]
fn names_are_checked() {
    let folder = Folder::new("names");
    folder.file("a.tg", "x = ones(2)\ny = x + unbound\n");
    folder.run(&["a.tg"]).is(2).says("GL002").says("unbound");
    folder.file("b.tg", "x = ones(2)\ny = torch.frobnicate(x)\n");
    folder.run(&["b.tg"]).is(2).says("frobnicate");
    folder.run(&["run", "b.tg"]).is(2).says("frobnicate");
    assert_eq!(folder.run(&["b.tg", "--format", "json"]).json()["files"][0]["status"], "syntax-error");
}

#[test]
fn shapes_that_do_not_fit_are_found_and_raise() {
    let folder = Folder::new("shapes");
    folder.file("a.tg", "x = ones(2)\ny = ones(3)\nz = x + y\n");
    let text = "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0";
    folder.run(&["a.tg"]).is(1).says(text);
    folder.run(&["run", "a.tg"]).is(1).says(text).says("a.tg:3:5");
}

#[test]
fn what_is_too_much_is_stopped() {
    let folder = Folder::new("bounds");
    folder.file("memory.tg", "x = zeros(1000000, 1000000)\n");
    folder.file("loop.tg", "while true {}\n");
    folder.file("deep.tg", "fn f(n) { return f(n + 1) }\nf(0)\n");
    for name in ["memory.tg", "loop.tg", "deep.tg"] {
        let seen = folder.run(&[name]);
        assert!(seen.status < 2, "{name}: {}", seen.err);
    }
    let seen = folder.run(&["run", "loop.tg", "--format", "json"]);
    assert_eq!(seen.is(2).json()["outcome"], "stopped");
    let memory = folder.run(&["run", "memory.tg"]);
    assert!(memory.status == 1 || memory.status == 2, "{}", memory.out);
    let deep = folder.run(&["run", "deep.tg"]);
    assert!(deep.status == 1 || deep.status == 2, "{}", deep.out);
    folder.run(&["run", "loop.tg", "--max-steps", "1000"]).is(2).says("steps");
}

#[test]
fn exit_statuses() {
    let folder = Folder::new("status");
    folder.file("bad.tg", DETACHED);
    folder.file("quiet.tg", QUIET);
    folder.file("broken.tg", "x = = 1\n");
    folder.run(&["quiet.tg"]).is(0);
    folder.run(&["bad.tg"]).is(1);
    folder.run(&["bad.tg", "--exit-zero"]).is(0);
    folder.run(&["broken.tg"]).is(2).says("GL001");
    folder.run(&["broken.tg", "--exit-zero"]).is(2);
    folder.run(&["bad.tg", "broken.tg"]).is(2);
    folder.run(&["bad.tg", "--ignore", "GL1"]).is(0);
    folder.run(&["bad.tg", "--select", "backward-without-graph"]).is(1);
    folder.run(&["bad.tg", "--select", "GL2"]).is(0);
}

#[test]
fn wrong_usage() {
    let folder = Folder::new("usage");
    folder.file("bad.tg", DETACHED);
    run(None, &[], b"").is(2);
    run(None, &["--help"], b"").is(0);
    run(None, &["--version"], b"").is(0).says("gradlint");
    folder.run(&["bad.tg", "--frobnicate"]).is(2);
    folder.run(&["bad.tg", "--select", "GL999"]).is(2).says("there is no rule `GL999`");
    folder.run(&["bad.tg", "--ignore", "backward-without-grap"]).is(2).says("did you mean `backward-without-graph`");
    for args in [&["bad.tg", "--fix"][..], &["bad.tg", "--format", "sarif"], &["bad.tg", "--config", "x"], &["graph", "bad.tg"], &["lsp"]] {
        folder.run(args).is(2).says("not available yet");
    }
}

#[test]
fn standard_input_has_a_name() {
    let seen = run(None, &["-", "--format", "concise"], DETACHED.as_bytes());
    assert!(seen.is(1).out.starts_with("<stdin>:4:1: error[GL101]: "), "{}", seen.out);
    let seen = run(None, &["-", "--stdin-filename", "a/b.tg", "--format", "concise"], DETACHED.as_bytes());
    assert!(seen.is(1).out.starts_with("a/b.tg:4:1: error[GL101]: "), "{}", seen.out);
}

#[test]
fn findings_are_on_standard_output_and_the_rest_is_not() {
    let folder = Folder::new("streams");
    folder.file("bad.tg", DETACHED);
    let seen = folder.run(&["bad.tg", "missing.tg", "--statistics"]);
    seen.is(2);
    assert!(seen.out.starts_with("error[GL101]") && !seen.out.contains("missing.tg"), "{}", seen.out);
    assert!(seen.err.contains("missing.tg") && seen.err.contains("1  GL101  backward-without-graph"), "{}", seen.err);
}

#[test]
fn the_json_of_a_lint_has_its_form() {
    let folder = Folder::new("json");
    folder.file("a.tg", DETACHED.replace("x =", "# ä🙂\nx ="));
    let report = folder.run(&["a.tg", "--format", "json"]).is(1).json();
    assert_eq!(keys(&report), ["schema", "diagnostics", "files"]);
    let finding = &report["diagnostics"][0];
    let all = ["file", "rule", "name", "severity", "certainty", "message", "range", "predicts", "causes", "help", "confirmed"];
    assert_eq!(keys(finding), all);
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["certainty"], "always");
    assert_eq!(finding["range"]["start"]["line"], 5);
    assert_eq!(keys(&finding["range"]["end"]), ["line", "column", "utf16", "offset"]);
    assert_eq!(keys(&finding["predicts"]), ["kind", "error", "torch_message", "range"]);
    assert_eq!(finding["predicts"]["torch_message"], "element 0 of tensors does not require grad and does not have a grad_fn");
    assert!(finding["causes"].as_array().is_some_and(|causes| !causes.is_empty()));
    assert_eq!(keys(&finding["causes"][0]), ["message", "file", "range"]);
    assert_eq!(finding["confirmed"], Value::Null);
    assert_eq!(report["files"][0]["status"], "ok");
}

#[test]
fn columns_are_counted_in_three_ways() {
    let seen = run(None, &["-", "--format", "json"], "s = \"ä🙂\"; y = nowhere\n".as_bytes());
    let start = &seen.is(2).json()["diagnostics"][0]["range"]["start"];
    assert_eq!((&start["column"], &start["utf16"], &start["offset"]), (&15.into(), &16.into(), &18.into()));
}

#[test]
fn a_syntax_error_is_a_diagnostic() {
    let report = run(None, &["-", "--format", "json"], b"x = = 1\n").is(2).json();
    assert_eq!(report["diagnostics"][0]["rule"], "GL001");
    assert_eq!(report["diagnostics"][0]["predicts"]["kind"], "none");
    assert_eq!(report["files"][0]["status"], "syntax-error");
}

#[test]
fn the_json_of_a_run_has_its_form() {
    let folder = Folder::new("run");
    folder.file("bad.tg", DETACHED);
    folder.file("quiet.tg", QUIET);
    let run = folder.run(&["run", "quiet.tg", "--format", "json"]).is(0).json();
    assert_eq!(keys(&run), ["schema", "file", "outcome", "warnings", "output", "tensors"]);
    assert_eq!(run["output"], "tensor([2., 2.])\n");
    assert_eq!(run["tensors"]["x"], serde_json::json!({"shape": [2], "dtype": "f32", "requires_grad": true, "leaf": true, "grad": [2.0, 2.0]}));
    let run = folder.run(&["run", "bad.tg", "--format", "json"]).is(1).json();
    assert_eq!(run["outcome"], "raised");
    assert_eq!(run["raised"]["error"], "RuntimeError");
    assert_eq!(run["raised"]["range"]["start"]["line"], 4);
}

#[test]
fn a_run_looks_like_one_of_python() {
    let folder = Folder::new("human");
    folder.file("bad.tg", DETACHED);
    folder.file("quiet.tg", QUIET);
    assert_eq!(folder.run(&["run", "quiet.tg"]).is(0).out, "tensor([2., 2.])\n");
    let seen = folder.run(&["run", "bad.tg"]);
    seen.is(1);
    let text = "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn\n";
    assert!(seen.err.ends_with(text) && seen.err.contains("bad.tg:4:1\n    loss.backward()"), "{}", seen.err);
}

#[test]
fn findings_can_be_confirmed() {
    let folder = Folder::new("confirm");
    folder.file("bad.tg", DETACHED);
    let report = folder.run(&["bad.tg", "--confirm", "--format", "json"]).is(1).json();
    assert_eq!(report["diagnostics"][0]["confirmed"], true);
    folder.run(&["bad.tg", "--confirm"]).is(1).says("confirmed: a run raised it at this line");
}

#[test]
fn rules_are_explained() {
    run(None, &["explain", "GL101"], b"").is(0).says("backward-without-graph");
    run(None, &["explain", "syntax-error"], b"").is(0).says("GL001");
    run(None, &["explain", "GL1010"], b"").is(2).says("there is no rule `GL1010`");
    let list = run(None, &["rules"], b"");
    assert_eq!(list.is(0).out.lines().count(), gradlint::lints::RULES.len() + gradlint::lint::registry::TEXT_RULES.len());
    assert_eq!(keys(&run(None, &["rules", "--format", "json"], b"").is(0).json()), ["schema", "rules"]);
}

#[test]
fn colour_is_for_terminals() {
    let folder = Folder::new("colour");
    folder.file("bad.tg", DETACHED);
    assert!(!folder.run(&["bad.tg"]).is(1).out.contains('\x1b'), "a pipe is no terminal");
    assert!(folder.run(&["bad.tg", "--color", "always"]).is(1).out.contains('\x1b'));
    assert!(!folder.run(&["bad.tg", "--color", "never"]).is(1).out.contains('\x1b'));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let seen = run(None, &["-"], b"s = \"\x1b[31m\" + nowhere\n");
    assert!(!seen.is(2).out.contains('\x1b'), "{}", seen.out);
}

#[test]
fn a_closed_pipe_is_no_crash() {
    let folder = Folder::new("pipe");
    folder.file("bad.tg", DETACHED.repeat(200));
    let mut child = command(Some(&folder.0), &["bad.tg"]).spawn().expect("starts");
    let mut first = [0; 1];
    child.stdout.take().expect("piped").read_exact(&mut first).expect("something is written");
    let output = child.wait_with_output().expect("ends");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("bug"), "{output:?}");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn a_file_that_changes_is_read_once() {
    let folder = Folder::new("changing");
    folder.file("a.tg", DETACHED);
    let path = folder.0.join("a.tg");
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = done.clone();
    let writer = std::thread::spawn(move || {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            std::fs::write(&path, DETACHED.repeat(50)).expect("written");
            std::fs::write(&path, "x = 1\n").expect("written");
        }
    });
    for _ in 0..10 {
        let seen = folder.run(&["a.tg"]);
        assert!([0, 1, 2].contains(&seen.status) && !seen.err.contains("bug"), "{}", seen.err);
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().expect("joined");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let once = || run(Some(root), &["examples", "--format", "json"], b"").out;
    assert_eq!(once(), once());
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("an object: {value}")).keys().map(String::as_str).collect()
}
