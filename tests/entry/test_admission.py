"""How many requests may wait for a thread: a burst's, but not those of a load that does not end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, repeat

import pytest

from kolben.entry import admission
from kolben.entry.admission import LEAST_SERVICES, LEAST_WAIT_S, MOST_SERVICES, Admission
from tests.entry.queueing import Queueing

THREADS = 4
Make = Callable[..., Queueing]


@pytest.fixture
def queueing(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a pool of threads whose jobs take as long as is said, on average, or as given."""

    def make(service: float | Iterator[float], *, varies: bool = False, **given: int) -> Queueing:
        if isinstance(service, float):
            chance = random.Random(3)
            told = repeat(service)
            service = (chance.expovariate(1 / one) for one in told) if varies else told
        return Queueing(monkeypatch, partial(next, service), **{"threads": THREADS, **given})

    return make


@pytest.fixture(params=[(0.002, False), (0.05, False), (0.05, True)], ids=["2", "50", "random"])
def usual(request: pytest.FixtureRequest, queueing: Make) -> tuple[Queueing, float, float]:
    """A pool that has had half of what it can do; with the time of a job, and what it can do."""
    service_s, varies = request.param
    pool = queueing(service_s, varies=varies)
    pool.load(THREADS / service_s / 2, 5)
    return pool, service_s, THREADS / service_s


def percentile(times_s: list[float], part: float) -> float:
    return times_s[int(len(times_s) * part)]


@pytest.mark.parametrize(("waiting", "expected"), [(1, True), (2, True), (3, False)])
def test_no_more_wait_than_may_however_little_is_known(waiting: int, expected: bool) -> None:
    assert expected is Admission(3, lambda: 1).admits(waiting)


def test_what_an_idle_thread_is_about_to_take_does_not_wait() -> None:
    idle = [None]
    door = Admission(1, lambda: 2, idle)
    assert door.admits(1)
    idle.clear()
    assert not door.admits(1)


@pytest.mark.parametrize("part", [0.5, 0.8, 0.9])
def test_nobody_is_refused_while_it_can_be_done(
    part: float, usual: tuple[Queueing, float, float]
) -> None:
    pool, _, capacity = usual
    pool.load(capacity * part, 30)
    assert pool.run.refused() == 0


@pytest.mark.parametrize("times", [2, 10, 50])
def test_far_above_capacity_what_is_let_in_waits_no_longer_than_it_takes(
    times: int, usual: tuple[Queueing, float, float]
) -> None:
    pool, service_s, capacity = usual
    began = pool.now
    pool.load(capacity * times, 8)
    # It takes about a second until what came in the first moment is done.
    waits = pool.run.waits(began + 2)
    # And one of them more, as there are no parts of them.
    least_s = LEAST_WAIT_S + LEAST_SERVICES * service_s + service_s / THREADS
    assert percentile(waits, 0.5) < 1.5 * least_s
    assert percentile(waits, 0.95) < 2 * least_s + 1.5 * service_s
    assert len(waits) > 0.9 * capacity * 6, "the threads have enough to do"
    assert percentile(pool.run.waits(began, began + 2), 0.99) < 0.8, "and in the first moment"


def test_what_was_let_in_before_it_showed_is_refused_when_it_has_waited_for_long(
    usual: tuple[Queueing, float, float],
) -> None:
    pool, _, capacity = usual
    began = pool.now
    pool.load(capacity * 10, 8)
    assert percentile(pool.run.waits(began, began + 0.2), 0.99) < 0.6
    assert len(pool.run.late_s) > 0.2 * capacity, "what is done in some tenths of a second"
    # Two looks, and what has been let in at the first one.
    assert max(pool.run.late_s) < 0.8
    late = len(pool.run.late_s)
    pool.load(capacity * 10, 8)
    assert len(pool.run.late_s) - late < 0.01 * 8 * capacity, "later it is refused at once"


def test_what_waits_long_after_an_overload_is_done(queueing: Make) -> None:
    pool = queueing(0.01)
    pool.load(200, 2)
    pool.load(4_000, 2)
    door = pool.admission
    assert door.is_late(pool.now - 0.2)
    pool.until(pool.now + 3)
    assert not door.is_late(pool.now - 0.2)


def test_a_burst_of_more_than_may_wait_is_refused_at_once_or_answered(queueing: Make) -> None:
    pool = queueing(0.01)
    pool.load(200, 2)
    asked = [pool.ask() for _ in range(1000)]
    assert 350 < sum(asked) < 450, "what is done in a second"
    pool.load(200, 4)
    assert pool.run.late_s == []


def test_what_waits_when_the_load_ends_is_done(queueing: Make) -> None:
    pool = queueing(0.01)
    pool.load(200, 2)
    pool.load(4000, 0.4)
    waiting = len(pool.waiting)
    pool.until(pool.now + 2)
    assert waiting > 300
    assert pool.run.late_s == []


def test_a_load_that_can_be_done_when_nothing_is_refused_is_no_overload(queueing: Make) -> None:
    """Refusals take the core from the jobs: these take twice as long meanwhile."""
    refused_later = 0
    for seed in range(20):
        takes_s = [0.001]
        pool = queueing((takes_s[0] for _ in repeat(None)), threads=1)
        pool.load(500, 3)
        takes_s[0] = 0.002
        pool.load(10_000, 4)
        takes_s[0] = 0.001
        ended = pool.now
        pool.load(700, 2, seed=seed)
        refused_later += pool.run.refused(ended + 0.5)
    assert refused_later < 5


