"""The pool has as many threads as it is told, and a process has one pool."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from kolben import Flask
from kolben.entry import core_use, threads
from kolben.entry.admission import Admission
from kolben.entry.growth import Growth
from kolben.entry.threads import Pool, run_in_thread, the_pool
from tests.entry.concurrency import run


def test_a_system_without_threads_left_says_so(
    pool_of: Callable[[int], Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool_of(2)

    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    begun: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            run(lambda: run_in_thread(begun.append, "refused"))
    assert run(lambda: run_in_thread(lambda: 7)) == [7]
    assert begun == []


def test_where_no_more_threads_can_be_started_those_that_there_are_do_all(
    pool_of: Callable[[int], Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(4)
    assert run(lambda: run_in_thread(lambda: 1)) == [1]

    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    assert run(*[lambda: run_in_thread(lambda: 7)] * 10) == [7] * 10
    assert pool._threads == 1


def test_the_size_is_as_told_else_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_pool", None)
    monkeypatch.setenv("KOLBEN_THREADS", "3")
    assert the_pool().size == 3
    monkeypatch.setattr(threads, "_pool", None)
    monkeypatch.setattr(threads, "_size", None)
    threads.set_threads(5)
    assert the_pool().size == 5


def test_a_size_that_is_none_fails_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_pool", None)
    monkeypatch.setenv("KOLBEN_THREADS", "many")
    app = Flask(__name__)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app.asgi_app({"type": "lifespan"}, receive, send))
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
    assert "KOLBEN_THREADS is 'many'. Set it to" in sent[0]["message"]
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(ValueError, match="KOLBEN_THREADS is 'many'"):
            app.__rsgi_init__(loop)
    finally:
        loop.close()


def test_loops_that_begin_at_once_share_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_pool", None)
    found: list[Pool] = []
    asking = [threading.Thread(target=lambda: found.append(the_pool())) for _ in range(4)]
    with threads._lock:
        for thread in asking:
            thread.start()
    for thread in asking:
        thread.join()
    assert found == [the_pool()] * 4


def test_a_forked_process_forgets_the_threads_that_did_not_come_along() -> None:
    before, lock = the_pool(), threads._lock
    threads._forget_pool()  # what is registered to run in a child
    assert the_pool() is not before
    assert threads._lock is not lock


def test_a_forked_process_without_a_pool_gets_a_lock_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_pool", None)
    lock = threads._lock
    threads._forget_pool()
    assert threads._pool is None
    assert threads._lock is not lock


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_calls_in_threads_of_its_own() -> None:
    run(lambda: run_in_thread(int))
    child = os.fork()
    if not child:
        ends_well = False
        try:
            with threads._lock:
                pass
            ends_well = run(lambda: run_in_thread(lambda: 7)) == [7]
        finally:
            os._exit(0 if ends_well else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Work:
    """Jobs that wait until they are let go."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.go_on = threading.Event()
        self.done: list[int] = []

    def put(self, number: int) -> None:
        def wait() -> None:
            self.go_on.wait(20)
            self.done.append(number)

        self.pool.put(wait)


@pytest.mark.parametrize(("is_waiting", "expected"), [(True, 4), (False, 2)])
def test_spare_threads_are_started_where_the_others_wait(
    is_waiting: bool, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Growth, "is_due", lambda self, now: is_waiting)
    pool = Pool(2, spare=2)
    work = Work(pool)
    for number in range(6):
        work.put(number)
    assert expected == pool._threads
    wait_until(lambda: pool.count_waiting() == 6 - expected)
    work.go_on.set()
    wait_until(lambda: len(work.done) == 6)


def test_what_waits_already_is_done_in_place_of_a_thread_that_waits_for_a_client() -> None:
    pool = Pool(1)
    is_put, is_done = threading.Event(), threading.Event()
    in_time: list[bool] = []

    def wait_for_client() -> None:
        is_put.wait(20)
        with threads.replaced():
            in_time.append(is_done.wait(20))

    pool.put(wait_for_client)
    pool.put(is_done.set)
    is_put.set()
    wait_until(lambda: in_time)
    assert in_time == [True]


