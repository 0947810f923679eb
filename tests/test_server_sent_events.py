"""Events go out as the HTML standard has them, with heartbeats, and end with their client."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from kolben import Event, Flask, last_event_id, request, server_sent_events, sse
from kolben.server_sent_events import format_event


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("a", "data: a\n\n"),
        ("", "data: \n\n"),
        ("a\nb", "data: a\ndata: b\n\n"),
        ("a\r\nb\rc", "data: a\ndata: b\ndata: c\n\n"),
        (b"bytes", "data: bytes\n\n"),
        ({"n": 1}, 'data: {"n": 1}\n\n'),
        (5, "data: 5\n\n"),
        (Event("x", "tick", "7", 100), "event: tick\nid: 7\nretry: 100\ndata: x\n\n"),
        (Event("x", id=""), "id: \ndata: x\n\n"),
    ],
)
def test_an_event_is_written_as_the_standard_has_it(app: Flask, item: Any, text: str) -> None:
    assert format_event(app, item) == text


@pytest.mark.parametrize("value", ["a\nb", "a\rdata: x", "a\0"])
@pytest.mark.parametrize("field", ["event", "id"])
def test_a_field_that_would_begin_another_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"The {field} of a server-sent event is one line"):
        Event("x", **{field: value})


def test_events_go_out_on_every_wire(app: Flask, wire: Any) -> None:
    @app.get("/plain")
    def plain() -> Any:
        def events() -> Iterator[Any]:
            yield request.path
            yield last_event_id()

        return sse(events())

    @app.get("/async")
    async def later() -> Any:
        async def events() -> AsyncIterator[Any]:
            yield request.path
            await asyncio.sleep(0)
            yield last_event_id()

        return sse(events())

    for path in ("/plain", "/async"):
        answer = wire(app).get(path, headers={"Last-Event-ID": "5"})
        assert answer.text == f"data: {path}\n\ndata: 5\n\n"
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Accel-Buffering"] == "no"


def test_a_list_of_events_is_enough(app: Flask, wire: Any) -> None:
    app.add_url_rule("/", "index", lambda: sse([Event("a"), "b"]))
    assert wire(app).get().text == "data: a\n\ndata: b\n\n"


def test_silence_is_broken_by_comments(app: Flask, wire: Any) -> None:
    go_on = threading.Event()

    @app.get("/plain")
    def plain() -> Any:
        def events() -> Iterator[str]:
            go_on.wait(0.2)
            yield "late"

        return sse(events(), heartbeat_s=0.02)

    @app.get("/async")
    async def later() -> Any:
        async def events() -> AsyncIterator[str]:
            await asyncio.sleep(0.2)
            yield "late"

        return sse(events(), heartbeat_s=0.02)

    for path in ("/plain", "/async"):
        text = wire(app).get(path).text
        assert text.startswith(": \n\n: \n\n")
        assert text.endswith("data: late\n\n")


@pytest.mark.parametrize("heartbeat_s", [None, 15.0])
def test_a_silent_stream_is_opened_soon(
    app: Flask, wire: Any, heartbeat_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status goes out with the first piece; no other comment follows."""
    monkeypatch.setattr(server_sent_events, "OPENING_S", 0.02)

    @app.get("/")
    async def index() -> Any:
        async def events() -> AsyncIterator[str]:
            await asyncio.sleep(0.3)
            yield "late"
            await asyncio.sleep(0.1)

        return sse(events(), heartbeat_s)

    assert wire(app).get().text == ": \n\ndata: late\n\n"


def test_an_error_ends_the_stream(app: Flask, wire: Any) -> None:
    @app.get("/")
    async def index() -> Any:
        async def events() -> AsyncIterator[str]:
            yield "begun"
            raise ValueError("broken")

        return sse(events())

    with pytest.raises(ValueError, match="broken"):
        wire(app).get()


async def read_three(app: Flask, path: str) -> list[Event]:
    """Read three events, and go away."""
    got: list[Event] = []
    async with app.async_test_client().stream(path) as response:
        assert response.status_code == 200
        async for event in response.events():
            got.append(event)
            if len(got) == 3:
                break
    return got


def test_a_client_that_goes_away_ends_its_events(app: Flask) -> None:
    said: list[str] = []

    @app.get("/async")
    async def later() -> Any:
        async def events() -> AsyncIterator[int]:
            try:
                for number in range(1000):
                    yield number
                    await asyncio.sleep(0.01 if number < 2 else 60)
            finally:
                said.append(f"closed {request.path}")

        return sse(events())

    @app.get("/plain")
    def plain() -> Any:
        def events() -> Iterator[int]:
            try:
                for number in range(1000):
                    yield number
                    time.sleep(0.01)
            finally:
                said.append(f"closed {request.path}")

        return sse(events())

    app.teardown_request(lambda error: said.append("torn down"))

    for path in ("/async", "/plain"):
        assert asyncio.run(read_three(app, path)) == [Event("0"), Event("1"), Event("2")]
        assert said == [f"closed {path}", "torn down"]
        said.clear()
