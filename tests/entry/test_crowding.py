"""Where more comes than threads can do, as few are at work as do as much."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from kolben.entry import core_use
from kolben.entry.crowding import ALL, HOLDS_S, KNOWN_AFTER, LONG_S, Crowding
from kolben.entry.threads import Pool

WINDOW_S = 0.25
LONG_ENOUGH_S = 20.0
Done = Callable[[int], float]


class Overload:
    """More jobs than threads can do, on a clock that costs no time.

    done: gives the jobs a second of so many threads at once. used: cores in use.
    """

    def __init__(self, patch: pytest.MonkeyPatch, done: Done, used: float, threads: int) -> None:
        self.crowding = Crowding()
        self.done = done
        self.used = used
        self.threads = threads
        self.now = 1000.0
        self._used_s = 0.0
        patch.setattr(core_use, "process_time", lambda: self._used_s)

    def go_on(self, seconds: float) -> Iterator[int]:
        """Give how many threads were at work in each window."""
        for _ in range(int(seconds / WINDOW_S)):
            at_work = min(self.threads, self.crowding.at_once)
            self.now += WINDOW_S
            self._used_s += self.used * WINDOW_S
            self.crowding.look(self.now, round(self.done(at_work) * WINDOW_S), self.threads)
            yield at_work


@pytest.fixture
def overload(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Overload]:
    def make(done: Done, used: float = 1.0, threads: int = 4) -> Overload:
        return Overload(monkeypatch, done, used, threads)

    return make


def computing(threads: int) -> float:
    """What threads do that take the interpreter lock from each other."""
    return 400 - 2 * threads


def waiting(threads: int) -> float:
    return 100 * threads


Make = Callable[..., Overload]


@pytest.mark.parametrize("threads", [2, 4, 7, 64])
def test_of_threads_that_compute_one_is_at_work_soon(threads: int, overload: Make) -> None:
    at_work = list(overload(computing, threads=threads).go_on(3))
    assert at_work[0] == threads
    assert at_work[-1] == 1
    assert at_work == sorted(at_work, reverse=True)


def test_of_threads_that_wait_all_are_at_work(overload: Make) -> None:
    assert set(overload(waiting, used=0.5).go_on(60)) == {4}


def test_where_fewer_do_less_all_are_at_work_again_and_that_holds(overload: Make) -> None:
    """As with views that compute outside of the interpreter, or wait beside others that compute."""
    run = overload(waiting)
    fewer = [at_work < 4 for at_work in run.go_on(HOLDS_S * 4)]
    assert 2 <= sum(fewer) <= 4, "one look every now and then"
    assert not any(fewer[-4:])


def test_what_fewer_do_may_become_less_with_time(overload: Make) -> None:
    run = overload(computing)
    list(run.go_on(2))
    run.done = lambda threads: computing(threads) / 4
    assert set(run.go_on(HOLDS_S / 2)) == {1}


def test_it_is_tried_anew_after_a_while(overload: Make) -> None:
    run = overload(computing)
    list(run.go_on(2))
    at_work = list(run.go_on(HOLDS_S * 2))
    assert 4 in at_work
    assert at_work.count(1) > len(at_work) * 0.9
    run.done = waiting
    assert list(run.go_on(HOLDS_S * 2)).count(4) > len(at_work) * 0.4


def test_threads_that_wait_of_a_sudden_are_all_at_work(overload: Make) -> None:
    run = overload(computing)
    list(run.go_on(2))
    run.used, run.done = 0.2, waiting
    next(run.go_on(1))
    assert run.crowding.at_once == ALL


def test_with_the_overload_it_ends(overload: Make) -> None:
    run = overload(computing)
    list(run.go_on(2))
    run.crowding.end()
    assert run.crowding.at_once == ALL
    assert next(run.go_on(1)) == 4


def test_few_jobs_say_little(overload: Make) -> None:
    run = overload(lambda _: 8)
    assert set(run.go_on(LONG_S)) == {4}, f"fewer than {KNOWN_AFTER}, but it took long"
    assert set(run.go_on(LONG_S)) == {4, 2}


# The threads themselves.


@pytest.fixture
def busy() -> Iterator[Pool]:
    """A pool of four threads that always have something to do, until the end of the test."""
    pool, is_over = Pool(4, most_waiting=10_000), threading.Event()

    def work() -> None:
        time.sleep(0.001)
        if not is_over.is_set():
            pool.put(work)

    for _ in range(16):
        pool.put(work)
    yield pool
    is_over.set()


def becomes(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + LONG_ENOUGH_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def test_threads_stand_aside_and_come_back(busy: Pool) -> None:
    assert becomes(lambda: busy.admission.begun > 100)
    busy.admission.crowding.at_once = 1
    assert becomes(lambda: busy._aside == 3)
    begun = busy.admission.begun
    assert becomes(lambda: busy.admission.begun > begun + 100), "one goes on"
    assert busy._aside == 3
    busy.admission.crowding.end()
    assert becomes(lambda: busy._aside == 0)


def test_while_the_only_one_at_work_hangs_the_others_come_back() -> None:
    pool, go_on, done = Pool(2), threading.Event(), list[int]()

    def hang() -> None:
        go_on.wait(LONG_ENOUGH_S)

    together = threading.Barrier(3)
    for _ in range(2):
        pool.put(together.wait, LONG_ENOUGH_S)
    pool.admission.crowding.at_once = 1
    together.wait(LONG_ENOUGH_S)
    pool.put(hang)
    pool.put(done.append, 1)
    assert becomes(lambda: done == [1])
    assert pool.admission.crowding.at_once == ALL
    go_on.set()
