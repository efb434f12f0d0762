//! The command as a whole: what it does with bad input, its exit statuses, its streams, the form of its JSON.

use std::io::Read;
use std::path::Path;

use command::{DETACHED, Folder, QUIET, command, keys, run};
use serde_json::Value;

#[path = "support/command.rs"]
#[allow(missing_docs, reason = "helpers of tests")]
mod command;

#[test]
fn an_empty_file_is_fine() {
    let folder = Folder::new("empty");
    folder.file("a.tg", "");
    folder.run(&["a.tg"]).is(0);
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = Folder::new("unreadable");
    folder.file("binary.tg", [0_u8, 159, 146, 150]);
    folder.file("latin.tg", b"x = 1 # caf\xe9\n");
    folder
        .run(&["binary.tg"])
        .is(2)
        .says("binary.tg: a binary file");
    folder
        .run(&["latin.tg"])
        .is(2)
        .says("latin.tg: not UTF-8 at byte 11");
    folder
        .run(&["missing.tg"])
        .is(2)
        .says("missing.tg: no such file or folder");
    folder.run(&["run", "."]).is(2).says("this is a folder");
    folder
        .run(&["run", "missing.tg"])
        .is(2)
        .says("no such file or folder");
    folder
        .run(&["emit", "missing.tg", "--to", "tg"])
        .is(2)
        .says("no such file or folder");
    let seen = folder.run(&["missing.tg", "--format", "json"]);
    assert_eq!(seen.is(2).json()["files"][0]["status"], "unreadable");
}

#[test]
#[cfg(target_os = "linux")]
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
    let files: Vec<String> = seen.is(1).json()["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| file["file"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(files, ["p/a.tg", "p/b.tg", "p/sub/c.tg"]);
    let again = folder.run(&["p/sub/c.tg", "p", "p/a.tg", "--format", "json"]);
    assert_eq!(
        seen.out, again.out,
        "each file once, whatever the order of the arguments"
    );
}

#[test]
fn a_folder_without_programs_is_said() {
    let folder = Folder::new("nothing");
    folder.file("sub/notes.txt", "");
    folder
        .run(&["sub"])
        .is(2)
        .says("without `.tg`, `.py` or `.ipynb` files");
}

#[test]
fn python_files_are_linted_as_they_stand() {
    let folder = Folder::new("python");
    folder.file(
        "a.py",
        "import torch as t\nfrom elsewhere import data\n\nx = data()\ny = t.ones(2)\nif x:\n    y.sum().backward()\n",
    );
    let diagnostic = folder.run(&["a.py", "--format", "json"]).json()["diagnostics"][0].clone();
    assert_eq!(diagnostic["rule"], "GL101");
    assert_eq!(diagnostic["range"]["start"]["line"], 7);
    assert_eq!(diagnostic["range"]["start"]["column"], 5);
}

#[test]
fn comments_silence_findings() {
    let folder = Folder::new("suppress");
    let program =
        "import torch\nx = torch.ones(2)\n# gradlint: ignore[GL101]\nx.sum().backward()\n";
    folder.file("a.py", program);
    folder.run(&["a.py"]).is(0);
    folder.file("b.py", program.replace("GL101", "GL102"));
    folder.run(&["b.py"]).is(1);
    folder.file(
        "c.tg",
        "x = ones(2)\nx.sum().backward()  # gradlint: ignore\n",
    );
    folder.run(&["c.tg"]).is(0);
    folder.file(
        "d.tg",
        "# gradlint: ignore-file[backward-without-graph]\n\nx = ones(2)\nx.sum().backward()\n",
    );
    folder.run(&["d.tg"]).is(0);
}

#[test]
fn a_python_file_is_linted_as_far_as_it_parses() {
    let folder = Folder::new("broken");
    folder.file("a.py", "import torch\nx = (\ny = torch.ones(2)\n");
    folder.run(&["a.py"]).is(2).says("GL001");
    folder.file("deep.py", format!("x = {}", "(".repeat(100_000)));
    folder
        .run(&["deep.py"])
        .is(2)
        .says("too many nested parentheses");
}

/// Cells as a notebook's file has them: kind and source.
fn notebook(cells: &[(&str, &str)]) -> String {
    let cells = cells.iter().map(
        |(kind, source)| serde_json::json!({"cell_type": kind, "metadata": {}, "source": source}),
    );
    let cells: Vec<_> = cells.collect();
    let language = serde_json::json!({"language_info": {"name": "python"}});
    serde_json::json!({"nbformat": 4, "metadata": language, "cells": cells}).to_string()
}

