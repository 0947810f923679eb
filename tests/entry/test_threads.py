"""Plain functions run in few threads, and nothing of a call gets lost on its way there and back."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from kolben.entry.awaitable import in_thread, on_loop
from kolben.entry.threads import Pool, count_waiting, run_in_thread
from tests.entry.concurrency import run
from tests.entry.waiting import wait_until, wait_until_true
from tests.fresh_interpreter import Interpreter
from tests.interpreters import counts_references

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_a_result_comes_back_from_another_thread() -> None:
    [found] = run(lambda: run_in_thread(lambda number: (2 * number, threading.get_ident()), 21))
    assert found[0] == 42
    assert found[1] != threading.get_ident()


def test_keywords_go_through_a_wrapped_function() -> None:
    def describe(first: int, *, second: int) -> str:
        return f"{first} {second}"

    wrapped = in_thread(describe)
    assert (wrapped.__name__, run(lambda: wrapped(1, second=2))) == ("describe", ["1 2"])


def test_what_never_waits_stays_on_the_loop() -> None:
    wrapped = on_loop(threading.get_ident)
    assert run(wrapped) == [threading.get_ident()]


@pytest.mark.parametrize(
    "kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError]
)
def test_an_exception_comes_back_and_the_thread_goes_on(
    kind: type[BaseException], pool_of: Callable[[int], Pool]
) -> None:
    pool_of(1)

    def fail() -> None:
        raise kind("from the thread")

    async def main() -> tuple[str, int]:
        try:
            await run_in_thread(fail)
        except kind as error:
            return str(error), await run_in_thread(lambda: 7)
        return "nothing was raised", 0

    assert asyncio.run(main()) == ("from the thread", 7)


def test_stop_iteration_is_an_error_that_names_the_function() -> None:
    with pytest.raises(RuntimeError, match=r"next.* raised StopIteration") as caught:
        run(lambda: run_in_thread(next, iter(())))
    assert isinstance(caught.value.__cause__, StopIteration)


def test_context_variables_go_both_ways() -> None:
    def change() -> str:
        before = variable.get()
        variable.set("by the function")
        return before

    async def main() -> tuple[str, str]:
        variable.set("by the caller")
        return await run_in_thread(change), variable.get()

    assert asyncio.run(main()) == ("by the caller", "by the function")


def test_context_variables_go_both_ways_when_it_fails() -> None:
    def change() -> None:
        variable.set("by the function")
        raise ValueError

    async def main() -> str:
        try:
            await run_in_thread(change)
        except ValueError:
            return variable.get()
        return "nothing was raised"

    assert asyncio.run(main()) == "by the function"


def test_two_callers_keep_their_variables_apart(pool_of: Callable[[int], Pool]) -> None:
    pool_of(2)
    both = threading.Barrier(2)

    def change(value: str) -> str:
        variable.set(value)
        both.wait(10)
        return variable.get()

    async def caller(value: str) -> tuple[str, str]:
        return await run_in_thread(change, value), variable.get()

    assert run(lambda: caller("a"), lambda: caller("b")) == [("a", "a"), ("b", "b")]


def test_the_exception_being_handled_is_being_handled_in_the_thread() -> None:
    error = ValueError("the cause")

    def look() -> tuple[Any, bool]:
        traceback = error.__traceback__
        return sys.exc_info()[1], traceback is not None and traceback.tb_next is None

    async def main() -> Any:
        try:
            raise error
        except ValueError:
            return await run_in_thread(look), await run_in_thread(look)

    assert asyncio.run(main()) == ((error, True), (error, True))


def test_what_fails_while_an_exception_is_handled_has_it_as_its_context() -> None:
    def fail() -> None:
        raise LookupError("the second")

    async def main() -> None:
        try:
            raise ValueError("the first")
        except ValueError:
            await run_in_thread(fail)

    with pytest.raises(LookupError, match="the second") as caught:
        asyncio.run(main())
    assert isinstance(caught.value.__context__, ValueError)


@pytest.mark.parametrize("size", [1, 3])
def test_there_are_never_more_threads_than_the_size(
    size: int, pool_of: Callable[[int], Pool]
) -> None:
    pool = pool_of(size)
    seen: set[int] = set()
    at_once: list[int] = []
    busy = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal busy
        with lock:
            busy += 1
            at_once.append(busy)
            seen.add(threading.get_ident())
        with lock:
            busy -= 1

    run(*[lambda: run_in_thread(work)] * 200)
    assert pool._threads <= size
    assert len(seen) <= size
    assert max(at_once) <= size


def test_as_many_functions_as_threads_run_at_once(pool_of: Callable[[int], Pool]) -> None:
    pool_of(4)
    all_of_them = threading.Barrier(4)
    assert sorted(run(*[lambda: run_in_thread(all_of_them.wait, 10)] * 4)) == [0, 1, 2, 3]


def test_one_after_the_other_needs_one_thread(pool_of: Callable[[int], Pool]) -> None:
    pool = pool_of(8)

    async def main() -> None:
        for _ in range(20):
            await run_in_thread(int)
            await wait_until(lambda: pool._idle)

    asyncio.run(main())
    assert pool._threads == 1


def test_ten_thousand_calls_of_many_loops_come_back_to_their_callers(
    pool_of: Callable[[int], Pool],
) -> None:
    pool = pool_of(3)
    found: dict[int, list[int]] = {}

    def of_one_loop(number: int) -> None:
        calls = [lambda n=n: run_in_thread(lambda: n) for n in range(number, number + 2500)]
        found[number] = run(*calls)

    loops = [threading.Thread(target=of_one_loop, args=(n,)) for n in range(0, 10_000, 2500)]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join(60)
    assert found == {n: list(range(n, n + 2500)) for n in range(0, 10_000, 2500)}
    assert pool._threads <= 3


def test_a_cancelled_caller_goes_on_at_once_and_takes_nothing_over() -> None:
    has_begun, may_end, has_ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        variable.set("by the function")
        has_begun.set()
        may_end.wait(10)
        has_ended.set()

    async def caller() -> str:
        try:
            await run_in_thread(work)
        except asyncio.CancelledError:
            return variable.get()
        return "it was not cancelled"

    async def main() -> str:
        task = asyncio.create_task(caller())
        await wait_until(has_begun.is_set)
        task.cancel()
        found = await task
        assert not has_ended.is_set()
        may_end.set()
        await wait_until(has_ended.is_set)
        return found

    assert asyncio.run(main()) == "unset"


def test_a_result_that_nobody_waits_for_any_more_is_given_back() -> None:
    given: list[Any] = []
    has_begun, may_end = threading.Event(), threading.Event()

    def work() -> str:
        has_begun.set()
        may_end.wait(10)
        return "the result"

    def take(value: Any) -> None:
        given.append((value, threading.current_thread().name[:12]))

    async def main() -> None:
        task = asyncio.create_task(run_in_thread(work, give_back=take))
        await wait_until(has_begun.is_set)
        task.cancel()
        await asyncio.wait([task])
        may_end.set()
        await wait_until(lambda: given)

    asyncio.run(main())
    assert given == [("the result", "kolben-view-")]


@pytest.mark.parametrize("fails", [False, True], ids=["no taker", "an error"])
def test_nothing_is_given_back_where_nobody_takes_it(
    fails: bool, pool_of: Callable[[int], Pool]
) -> None:
    pool_of(1)
    given: list[Any] = []
    has_begun, may_end = threading.Event(), threading.Event()

    def work() -> str:
        has_begun.set()
        may_end.wait(10)
        if fails:
            raise ValueError
        return "the result"

    async def main() -> None:
        work_of = run_in_thread(work, give_back=given.append if fails else None)
        task = asyncio.create_task(work_of)
        await wait_until(has_begun.is_set)
        task.cancel()
        await asyncio.wait([task])
        may_end.set()
        await run_in_thread(int)  # the same thread's next
        await run_in_thread(int)

    asyncio.run(main())
    assert given == []


def test_what_is_cancelled_before_a_thread_is_free_never_begins(
    pool_of: Callable[[int], Pool],
) -> None:
    pool_of(1)
    may_end = threading.Event()
    begun: list[str] = []

    async def main() -> None:
        first = asyncio.create_task(run_in_thread(may_end.wait, 10))
        second = asyncio.create_task(run_in_thread(begun.append, "second"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        may_end.set()
        await first
        await run_in_thread(int)

    asyncio.run(main())
    assert begun == []


def test_a_loop_that_is_closed_before_the_result_loses_nothing_else(
    pool_of: Callable[[int], Pool],
) -> None:
    pool = pool_of(1)
    has_begun, may_end = threading.Event(), threading.Event()

    def work() -> None:
        has_begun.set()
        may_end.wait(10)

    loop = asyncio.new_event_loop()
    task = loop.create_task(run_in_thread(work))
    loop.run_until_complete(wait_until(has_begun.is_set))
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()
    may_end.set()
    wait_until_true(lambda: pool._idle)
    assert run(lambda: run_in_thread(lambda: 7)) == [7]


def test_a_loop_is_not_kept_alive_by_its_calls() -> None:
    async def main() -> Any:
        await asyncio.gather(*(run_in_thread(int) for _ in range(20)))
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.run(main())
    wait_until_true(lambda: (gc.collect(), loop() is None)[1])


class Big:
    """What a request may be."""


@counts_references
def test_nothing_of_a_call_is_kept_after_it() -> None:
    async def main() -> Any:
        big = Big()
        await run_in_thread(lambda thing: None, big)
        return weakref.ref(big)

    big = asyncio.run(main())
    wait_until_true(lambda: big() is None)


@counts_references
def test_an_error_and_its_caller_are_freed_without_the_collector() -> None:
    def fail(thing: Big) -> None:
        raise ValueError

    async def main() -> Any:
        big = Big()
        with contextlib.suppress(ValueError):
            await run_in_thread(fail, big)
        return weakref.ref(big)

    gc.disable()
    try:
        big = asyncio.run(main())
        wait_until_true(lambda: big() is None)
    finally:
        gc.enable()


def test_coroutines_that_a_function_runs_go_to_the_callers_loop() -> None:
    from kolben.entry.loop import to_sync

    async def inner() -> Any:
        return asyncio.get_running_loop()

    async def main() -> bool:
        return await run_in_thread(to_sync(inner)) is asyncio.get_running_loop()

    assert asyncio.run(main()) is True


def test_calls_that_wait_for_a_thread_are_counted(pool_of: Callable[[int], Pool]) -> None:
    pool_of(1)
    go_on = threading.Event()

    async def main() -> list[int | None]:
        calls = [asyncio.create_task(run_in_thread(go_on.wait, 20)) for _ in range(3)]
        await wait_until(lambda: count_waiting() == 2)
        go_on.set()
        await asyncio.gather(*calls)
        return [count_waiting()]

    assert run(main) == [[0]]


def test_a_process_without_a_pool_counts_none(python: Interpreter) -> None:
    code = "from kolben.entry.threads import count_waiting; print(count_waiting())"
    assert python.run(code).strip() == "None"
