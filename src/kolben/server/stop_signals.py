"""Signals that are never lost, whichever thread of the process the kernel gives them to.

CPython runs signal handlers in the main thread alone. If that thread sleeps on a lock and the
kernel hands the signal to another thread (it does when two arrive together, as with Ctrl+C in a
terminal and `systemctl stop`), nobody wakes it: the handler runs when something else does. And a
handler that interrupts `threading.Event.wait` just inside its lock blocks in `Event.set` for ever.
What is sure is the one byte that the C part of every handler writes to the "wakeup fd".
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SignalEvent:
    """Something to wait for in the main thread (select and the like) that every signal wakes.

    POSIX only.
    """

    def __init__(self) -> None:
        self._reader, self._writer = open_wakeup_pipe()
        os.set_blocking(self._reader, False)

    def fileno(self) -> int:
        """Return the descriptor that can be read when it was woken."""
        return self._reader

    def set(self) -> None:
        """Wake who waits; may be called in a signal handler and in any thread."""
        # A pipe that is full of wakes needs no more of them.
        with suppress(BlockingIOError):
            os.write(self._writer, b"\0")

    def clear(self) -> None:
        """Forget that it was woken; before what it was woken for is looked at."""
        with suppress(BlockingIOError):
            while len(os.read(self._reader, 4096)) == 4096:
                pass


def open_wakeup_pipe() -> tuple[int, int]:
    """Return a pipe into which every signal that has a handler writes its number."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    _pipes.extend((reader, writer))
    return reader, writer


# Descriptors of this process's wakeup pipes.
_pipes: list[int] = []


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


def call_at_parents_end(stop: Callable[[], None]) -> None:
    """Call a function once, in a thread of its own, when this process has lost its parent.

    A parent that is killed tells nobody; its workers would go on, and nothing could follow it on
    its port.
    """
    parent = os.getppid()

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        stop()

    threading.Thread(target=wait, name="kolben-parent", daemon=True).start()


def wake_at_ends_of_children() -> None:
    """Have the end of each child process wake this one, as a signal to stop does."""
    signal.signal(signal.SIGCHLD, _do_nothing)


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
    _forget_pipes()
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Only the parent acts on it; a terminal that closes sends it to all. It is not ignored: what
    # this process starts would ignore it too.
    signal.signal(signal.SIGHUP, _do_nothing)
    release()


def forget_workers_handlers() -> None:
    """In a child of a worker: be ended by signals as any process is, and never wake the worker.

    A signal's number is written to the pipe of the wakeup fd, which both would have.
    """
    _forget_pipes()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is _do_nothing:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _forget_pipes() -> None:
    """Let go of what this process has of its parent's pipes for signals."""
    signal.set_wakeup_fd(-1)
    for descriptor in _pipes:
        with suppress(OSError):
            os.close(descriptor)
    _pipes.clear()