#[test]
fn a_notebook_is_linted_cell_after_cell() {
    let folder = Folder::new("notebook");
    let cells = [
        ("markdown", "# Training"),
        (
            "code",
            "%matplotlib inline\n!pip install torch\nimport torch",
        ),
        (
            "code",
            "w = torch.ones(2, requires_grad=True)\nd = w.detach()",
        ),
        ("code", "%%bash\nls *.py"),
        ("code", "%%time\nloss = (d * 2).sum()\nloss.backward()"),
    ];
    folder.file("a.ipynb", notebook(&cells));
    let concise = folder.run(&["a.ipynb", "--format", "concise"]);
    concise.is(1).says("a.ipynb:cell 4:3:1: error[GL101]");
    folder
        .run(&["a.ipynb"])
        .says("at a.ipynb:cell 2:2:5 the graph is cut here");
    let start =
        folder.run(&["a.ipynb", "--format", "json"]).json()["diagnostics"][0]["range"]["start"]
            .clone();
    assert_eq!((&start["cell"], &start["line"]), (&4.into(), &3.into()));
    // A cell that is mended is quiet, and one cell's syntax error leaves the others linted.
    let mended = cells.map(|(kind, source)| (kind, source.replace("w.detach()", "w * 1")));
    let mended: Vec<(&str, &str)> = mended
        .iter()
        .map(|(kind, source)| (*kind, &**source))
        .collect();
    folder.file("a.ipynb", notebook(&mended));
    folder.run(&["a.ipynb"]).is(0);
    let broken = [cells.as_slice(), &[("code", "x = (")]].concat();
    folder.file("a.ipynb", notebook(&broken));
    folder
        .run(&["a.ipynb"])
        .is(2)
        .says("GL101")
        .says("a.ipynb:cell 5:");
}

#[test]
fn what_is_no_notebook_is_said_to_be_none() {
    let folder = Folder::new("no-notebook");
    for (text, reason) in [
        ("{}", "it has no `cells`"),
        ("", "not a notebook: EOF"),
        (
            r#"{"cells": [], "metadata": {"language_info": {"name": "R"}}}"#,
            "a notebook in R",
        ),
    ] {
        folder.file("b.ipynb", text);
        folder.run(&["b.ipynb"]).is(2).says(reason);
    }
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
        folder.file(
            "a.tg",
            format!("x = {}1{}\n", open.repeat(100_000), close.repeat(100_000)),
        );
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
    assert_eq!(
        folder.run(&["b.tg", "--format", "json"]).json()["files"][0]["status"],
        "syntax-error"
    );
}

#[test]
fn shapes_that_do_not_fit_are_found() {
    let folder = Folder::new("shapes");
    folder.file("a.tg", "x = ones(2)\ny = ones(3)\nz = x + y\n");
    let text =
        "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0";
    folder.run(&["a.tg"]).is(1).says(text);
}

#[test]
fn a_program_without_end_is_linted_in_finite_time() {
    let folder = Folder::new("bounds");
    folder.file("memory.tg", "x = zeros(1000000, 1000000)\n");
    folder.file("loop.tg", "while true {}\n");
    folder.file("deep.tg", "fn f(n) { return f(n + 1) }\nf(0)\n");
    for name in ["memory.tg", "loop.tg", "deep.tg"] {
        let seen = folder.run(&[name]);
        assert!(seen.status < 2, "{name}: {}", seen.err);
    }
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
    folder
        .run(&["bad.tg", "--select", "backward-without-graph"])
        .is(1);
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
    folder
        .run(&["bad.tg", "--select", "GL999"])
        .is(2)
        .says("there is no rule `GL999`");
    folder
        .run(&["bad.tg", "--ignore", "backward-without-grap"])
        .is(2)
        .says("did you mean `backward-without-graph`");
    for args in [
        &["bad.tg", "--format", "sarif"],
        &["bad.tg", "--config", "x"],
        &["graph", "bad.tg"][..],
        &["lsp"],
    ] {
        folder.run(args).is(2).says("not available yet");
    }
}

#[test]
fn standard_input_has_a_name() {
    let seen = run(None, &["-", "--format", "concise"], DETACHED.as_bytes());
    assert!(
        seen.is(1).out.starts_with("<stdin>:4:1: error[GL101]: "),
        "{}",
        seen.out
    );
    let seen = run(
        None,
        &["-", "--stdin-filename", "a/b.tg", "--format", "concise"],
        DETACHED.as_bytes(),
    );
    assert!(
        seen.is(1).out.starts_with("a/b.tg:4:1: error[GL101]: "),
        "{}",
        seen.out
    );
}

