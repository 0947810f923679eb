"""Processes that the app forks from a worker: nothing of the worker is theirs.

A child of `os.fork()` or `multiprocessing` has the worker's sockets, pipes and signal handlers. It
would hold the port when the worker has ended, and a signal sent to it would stop the worker: its
number is written to the worker's pipe. Programs (`subprocess`) get none of these.
"""

from __future__ import annotations

import faulthandler
import multiprocessing.process
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import kolben.entry
from kolben.entry.forked_child import end_child, note_child
from kolben.entry.loop import running_loop
from kolben.server import stop_signals
from kolben.server.listening import Identities, forget_all, keep_from_programs


class Closable(Protocol):
    """A socket, or one end of a pipe."""

    def close(self) -> None:
        """Close it."""


# What a worker's children close at once.
_to_close: list[Closable] = []


def close_in_children(found: Closable) -> None:
    """Have a socket or pipe of this worker closed in each process that is forked from it."""
    _to_close.append(found)


class Parting:
    """What is done around each fork of a worker. listening: the server's sockets.

    dump_signal: at which this worker writes its stack, if there is one.
    """

    def __init__(self, listening: Identities, dump_signal: int | None) -> None:
        self._listening = listening
        self._dump_signal = dump_signal
        self._before = threading.local()

    def register(self) -> None:
        """Have all forks from now on part from this worker; and the programs that it starts."""
        keep_from_programs(self._listening)
        have_children_import_kolben()
        os.register_at_fork(
            before=self._hold_signals,
            after_in_parent=self._let_signals_in,
            after_in_child=self._part,
        )

    def _hold_signals(self) -> None:
        """Let no signal come between the fork and the child's own handlers."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._before.mask = mask
        self._before.loop = running_loop()

    def _let_signals_in(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before.mask)

    def _part(self) -> None:
        """Be a process of its own; called in the child, in its only thread."""
        note_child()
        stop_signals.forget_workers_handlers()
        if self._dump_signal is not None:
            faulthandler.unregister(self._dump_signal)
        for one in _to_close:
            with suppress(OSError):
                one.close()
        _to_close.clear()
        forget_all(self._listening)
        # Or its end would end theirs: multiprocessing terminates those that are daemons.
        children: Any = multiprocessing.process._children  # type: ignore[attr-defined]  # has no public name
        children.clear()
        if self._before.loop is not None:
            # The loop is the worker's. Whatever awaits it in the child has come back to the server.
            self._before.loop.call_soon(end_child)
        self._let_signals_in()


def have_children_import_kolben() -> None:
    """Have `import flask` answered in processes that `multiprocessing` spawns.

    It runs again what this process was started with, but not a package (`python -m kolben`).
    """
    main: Any = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    is_package = spec is not None and spec.name.endswith(".__main__")
    if is_package or (spec is None and getattr(main, "__file__", None) is None):
        main.__spec__ = None
        main.__file__ = str(Path(kolben.entry.__file__).parents[1] / "__main__.py")
