"""Signals that are never lost, whichever thread of the process the kernel gives them to.

CPython runs signal handlers in the main thread alone. If that thread sleeps on a lock and the
kernel hands the signal to another thread (it does when two arrive together, as with Ctrl+C in a
terminal and `systemctl stop`), nobody wakes it: the handler runs when something else does. And a
handler that interrupts `threading.Event.wait` just inside its lock blocks in `Event.set` for ever.
What is sure is the one byte that the C part of every handler writes to the "wakeup fd".
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SignalEvent:
    """An event for the main thread to wait for, which every signal wakes.

    Has the methods of threading.Event that Granian's parent process uses. POSIX only.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._reader, self._writer = open_wakeup_pipe()

    def is_set(self) -> bool:
        """Say whether the event has happened since the last clear()."""
        return self._is_set

    def set(self) -> None:
        """Let the event happen; may be called in a signal handler and in any thread."""
        self._is_set = True
        # A pipe that is full of wakes needs no more of them.
        with suppress(BlockingIOError):
            os.write(self._writer, b"\0")

    def clear(self) -> None:
        """Forget that the event has happened."""
        self._is_set = False

    def wait(self) -> None:
        """Wait for the event in the main thread; handlers of signals run while it waits."""
        while not self._is_set:
            select.select([self._reader], [], [])
            # Before the flag is looked at again, so that no wake is lost in between.
            os.read(self._reader, 4096)


def open_wakeup_pipe() -> tuple[int, int]:
    """Return a pipe into which every signal that has a handler writes its number."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader, writer


def call_at_stop(stop: Callable[[], None]) -> None:
    """Call a function once, in a thread of its own, when a signal to stop arrives."""
    reader, _ = open_wakeup_pipe()
    for number in STOP_SIGNALS:
        signal.signal(number, _do_nothing)

    def wait() -> None:
        while not set(os.read(reader, 4096)).intersection(STOP_SIGNALS):
            pass
        stop()

    threading.Thread(target=wait, name="kolben-stop", daemon=True).start()


def _do_nothing(number: int, frame: object) -> None:
    """Be a handler: without one, the signal would end the process instead of writing its byte."""


def hold() -> None:
    """Let signals that stop a process wait; child processes begin like this."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def release() -> None:
    """Let the signals in that hold() has kept waiting."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def forget_parents_handlers() -> None:
    """In a new process: be ended by signals at once, until there is something to finish."""
    signal.set_wakeup_fd(-1)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    # Only the parent acts on it; a terminal that closes sends it to all.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    release()
