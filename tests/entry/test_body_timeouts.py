"""A client that begins a body and sends no more of it is not waited for for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask, request
from kolben.entry.body_timeouts import SlowBody, _waits_of, in_time, set_body_timeout
from tests.entry.waiting import SOON_S, wait_until
from tests.wires import ASGIConnection, Message, RSGIConnection

pytestmark = pytest.mark.usefixtures("bodies_due_soon")


async def never() -> None:
    await asyncio.Event().wait()


def test_what_comes_is_given() -> None:
    assert "x" == asyncio.run(in_time(asyncio.sleep(0, "x")))


def test_what_does_not_come_is_given_up() -> None:
    with pytest.raises(SlowBody):
        asyncio.run(in_time(never()))


def test_each_wait_has_the_whole_time() -> None:
    async def run() -> None:
        for _ in range(6):
            await in_time(asyncio.sleep(SOON_S / 2))

    asyncio.run(run())


def test_nothing_ticks_while_nobody_waits() -> None:
    async def run() -> None:
        await in_time(asyncio.sleep(0))
        waits = _waits_of(asyncio.get_running_loop())
        assert waits._is_ticking
        await wait_until(lambda: not waits._is_ticking)
        with pytest.raises(SlowBody):
            await in_time(never())

    asyncio.run(run())


def test_one_wait_does_not_end_another() -> None:
    async def run() -> list[Any]:
        late = asyncio.create_task(in_time(never()))
        await asyncio.sleep(SOON_S / 2)
        return await asyncio.gather(in_time(never()), late, in_time(asyncio.sleep(0, "x")),
                                    return_exceptions=True)  # fmt: skip

    first, late, soon = asyncio.run(run())
    assert (SlowBody, SlowBody, "x") == (type(first), type(late), soon)


def test_a_task_that_is_cancelled_by_others_is() -> None:
    async def run() -> bool:
        task = asyncio.create_task(in_time(never()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert asyncio.run(run())


def test_without_a_time_it_waits() -> None:
    set_body_timeout(0)

    async def run() -> None:
        await asyncio.wait_for(in_time(never()), SOON_S * 3)

    with pytest.raises(TimeoutError):
        asyncio.run(run())


class Stalling:
    """A client that sends the beginning of its body, and then nothing."""

    async def receive(self) -> Any:
        if self._coming:  # type: ignore[has-type]
            self._coming: list[Any] = []
            return {"type": "http.request", "body": b"x", "more_body": True}
        return await never()

    async def __call__(self) -> bytes:
        await never()
        return b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x"
        await never()


class StallingASGI(Stalling, ASGIConnection):
    pass


class StallingRSGI(Stalling, RSGIConnection):
    pass


@pytest.mark.parametrize("connection", [StallingASGI, StallingRSGI])
@pytest.mark.parametrize("length", ["10", "100000", ""], ids=["short", "long", "chunked"])
@pytest.mark.parametrize("streams_body", [False, True], ids=["whole", "as it comes"])
def test_the_client_is_told_and_the_view_sees_no_short_body(
    app: Flask, connection: Callable[[Message], Any], length: str, streams_body: bool
) -> None:
    seen: list[bytes] = []

    @app.post("/", stream_body=streams_body)
    def view() -> str:
        seen.append(request.get_data())
        return ""

    about = {"Content-Length": length} if length else {"Transfer-Encoding": "chunked"}
    asked = connection(Message("POST", "/", "", Headers({"Host": "localhost", **about}), b""))
    asyncio.run(asked.run(app))
    answer = asked.answer()
    assert (408, []) == (answer.status, seen)
    if not streams_body:
        assert "close" == answer.headers["Connection"]