@pytest.mark.parametrize("threads", [1, 4])
def test_few_are_refused_after_an_overload_whatever_comes_by_chance(
    threads: int, queueing: Make
) -> None:
    refused_later = 0
    for seed in range(40):
        pool = queueing(0.01, threads=threads)
        pool.load(threads * 50, 3, seed=seed)
        pool.load(threads * 1000, 3, seed=seed + 100)
        ended = pool.now
        pool.load(threads * 70, 5, seed=seed + 200)
        refused_later += pool.run.refused(ended + 1)
    assert refused_later < 0.005 * 40 * threads * 70 * 4


def test_a_second_after_its_end_all_are_let_in_again_and_fast(
    usual: tuple[Queueing, float, float],
) -> None:
    pool, service_s, capacity = usual
    pool.load(capacity * 10, 5)
    ended = pool.now
    pool.load(capacity * 0.7, 10, seed=8)
    assert pool.run.refused(ended + 1) == 0
    assert percentile(pool.run.waits(ended), 0.5) < LEAST_WAIT_S + LEAST_SERVICES * service_s
    pool.until(pool.now + 1)
    for _ in range(int(capacity / 2)):
        assert pool.ask(), "half a second's work at once"


def test_a_burst_is_let_through_whole(queueing: Make) -> None:
    pool = queueing(0.01)
    pool.load(100, 2)
    for _ in range(3):
        pool.until(pool.now + 1)
        assert [pool.ask() for _ in range(300)] == [True] * 300
    pool.until(pool.now + 1)


def test_a_burst_comes_even_before_anything_is_known(queueing: Make) -> None:
    pool = queueing(chain(repeat(1.5, 4), repeat(0.005)))
    pool.clients(200, 10)
    assert pool.run.refused() == 0


@pytest.mark.parametrize("service_s", [0.001, 0.02, 0.3, 2.0])
def test_clients_that_wait_for_their_answers_are_no_overload(
    service_s: float, queueing: Make
) -> None:
    pool = queueing(service_s)
    pool.clients(MOST_SERVICES * THREADS, 100 * service_s)
    assert pool.run.refused() == 0
    assert max(pool.run.waits()) > 14 * service_s, "they were a queue"


def test_slow_views_may_queue(queueing: Make) -> None:
    pool = queueing(2.0, varies=True)
    pool.clients(8, 600)
    pool.load(1.8, 600)
    assert pool.run.refused() == 0


def test_an_overload_of_slow_views_is_one_too(queueing: Make) -> None:
    pool = queueing(2.0)
    pool.load(1.0, 60)
    pool.load(20, 60)
    began = pool.now
    pool.load(20, 60)
    assert percentile(pool.run.waits(began), 0.99) <= 2.0


def test_just_above_capacity_nobody_waits_for_long(queueing: Make) -> None:
    pool = queueing(0.005, varies=True)
    pool.load(800 * 1.05, 60)
    began = pool.now
    pool.load(800 * 1.2, 60)
    assert percentile(pool.run.waits(began + 5), 0.95) < 0.1
    assert len(pool.run.waits(began + 5)) > 0.9 * 800 * 55


def test_one_job_that_hangs_changes_little(queueing: Make) -> None:
    pool = queueing(chain(repeat(0.005, 2000), [20.0], repeat(0.005)))
    pool.load(400, 10)
    assert [pool.ask() for _ in range(200)] == [True] * 200
    assert pool.run.refused() == 0


def test_a_moment_in_which_nothing_moves_refuses_nobody(queueing: Make) -> None:
    pool = queueing(chain(repeat(0.005, 1000), repeat(1.5, 4), repeat(0.005)))
    pool.load(400, 10)
    assert pool.run.refused() == 0


def test_jobs_that_do_not_end_let_no_more_than_a_few_wait(queueing: Make) -> None:
    pool = queueing(chain(repeat(0.005, 1000), repeat(60.0, 4), repeat(0.005)))
    pool.load(400, 10)
    refused = pool.run.refused()
    assert refused > 1000
    assert len(pool.waiting) < 1000
    pool.load(400, 20)
    assert pool.run.refused(pool.now - 10) > 10 * 400 * 0.95
    pool.until(pool.now + 45)
    assert not pool.waiting
    began = pool.now
    pool.load(400, 10)
    assert pool.run.refused(began) == 0


def test_views_that_have_become_slow_are_known_to_be(queueing: Make) -> None:
    pool = queueing(chain(repeat(0.005, 2000), repeat(0.5)))
    pool.load(400, 12)
    began = pool.now
    pool.load(400, 12)
    assert pool.run.refused(began) > 0.95 * 400 * 12


def test_a_clock_that_does_not_move_on_divides_nothing_by_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "monotonic", lambda: 0.0)
    door = Admission(100, lambda: 1)
    for _ in range(100):
        door.note_service(0.0)
    assert door.admits(99)


def test_threads_that_can_be_added_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(admission, "monotonic", lambda: now)
    threads = 64
    door = Admission(2000, lambda: threads)
    for _ in range(20):
        door.note_service(0.5)
    door.begun = 20
    assert door.admits(MOST_SERVICES * 64 - 1)
    threads = 4
    now += 1
    assert not door.admits(MOST_SERVICES * 4)
