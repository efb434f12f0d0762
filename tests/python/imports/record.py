#!/usr/bin/env python3
"""Records what real PyTorch does with each program of this folder (a folder each, begun in its train.py), in truth.json.

usage: OMP_NUM_THREADS=1 python record.py    (a Python with PyTorch 2.15)

Of each: `raises` with the exception's type, text, file and line (the innermost of the program's own), or `clean`; and the
parameters of the modules that train.py names that have no gradient at the end (`none`). Packages that are not there are
empty ones whose `setup` does nothing.
"""
import json, os, pathlib, subprocess, sys, traceback, types, warnings

HERE = pathlib.Path(__file__).parent.resolve()


def run(folder):
    import torch

    sys.dont_write_bytecode = True
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    missing = types.ModuleType("missing_package")
    missing.setup = lambda **options: None
    sys.modules["missing_package"] = missing
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    names = {"__name__": "__main__"}
    result = {"outcome": "clean"}
    stdout, sys.stdout = sys.stdout, open(os.devnull, "w")
    try:
        exec(compile((folder / "train.py").read_text(), str(folder / "train.py"), "exec"), names)
    except BaseException as e:
        frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename.startswith(str(folder))]
        last = frames[-1]
        file = str(pathlib.Path(last.filename).relative_to(folder))
        result = {"outcome": "raises", "type": type(e).__name__, "text": str(e).split("\n")[0], "file": file, "line": last.lineno}
    finally:
        sys.stdout = stdout
    modules = {name: value for name, value in names.items() if isinstance(value, torch.nn.Module)}
    none = [f"{name}.{p}" for name, value in modules.items() for p, tensor in value.named_parameters() if tensor.grad is None]
    print(json.dumps(result | {"none": none}))


if len(sys.argv) > 1:
    run(pathlib.Path(sys.argv[1]))
else:
    one = lambda folder: json.loads(subprocess.check_output([sys.executable, __file__, str(folder)]))
    folders = sorted(path for path in HERE.iterdir() if (path / "train.py").exists())
    truth = {folder.name: one(folder) for folder in folders}
    (HERE / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
