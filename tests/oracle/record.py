#!/usr/bin/env python3
"""Runs .tg programs under real PyTorch and records what happened, as the truth for tests/oracle.rs.

usage: record.py [--gradlint BIN] [--check] [--failures FILE] [PROGRAM.tg...]

Run it with a python that has torch 2.15. Each program (by default all of tests/oracle/programs and examples) becomes a
script by `BIN emit PROGRAM --to python` and runs in a process of its own, forked after `import torch`, with seed 0 and
all warnings on. The result is written to recorded.json beside this file: one line per program.

--check     writes nothing; says where a fresh recording differs from recorded.json
--failures  compares with the measured results of a failures.json, for the programs that carry one of its ids
"""
import argparse
import ast
import io
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys
import warnings

import torch
import torch._dynamo  # Optimizers import it on first use, for a second each; every child has it from here.

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RECORDED = HERE / "recorded.json"
LIMIT_S = 30
# Elements of a tensor whose values are recorded; gradients always are.
MAX_VALUES = 64


def number(value):
    """Six significant digits; what JSON has no number for is a string."""
    if isinstance(value, (bool, int)):
        return value
    if not math.isfinite(value):
        return str(value)
    return float(f"{value:.6g}")


def numbers(tensor):
    if tensor._is_zerotensor():  # A gradient that is known to be zero has no storage to read.
        return [0.0] * tensor.numel()
    return [number(v) for v in tensor.detach().reshape(-1).tolist()]


