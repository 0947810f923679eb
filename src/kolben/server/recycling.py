"""When a worker that serves well is replaced all the same: it is old, worn or large."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from kolben.server.supervisor import Worker

# Each worker's limits are this much apart from what is set, at most: not all at once.
JITTER = 0.1
# What a worker holds at its beginning is no growth.
YOUNG_S = 5.0
_MIB = 1024 * 1024


class Recycling:
    """The limits of workers; 0: none.

    requests_of, memory_of: what a process has answered, and bytes that it holds; None if unknown.
    """

    def __init__(
        self,
        limits: tuple[int, int, int],
        requests_of: Callable[[int], int | None],
        memory_of: Callable[[int], int | None],
    ) -> None:
        """Take the limits: requests, seconds, MiB."""
        self._limits = limits
        self._requests_of = requests_of
        self._memory_of = memory_of

    def __call__(self, worker: Worker) -> str | None:
        """Return why a worker is to be replaced; None if it is not."""
        pid = worker.process.pid
        assert pid is not None
        requests, seconds, mebibytes = self._limits
        # Of a seed, so that it is the same however often this is asked.
        factor = 1 + random.Random(pid).uniform(-JITTER, JITTER)  # noqa: S311  # nothing secret
        age_s = time.monotonic() - worker.ready_at
        if seconds and age_s >= seconds * factor:
            return f"has served for {age_s:.0f} s"
        if requests:
            answered = self._requests_of(pid) or 0
            if answered >= requests * factor:
                return f"has answered {answered:,} requests"
        if mebibytes and age_s >= YOUNG_S:
            held = (self._memory_of(pid) or 0) / _MIB
            if held > mebibytes:
                return f"holds {held:.0f} MiB"
        return None
