"""How many threads may be at work at once where more comes than they can do.

Threads that compute take the interpreter lock from each other, and from whoever lets requests in or
refuses them. One at a time does as much as four, and its answers are there sooner. Threads that
wait, or compute outside of the interpreter, are all needed. Which of both it is shows in what they
do: fewer are tried, and where less is done, all are at work again.
"""

from __future__ import annotations

import sys

from kolben.entry.core_use import CoreUse

ALL = sys.maxsize

# Jobs after which it is known how many are done a second, or the time after which few are.
KNOWN_AFTER = 16
LONG_S = 2.0
# Fewer threads may do this part of what more did: two do half of it where they wait.
LEAST_DONE = 0.7
# What was found holds for so long.
HOLDS_S = 30.0


class Crowding:
    """Decides for the threads of one pool; at_once is how many may be at work."""

    __slots__ = ("_begun", "_done_before", "_next_try", "_since", "_use", "at_once")

    def __init__(self) -> None:
        self.at_once = ALL
        self._use = CoreUse()
        # Since when it is counted what threads begin; None while no more comes than they can do.
        self._since: float | None = None
        self._begun = 0
        # Jobs a second with more threads than now; 0 if not known. When fewer may be tried.
        self._done_before = 0.0
        self._next_try = 0.0

    def end(self) -> None:
        """Have all at work: there is no more than they can do."""
        self._since = None
        self._have_all(0.0)

    def look(self, now: float, begun: int, threads: int) -> None:
        """Decide again, while more comes than they can do. now: time.monotonic().

        begun: jobs that threads have begun since the last look. threads: how many could be at work.
        """
        if self._since is None:
            self._measure_from(now)
            return
        self._begun += begun
        took_s = now - self._since
        if self._begun < KNOWN_AFTER and took_s < LONG_S:
            return
        done = self._begun / took_s
        if not self._measure_from(now):
            self._have_all(now)
        elif done < self._done_before * LEAST_DONE:
            self._have_all(now + HOLDS_S)
        elif now < self._next_try:
            self._done_before = 0.0
        elif self.at_once == 1:
            self._have_all(now)
        else:
            self._done_before = done
            self.at_once = max(1, min(self.at_once, threads) // 2)
            self._next_try = now + HOLDS_S * (self.at_once == 1)

    def _measure_from(self, now: float) -> bool:
        """Begin to count anew; say whether a core was used until now."""
        self._since, self._begun = now, 0
        return self._use.is_whole(now)

    def _have_all(self, next_try: float) -> None:
        self.at_once, self._done_before, self._next_try = ALL, 0.0, next_try
