#!/usr/bin/env python3
"""Runs scripts under real PyTorch, many in one process, for tests/differential.rs.

Reads one JSON string (a script) a line on standard input and answers one JSON object a line with what happened, in the
form of tests/oracle/recorded.json; lines are those of the script. A script that takes too long is answered with
the outcome `timeout`.
"""
import io
import json
import pathlib
import signal
import sys
import warnings

import torch
import torch._dynamo  # Optimizers import it on first use, for a second.

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oracle"))
from record import innermost, tensor_state, tracer  # noqa: E402

LIMIT_S = 20
PATH = "<program>"


class Timeout(BaseException):
    pass


def on_alarm(*_):
    raise Timeout


def calling():
    """The line of the script that is at work, where one of PyTorch's own warns."""
    frame = sys._getframe()
    while frame is not None and frame.f_code.co_filename != PATH:
        frame = frame.f_back
    return frame and frame.f_lineno


def run(script, stdout):
    seen = []

    def show(message, category, file, line, *rest):
        seen.append({"text": str(message), "line": line if file == PATH else calling()})

    warnings.showwarning = show
    torch.manual_seed(0)
    torch.set_grad_enabled(True)
    names = {"__name__": "__main__", "__file__": PATH}
    record = {"outcome": "finished"}
    raised, last = [], None
    code = compile(script, PATH, "exec")
    sys.stdout = io.StringIO()
    sys.settrace(tracer(PATH, raised))
    try:
        exec(code, names)
    except Timeout:
        sys.settrace(None)
        sys.stdout = stdout
        return {"outcome": "timeout", "caught": [], "warnings": [], "stdout": "", "tensors": {}}
    except Exception as error:
        last = error
        record = {"outcome": "raised", "type": type(error).__name__, "text": str(error), "line": innermost(error, PATH)}
    sys.settrace(None)
    torch.set_grad_enabled(True)
    record["caught"] = [event for error, event in raised if error is not last]
    record["warnings"] = list(seen)
    record["stdout"] = sys.stdout.getvalue()
    sys.stdout = stdout
    record["tensors"] = {k: tensor_state(v) for k, v in names.items() if isinstance(v, torch.Tensor)}
    for name, state in record["tensors"].items():
        if "unreadable" not in state:
            state["strides"] = list(names[name].stride())
    return record


def main():
    signal.signal(signal.SIGALRM, on_alarm)
    warnings.simplefilter("always")
    torch.set_num_threads(1)
    stdout = sys.stdout
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        signal.alarm(LIMIT_S)
        answer = run(json.loads(line), stdout)
        signal.alarm(0)
        stdout.write(json.dumps(answer) + "\n")
        stdout.flush()


if __name__ == "__main__":
    main()
