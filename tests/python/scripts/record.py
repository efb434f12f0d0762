#!/usr/bin/env python3
"""Records what real PyTorch does with each script of this folder, in truth.json.

usage: OMP_NUM_THREADS=1 python record.py    (a Python with PyTorch 2.15)

Of each: `raises` with the exception's type, text and line (the innermost of the script's own), or `clean`; and the
parameters that an optimizer stepped over and that never had a gradient (`none`), by their position in the optimizer.
"""
import json, os, pathlib, sys, traceback, warnings
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

HERE = pathlib.Path(__file__).parent


def run(path):
    stepped, got = {}, set()

    def before(optimizer, args, kwargs):
        params = [p for group in optimizer.param_groups for p in group["params"]]
        stepped[id(optimizer)] = (optimizer, params)
        got.update(id(p) for p in params if p.grad is not None)

    handle = register_optimizer_step_pre_hook(before)
    torch.manual_seed(0)
    torch.set_grad_enabled(True)
    result = {"outcome": "clean"}
    stdout, sys.stdout = sys.stdout, open(os.devnull, "w")
    try:
        exec(compile(path.read_text(), str(path), "exec"), {"__name__": "__main__", "__file__": str(path)})
    except BaseException as e:
        lines = [f.lineno for f in traceback.extract_tb(e.__traceback__) if f.filename == str(path)]
        result = {"outcome": "raises", "type": type(e).__name__, "text": str(e).split("\n")[0], "line": lines[-1]}
    finally:
        sys.stdout = stdout
        handle.remove()
    result["none"] = [n for _, params in stepped.values() for n, p in enumerate(params) if id(p) not in got]
    return result


warnings.simplefilter("ignore")
truth = {path.name: run(path) for path in sorted(HERE.glob("*_*.py"))}
(HERE / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
