"""Whether one more request may wait for a thread.

Rule: what waits is bounded by how long it would wait. A queue may hold what the threads do in a
second: a burst is let through. Where more keeps coming than they can do, it holds next to nothing:
what is let in is answered about as fast as ever, and what is refused can try again elsewhere. What
was let in before that showed, and has waited for long, is refused too.

The time in the queue follows from its length: with as many threads as jobs at work, it moves on by
one for each service time divided by the threads (Little's law).
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from math import ceil, inf
from time import monotonic

from kolben.entry.crowding import Crowding

# How long the queue may take at most: so long, or so many times a job. Sixteen, as clients that
# wait for their answers before they ask again are no overload, but a queue of fixed length: 64 of
# them, a usual number, at four threads.
MOST_WAIT_S = 1.0
MOST_SERVICES = 16
# And where more keeps coming than can be done: as much as keeps the threads at work until the next
# one is let in. It comes as soon as one that computes has nothing to do; the sooner, the more are
# refused.
LEAST_WAIT_S = 0.001
LEAST_SERVICES = 0.5

# How often it is looked whether more comes than can be done: after so many seconds, or after a job
# if that takes longer. It is more if of so many jobs that begin more than one is refused; or any,
# while the queue takes so many times what it may at least. Where few are refused, more may wait: it
# is seen whether they are refused then. It is less, whatever is refused, if it is less than this
# part of what was done when it was more, or of what was asked for then: refusing takes time, too.
WINDOW_S = 0.25
LONGEST_WINDOW_S = 1.0
FEW_REFUSED = 2
LONG = 4
LESS = 0.9
FAR_LESS = 0.5
# How often to double what may wait after each look: where it is less than what was asked for, less
# than what was done, where it is no more, where it is more, and where more are refused than begin.
DOUBLINGS_OF_FAR_LESS = 5
DOUBLINGS_OF_LESS = 3
DOUBLINGS = 1
DOUBLINGS_OF_MORE = -1
DOUBLINGS_OF_FAR_MORE = -3

# Jobs after which their time is known. The shortest of them counts: the first ones connect to
# databases and fill caches.
KNOWN_AFTER = 16
# Each further one has this part in the mean, and counts as no more than so many times the mean:
# a single one that hangs says little of the others.
PART = 1 / 16
MOST_OFF = 8
# What a job takes at least; a clock may say 0. And after what time without the beginning of one it
# is taken to be as long as that.
SHORTEST_S = 1e-6
STOOD_S = 2.0


class Admission:
    """Decides for the queue of one pool of threads.

    most: requests that may wait at once, however short a time. count_threads: returns how many
    jobs can be at work at once. idle: as many as there are threads that have nothing to do, and no
    job on its way to them.
    """

    __slots__ = (
        "_allowed_s",
        "_asked_per_s",
        "_begun_before",
        "_count_threads",
        "_done_per_s",
        "_idle",
        "_is_far",
        "_known",
        "_late",
        "_late_s",
        "_limit",
        "_looked",
        "_moved",
        "_next_look",
        "_refused",
        "_service_s",
        "_waiting_before",
        "begun",
        "crowding",
        "most",
    )

    def __init__(self, most: int, count_threads: Callable[[], int], idle: Sized = ()) -> None:
        self.most = most
        # Jobs that have been taken from the queue: each thread adds its own.
        self.begun = 0
        # How many threads may be at work while more comes than they can do.
        self.crowding = Crowding()
        self._count_threads = count_threads
        self._idle = idle
        self._known = 0
        self._service_s = inf
        # How long the queue may take now, and how many that is.
        self._allowed_s = inf
        self._limit = most
        # Whether far more came than could be done when it was last looked; and what has waited for
        # longer than this is not begun any more.
        self._is_far = False
        self._late_s = inf
        # Since it was last looked; when that was and is next; when the queue was seen to move.
        self._begun_before = self._refused = self._late = self._waiting_before = 0
        self._looked = self._next_look = self._moved = 0.0
        # Jobs a second when more came than could be done: those done, and all that came when that
        # was far more.
        self._done_per_s = self._asked_per_s = 0.0

    def note_service(self, took_s: float) -> None:
        """Take note of how long a thread was at one job; some of all jobs will do."""
        mean, took_s = self._service_s, max(took_s, SHORTEST_S)
        if self._known < KNOWN_AFTER:
            self._known += 1
            self._service_s = min(mean, took_s)
        else:
            self._service_s = mean + (min(took_s, mean * MOST_OFF) - mean) * PART

    def admits(self, waiting: int) -> bool:
        """Say whether one more may wait behind those that do, of which there are some."""
        now = monotonic()
        if now >= self._next_look:
            self._look(now, waiting)
        if waiting < self._limit or self._idle:
            return True
        self._refused += 1
        return False

    def is_late(self, came: float) -> bool:
        """Say whether what has waited since then (time.monotonic()) is not to be begun any more."""
        now = monotonic()
        # While more comes than can be done it is looked again and again.
        is_late = now - came > self._late_s and now < self._next_look + LONGEST_WINDOW_S
        if is_late:
            self._late += 1
        return is_late

    def _look(self, now: float, waiting: int) -> None:
        """Allow half as much where too much has come since the last time, else twice as much."""
        begun, refused, looked = self.begun - self._begun_before, self._refused, self._looked
        if begun:
            self._begun_before, self._moved = self.begun, now
        service_s = self._time_of_job(now)
        window_s = min(max(WINDOW_S, service_s), LONGEST_WINDOW_S)
        # While nobody asks, nothing waits.
        doubled = (now - self._next_look) // window_s
        self._refused, self._looked, self._next_look = 0, now, now + window_s
        if not service_s:
            return
        threads = self._count_threads()
        per_s = min(threads, self.crowding.at_once) / service_s
        least_s = LEAST_WAIT_S + LEAST_SERVICES * service_s * begun / max(begun, refused, 1)
        most_s = max(MOST_WAIT_S, MOST_SERVICES * service_s)
        asked = max(0, begun + self._late + refused + waiting - self._waiting_before)
        self._late, self._waiting_before = 0, waiting
        of_least = waiting / per_s / least_s
        doublings = self._doublings(begun, refused, asked, now - looked, of_least)
        if doublings < 0:
            self.crowding.look(now, begun, threads)
        elif not refused:
            self.crowding.end()
        doubled += doublings
        allowed_s = min(self._allowed_s, most_s) * 2.0 ** min(doubled, 64)
        self._allowed_s = min(max(allowed_s, least_s), most_s)
        self._limit = min(self.most, ceil(per_s * self._allowed_s))
        # A burst is over by the second look; and what has just been let in waits for a job or two.
        was_far, self._is_far = self._is_far, doublings == DOUBLINGS_OF_FAR_MORE
        self._late_s = 2 * (self._allowed_s + service_s) if was_far and self._is_far else inf

    def _doublings(
        self, begun: int, refused: int, asked: int, took_s: float, of_least: float
    ) -> int:
        """Return how often to double what may wait; below 0: to halve it, as more came.

        begun, refused, asked: since the last look. of_least: how long the queue is now, by the
        least.
        """
        is_long = of_least > LONG
        if refused < begun and not is_long:
            if asked < self._asked_per_s * took_s * FAR_LESS:
                self._asked_per_s = 0.0
                return DOUBLINGS_OF_FAR_LESS
            if asked < self._done_per_s * took_s * LESS:
                return DOUBLINGS_OF_LESS
        if refused > begun:
            self._done_per_s, self._asked_per_s = begun / took_s, asked / took_s
            return DOUBLINGS_OF_FAR_MORE
        if refused * FEW_REFUSED > begun or (refused and is_long):
            self._done_per_s = begun / took_s
            return DOUBLINGS_OF_MORE
        return DOUBLINGS if refused or of_least <= 1 else 0

    def _time_of_job(self, now: float) -> float:
        """Return how long a job takes, in seconds; 0 while that is not known."""
        if self._known < KNOWN_AFTER:
            return 0.0
        # Jobs that don't come to an end are in no mean.
        stood_s = now - self._moved
        return max(self._service_s, stood_s) if stood_s > STOOD_S else self._service_s
