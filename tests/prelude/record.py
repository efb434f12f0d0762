#!/usr/bin/env python3
"""Records what real PyTorch does with the programs of tests/prelude/programs, as the truth for tests/prelude.rs.

Takes the options of tests/oracle/record.py, which does the work.
"""
import importlib.util
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
# The recorder of the oracle programs also reads the examples: not here.
spec = importlib.util.spec_from_file_location("oracle_record", HERE.parent / "oracle" / "record.py")
recorder = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recorder)
recorder.HERE = HERE
recorder.RECORDED = HERE / "recorded.json"
if not any(argument.endswith(".tg") for argument in sys.argv[1:]):
    sys.argv += [str(path) for path in sorted(HERE.glob("programs/*.tg"))]
recorder.main()
