"""A load that does not wait for answers: so many requests a second, however the server does.

    python -m benchmarks.servers.open_load PORT PATH RATE:SECONDS...

One phase follows the other, at once. Requests come at random, on average as many a second as said;
each takes a connection that is free, or a new one. A line of JSON has what became of those that
were due in each phase. Times count from when a request was due, so that waiting for a connection
counts as well.
"""

from __future__ import annotations

import contextlib
import json
import random
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.servers.load import pinned_to

HOST = "127.0.0.1"
# Fewer than a worker holds by default.
MOST_CONNECTIONS = 4000
# Who has no answer this long after the last phase is said to hang.
PATIENCE_S = 10.0
TURN_S = 0.001
Answer = tuple[float, float, int]


@dataclass
class Phase:
    """What was asked in one phase, and what came of it.

    answers: when each was due and how long it took, in seconds, and its status.
    """

    rate: float
    seconds: float
    began: float = 0.0
    asked: int = 0
    unsent: int = 0
    answers: list[Answer] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return the figures of this phase; times in milliseconds."""
        taken = sorted(took_s for _, took_s, status in self.answers if status == 200)
        refused = sorted(took_s for _, took_s, status in self.answers if status == 503)
        others = len(self.answers) - len(taken) - len(refused)
        return {
            "asked": self.asked,
            "answered": len(taken),
            "refused": len(refused),
            "other": others,
            "hanging": self.asked - len(self.answers) - self.unsent,
            "unsent": self.unsent,
            "p50_ms": percentile(taken, 0.5),
            "p99_ms": percentile(taken, 0.99),
            "most_ms": percentile(taken, 1),
            "refused_p50_ms": percentile(refused, 0.5),
            "refused_p99_ms": percentile(refused, 0.99),
            "last_refused_s": max(
                (at - self.began for at, _, s in self.answers if s == 503), default=0.0
            ),
        }


def percentile(times_s: list[float], part: float) -> float:
    """Return the time in milliseconds that a part of sorted times keeps within; 0 for none."""
    return times_s[min(len(times_s) - 1, int(len(times_s) * part))] * 1000 if times_s else 0.0


class OpenLoad:
    """Sends requests when they are due, and takes note of their answers."""

    def __init__(self, port: int, path: str) -> None:
        self._address = HOST, port
        self._request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        self._poll = select.epoll()
        self._idle: list[socket.socket] = []
        # By file number: the connection, the phase of its request, and when that was due.
        self._busy: dict[int, tuple[socket.socket, Phase, float]] = {}

    def run(self, phases: list[Phase]) -> None:
        """Go through the phases, and wait for the answers that are missing then."""
        now = time.perf_counter()
        for phase in phases:
            phase.began = now
            for due in due_times(phase):
                while (now := time.perf_counter()) < due:
                    self._take_answers(min(TURN_S, due - now))
                self._send(phase, due)
            now = phase.began + phase.seconds
        end = now + PATIENCE_S
        while self._busy and time.perf_counter() < end:
            self._take_answers(0.1)

    def _send(self, phase: Phase, due: float) -> None:
        phase.asked += 1
        if self._idle:
            connection = self._idle.pop()
        elif len(self._busy) < MOST_CONNECTIONS:
            connection = socket.create_connection(self._address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._poll.register(connection, select.EPOLLIN)
        else:
            phase.unsent += 1
            return
        self._busy[connection.fileno()] = connection, phase, due
        with contextlib.suppress(OSError):  # closed meanwhile: the poll tells
            connection.send(self._request)
        if phase.asked % 64 == 0:
            self._take_answers(0)

    def _take_answers(self, wait_s: float) -> None:
        """Read what has come. The answers are so short that each comes as a whole."""
        for number, _ in self._poll.poll(wait_s):
            now = time.perf_counter()
            connection, phase, due = self._busy.pop(number, (None, None, 0.0))
            if connection is None or phase is None:
                self._drop(number)
                continue
            with contextlib.suppress(OSError):
                if data := connection.recv(65536):
                    phase.answers.append((due, now - due, int(data[9:12])))
                    self._idle.append(connection)
                    continue
            phase.answers.append((due, now - due, 0))
            self._poll.unregister(number)
            connection.close()

    def _drop(self, number: int) -> None:
        """Close a connection that the server has closed while it was idle."""
        self._poll.unregister(number)
        for connection in self._idle:
            if connection.fileno() == number:
                self._idle.remove(connection)
                connection.close()
                return


def due_times(phase: Phase) -> Iterator[float]:
    """Give the times at which requests are due: those of a Poisson process, alike in each run."""
    chance = random.Random(7)  # noqa: S311  # no secret
    due = phase.began
    while (due := due + chance.expovariate(phase.rate)) < phase.began + phase.seconds:
        yield due


def load_openly(port: int, path: str, phases: list[Phase], cores: str) -> Any:
    """Go through phases in a process on a core of its own; return the summary of each."""
    command = [*pinned_to(cores), sys.executable, "-m", "benchmarks.servers.open_load"]
    command += [str(port), path, *(f"{phase.rate}:{phase.seconds}" for phase in phases)]
    wait_s = sum(phase.seconds for phase in phases) + 2 * PATIENCE_S
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=wait_s)
    return json.loads(done.stdout)


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    port, path, *told = arguments
    phases = [Phase(float(rate), float(seconds)) for rate, seconds in (p.split(":") for p in told)]
    OpenLoad(int(port), path).run(phases)
    print(json.dumps([phase.summary() for phase in phases]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
