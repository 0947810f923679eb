"""Requests come to the thread or the loop that answers them; too many are refused."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest
from werkzeug.routing import BaseConverter

from kolben import Flask, Response, g, request
from kolben.entry import threads
from kolben.entry.admission import Admission
from kolben.server import draining
from kolben.server.counting import RequestCounter
from kolben.server.proxies import adaptation_of
from kolben.server.scheduling import Scheduling, scheduler_maker
from tests.server.scheduled import Busy, Schedule, Watched, ask, serve, watcher


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/", "where", lambda: threading.current_thread().name)
    return app


def test_a_plain_view_is_answered_by_a_thread_that_the_loop_never_sees(app: Flask) -> None:
    asked = watcher()
    assert [] == ask(app, asked)
    assert asked.proto.sent[0].startswith(b"kolben-view-")
    assert asked.error is None


def test_an_async_view_runs_on_the_loop_and_a_plain_one_beside_it_in_a_thread(app: Flask) -> None:
    async def on_loop(name: str) -> str:
        await asyncio.sleep(0)
        return name

    app.add_url_rule("/async/<name>", "on_loop", on_loop)
    asked = [watcher("/async/a"), watcher(), watcher("/async/b"), watcher("/none")]
    assert {"/async/a", "/async/b", "/none"} == set(ask(app, *asked))
    assert [b"a"] == asked[0].proto.sent
    assert asked[1].proto.sent[0].startswith(b"kolben-view-")
    assert (200, 404) == (asked[2].proto.status, asked[3].proto.status)


def test_converters_of_an_app_are_asked_on_the_loop(app: Flask) -> None:
    """They may do whatever they like, and not in the thread that serves all connections."""

    class Asking(BaseConverter):
        def to_python(self, value: str) -> str:
            asked_in.append(threading.current_thread())
            return value

    async def on_loop() -> str:
        return ""

    asked_in: list[threading.Thread] = []
    app.url_map.converters["asking"] = Asking
    app.add_url_rule("/a/<asking:name>", "view", lambda name: name)
    app.add_url_rule("/async", "on_loop", on_loop)
    asked = watcher("/a/b")
    assert ["/a/b"] == ask(app, asked)
    assert [b"b"] == asked.proto.sent
    assert [threading.current_thread()] == asked_in


def test_what_is_streamed_goes_on_on_the_loop_in_the_context_of_its_view(app: Flask) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    def pieces() -> Any:
        yield variable.get()
        yield "!"

    def view() -> Response:
        variable.set("set by the view")
        return Response(pieces())

    app.add_url_rule("/stream", "stream", view)
    asked = watcher("/stream")
    assert [] == ask(app, asked)
    assert [b"set by the view", b"!"] == asked.proto.sent


def test_context_variables_of_one_request_are_not_the_next_ones(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_pool", threads.Pool(1))
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nothing")

    def view() -> str:
        found = variable.get()
        variable.set("left behind")
        g.left = "behind"
        return found

    app.add_url_rule("/set", "set", view)
    asked = [watcher("/set") for _ in range(20)]
    ask(app, *asked)
    assert [[b"nothing"]] * 20 == [one.proto.sent for one in asked]


@pytest.mark.parametrize("when", ["in the view", "in a stream"])
def test_granian_is_told_of_what_is_raised(app: Flask, when: str) -> None:
    def fail() -> Any:
        raise KeyboardInterrupt("own words")

    def pieces() -> Any:
        yield "a"
        raise LookupError("own words")

    app.add_url_rule("/fail", "fail", fail if when == "in the view" else lambda: Response(pieces()))
    asked = watcher("/fail")
    ask(app, asked)
    assert "own words" in str(asked.error)


def test_what_http_forbids_reaches_neither(app: Flask) -> None:
    asked = watcher(method="get")
    assert [] == ask(app, asked)
    assert 400 == asked.proto.status


def test_paths_that_are_kept_go_to_the_loop(app: Flask) -> None:
    asked = watcher("/healthz")
    assert ["/healthz"] == ask(app, asked, kept=frozenset({"/healthz"}))


@pytest.mark.parametrize(("version", "closes"), [("1.1", True), ("2", False)])
def test_the_last_answers_of_a_worker_say_so(
    app: Flask, version: str, closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_told", [None])
    monkeypatch.setattr(draining, "_begun", [])
    asked = watcher()
    asked.scope.http_version = version
    ask(app, asked)
    assert closes is (("connection", "close") in asked.proto.headers)
    assert 1 == draining.count_begun()


def test_the_loop_may_be_asked_for_everything(app: Flask) -> None:
    asked = watcher()
    assert ["/"] == ask(app, asked, is_direct=False)
    assert asked.proto.sent[0].startswith(b"kolben-view-")


def test_an_app_sees_the_scope_that_it_is_to_see(app: Flask) -> None:
    app.add_url_rule("/seen", "seen", lambda: f"{request.remote_addr} {request.root_path}")
    adaptation = adaptation_of(["127.0.0.1"], ["for"], "/shop")
    assert adaptation is not None
    asked = watcher("/shop/seen", **{"X-Forwarded-For": "1.2.3.4"})
    ask(app, asked, adapt=adaptation.rsgi)
    assert [b"1.2.3.4 /shop"] == asked.proto.sent


def test_more_than_may_wait_are_refused_at_once_and_the_others_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = Busy(monkeypatch, 3)
    taken, refused = [watcher() for _ in range(4)], [watcher(), watcher("/", "POST", b"x")]

    async def act(schedule: Schedule) -> None:
        schedule(taken[0])
        assert await asyncio.to_thread(busy.inside.acquire, timeout=20)
        for one in (*taken[1:], *refused):
            schedule(one)
        assert [503, 503] == [one.proto.status for one in refused]
        busy.go_on.set()
        for one in taken:
            assert await asyncio.to_thread(one.over.wait, 20)
        later = watcher()
        schedule(later)
        assert await asyncio.to_thread(later.over.wait, 20)
        assert 200 == later.proto.status

    serve(busy.app, act)
    assert [200] * 4 == [one.proto.status for one in taken]
    headers = dict(refused[0].proto.headers)
    assert "1" == headers["Retry-After"]
    assert all(one.over.is_set() for one in refused)


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_has_waited_too_long_is_refused_and_whoever_watches_told_of_it(
    monkeypatch: pytest.MonkeyPatch, watched: Watched, method: str, counts: bool
) -> None:
    busy = Busy(monkeypatch, 3)
    monkeypatch.setattr(Admission, "is_late", lambda admission, came: True)
    noted: list[Any] = []
    counter = RequestCounter(lambda method, path: path)
    first, early, late = (
        watcher("/", method, b"" if method == "GET" else b"data") for _ in range(3)
    )

    async def act(schedule: Schedule) -> None:
        schedule(watcher())
        assert await asyncio.to_thread(busy.inside.acquire, timeout=20)
        for one in (first, early, late):
            schedule(one)
        await asyncio.sleep(0.1)
        busy.go_on.set()
        for one in (first, early, late):
            assert await asyncio.to_thread(one.over.wait, 20)

    serve(busy.app, act, watched_by=counter if counts else watched(noted))
    # Each that finds others before it; over RSGI with a body, any.
    assert [503, 503] == [one.proto.status for one in (early, late)]
    assert "1" == dict(late.proto.headers)["Retry-After"]
    assert [] == counter.running()
    assert all(one.duration_s >= 0.1 for one in noted)
    assert counts is not bool(noted)


def test_granian_is_told_of_an_answer_that_fails_where_it_has_waited_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = Busy(monkeypatch, 3)
    monkeypatch.setattr(Admission, "is_late", lambda admission, came: True)
    asked = [watcher() for _ in range(3)]

    def fail(*_: Any) -> None:
        raise OSError("own words")

    asked[2].proto.response_bytes = fail

    async def act(schedule: Schedule) -> None:
        schedule(asked[0])
        assert await asyncio.to_thread(busy.inside.acquire, timeout=20)
        schedule(asked[1])
        schedule(asked[2])
        busy.go_on.set()
        for one in asked:
            assert await asyncio.to_thread(one.over.wait, 20)

    serve(busy.app, act)
    assert "own words" in str(asked[2].error)


def test_who_watches_is_told_of_the_refused_and_of_the_time_that_others_waited(
    monkeypatch: pytest.MonkeyPatch, watched: Watched
) -> None:
    busy = Busy(monkeypatch, 1)
    noted: list[Any] = []
    taken, refused = [watcher(), watcher()], watcher()

    async def act(schedule: Schedule) -> None:
        schedule(taken[0])
        assert await asyncio.to_thread(busy.inside.acquire, timeout=20)
        schedule(taken[1])
        schedule(refused)
        assert [503] == [one.status for one in noted]
        await asyncio.sleep(0.1)
        busy.go_on.set()
        for one in taken:
            assert await asyncio.to_thread(one.over.wait, 20)

    serve(busy.app, act, watched_by=watched(noted))
    assert [503, 200, 200] == [one.status for one in noted]
    # The second was in the view for no time at all.
    assert all(one.duration_s >= 0.1 for one in noted[1:])


def test_requests_are_counted_while_a_thread_answers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Busy(monkeypatch, 3)
    counter = RequestCounter(lambda method, path: path)
    asked = watcher()

    async def act(schedule: Schedule) -> None:
        schedule(asked)
        assert await asyncio.to_thread(busy.inside.acquire, timeout=20)
        ((method, route, _),) = counter.running()
        assert ("GET", "/") == (method, route)
        busy.go_on.set()
        assert await asyncio.to_thread(asked.over.wait, 20)

    serve(busy.app, act, watched_by=counter)
    assert ([], 1) == (counter.running(), counter.take_ended())


@pytest.mark.parametrize(
    ("path", "status", "size"), [("/whole", 200, 5), ("/stream", 201, 2), ("/none", 404, 207)]
)
def test_requests_are_noted_with_their_answers(
    app: Flask, watched: Watched, path: str, status: int, size: int
) -> None:
    noted: list[Any] = []
    app.add_url_rule("/whole", "whole", lambda: "whole")
    app.add_url_rule("/stream", "stream", lambda: Response(iter("ab"), 201))
    ask(app, watcher(path), watched_by=watched(noted))
    assert [(status, size)] == [(one.status, one.sent_bytes) for one in noted]


@pytest.mark.parametrize("when", ["in the view", "in a stream"])
def test_an_error_is_noted_and_granian_told_of_it(app: Flask, watched: Watched, when: str) -> None:
    noted: list[Any] = []

    def pieces() -> Any:
        yield "a"
        raise LookupError("own words")

    def fail() -> Any:
        raise KeyboardInterrupt("own words")

    app.add_url_rule("/fail", "fail", fail if when == "in the view" else lambda: Response(pieces()))
    asked = watcher("/fail")
    ask(app, asked, watched_by=watched(noted))
    assert "own words" in str(asked.error)
    assert "own words" in str(noted[0].error)


def test_the_loop_is_woken_for_what_comes_after_it_has_rested(app: Flask) -> None:
    async def on_loop() -> bytes:
        return request.get_data()

    app.add_url_rule("/body", "body", on_loop, methods=["POST"])

    async def act(schedule: Schedule) -> None:
        for _ in range(3):
            asked = watcher("/body", "POST", b"data")
            await asyncio.to_thread(schedule, asked)
            assert await asyncio.to_thread(asked.over.wait, 20)
            await asyncio.sleep(0.05)

    assert ["/body"] * 3 == serve(app, act)


def test_granian_gets_a_scheduler_of_its_own_kind(app: Flask) -> None:
    from granian._granian import CallbackScheduler

    loop = asyncio.new_event_loop()
    try:
        made = scheduler_maker(Scheduling(app))(loop, None, impl_asyncio=True)
    finally:
        loop.close()
    assert isinstance(made, CallbackScheduler)
