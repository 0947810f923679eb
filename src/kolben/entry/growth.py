"""Whether one more thread would help those that there are.

Threads help each other while they wait: for a database, another server, a disk. While they compute
they only take the interpreter lock from each other, and from the event loop.
"""

from __future__ import annotations

from time import process_time

# How often a thread may be added, and what part of a core the process may use then.
INTERVAL_S = 0.01
MOST_USED = 0.7


class Growth:
    """Looks at how much this process computes, from one question to the next."""

    __slots__ = ("_since", "_used_s", "helps", "next_look")

    def __init__(self) -> None:
        # Whether one more would have helped when it was last looked.
        self.helps = True
        # Before this time of time.monotonic() there is nothing to be seen.
        self.next_look = 0.0
        self._since = 0.0
        self._used_s = 0.0

    def is_due(self, now: float) -> bool:
        """Say whether to add a thread. now: time.monotonic()."""
        if now < self.next_look:
            return False
        took_s = now - self._since
        used_s = process_time()
        self.helps = used_s - self._used_s < took_s * MOST_USED
        self._since, self._used_s = now, used_s
        self.next_look = now + INTERVAL_S
        return self.helps