#[test]
fn findings_are_on_standard_output_and_the_rest_is_not() {
    let folder = Folder::new("streams");
    folder.file("bad.tg", DETACHED);
    let seen = folder.run(&["bad.tg", "missing.tg", "--statistics"]);
    seen.is(2);
    assert!(
        seen.out.starts_with("error[GL101]") && !seen.out.contains("missing.tg"),
        "{}",
        seen.out
    );
    assert!(
        seen.err.contains("missing.tg") && seen.err.contains("1  GL101  backward-without-graph"),
        "{}",
        seen.err
    );
}

#[test]
fn the_json_of_a_lint_has_its_form() {
    let folder = Folder::new("json");
    folder.file("a.tg", DETACHED.replace("x =", "# ä🙂\nx ="));
    let report = folder.run(&["a.tg", "--format", "json"]).is(1).json();
    assert_eq!(keys(&report), ["schema", "diagnostics", "files"]);
    let finding = &report["diagnostics"][0];
    let all = [
        "file",
        "rule",
        "name",
        "severity",
        "certainty",
        "message",
        "range",
        "predicts",
        "causes",
        "help",
        "confirmed",
    ];
    assert_eq!(keys(finding), all);
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["certainty"], "always");
    assert_eq!(finding["range"]["start"]["line"], 5);
    assert_eq!(
        keys(&finding["range"]["end"]),
        ["line", "column", "utf16", "offset"]
    );
    assert_eq!(
        keys(&finding["predicts"]),
        ["kind", "error", "torch_message", "range"]
    );
    assert_eq!(
        finding["predicts"]["torch_message"],
        "element 0 of tensors does not require grad and does not have a grad_fn"
    );
    assert!(
        finding["causes"]
            .as_array()
            .is_some_and(|causes| !causes.is_empty())
    );
    assert_eq!(keys(&finding["causes"][0]), ["message", "file", "range"]);
    assert_eq!(finding["confirmed"], Value::Null);
    assert_eq!(report["files"][0]["status"], "ok");
}

#[test]
fn columns_are_counted_in_three_ways() {
    let seen = run(
        None,
        &["-", "--format", "json"],
        "s = \"ä🙂\"; y = nowhere\n".as_bytes(),
    );
    let start = &seen.is(2).json()["diagnostics"][0]["range"]["start"];
    assert_eq!(
        (&start["column"], &start["utf16"], &start["offset"]),
        (&15.into(), &16.into(), &18.into())
    );
}

#[test]
fn a_syntax_error_is_a_diagnostic() {
    let report = run(None, &["-", "--format", "json"], b"x = = 1\n")
        .is(2)
        .json();
    assert_eq!(report["diagnostics"][0]["rule"], "GL001");
    assert_eq!(report["diagnostics"][0]["predicts"]["kind"], "none");
    assert_eq!(report["files"][0]["status"], "syntax-error");
}

#[test]
fn rules_are_explained() {
    run(None, &["explain", "GL101"], b"")
        .is(0)
        .says("backward-without-graph");
    run(None, &["explain", "syntax-error"], b"")
        .is(0)
        .says("GL001");
    run(None, &["explain", "GL1010"], b"")
        .is(2)
        .says("there is no rule `GL1010`");
    let list = run(None, &["rules"], b"");
    assert_eq!(
        list.is(0).out.lines().count(),
        gradlint::lints::RULES.len() + gradlint::lint::registry::TEXT_RULES.len()
    );
    assert_eq!(
        keys(&run(None, &["rules", "--format", "json"], b"").is(0).json()),
        ["schema", "rules"]
    );
}

#[test]
fn colour_is_for_terminals() {
    let folder = Folder::new("colour");
    folder.file("bad.tg", DETACHED);
    assert!(
        !folder.run(&["bad.tg"]).is(1).out.contains('\x1b'),
        "a pipe is no terminal"
    );
    assert!(
        folder
            .run(&["bad.tg", "--color", "always"])
            .is(1)
            .out
            .contains('\x1b')
    );
    assert!(
        !folder
            .run(&["bad.tg", "--color", "never"])
            .is(1)
            .out
            .contains('\x1b')
    );
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
    let mut child = command(Some(&folder.0), &["bad.tg"])
        .spawn()
        .expect("starts");
    let mut first = [0; 1];
    child
        .stdout
        .take()
        .expect("piped")
        .read_exact(&mut first)
        .expect("something is written");
    let output = child.wait_with_output().expect("ends");
    assert!(
        !String::from_utf8_lossy(&output.stderr).contains("bug"),
        "{output:?}"
    );
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
        assert!(
            [0, 1, 2].contains(&seen.status) && !seen.err.contains("bug"),
            "{}",
            seen.err
        );
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
