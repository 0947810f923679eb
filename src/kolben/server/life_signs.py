"""In a worker: signs of life for the parent, and its stack when the parent asks for it.

A thread writes a byte to a pipe once in a while. It cannot while other code holds the interpreter's
lock, or the process is stopped. Which byte it is says whether the event loop gets on as well.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

# What a byte says: all gets on; only the thread does; a debugger may stop what it wants.
ALL_WELL, LOOP_BUSY, DEBUGGED = b"+", b"-", b"d"
# Nobody else uses it, and programs that are asked to end or reload have other names for that.
DUMP_SIGNAL: int | None = getattr(signal, "SIGRTMAX", None)
# Debuggers that stop all threads of a process at a breakpoint.
_DEBUGGERS = ("pydevd", "debugpy")


class LifeSigns:
    """What a worker shows of itself.

    beats, stack: ends of pipes to the parent, to be written to; they are kept open here.
    """

    def __init__(self, beats: Any, stack: Any, every_s: float) -> None:
        self._beats = beats
        self._stack = stack
        self._every_s = every_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_asked = False
        for pipe in (beats, stack):
            os.set_blocking(pipe.fileno(), False)

    def show_stack_when_asked(self) -> None:
        """Have the signal answered from now on, by C code that needs no interpreter lock."""
        if DUMP_SIGNAL is not None:
            faulthandler.register(DUMP_SIGNAL, file=self._stack.fileno(), all_threads=True)

    def watch_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the loop show that it gets on, too."""
        self._loop = loop

    def begin(self) -> None:
        """Begin to write, in a thread of its own."""
        thread: Any = threading.Thread(target=self._run, name="kolben-life", daemon=True)
        # As pydevd calls its own threads, which go on at a breakpoint.
        thread.pydev_do_not_trace = thread.is_pydev_daemon_thread = True
        thread.start()

    def _run(self) -> None:
        while True:
            self._ask_loop()
            try:
                os.write(self._beats.fileno(), self._sign())
            except BlockingIOError:
                pass  # the parent has not read for long, and will find those before
            except (OSError, ValueError):
                return  # the parent has ended
            time.sleep(self._every_s)

    def _sign(self) -> bytes:
        if sys.gettrace() is not None or any(name in sys.modules for name in _DEBUGGERS):
            return DEBUGGED
        return LOOP_BUSY if self._is_asked else ALL_WELL

    def _ask_loop(self) -> None:
        """Have the loop answer before the next sign, unless an answer is still due."""
        if self._loop is None or self._is_asked:
            return
        self._is_asked = True
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # it has been closed
            self._loop = None
            self._is_asked = False
        else:
            # An idle loop answers in less.
            time.sleep(min(0.01, self._every_s))

    def _answer(self) -> None:
        self._is_asked = False


def enable_fault_report() -> None:
    """Have a crash in C code write where Python was, unless that has been set up already."""
    if not faulthandler.is_enabled():
        with suppress(ValueError, OSError, AttributeError):  # stderr is closed or missing
            faulthandler.enable()
