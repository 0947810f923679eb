"""A pool of threads and the requests for it, on a clock that costs no time."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from kolben.entry import admission
from kolben.entry.admission import Admission


@dataclass
class Run:
    """What became of requests: when each came, and how long it waited; None: it was refused."""

    seen: list[tuple[float, float | None]] = field(default_factory=list)
    # How long those had waited that were refused after it.
    late_s: list[float] = field(default_factory=list)

    def waits(self, since: float = 0.0, until: float = 1e9) -> list[float]:
        """Return how long those waited that came in a time and were let in, the shortest first."""
        return sorted(w for at, w in self.seen if since <= at < until and w is not None)

    def refused(self, since: float = 0.0, until: float = 1e9) -> int:
        """Count those that came in a time and were refused."""
        return sum(w is None for at, w in self.seen if since <= at < until)


class Queueing:
    """Threads that do what an Admission lets in, first come, first served.

    service: gives the time of the next job, in seconds.
    """

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        service: Callable[[], float],
        threads: int = 4,
        most: int = 1024,
    ) -> None:
        self.now = 1000.0
        patch.setattr(admission, "monotonic", lambda: self.now)
        self.admission = Admission(most, lambda: threads)
        self.waiting: deque[int] = deque()
        self.run = Run()
        self._service = service
        self._idle = threads
        self._ends: list[tuple[float, float, int]] = []
        self._came: list[float] = []
        self._again: dict[int, Callable[[], None]] = {}

    def ask(self, again: Callable[[], None] | None = None) -> bool:
        """Have a request come now; again: called when it has been answered."""
        waiting = len(self.waiting)
        if waiting and not self.admission.admits(waiting):
            self.run.seen.append((self.now, None))
            return False
        number = len(self._came)
        self._came.append(self.now)
        if again is not None:
            self._again[number] = again
        self.waiting.append(number)
        self._begin()
        return True

    def _begin(self) -> None:
        while self._idle and self.waiting:
            number = self.waiting.popleft()
            came = self._came[number]
            if self.admission.is_late(came):
                self.run.seen.append((came, None))
                self.run.late_s.append(self.now - came)
                continue
            self._idle -= 1
            self.admission.begun += 1
            self.run.seen.append((came, self.now - came))
            took_s = self._service()
            heapq.heappush(self._ends, (self.now + took_s, took_s, number))

    def until(self, time: float) -> None:
        """Let the time pass."""
        while self._ends and self._ends[0][0] <= time:
            self.now, took_s, number = heapq.heappop(self._ends)
            self._idle += 1
            self.admission.note_service(took_s)
            if number in self._again:
                self._again.pop(number)()
            self._begin()
        self.now = time

    def load(self, rate: float, seconds: float, seed: int = 7) -> None:
        """Have requests come at random, on average so many a second."""
        for time in poisson(rate, self.now, self.now + seconds, seed):
            self.until(time)
            self.ask()

    def clients(self, number: int, seconds: float) -> None:
        """Have clients ask again and again, each as soon as it has its answer."""
        end = self.now + seconds

        def ask() -> None:
            if self.now < end:
                self.ask(ask)

        for _ in range(number):
            ask()
        self.until(end)


def poisson(rate: float, since: float, until: float, seed: int) -> Iterator[float]:
    """Give the times of a Poisson process."""
    chance = random.Random(seed)
    while (since := since + chance.expovariate(rate)) < until:
        yield since


def in_turn(times_s: Iterable[float]) -> Callable[[], float]:
    """Return a service whose times are given."""
    return iter(times_s).__next__