def tensor_state(tensor):
    """The flags, version and gradient of a tensor; reading them may itself raise (a stale view)."""
    state = {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
    try:
        state["requires_grad"] = tensor.requires_grad
        state["leaf"] = tensor.is_leaf
    except RuntimeError as error:
        return {"unreadable": str(error)}
    state["version"] = None if tensor.is_inference() else tensor._version
    state["grad"] = None if tensor.grad is None else numbers(tensor.grad)
    if tensor.numel() <= MAX_VALUES:
        state["values"] = numbers(tensor)
    return state


def run(script):
    """Executes `script` in this process and returns its record, with lines of the script."""
    path = str(script)
    seen = []

    def show(message, category, file, line, *rest):
        seen.append({"text": str(message), "line": line if file == path else None})

    warnings.simplefilter("always")
    warnings.showwarning = show
    torch.manual_seed(0)
    torch.set_num_threads(1)
    names = {"__name__": "__main__", "__file__": path}
    record = {"outcome": "finished"}
    raised = []
    sys.settrace(tracer(path, raised))
    sys.stdout = io.StringIO()
    try:
        exec(compile(script.read_text(encoding="utf-8"), path, "exec"), names)
    except Exception as error:
        last = error
        record = {"outcome": "raised", "type": type(error).__name__, "text": str(error), "line": innermost(error, path)}
    sys.settrace(None)
    record["caught"] = [event for error, event in raised if record["outcome"] == "finished" or error is not last]
    record["warnings"] = list(seen)
    # Addresses of objects are the only thing printed that changes from run to run.
    record["stdout"] = re.sub(r"0x[0-9a-f]+", "0x…", sys.stdout.getvalue())
    record["tensors"] = {k: tensor_state(v) for k, v in names.items() if isinstance(v, torch.Tensor)}
    return record


def tracer(path, raised):
    """Appends to `raised` every exception, caught or not, where it comes into a line of the script."""

    def trace(frame, event, argument):
        if frame.f_code.co_filename != path:
            return None
        if event == "exception" and all(argument[1] is not error for error, _ in raised):
            kind, error, _ = argument
            raised.append((error, {"type": kind.__name__, "text": str(error), "line": frame.f_lineno}))
        return trace

    return trace


def innermost(error, path):
    line, frame = None, error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        # That the stack is full is noticed in the tracer, which is called at the head of one function too many.
        entered = isinstance(error, RecursionError) and frame.tb_lineno == code.co_firstlineno
        if code.co_filename == path and not (entered and code.co_name != "<module>"):
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def run_forked(script):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(LIMIT_S)
        os.close(r)
        try:
            with os.fdopen(w, "w") as out:
                json.dump(run(script), out)
        except BaseException as error:
            print(f"{script}: {error!r}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else None


def line_map(text):
    """The map that `gradlint emit` leaves in the script's last line: line of the script -> line of the program."""
    pairs = text.rstrip().rsplit("\n", 1)[-1].removeprefix("# lines: ").split()
    return {int(a): int(b) for a, b in (pair.split(":") for pair in pairs)}


def record(gradlint, program, scripts):
    emitted = subprocess.run([gradlint, "emit", program, "--to", "python"], capture_output=True, text=True)
    if emitted.returncode != 0:
        sys.exit(f"{program}: {emitted.stdout}{emitted.stderr}")
    script = scripts / (program.stem + ".py")
    script.write_text(emitted.stdout, encoding="utf-8")
    result = run_forked(script)
    if result is None:
        sys.exit(f"{program}: no result (over {LIMIT_S} s, or the interpreter died)")
    to_tg = line_map(emitted.stdout)
    for place in [result, *result["warnings"], *result["caught"]]:
        if place.get("line") is not None:
            place["python_line"] = place["line"]
            place["line"] = to_tg[place["line"]]
    return result, emitted.stdout.splitlines()


def statements(code, line):
    """The simple statements of Python code that stand on a line, in one notation."""
    found = {ast.unparse(s) for s in ast.walk(ast.parse(code)) if isinstance(s, ast.stmt) and s.lineno == line}
    return {re.sub(r"torch\.(optim|nn)\.", r"\1.", s.split("\n")[0]) for s in found}


def compare_with_measured(program, result, script, measured):
    """What differs between a record and the measurement of the program that it was ported from."""
    identity = re.match(r"# id: (\S+)", program.read_text(encoding="utf-8"))
    truth = identity and measured.get(identity[1])
    if not truth:
        return []
    expected, differences = truth["result"], []
    exception = [result["type"], result["text"]] if result["outcome"] == "raised" else None
    if exception != expected["exc"]:
        differences.append(f"exception {exception} instead of {expected['exc']}")
    elif exception:
        here = statements("\n".join(script), result["python_line"])
        # `inner_line` is there where the innermost line of the program is not the one that ran at its top level.
        if not here & statements(truth["code"], expected.get("inner_line", expected["line"])):
            differences.append(f"raised at {here} instead of {expected['stmt']!r}")
    printed = re.sub(r"0x[0-9a-f]+", "0x…", expected["stdout"])
    if result["stdout"].strip() != printed.strip():
        differences.append(f"printed {result['stdout']!r} instead of {printed!r}")
    if len(result["warnings"]) != len(expected["warnings"]):
        differences.append(f"warned {result['warnings']} instead of {expected['warnings']}")
    return differences


def without_python_lines(result):
    for place in [result, *result["warnings"], *result["caught"]]:
        place.pop("python_line", None)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gradlint", default=ROOT / "target/debug/gradlint")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--failures", type=pathlib.Path)
    parser.add_argument("--scripts", type=pathlib.Path, default=ROOT / "target/oracle")
    parser.add_argument("programs", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    options.scripts.mkdir(parents=True, exist_ok=True)
    programs = options.programs or sorted([*HERE.glob("programs/*.tg"), *ROOT.glob("examples/*.tg")])
    measured = {p["id"]: p for p in json.loads(options.failures.read_text())} if options.failures else {}
    old = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {"programs": {}}
    new, differing = dict(old["programs"]) if options.programs else {}, 0
    for program in programs:
        result, script = record(options.gradlint, program, options.scripts)
        name = str(program.resolve().relative_to(ROOT))
        differences = compare_with_measured(program, result, script, measured)
        new[name] = without_python_lines(result)
        if options.check and old["programs"].get(name) != new[name]:
            differences.append(f"recorded {json.dumps(old['programs'].get(name))}, now {json.dumps(new[name])}")
        differing += bool(differences)
        for difference in differences:
            print(f"{name}: {difference}")
    print(f"{len(programs)} programs, {differing} differ")
    if options.check:
        sys.exit(differing > 0)
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in sorted(new.items()))
    RECORDED.write_text(f'{{"torch": "{torch.__version__}", "programs": {{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
