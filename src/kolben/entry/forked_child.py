"""A child process that a view has made with `os.fork()`, where it comes back to the server's code.

It has one of the server's threads and nothing of what that thread works for. If it went on, it
would wait for requests that never come, and outlive its worker.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

# The number of the worker whose child this process is; empty in a worker. Looked at by each request
# over WSGI, and so no function.
worker_of_child: list[int] = []


def note_child() -> None:
    """Note, right after a fork, that this process is a worker's child."""
    if not worker_of_child:
        worker_of_child.append(os.getppid())


def end_child(error: BaseException | None = None) -> BaseException | None:
    """End this process if it is a child that came back to the server; do nothing in a worker.

    error: what the view raised, which is returned; SystemExit says the exit code.
    """
    if not worker_of_child or _belongs_to_multiprocessing():
        return error
    if isinstance(error, SystemExit):
        code = _code_of(error)
    else:
        code = 1 if error is not None else 0
        _say(
            f"Process {os.getpid()}, which a view made with os.fork(), came back to the server's"
            " code and is ended. Have it end itself, with os._exit().\n"
        )
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _belongs_to_multiprocessing() -> bool:
    """Say whether that module has made this process, and ends it."""
    # Whoever was made by it has it loaded; a server that makes no processes starts without it.
    module: Any = sys.modules.get("multiprocessing.process")
    parent = None if module is None else module.parent_process()
    return parent is not None and parent.pid == worker_of_child[0]


def _code_of(error: SystemExit) -> int:
    """Return the exit code as the interpreter understands it."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    _say(f"{error.code}\n")
    return 1


def _say(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
