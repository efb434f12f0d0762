//! `gradlint run` and `--confirm` as commands. That runs do what PyTorch does is for `tests/oracle.rs` to show.

use command::{DETACHED, Folder, QUIET, keys};

#[path = "support/command.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "helpers of tests, of which this uses some"
)]
mod command;

#[test]
fn an_empty_program_finishes() {
    let folder = Folder::new("empty");
    folder.file("a.tg", "");
    folder.run(&["run", "a.tg"]).is(0);
}

#[test]
fn shapes_that_do_not_fit_raise() {
    let folder = Folder::new("shapes");
    folder.file("a.tg", "x = ones(2)\ny = ones(3)\nz = x + y\n");
    let text =
        "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0";
    folder
        .run(&["run", "a.tg"])
        .is(1)
        .says(text)
        .says("a.tg:3:5");
}

#[test]
fn what_lapack_cannot_do_is_an_error_of_its_own() {
    let folder = Folder::new("singular");
    let text = "try {\n    linalg.inv(ones(2, 2))\n} catch RuntimeError as e {\n    print(type(e).__name__)\n}\n";
    folder.file("a.tg", text);
    folder.run(&["run", "a.tg"]).is(0).says("_LinAlgError");
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
    folder
        .run(&["run", "loop.tg", "--max-steps", "1000"])
        .is(2)
        .says("steps");
}

#[test]
fn the_json_of_a_run_has_its_form() {
    let folder = Folder::new("run");
    folder.file("bad.tg", DETACHED);
    folder.file("quiet.tg", QUIET);
    let run = folder
        .run(&["run", "quiet.tg", "--format", "json"])
        .is(0)
        .json();
    assert_eq!(
        keys(&run),
        ["schema", "file", "outcome", "warnings", "output", "tensors"]
    );
    assert_eq!(run["output"], "tensor([2., 2.])\n");
    assert_eq!(
        run["tensors"]["x"],
        serde_json::json!({"shape": [2], "dtype": "f32", "requires_grad": true, "leaf": true, "grad": [2.0, 2.0]})
    );
    let run = folder
        .run(&["run", "bad.tg", "--format", "json"])
        .is(1)
        .json();
    assert_eq!(run["outcome"], "raised");
    assert_eq!(run["raised"]["error"], "RuntimeError");
    assert_eq!(run["raised"]["range"]["start"]["line"], 4);
}

#[test]
fn a_run_looks_like_one_of_python() {
    let folder = Folder::new("human");
    folder.file("bad.tg", DETACHED);
    folder.file("quiet.tg", QUIET);
    assert_eq!(
        folder.run(&["run", "quiet.tg"]).is(0).out,
        "tensor([2., 2.])\n"
    );
    let seen = folder.run(&["run", "bad.tg"]);
    seen.is(1);
    let text =
        "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn\n";
    assert!(
        seen.err.ends_with(text) && seen.err.contains("bad.tg:4:1\n    loss.backward()"),
        "{}",
        seen.err
    );
}

#[test]
fn findings_can_be_confirmed() {
    let folder = Folder::new("confirm");
    folder.file("bad.tg", DETACHED);
    let report = folder
        .run(&["bad.tg", "--confirm", "--format", "json"])
        .is(1)
        .json();
    assert_eq!(report["diagnostics"][0]["confirmed"], true);
    folder
        .run(&["bad.tg", "--confirm"])
        .is(1)
        .says("confirmed: a run raised it at this line");
}

const OVERWRITTEN: &str = "x = ones(3, requires_grad=true)\ny = x.exp()\ny += 1\nprint(x.grad is none)\ny.sum().backward()\n";

#[test]
fn fixes_are_shown_and_made() {
    let folder = Folder::new("fix");
    folder.file("bad.tg", OVERWRITTEN);
    let shown = folder.run(&["bad.tg", "--diff"]);
    assert!(shown.out.contains("-y += 1\n+y = y + 1\n"), "{}", shown.out);
    let text = || std::fs::read_to_string(folder.0.join("bad.tg")).expect("readable");
    assert_eq!(text(), OVERWRITTEN, "`--diff` changes nothing");
    folder.run(&["bad.tg", "--fix"]).is(0);
    assert_eq!(text(), OVERWRITTEN.replace("y += 1", "y = y + 1"));
    folder.run(&["bad.tg", "--fix"]).is(0);
}

#[test]
fn what_changes_more_is_not_mended_unasked() {
    let folder = Folder::new("unsafe-fix");
    folder.file("bad.tg", DETACHED);
    let seen = folder.run(&["bad.tg", "--fix"]);
    seen.is(1);
    folder.run(&["bad.tg", "--unsafe-fixes"]).is(0);
}

#[test]
fn fixes_are_part_of_the_report() {
    let folder = Folder::new("fix-json");
    folder.file("bad.tg", OVERWRITTEN);
    let seen = folder.run(&["bad.tg", "--diff", "--format", "json"]);
    let fix = &seen.is(1).json()["diagnostics"][0]["fix"];
    assert_eq!(fix["applicability"], "safe");
    assert_eq!(fix["edits"][0]["text"], "y = y + 1");
    assert_eq!(fix["edits"][0]["range"]["start"]["line"], 3);
}

#[test]
fn where_track_was_lost_can_be_listed() {
    let folder = Folder::new("unknown");
    folder.file(
        "open.py",
        "import torch, elsewhere\nw = torch.ones(2, requires_grad=True)\nelsewhere.train(w)\nprint(w.grad)\n",
    );
    let seen = folder.run(&["open.py", "--explain-unknown"]);
    assert!(seen.out.contains("open.py:3:1: unknown: "), "{}", seen.out);
    let seen = folder.run(&["open.py", "--explain-unknown", "--format", "json"]);
    assert_eq!(seen.json()["unknown"][0]["range"]["start"]["line"], 3);
}
