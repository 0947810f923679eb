"""Health and metrics are answered before the app, and nothing else is."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask
from kolben.server import watch_pages
from kolben.server.granian_wsgi import base_environ, connect
from kolben.server.watch_pages import Page, Readiness, WatchPages, tell_health
from tests.server.observed import INTERFACES, GranianAnswer, message
from tests.wires import Answer, ASGIConnection, Message, RSGIConnection, RSGIScope, _environ, _scope


def ask(pages: WatchPages, app: Flask, interface: str, asked: Message) -> Answer:
    """Ask an app with the pages before it."""
    if interface == "wsgi":
        base = base_environ(multiprocess=False, multithread=True)
        answer = GranianAnswer()
        pages.before_wsgi(connect(app, base))(answer, _environ(asked))
        return Answer(answer.status, Headers(answer.headers), answer.body)

    async def main() -> Answer:
        connection: Any
        if interface == "asgi":
            connection = ASGIConnection(asked)
            entry = pages.before_asgi(app.asgi_app)
            await entry(_scope(asked), connection.receive, connection.send)
        else:
            connection = RSGIConnection(asked)
            await pages.before_rsgi(app).__rsgi__(RSGIScope(asked), connection)
        found: Answer = connection.answer()
        return found

    return asyncio.run(main())


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_page_is_answered_before_the_app(app: Flask, interface: str) -> None:
    app.add_url_rule("/healthz", "own", lambda: "the app's", methods=["GET", "POST"])
    pages = WatchPages({"/healthz": tell_health})
    answer = ask(pages, app, interface, message("/healthz?x=1"))
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    head = ask(pages, app, interface, message("/healthz", "HEAD"))
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "17")
    assert ask(pages, app, interface, message("/healthz", "POST")).text == "the app's"
    assert ask(pages, app, interface, message("/healthz/")).status == 404
    assert ask(WatchPages({}), app, interface, message("/healthz")).text == "the app's"


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_no_page_is_made_on_an_event_loop(app: Flask, interface: str) -> None:
    names: list[str] = []

    def make() -> Page:
        names.append(threading.current_thread().name)
        return Page(200, "text/plain", b"x")

    assert ask(WatchPages({"/p": make}), app, interface, message("/p")).text == "x"
    assert names == ["kolben-pages_0"]


def test_what_is_no_request_goes_on_to_the_app(app: Flask) -> None:
    seen: list[str] = []

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    class RSGI:
        def __rsgi_init__(self, loop: object) -> None:
            seen.append("init")

        def __rsgi_del__(self, loop: object) -> None:
            seen.append("del")

        async def __rsgi__(self, scope: Any, protocol: Any) -> None:
            seen.append(scope.proto)

    pages = WatchPages({"/": tell_health})
    nothing: Any = None
    asyncio.run(pages.before_asgi(asgi)({"type": "lifespan"}, nothing, nothing))
    scope = RSGIScope(message("/"))
    scope.proto = "ws"
    rsgi = pages.before_rsgi(RSGI())
    rsgi.__rsgi_init__(nothing)
    asyncio.run(rsgi.__rsgi__(scope, nothing))
    rsgi.__rsgi_del__(nothing)
    assert seen == ["lifespan", "init", "ws", "del"]


def test_it_is_ready_when_all_checks_pass(app: Flask) -> None:
    assert Readiness(app.health_checks)() == Page(
        200, "application/json", b'{"status": "ready", "checks": {}}\n'
    )
    app.add_health_check("well", lambda: True)
    page = Readiness(app.health_checks)()
    assert (page.status, json.loads(page.body)["checks"]) == (200, {"well": "ok"})
    app.add_health_check("ill", lambda: 1 / 0)
    page = Readiness(app.health_checks)()
    assert page.status == 503
    assert json.loads(page.body) == {
        "status": "not ready",
        "checks": {"well": "ok", "ill": "ZeroDivisionError"},
    }


def test_checks_are_not_asked_for_each_question(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(watch_pages.time, "monotonic", lambda: now[0])
    asked: list[int] = []
    app.add_health_check("it", lambda: asked.append(1))
    ready = Readiness(app.health_checks)
    counts = []
    for passed in (0.0, 0.9, 1.1, 1.1):
        now[0] = 100 + passed
        ready()
        counts.append(len(asked))
    assert counts == [1, 1, 2, 2]


def test_a_worker_that_ends_is_not_ready_at_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.add_health_check("it", lambda: True)
    ready = Readiness(app.health_checks)
    assert ready().status == 200
    monkeypatch.setattr(watch_pages, "is_draining", lambda: True)
    page = ready()
    assert (page.status, json.loads(page.body)) == (503, {"status": "draining", "checks": {}})
