"""A view is cancelled when its client goes away, and for no other reason; what must end, ends."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest

from kolben.entry import disconnects
from kolben.entry.disconnects import run_watched, unbroken, watchers_of
from tests.entry.waiting import wait_until, wait_until_true


class Client:
    """A client that stays until it is told to go."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.asked = 0

    async def leaves(self) -> None:
        self.asked += 1
        await self.gone.wait()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch at once: the clock of these tests."""
    monkeypatch.setattr(disconnects, "PATIENCE_S", 0.001)


async def watch(work: Coroutine[Any, Any, Any], client: Client) -> Any:
    return await run_watched(work, client.leaves)


def test_work_that_does_not_wait_is_not_watched() -> None:
    async def work() -> int:
        return 7

    async def main() -> tuple[int, int]:
        client = Client()
        return await watch(work(), client), len(watchers_of(asyncio.get_running_loop())._young)

    assert asyncio.run(main()) == (7, 0)


def test_what_fails_before_it_waits_is_raised() -> None:
    async def work() -> None:
        raise ValueError("at once")

    async def main() -> None:
        await watch(work(), Client())

    with pytest.raises(ValueError, match="at once"):
        asyncio.run(main())


def test_work_that_waits_shortly_never_listens() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    async def main() -> tuple[int, int]:
        client = Client()
        found = await watch(work(), client)
        return found, client.asked

    assert asyncio.run(main()) == (7, 0)


def test_a_value_comes_back_while_the_client_stays() -> None:
    async def main() -> tuple[str, bool]:
        client = Client()

        async def work() -> str:
            await wait_until(lambda: client.asked)
            return "answer"

        found = await watch(work(), client)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.sleep(0)
        return found, all(task.done() or task.cancelling() for task in tasks)

    assert asyncio.run(main()) == ("answer", True)


def test_an_error_comes_back_while_the_client_stays() -> None:
    async def work() -> None:
        await asyncio.sleep(0.005)
        raise ValueError("later")

    async def main() -> None:
        await watch(work(), Client())

    with pytest.raises(ValueError, match="later"):
        asyncio.run(main())


def test_an_error_that_the_work_waits_for_reaches_it() -> None:
    async def main() -> str:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def work() -> str:
            asyncio.get_running_loop().call_soon(future.set_exception, ValueError("inner"))
            try:
                await future
            except ValueError as error:
                return str(error)
            return "nothing was raised"

        return str(await watch(work(), Client()))

    assert asyncio.run(main()) == "inner"


def test_the_work_is_cancelled_when_the_client_goes() -> None:
    async def main() -> tuple[Any, list[str], int]:
        client, said = Client(), []

        async def work() -> None:
            try:
                asyncio.get_running_loop().call_later(0.01, client.gone.set)
                await asyncio.Event().wait()
            finally:
                said.append("ended")

        found = await watch(work(), client)
        task = asyncio.current_task()
        assert task is not None
        return found, said, task.cancelling()

    assert asyncio.run(main()) == (None, ["ended"], 0)


@pytest.mark.parametrize("ends", ["value", "error"])
def test_work_may_end_otherwise_when_it_is_cancelled(ends: str) -> None:
    async def main() -> tuple[Any, int]:
        client = Client()

        async def work() -> str:
            try:
                client.gone.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if ends == "error":
                    raise ValueError("error") from None
            return "value"

        try:
            found = await watch(work(), client)
        except ValueError as error:
            found = str(error)
        task = asyncio.current_task()
        assert task is not None
        return found, task.cancelling()

    assert asyncio.run(main()) == (ends, 0)


def test_another_s_cancellation_goes_on() -> None:
    async def main() -> bool:
        task = asyncio.create_task(watch(asyncio.sleep(30), Client()))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main()) is True


def test_a_cancellation_of_both_is_not_taken_back() -> None:
    """The client goes, the work ends slowly, and the server ends the task meanwhile."""

    async def main() -> bool:
        client, is_ending = Client(), asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                is_ending.set()
                await asyncio.sleep(30)

        task = asyncio.create_task(watch(work(), client))
        client.gone.set()
        await is_ending.wait()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main()) is True


def test_a_timeout_around_watched_work_still_ends_it() -> None:
    async def main() -> None:
        async with asyncio.timeout(0.01):
            await watch(asyncio.sleep(30), Client())

    with pytest.raises(TimeoutError):
        asyncio.run(main())


def test_closed_work_is_closed_inside() -> None:
    said: list[str] = []

    async def main() -> None:
        async def work() -> None:
            try:
                await asyncio.sleep(30)
            finally:
                said.append("closed")

        running = watch(work(), Client())
        running.send(None)
        running.close()

    asyncio.run(main())
    assert said == ["closed"]


def test_watchers_do_not_keep_a_loop_alive() -> None:
    async def main() -> Any:
        await watch(asyncio.sleep(0), Client())
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.run(main())
    wait_until_true(lambda: (gc.collect(), loop() is None)[1])


def test_each_loop_has_watchers_of_its_own() -> None:
    one, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        first, second = watchers_of(one), watchers_of(other)
        assert first is not second
        assert [watchers_of(loop) for loop in (one, one, other)] == [first, first, second]
    finally:
        one.close()
        other.close()


def test_ticks_end_with_the_last_watch() -> None:
    async def main() -> bool:
        watchers = watchers_of(asyncio.get_running_loop())
        await asyncio.gather(*(watch(asyncio.sleep(0.005), Client()) for _ in range(5)))
        await wait_until(lambda: not watchers._is_ticking)
        return bool(watchers._young or watchers._old)

    assert asyncio.run(main()) is False


def test_unbroken_work_ends_though_it_is_cancelled_often() -> None:
    async def main() -> tuple[list[str], bool]:
        said: list[str] = []

        async def work() -> None:
            await asyncio.sleep(0.01)
            said.append("ended")

        task = asyncio.create_task(unbroken(work()))
        for _ in range(3):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])
        return said, task.cancelled()

    assert asyncio.run(main()) == (["ended"], True)


def test_unbroken_work_that_is_not_cancelled_returns() -> None:
    async def main() -> None:
        await unbroken(asyncio.sleep(0))

    asyncio.run(main())


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
def test_what_unbroken_work_raises_is_raised_and_the_loop_goes_on(
    kind: type[BaseException],
) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise kind("from the work")

    async def main() -> str:
        try:
            await unbroken(fail())
        except kind as error:
            await asyncio.sleep(0)
            return str(error)
        return "nothing was raised"

    assert asyncio.run(main()) == "from the work"


def test_unbroken_work_that_is_cancelled_itself_says_so() -> None:
    async def main() -> bool:
        async def work() -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(30)

        task = asyncio.create_task(unbroken(work()))
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main()) is True
