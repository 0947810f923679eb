"""Keeps a number of worker processes alive: starts, replaces, restarts and stops them.

Rules: no wait here is for one worker alone, so none of them can hold up the others. A worker that
serves is told to stop only when its successor is ready. While one serves, nothing ends this loop
but the order to stop.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from kolben.server.watchdog import STACK_S, Signs, Verdict, Watchdog

# The exit code of a worker whose app cannot be loaded.
APP_FAILED = 70
# A worker that was ready for less than this, or never, counts as having died at once.
SHORT_LIFE_S = 1.0
# Never at once: Ctrl+C in a terminal may reach the workers before it reaches us.
SHORTEST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
# One that was ready is to be back within a second, however often it dies.
LONGEST_PAUSE_OF_THE_READY_S = 0.4
# Granian does much after it could be said that a worker is ready, and ends the process if a setting
# does not suit it. If that was the end of so many, and none has ever lived so long, it is no use.
BROKEN_AT_START = (1, -signal.SIGABRT)
MOST_BROKEN = 3
PROOF_S = 10.0
# Signals that say nothing of the process that they end.
SENT_FROM_OUTSIDE = (-signal.SIGINT, -signal.SIGTERM, -getattr(signal, "SIGKILL", 9))
# A worker ends by itself when its time is over; one that cannot do even that is killed.
KILL_GRACE_S = 3.0
TICK_S = 1.0


class State(Enum):
    """Where a worker is in its life."""

    STARTING = 1
    READY = 2
    ENDING = 3


@dataclass(eq=False)
class Worker:
    """A worker process.

    reports: gets ("ready", something) or ("failed", why) from it. signs: of its life, where it
    gives some.
    """

    index: int
    process: BaseProcess
    reports: Connection
    signs: Signs | None = None
    state: State = State.STARTING
    ready_at: float = 0.0
    deadline: float = 0.0
    is_hung: bool = False

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"Worker {self.index + 1} (pid {self.process.pid})"


@dataclass
class Place:
    """One of the workers that there should be.

    due: when one has to be started, if there is none.
    """

    index: int
    worker: Worker | None = None
    successor: Worker | None = None
    due: float = 0.0
    short_lives: int = field(default=0)


class Wakeup(Protocol):
    """Something to wait for that signals wake."""

    def fileno(self) -> int:
        """Return the descriptor that can be read when it was woken."""
        ...

    def clear(self) -> None:
        """Forget that it was woken."""


Spawned = tuple[BaseProcess, Connection, Signs | None]


@dataclass(frozen=True)
class Outside:
    """What the supervisor calls; what one of these raises is told, and it goes on.

    spawn: starts the process of a place. ready: told what each worker says when it is ready.
    serving: told which places have a worker that is ready. stopping: told when the end begins.
    replace_reason: says why a ready worker is to be replaced, if it is. say: shows a line. ended:
    told the number of each process that is dead.
    """

    spawn: Callable[[int], Spawned]
    ready: Callable[[Any], object]
    serving: Callable[[list[int]], object]
    stopping: Callable[[], object]
    replace_reason: Callable[[Worker], str | None] | None
    say: Callable[[str], object]
    ended: Callable[[int], object]


class Supervisor:
    """Keeps the workers of a server."""

    def __init__(
        self,
        count: int,
        outside: Outside,
        wakeup: Wakeup | None,
        stop_timeout_s: float,
        watchdog: Watchdog | None = None,
    ) -> None:
        """Prepare; run() starts the workers.

        wakeup: is waited for beside the workers; without one, stop and reload are looked for at
        short intervals. watchdog: judges the workers' signs of life; None: they may be silent.
        """
        self._watchdog = watchdog
        self._next_look = 0.0
        self._outside = outside
        self._wakeup = wakeup
        self._stop_timeout_s = stop_timeout_s
        self._places = [Place(index) for index in range(count)]
        self._workers: list[Worker] = []
        self._to_replace: list[int] = []
        self._wants_stop = self._wants_reload = False
        self._is_stopping = self._was_ready = self._has_proved = False
        self._broken = 0
        self._served: list[int] = []
        self._told: str | None = None
        self._next_tick = 0.0
        self._code = 0

    # What handlers of signals and other threads may call; the wakeup has to be woken after it.

    def stop(self) -> None:
        """Ask for the end."""
        self._wants_stop = True

    def reload(self) -> None:
        """Ask for new workers in the place of all."""
        self._wants_reload = True

    def run(self) -> int:
        """Keep the workers until stop(); return 0, or 1 if no worker could ever serve."""
        while True:
            self._take_orders()
            if self._is_stopping and not self._workers:
                return self._code
            self._start_what_is_due()
            self._replace_next()
            self._kill_the_late()
            self._look_for_signs()
            self._tell_who_serves()
            for worker in self._wait():
                self._hear(worker)
            self._bury()

    def _take_orders(self) -> None:
        if self._wakeup is not None:
            self._wakeup.clear()
        if self._wants_stop and not self._is_stopping:
            self._stop_all()
        if self._wants_reload and not self._is_stopping:
            self._wants_reload = False
            self._begin_reload()

    def _stop_all(self) -> None:
        self._is_stopping = True
        self._to_replace.clear()
        for worker in self._workers:
            self._end(worker)
        self._outside.stopping()

    def _begin_reload(self) -> None:
        """Note all places to be replaced; what is starting loads what may be old by now."""
        self._told = None
        self._to_replace = [place.index for place in self._places]
        for place in self._places:
            place.short_lives = 0
            if place.successor is not None:
                self._end(place.successor)
                place.successor = None
            if place.worker is None:
                place.due = 0.0

    # Starting.

    def _start_what_is_due(self) -> None:
        for place in self._places:
            is_due = place.worker is None and place.due <= time.monotonic()
            if is_due and not self._is_stopping:
                place.worker = self._start(place)

    def _start(self, place: Place) -> Worker | None:
        """Start a worker; None if that cannot be done, and then later again."""
        try:
            worker = Worker(place.index, *self._outside.spawn(place.index))
        except Exception as error:  # noqa: BLE001  # others may serve meanwhile
            self._outside.say(f"Worker {place.index + 1} could not be started: {error}.")
            place.due = time.monotonic() + LONGEST_PAUSE_S
            return None
        self._workers.append(worker)
        return worker

    def _replace_next(self) -> None:
        """Start the successor of the next worker to be replaced, if none is starting."""
        if any(place.successor is not None for place in self._places):
            return
        for index in self._to_replace:
            place = self._places[index]
            if place.worker is None or place.worker.state is State.READY:
                self._to_replace.remove(index)
                if place.worker is not None:
                    place.successor = self._start(place)
                    if place.successor is None:
                        self._keep_those_that_serve()
                return

    # Waiting.

    def _wait(self) -> list[Worker]:
        """Wait until something happens; return the workers that have said something."""
        waited: list[Any] = [worker.process.sentinel for worker in self._workers]
        heard = {id(worker.reports): worker for worker in self._workers if not worker.ready_at}
        waited += [worker.reports for worker in heard.values() if not worker.reports.closed]
        if self._wakeup is not None:
            waited.append(self._wakeup)
        found = wait(waited, self._longest_wait())
        return [heard[id(one)] for one in found if id(one) in heard]

    def _longest_wait(self) -> float | None:
        now = time.monotonic()
        moments = [worker.deadline for worker in self._workers if worker.deadline]
        if not self._is_stopping:
            moments += [place.due for place in self._places if place.worker is None]
            if self._outside.replace_reason is not None:
                moments.append(max(self._next_tick, now))
            if self._watchdog is not None:
                moments.append(max(self._next_look, now))
        if self._wakeup is None:
            moments.append(now + 0.2)
        return max(min(moments) - now, 0.0) if moments else None

    def _hear(self, worker: Worker) -> None:
        try:
            kind, said = worker.reports.recv()
        except (EOFError, OSError):
            worker.reports.close()  # it died: see _bury
            return
        except Exception as error:  # noqa: BLE001  # whatever stands there, others serve
            worker.reports.close()
            self._outside.say(f"{worker.name} has reported something unreadable: {error!r}.")
            return
        if worker.state is not State.STARTING:
            return
        if kind == "ready":
            self._note_ready(worker, said)
        elif self._told != said:
            self._told = said
            self._outside.say(said)

    def _note_ready(self, worker: Worker, said: Any) -> None:
        worker.state = State.READY
        worker.ready_at = time.monotonic()
        self._was_ready = True
        place = self._places[worker.index]
        if place.successor is worker:
            old, place.worker, place.successor = place.worker, worker, None
            if old is not None:
                self._end(old)
        self._call(self._outside.ready, said)

    def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function outside; if it fails, tell so and go on: the workers serve anyway."""
        try:
            return function(*args)
        except Exception:  # noqa: BLE001  # the end of this loop would be the end of all
            self._outside.say(f"The server's parent goes on after:\n{traceback.format_exc()}")
            return None

    def _ready_workers(self) -> list[Worker]:
        found = [place.worker for place in self._places]
        return [worker for worker in found if worker is not None and worker.state is State.READY]

    def _tell_who_serves(self) -> None:
        """Say which workers are to get new connections; one that is late does not."""
        ready = self._ready_workers()
        served = [one.index for one in ready if one.signs is None or not one.signs.is_late]
        if served != self._served and not self._is_stopping:
            self._served = served
            self._call(self._outside.serving, served)

    # Signs of life.

    def _look_for_signs(self) -> None:
        now, watchdog = time.monotonic(), self._watchdog
        if watchdog is None or self._is_stopping or now < self._next_look:
            return
        self._next_look = now + watchdog.interval_s
        has_slept = watchdog.has_slept(now)
        for worker in self._workers:
            signs, pid = worker.signs, worker.process.pid
            if signs is None or pid is None or not worker.process.is_alive() or worker.is_hung:
                continue
            if has_slept:
                signs.forgive(now)
            if worker.state is State.STARTING:
                watchdog.judge_starting(worker.name, pid, signs, now)
            elif worker.state is State.READY:
                self._carry_out(watchdog.judge(worker.name, pid, signs, now), worker)

    def _carry_out(self, verdict: Verdict | None, worker: Worker) -> None:
        if verdict is Verdict.KILL:
            worker.is_hung = True
            worker.process.kill()
        elif verdict is Verdict.REPLACE:
            is_underway = self._places[worker.index].successor is not None
            if not is_underway and worker.index not in self._to_replace:
                self._to_replace.append(worker.index)

    # Ends.

    def _end(self, worker: Worker) -> None:
        """Tell a worker to stop."""
        if worker.state is not State.ENDING:
            worker.state = State.ENDING
            worker.deadline = time.monotonic() + self._stop_timeout_s + KILL_GRACE_S
            worker.process.terminate()

    def _kill_the_late(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.deadline and worker.deadline <= now and worker.process.is_alive():
                if not self._has_shown_its_end(worker, now):
                    worker.deadline = now + STACK_S
                    continue
                worker.deadline = 0.0
                self._outside.say(
                    f"{worker.name} did not end within {self._stop_timeout_s:g} s and is killed."
                )
                worker.process.kill()
        self._recycle(now)

    def _has_shown_its_end(self, worker: Worker, now: float) -> bool:
        """Say whether it was told what a worker does that has to be killed, as far as that goes."""
        pid = worker.process.pid
        if self._watchdog is None or worker.signs is None or pid is None:
            return True
        return self._watchdog.report_end(worker.name, pid, worker.signs, now)

    def _recycle(self, now: float) -> None:
        """Note the first worker that has a reason to be replaced, unless others are being."""
        reason_of = self._outside.replace_reason
        if reason_of is None or now < self._next_tick or self._is_stopping:
            return
        self._next_tick = now + TICK_S
        if self._to_replace or any(place.successor is not None for place in self._places):
            return
        for place in self._places:
            worker = place.worker
            if worker is None or worker.state is not State.READY:
                continue
            if why := self._call(reason_of, worker):
                self._outside.say(f"{worker.name} {why}; it is replaced.")
                self._to_replace.append(place.index)
                return

    def _bury(self) -> None:
        """Forget the workers that are dead, and see to it that others take their places."""
        # Takes note of the ends of all children, other helpers of this process among them.
        multiprocessing.active_children()
        for worker in [one for one in self._workers if not one.process.is_alive()]:
            while not worker.reports.closed and worker.reports.poll():
                self._hear(worker)
            worker.reports.close()
            if worker.signs is not None:
                worker.signs.close()
            self._workers.remove(worker)
            worker.process.join()
            self._call(self._outside.ended, worker.process.pid)
            if worker.state is not State.ENDING:
                self._note_death(worker)

    def _note_death(self, worker: Worker) -> None:
        place = self._places[worker.index]
        code = worker.process.exitcode
        if place.successor is worker:
            place.successor = None
            self._give_up_replacing(worker)
            return
        place.worker, place.successor = place.successor, None
        if not self._is_stopping and self._is_hopeless(worker):
            if code != APP_FAILED:
                self._outside.say(
                    f"{worker.name} ended with exit code {code}, and no worker could ever serve."
                    " What stands above is the reason; nothing is tried again."
                )
            self._code = 1
            self._stop_all()
        if not self._is_stopping:
            if not worker.is_hung:
                self._outside.say(
                    f"{worker.name} died with {describe_exit(code)}; it is started again."
                )
            place.due = time.monotonic() + self._pause(place, worker)

    def _is_hopeless(self, worker: Worker) -> bool:
        """Say whether a worker's death shows that none will ever serve, and none ever has."""
        code = worker.process.exitcode
        if self._ready_workers():
            return False
        if not self._was_ready:
            return code not in SENT_FROM_OUTSIDE
        now = time.monotonic()
        self._has_proved = self._has_proved or any(
            one.ready_at and now - one.ready_at > PROOF_S for one in (worker, *self._workers)
        )
        if code in BROKEN_AT_START:
            self._broken += 1
        return not self._has_proved and self._broken >= MOST_BROKEN

    def _give_up_replacing(self, worker: Worker) -> None:
        """Keep the workers that there are, since a new one could not start."""
        self._outside.say(
            f"{worker.name}, a new one, ended with {describe_exit(worker.process.exitcode)} before"
            " it was ready. The workers that serve go on; SIGHUP tries again."
        )
        self._keep_those_that_serve()

    def _keep_those_that_serve(self) -> None:
        self._to_replace.clear()
        # What the reason was may still be so: not at once again.
        self._next_tick = time.monotonic() + 30 * TICK_S

    def _pause(self, place: Place, worker: Worker) -> float:
        """Return how long to wait before a worker is started in a place again."""
        lived_s = time.monotonic() - worker.ready_at if worker.ready_at else 0.0
        place.short_lives = 0 if lived_s > SHORT_LIFE_S else place.short_lives + 1
        doublings = min(max(place.short_lives - 1, 0), 10)
        longest_s = LONGEST_PAUSE_OF_THE_READY_S if worker.ready_at else LONGEST_PAUSE_S
        return float(min(SHORTEST_PAUSE_S * 2**doublings, longest_s))


def describe_exit(code: int | None) -> str:
    """Return how a process ended: `exit code 1`, or with the name of the signal."""
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"
    return f"exit code {code} ({name})"


def say(line: str) -> None:
    """Write a line to stderr, whole and at once; if nobody takes it, go on all the same."""
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
