"""Whether one more thread would help those that there are.

Threads help each other while they wait: for a database, another server, a disk. While they compute
they only take the interpreter lock from each other, and from the event loop.
"""

from __future__ import annotations

from kolben.entry.core_use import CoreUse

# How often a thread may be added.
INTERVAL_S = 0.01


class Growth:
    """Looks at how much this process computes, from one question to the next."""

    __slots__ = ("_use", "helps", "next_look")

    def __init__(self) -> None:
        # Whether one more would have helped when it was last looked.
        self.helps = True
        # Before this time of time.monotonic() there is nothing to be seen.
        self.next_look = 0.0
        self._use = CoreUse()

    def is_due(self, now: float) -> bool:
        """Say whether to add a thread. now: time.monotonic()."""
        if now < self.next_look:
            return False
        self.helps = not self._use.is_whole(now)
        self.next_look = now + INTERVAL_S
        return self.helps
