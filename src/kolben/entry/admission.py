"""Whether one more request may wait for a thread.

Rule: what waits is bounded in number, and under a load that does not end also in time. Refused at
once, a client can try elsewhere or later; refused after it has waited, it has lost that time too.
"""

from __future__ import annotations

from time import monotonic

# How long a request may wait while there is always another one behind it, and how long that may
# go on before new ones are refused. Bursts are let through: their queue is empty again by then.
MOST_WAIT_S = 1.0
PATIENCE_S = 2.0


class Admission:
    """Decides for the queue of one pool of threads.

    most: requests that may wait at once, however short a time.
    """

    __slots__ = ("_late_since", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        # Since when each request has waited too long; 0 while they don't.
        self._late_since = 0.0

    def note_wait(self, wait_s: float) -> None:
        """Take note of how long a request has waited, when a thread takes it."""
        if wait_s < MOST_WAIT_S:
            if self._late_since:
                self._late_since = 0.0
        elif not self._late_since:
            self._late_since = monotonic()

    def admits(self, waiting: int) -> bool:
        """Say whether one more may wait behind those that do."""
        if not waiting:
            return True
        if waiting >= self.most:
            return False
        late_since = self._late_since
        return not late_since or monotonic() - late_since < PATIENCE_S
