"""What is put around an app is what the settings ask for, and no more."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from kolben import Flask
from kolben.core.exchange import watchers
from kolben.logging import JSONFormatter, default_handler
from kolben.server.board import Board
from kolben.server.settings import Settings
from kolben.server.watching import Watch, make_board
from tests.server.observed import message
from tests.wires import Answer, ASGIConnection, RSGIConnection, RSGIScope, _scope

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Boards in a folder of the test's own; nobody watches afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    watchers.clear()


def settings(**values: Any) -> Settings:
    return Settings(app="served", **{"top": False, **values})


def entry(*args: Any) -> Any:
    """Be what stands for an app's entry."""


def ask(watch: Watch, app: Flask, interface: str, path: str) -> Answer:
    """Ask an app on an event loop, with all that watches it around it."""

    async def main() -> Answer:
        asked = message(path)
        connection: Any
        if interface == "asgi":
            connection = ASGIConnection(asked)
            await watch.asgi(app.asgi_app)(_scope(asked), connection.receive, connection.send)
        else:
            connection = RSGIConnection(asked)
            await watch.rsgi(app).__rsgi__(RSGIScope(asked), connection)
        answer: Answer = connection.answer()
        return answer

    return asyncio.run(main())


def test_where_nothing_is_asked_for_only_what_a_stop_cuts_off_is_known(app: Flask) -> None:
    watch = Watch(app, settings(), None)
    watch.start()
    assert (watch.observer, watch.sampler) == (None, None)
    assert watch.around is watch.counter is not None
    assert watch.in_flight() == []
    assert make_board(settings()) is None


def test_top_alone_has_requests_counted(app: Flask) -> None:
    board = make_board(settings(top=True))
    watch = Watch(app, settings(top=True), board)
    assert watch.observer is None
    assert None not in (watch.counter, watch.sampler)
    assert watch.in_flight is not None
    assert watch.in_flight() == []
    assert not watchers


@pytest.mark.parametrize(
    "asked", ["access_log", "request_ids", "metrics"], ids=["a log", "ids", "metrics"]
)
def test_what_needs_exchanges_has_them(app: Flask, asked: str) -> None:
    wanted = settings(**{asked: True})
    watch = Watch(app, wanted, make_board(wanted))
    assert watch.counter is None
    assert watchers == [watch.observer]
    assert (watch.sampler is None) == (asked != "metrics")


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_pages_are_answered_and_the_loop_is_known_to_checks(app: Flask, interface: str) -> None:
    loops: list[Any] = []

    async def check() -> None:
        loops.append(asyncio.get_running_loop())

    app.add_health_check("it", check)
    app.add_url_rule("/", "index", lambda: "x")
    wanted = settings(health=True, metrics=True, access_log=True)
    watch = Watch(app, wanted, make_board(wanted))
    assert ask(watch, app, interface, "/").text == "x"
    assert ask(watch, app, interface, "/healthz").json == {"status": "ok"}
    assert 'route="/",status="200"} 1.0' in ask(watch, app, interface, "/metrics").text

    async def main() -> int:
        served = asyncio.get_running_loop()
        if interface == "rsgi":
            watch.note_loop(served)
        else:
            coming = iter(["lifespan.startup", "lifespan.shutdown"])

            async def receive() -> Any:
                return {"type": next(coming)}

            async def send(event: Any) -> None:
                assert event["type"].endswith("complete")

            await watch.asgi(app.asgi_app)({"type": "lifespan"}, receive, send)
        page = watch._readiness
        assert page is not None
        found = await asyncio.to_thread(page)
        assert loops == [served]
        return found.status

    assert asyncio.run(main()) == 200


def test_the_loop_of_an_rsgi_server_is_noted_before_it_runs(app: Flask) -> None:
    wanted = settings(top=True)
    watch = Watch(app, wanted, make_board(wanted))
    begun: list[str] = []
    app.before_serving(lambda: begun.append("begun"))
    loop = asyncio.new_event_loop()
    try:
        watched = watch.rsgi(app)
        watched.__rsgi_init__(loop)
        assert watch.sampler is not None
        assert (watch.sampler.loop.loop, begun) == (loop, ["begun"])
        watched.__rsgi_del__(loop)
    finally:
        loop.close()


def test_a_log_in_json_is_asked_for(app: Flask) -> None:
    handlers = [default_handler, logging.lastResort, *logging.root.handlers]
    kept = [(handler, handler.formatter) for handler in handlers if handler is not None]
    try:
        Watch(app, settings(log_format="json"), None)
        assert isinstance(default_handler.formatter, JSONFormatter)
    finally:
        for handler, formatter in kept:
            handler.setFormatter(formatter)


def test_metrics_need_their_library(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kolben.server.metrics", None)
    wanted = settings(metrics=True)
    with pytest.raises(click.UsageError, match=r"pip install 'kolben\[metrics\]'"):
        Watch(app, wanted, make_board(wanted))


def test_spans_need_their_library_where_they_are_asked_for(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "kolben.server.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(click.UsageError, match=r"pip install 'kolben\[otel\]'"):
        Watch(app, settings(otel=True), None)


def test_an_app_that_opentelemetry_has_in_hand_gets_no_second_span(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", sys.modules[__name__])
    app._is_instrumented_by_opentelemetry = True  # type: ignore[attr-defined]
    assert Watch(app, settings(), None).observer is None


def test_without_a_place_for_a_board_the_server_does_without_top(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f"kolben-{os.getuid()}").touch()
    assert make_board(settings(top=True)) is None
    assert "Warning: `kolben top` will not see this server" in capsys.readouterr().err
    with pytest.raises(PermissionError):
        make_board(settings(metrics=True))


def test_a_board_tells_what_the_settings_are() -> None:
    board = make_board(settings(top=True, workers=3, unix_socket="/run/shop"))
    assert isinstance(board, Board)
    server = board.server()
    assert server is not None
    assert (server["workers"], server["address"], server["port"]) == (3, "unix:/run/shop", None)
