"""Requests with bodies: small ones go to a thread when they have come, others to the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from kolben import Flask, request
from kolben.entry import bodies, threads
from kolben.entry.body_timeouts import set_body_timeout
from kolben.server import draining, scheduling
from kolben.server.counting import RequestCounter
from kolben.server.observing import NOT_BEGUN
from tests.server.scheduled import Busy, Schedule, Watched, ask, serve, watcher
from tests.wires import RSGIConnection, RSGIProtocolClosed, Watcher


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/", "view", str)
    app.add_url_rule("/body", "body", lambda: request.get_data(), methods=["POST"])
    return app


@pytest.mark.parametrize("body", [b"data", b"x" * 65536], ids=["a few bytes", "just as many"])
def test_a_small_body_is_read_without_the_loop(app: Flask, body: bytes) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 65536
    asked = watcher("/body", "POST", body)
    assert [] == ask(app, asked)
    assert [body] == asked.proto.sent


@pytest.mark.parametrize(("version", "is_read"), [("1", False), ("1.1", False), ("2", True)])
def test_no_bytes_are_not_waited_for_where_none_can_come(
    app: Flask, version: str, is_read: bool
) -> None:
    asked = watcher("/body", "POST", **{"Content-Length": "0"})
    asked.scope.http_version = version
    assert [] == ask(app, asked)
    assert (200, [b""]) == (asked.proto.status, asked.proto.sent or [b""])
    assert is_read is (asked.proto._pieces == [])


@pytest.mark.parametrize(
    ("headers", "most"),
    [
        ({"Content-Length": "65537"}, None),
        ({"Content-Length": "9" * 30}, None),
        ({"Content-Length": "11"}, 10),
        ({"Content-Length": "4"}, "10"),
        ({"Content-Length": "x"}, None),
        ({"Transfer-Encoding": "chunked"}, None),
    ],
    ids=["long", "very long", "above the limit", "an odd limit", "no number", "chunked"],
)
def test_another_body_is_read_on_the_loop(
    app: Flask, headers: dict[str, str], most: object
) -> None:
    app.config["MAX_CONTENT_LENGTH"] = most
    assert ["/body"] == ask(app, watcher("/body", "POST", **headers))


def test_a_body_that_the_server_does_not_allow_is_left_to_the_loop(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_max_body_bytes", 3)
    asked = [watcher("/body", "POST", b"abc"), watcher("/body", "POST", b"abcd")]
    assert ["/body"] == ask(app, *asked)
    assert [200, 413] == [one.proto.status for one in asked]


def test_a_body_that_a_view_reads_as_it_comes_is_left_to_the_loop(app: Flask) -> None:
    app.add_url_rule(
        "/live", "live", lambda: request.get_data(), methods=["POST"], stream_body=True
    )
    asked = [watcher("/body", "POST", b"data"), watcher("/live", "POST", b"data")]
    assert ["/live"] == ask(app, *asked)
    assert [[b"data"]] * 2 == [one.proto.sent for one in asked]


def test_where_only_the_loop_may_wait_it_does(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "HAS_ARRIVALS", False)
    asked = watcher("/body", "POST", b"data")
    assert ["/body"] == ask(app, asked)
    assert [b"data"] == asked.proto.sent


class LateBody(RSGIConnection):
    """A request whose body comes when it is told to, and not as an error only if there is none."""

    def __call__(self) -> Any:
        return self

    def add_done_callback(self, callback: Any, context: Any = None) -> None:
        self._callback = callback

    def come(self, error: BaseException | None = None) -> None:
        self._error = error
        self._callback(self)

    def result(self) -> bytes:
        if self._error is not None:
            raise self._error
        return self.message.body

    def cancel(self) -> None:
        self.come(asyncio.CancelledError())


def late(path: str = "/") -> Watcher:
    asked = watcher(path, "POST", b"data")
    asked.proto = LateBody(asked.proto.message)
    return asked


async def is_over(asked: Watcher) -> bool:
    return await asyncio.to_thread(asked.over.wait, 20)


def test_a_body_that_has_not_come_holds_no_thread(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_pool", threads.Pool(1))
    slow, quick = [late("/body") for _ in range(5)], watcher()

    async def act(schedule: Schedule) -> None:
        for one in slow:
            schedule(one)
        schedule(quick)
        assert await is_over(quick)
        assert not any(one.over.is_set() for one in slow)
        for one in slow:
            one.proto.come()
            assert await is_over(one)

    assert [] == serve(app, act)
    assert [[b"data"]] * 5 == [one.proto.sent for one in slow]


def test_a_body_that_is_cut_off_is_a_400_that_is_noted(app: Flask, watched: Watched) -> None:
    noted: list[Any] = []
    asked = late("/body")

    async def act(schedule: Schedule) -> None:
        schedule(asked)
        asked.proto.come(RSGIProtocolClosed())
        assert await is_over(asked)

    serve(app, act, watched_by=watched(noted))
    assert (400, [400]) == (asked.proto.status, [one.status for one in noted])


@pytest.fixture
def body_timeout() -> Iterator[None]:
    set_body_timeout(0.1)
    yield
    set_body_timeout(0)


@pytest.mark.usefixtures("body_timeout")
@pytest.mark.parametrize("kind", ["observer", "counter", "nobody"])
def test_a_body_that_does_not_come_is_a_408_and_who_watches_knows_of_it(
    app: Flask, watched: Watched, kind: str
) -> None:
    noted: list[Any] = []
    counter = RequestCounter(lambda method, path: path)
    observer = watched(noted)
    watching: Any = {"observer": observer, "counter": counter, "nobody": None}[kind]
    asked = late("/body")

    async def act(schedule: Schedule) -> None:
        schedule(asked)
        if watching is not None:
            ((method, route, _),) = watching.running()
            assert ("POST", NOT_BEGUN if kind == "observer" else "/body") == (method, route)
        assert await is_over(asked)

    assert [] == serve(app, act, watched_by=watching)
    assert 408 == asked.proto.status
    assert ("Connection", "close") in asked.proto.headers
    if watching is not None:
        assert ([], 1) == (watching.running(), watching.take_ended())
    if kind == "observer":
        ((status, duration_s),) = [(one.status, one.duration_s) for one in noted]
        assert (408, True) == (status, duration_s >= 0.1)


@pytest.mark.parametrize("kind", ["observer", "counter"])
def test_a_request_is_noted_once_from_before_its_body_came(
    app: Flask, watched: Watched, kind: str
) -> None:
    noted: list[Any] = []
    counter = RequestCounter(lambda method, path: path)
    watching: Any = watched(noted) if kind == "observer" else counter
    asked = late("/body")

    async def act(schedule: Schedule) -> None:
        schedule(asked)
        await asyncio.sleep(0.1)
        asked.proto.come()
        assert await is_over(asked)

    serve(app, act, watched_by=watching)
    assert ([], 1) == (watching.running(), watching.take_ended())
    if kind == "observer":
        assert [(200, True)] == [(one.status, one.duration_s >= 0.1) for one in noted]


def test_what_comes_when_too_much_waits_already_is_refused_with_its_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = Busy(monkeypatch, 1)
    taken, asked = [watcher(), watcher()], late()
    counter = RequestCounter(lambda method, path: path)

    async def act(schedule: Schedule) -> None:
        schedule(asked)
        schedule(taken[0])
        assert await asyncio.to_thread(busy.inside.acquire, timeout=20)
        schedule(taken[1])
        asked.proto.come()
        assert (503, True) == (asked.proto.status, asked.over.is_set())
        busy.go_on.set()
        for one in taken:
            assert await is_over(one)

    serve(busy.app, act, watched_by=counter)
    assert ([], 3) == (counter.running(), counter.take_ended())


@pytest.mark.parametrize("when", ["before", "while the body comes", "after"])
def test_a_request_with_a_body_has_begun_when_it_came(
    app: Flask, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_told", [])
    monkeypatch.setattr(draining, "_begun", [])
    asked = late("/body")

    async def act(schedule: Schedule) -> None:
        if when == "before":
            draining.begin_draining()
        schedule(asked)
        if when == "while the body comes":
            draining.begin_draining()
        asked.proto.come()
        assert await is_over(asked)

    serve(app, act)
    assert (when == "before") == draining.count_begun()
    assert (when != "after") is (("connection", "close") in asked.proto.headers)