def test_spare_threads_end_when_nobody_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "SPARE_IDLE_S", 0.05)
    monkeypatch.setattr(Growth, "is_due", lambda self, now: True)
    pool = Pool(1, spare=3)
    for round_ in range(3):
        work = Work(pool)
        for number in range(4):
            work.put(number)
        assert 4 == pool._threads, round_
        work.go_on.set()
        wait_until(lambda: pool._threads == 1)
        wait_until(lambda: len(pool._idle) == 1)
    work = Work(pool)
    work.go_on.set()
    work.put(7)
    wait_until(lambda: work.done == [7])


def test_a_spare_thread_that_is_given_a_job_at_its_end_does_it() -> None:
    pool = Pool(1, spare=1)
    pool._threads = 2
    assert not pool._leave(), "it has no item among the idle: a job is on its way"
    pool._idle.append(None)
    assert pool._leave()
    pool._idle.append(None)
    assert not pool._leave(), "the last ones stay"


def test_while_there_are_spare_threads_to_have_it_is_looked_only_now_and_then() -> None:
    pool = Pool(1, spare=3)
    work = Work(pool)
    pool._growth.next_look = time.monotonic() + 1000
    for number in range(3):
        work.put(number)
    assert 1 == pool._threads
    pool._growth.next_look = 0.0
    work.put(3)
    work.go_on.set()
    wait_until(lambda: len(work.done) == 4)


def test_threads_that_can_be_added_count_as_long_as_more_would_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(2, spare=3)
    assert pool.count_threads() == 5
    used_s = 0.0
    monkeypatch.setattr(core_use, "process_time", lambda: used_s)
    assert pool._growth.is_due(50.0)
    used_s = 60.0
    assert not pool._growth.is_due(100.0)
    assert pool.count_threads() == 2
    pool._threads = 4
    assert pool.count_threads() == 4


@pytest.mark.parametrize(("takes_s", "expected"), [(0.0, 2), (0.01, 16)])
def test_slow_jobs_are_timed_and_some_of_the_quick_ones(
    takes_s: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(threads, "monotonic", lambda: now)
    pool, timed = Pool(1), list[float]()
    monkeypatch.setattr(Admission, "note_service", lambda self, took_s: timed.append(took_s))

    def work() -> None:
        nonlocal now
        now += takes_s

    for _ in range(16):
        pool.put(work)
    wait_until(lambda: pool.admission.begun == 16 and len(pool._idle) == 1)
    assert timed == [pytest.approx(takes_s)] * expected


def test_what_waits_behind_others_is_done_while_it_is_not_late(
    pool_of: Callable[[int], Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(1)
    did: list[str] = []
    done = threading.Event()
    late = iter((False, True, False))
    monkeypatch.setattr(Admission, "is_late", lambda admission, came: next(late))

    def note(word: str) -> None:
        did.append(word)

    def refuse(word: str) -> None:
        did.append(f"not {word}")

    pool.put(note, "first")
    for word in ("second", "third", "fourth"):
        pool.put_behind(refuse, note, word)
    pool.put(done.set)
    assert done.wait(20)
    assert did == ["first", "second", "not third", "fourth"]
    # And what is refused says nothing of how long the others take.
    assert pool.admission.begun == 4


def test_a_call_that_has_waited_too_long_raises_what_it_is_told_to(
    pool_of: Callable[[int], Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool_of(1)
    begun: list[int] = []

    def call() -> Any:
        return run_in_thread(begun.append, 1, make_error=lambda: LookupError("own words"))

    assert run(call) == [None]
    monkeypatch.setattr(Admission, "is_late", lambda admission, came: True)
    with pytest.raises(LookupError, match="own words"):
        run(call)
    assert begun == [1]
