"""Apps are called as servers call them, once and many times."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.in_process.callers import AsgiCaller, WsgiCaller, seconds_per_request
from benchmarks.in_process.wire import encode

POST = encode({"path": "/", "method": "POST", "data": b"body"})


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    for task in asyncio.all_tasks(made):
        task.cancel()
    made.run_until_complete(asyncio.sleep(0))
    made.close()


class Body:
    """What a WSGI app returns, and whether it was read and closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"a", b"b"])

    def close(self) -> None:
        self.closed += 1


def test_a_wsgi_answer_is_read_to_its_end_and_closed() -> None:
    body = Body()

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        assert environ["wsgi.input"].read() == b"body"
        start_response("201 Created", [("X-Name", "value")])
        return body

    caller = WsgiCaller(app)
    answer = caller.ask(POST)
    assert (answer.status, answer.body, answer.header("x-name")) == (201, b"ab", "value")
    assert body.closed == 1
    assert caller.prepare(POST)(3) >= 0
    assert body.closed == 4


def test_an_asgi_app_is_started_and_its_answer_read(loop: asyncio.AbstractEventLoop) -> None:
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["type"])
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            scope["state"]["started"] = True
            await send({"type": "lifespan.startup.complete"})
            await receive()
        assert scope["state"] == {"started": True}
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"A", b"b")]})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"!"})

    caller = AsgiCaller(app, loop)
    answer = caller.ask(POST)
    assert (answer.status, answer.body, answer.header("a")) == (200, b"body!", "b")
    assert caller.prepare(POST)(3) >= 0
    assert asked == ["lifespan", *["http"] * 4]


def test_an_asgi_app_need_not_know_of_lifespans(loop: asyncio.AbstractEventLoop) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})

    assert AsgiCaller(app, loop).ask(POST).status == 204


def test_an_answer_without_an_end_is_none(loop: asyncio.AbstractEventLoop) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})

    with pytest.raises(AssertionError, match="no end"):
        AsgiCaller(app, loop).ask(POST)


def test_more_calls_are_made_until_the_time_is_long_enough() -> None:
    counts: list[int] = []

    def batch(count: int) -> float:
        counts.append(count)
        return count * 0.001

    assert seconds_per_request(batch, 0.1) == pytest.approx(0.001)
    assert counts == [4, 8, 16, 32, 128]
