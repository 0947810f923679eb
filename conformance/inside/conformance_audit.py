"""Record, from inside every interpreter of an environment, which Flask it loads.

A .pth line imports this at the start of each interpreter. A record is one file of JSON lines per
process, in the folder `audit` of the environment; without that folder nothing is recorded.
Every line is written when the thing happens, for many interpreters are killed before they exit.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from types import CodeType

# Both are read now: suites change sys.prefix and sys.path.
_RECORDS = os.path.join(sys.prefix, "audit")
_REAL_FLASK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flask") + os.sep
_START = time.time_ns()


def _write(event: str, **details: object) -> None:
    line = json.dumps({"event": event, "pid": os.getpid(), **details}) + "\n"
    # The start time keeps apart two processes that had the same id one after the other.
    path = os.path.join(_RECORDS, f"{os.getpid()}-{_START}.jsonl")
    # Not open(): tests put mocks in its place.
    record = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(record, line.encode())
    finally:
        os.close(record)


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "exec":
        code = arguments[0]
        # A module's own body; functions that are built with exec() carry other names.
        if isinstance(code, CodeType) and code.co_filename.startswith(_REAL_FLASK):
            _write("real", file=code.co_filename)
    elif event == "import" and str(arguments[0]).partition(".")[0] == "flask":
        _write("import", alias=_is_alias_live())


def _is_alias_live() -> bool:
    return any(getattr(finder, "__module__", "") == "kolben.drop_in" for finder in sys.meta_path)


def _write_exit() -> None:
    # importlib.import_module raises no audit event, so what is loaded is looked at once more.
    files = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    real = sorted(file for file in files if file.startswith(_REAL_FLASK))
    _write("exit", flask="flask" in sys.modules, alias=_is_alias_live(), real=real)


def _begin_child() -> None:
    _write("start", forked_from=os.getppid(), argv=sys.orig_argv)


if os.path.isdir(_RECORDS):
    _write("start", forked_from=None, argv=sys.orig_argv)
    sys.addaudithook(_watch)
    atexit.register(_write_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_begin_child)
