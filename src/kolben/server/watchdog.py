"""In the parent: which workers still live, by the signs that they give.

Rule: it only judges. A worker that this process could not have heard, since it was stopped or
suspended itself, is given its whole time again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path

from kolben.server.life_signs import ALL_WELL, DEBUGGED, DUMP_SIGNAL
from kolben.server.stacks import describe_stack

if sys.platform != "win32":
    import fcntl

# How often a worker writes, and how often that is looked at; less for short time limits.
EVERY_S = 1.0
# New connections go to others when it has been silent for so long.
LATE_S = 3.0
# A stack is there by then, if it comes at all.
STACK_S = 0.5
# Of a hundred threads that are deep in an app.
STACK_BYTES = 1024 * 1024
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ (linux/fcntl.h)
_STATES = {"T": "is stopped (SIGSTOP)", "D": "waits for the system (a disk, say)", "Z": "is dead"}


def interval_of(timeout_s: float) -> float:
    """Return how often a worker is to write for a time limit."""
    return min(EVERY_S, timeout_s / 6)


class Verdict(Enum):
    """What is to be done about a worker."""

    REPLACE = 1  # it can still end by itself
    KILL = 2


@dataclass(eq=False)
class Signs:
    """What has been heard of a worker.

    beats, stack: pipes from it. heard_s, loop_s: when it, and its event loop, last gave a sign; 0
    before the first one.
    """

    beats: Connection
    stack: Connection
    heard_s: float = 0.0
    loop_s: float = 0.0
    began_s: float = 0.0
    asked_s: float = 0.0
    is_debugged: bool = False
    reported_s: float = 0.0
    is_late: bool = False

    def read(self, now: float) -> None:
        """Note what has come since the last time."""
        found = _read(self.beats)
        if not found:
            return
        self.heard_s = now
        self.is_debugged = found.endswith(DEBUGGED)
        if ALL_WELL in found or DEBUGGED in found:
            self.loop_s = now

    def forgive(self, now: float) -> None:
        """Let all its time begin again."""
        self.heard_s, self.loop_s = self.heard_s and now, self.loop_s and now
        self.began_s = now
        self.asked_s = 0.0

    def close(self) -> None:
        """Close the pipes, when the worker is dead."""
        self.beats.close()
        self.stack.close()


def open_signs(context: BaseContext) -> tuple[Signs | None, tuple[Connection, Connection] | None]:
    """Return what is to be heard of a new worker, and the ends of the pipes that it writes to.

    None, None where there are no such pipes.
    """
    if sys.platform == "win32":
        return None, None
    (beats, beats_end), (stack, stack_end) = context.Pipe(False), context.Pipe(False)
    for pipe in (beats, stack):
        os.set_blocking(pipe.fileno(), False)
    with suppress(OSError):
        fcntl.fcntl(stack_end.fileno(), _SET_PIPE_SIZE, STACK_BYTES)
    return Signs(beats, stack), (beats_end, stack_end)


class Watchdog:
    """Judges workers. requests_of: the requests that one works on, as lines; None if unknown."""

    def __init__(
        self,
        timeout_s: float,
        say: Callable[[str], object],
        requests_of: Callable[[int], list[str] | None],
    ) -> None:
        self.timeout_s = timeout_s
        self.interval_s = interval_of(timeout_s)
        self._late_s = min(LATE_S, timeout_s / 2)
        self._say = say
        self._requests_of = requests_of
        self._looked_s = 0.0

    def begin(self, now: float) -> None:
        """Begin to look at all; also after a time in which this process did not run."""
        self._looked_s = now

    def has_slept(self, now: float) -> bool:
        """Say whether this process was stopped, or suspended, since it last looked."""
        slept = self._looked_s > 0 and now - self._looked_s > self.interval_s + self._late_s / 2
        self._looked_s = now
        return slept

    def judge_starting(self, name: str, pid: int, signs: Signs, now: float) -> None:
        """Say once of a worker that takes long to load the app where it is; it is waited for."""
        signs.began_s = signs.began_s or now
        if signs.reported_s or now - signs.began_s < self.timeout_s:
            return
        if self._has_stack(pid, signs, now):
            signs.reported_s = now
            self._say(
                f"{name} has been loading the app for {now - signs.began_s:.0f} s, and is waited"
                f" for.{describe_stack(_read(signs.stack))}"
            )
            signs.asked_s = 0.0

    def judge(self, name: str, pid: int, signs: Signs, now: float) -> Verdict | None:
        """Return what is to be done about a worker that serves; say why."""
        signs.read(now)
        if not signs.heard_s:  # its time begins with the first look
            signs.heard_s = signs.loop_s = now
        silent_s, blocked_s = now - signs.heard_s, now - signs.loop_s
        signs.is_late = blocked_s > self._late_s
        if blocked_s < self.timeout_s:
            signs.asked_s = signs.reported_s = 0.0
            return None
        is_silent = silent_s >= self.timeout_s
        is_told = signs.reported_s > 0 and now - signs.reported_s < 2 * self.timeout_s
        if signs.is_debugged or (is_told and not is_silent) or is_traced(pid):
            return None
        if not self._has_stack(pid, signs, now):
            return None
        signs.reported_s = now
        if not is_silent:
            signs.asked_s = 0.0
            self._report(
                f"{name} has not come to its event loop for {blocked_s:.0f} s:"
                " a coroutine computes, or waits without await. It is replaced.",
                pid,
                signs,
            )
            return Verdict.REPLACE
        state = _STATES.get(state_of(pid), "holds the interpreter's lock in C code")
        self._report(
            f"{name} has given no sign of life for {silent_s:.0f} s: it {state}."
            " It is killed and replaced.",
            pid,
            signs,
        )
        return Verdict.KILL

    def report_end(self, name: str, pid: int, signs: Signs, now: float) -> bool:
        """Show what a worker does that is about to be killed; False if its stack may still come."""
        if not self._has_stack(pid, signs, now):
            return False
        self._report(f"{name} does not end.", pid, signs)
        return True

    def _has_stack(self, pid: int, signs: Signs, now: float) -> bool:
        """Ask for the stack of a worker; say whether it is there, or will not come."""
        if DUMP_SIGNAL is None or state_of(pid) in _STATES:
            return True
        if not signs.asked_s:
            signs.asked_s = now
            with suppress(ProcessLookupError):
                os.kill(pid, DUMP_SIGNAL)
        return now - signs.asked_s >= STACK_S

    def _report(self, why: str, pid: int, signs: Signs) -> None:
        requests = self._requests_of(pid)
        working = f" It worked on: {', '.join(requests)}." if requests else ""
        self._say(f"{why}{working}{describe_stack(_read(signs.stack))}")


def _read(pipe: Connection) -> bytes:
    """Return all that is in a pipe, without waiting."""
    found = b""
    with suppress(OSError):
        while part := os.read(pipe.fileno(), 65536):
            found += part
    return found


def state_of(pid: int) -> str:
    """Return the letter of a process's state, as proc(5) has it; empty where that is not known."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[0]


def is_traced(pid: int) -> bool:
    """Say whether a debugger holds a process (ptrace)."""
    try:
        text = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    except OSError:
        return False
    return any(
        line.split() != ["TracerPid:", "0"]
        for line in text.splitlines()
        if line.startswith("TracerPid:")
    )
