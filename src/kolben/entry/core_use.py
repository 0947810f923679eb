"""Whether this process computes as much as one core can."""

from __future__ import annotations

from time import process_time

# What part of a core counts as all of it.
MOST_USED = 0.7


class CoreUse:
    """Looks at how much this process computes, from one question to the next."""

    __slots__ = ("_since", "_used_s")

    def __init__(self) -> None:
        self._since = 0.0
        self._used_s = 0.0

    def is_whole(self, now: float) -> bool:
        """Say whether a core was used since the last question. now: time.monotonic()."""
        took_s, self._since = now - self._since, now
        used_before_s, self._used_s = self._used_s, process_time()
        return self._used_s - used_before_s >= took_s * MOST_USED
