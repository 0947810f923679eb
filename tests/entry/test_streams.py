"""A stream that fails is a 500 as long as nothing was sent, and is logged with its request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected

from kolben import Flask, Response, stream_with_context
from kolben.entry.streams import FAILED
from tests.wires import WIRES, ASGIConnection, Message, RSGIConnection

ON_LOOPS = {"asgi": ASGIConnection, "rsgi": RSGIConnection}


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with streams that fail: before their first piece, and after it."""

    def pieces(begins: bool) -> Iterator[str]:
        yield ""
        if begins:
            yield "a"
        raise ValueError("in the stream")

    async def pieces_async(begins: bool) -> AsyncIterator[str]:
        for piece in pieces(begins):
            yield piece

    @app.get("/generator/<int:begins>")
    def generator(begins: int) -> Any:
        return pieces(bool(begins))

    @app.get("/context/<int:begins>")
    def context(begins: int) -> Any:
        return Response(stream_with_context(pieces(bool(begins))))

    @app.get("/async/<int:begins>")
    async def later(begins: int) -> Any:
        return pieces_async(bool(begins))

    @app.errorhandler(500)
    def page(error: Exception) -> Any:
        pytest.fail("no handler is asked when the request is over")

    return app


VIEWS = {"generator": "generator", "context": "context", "async": "later"}


def run(kind: str, app: Flask, path: str) -> Any:
    asked = ON_LOOPS[kind](Message("GET", path, "", Headers({"Host": "localhost"}), b""))
    with pytest.raises(ValueError, match="in the stream"):
        asyncio.run(asked.run(app))
    return asked


@pytest.mark.parametrize("path", VIEWS)
@pytest.mark.parametrize("kind", ON_LOOPS)
def test_before_its_first_piece_it_is_a_500(app: Flask, kind: str, path: str) -> None:
    answer = run(kind, app, f"/{path}/0").answer()
    assert (500, FAILED[2]) == (answer.status, answer.body)
    assert FAILED[1] == [(name.title(), value) for name, value in answer.headers]


@pytest.mark.parametrize("path", VIEWS)
@pytest.mark.parametrize("kind", ON_LOOPS)
def test_after_it_the_pieces_are_sent_and_no_end(app: Flask, kind: str, path: str) -> None:
    asked = run(kind, app, f"/{path}/1")
    if kind == "rsgi":
        assert (200, [b"a"]) == (asked.status, asked.sent)
    else:
        assert (200, b"a", True) == (
            asked.sent[0]["status"],
            asked.sent[1]["body"],
            asked.sent[-1]["more_body"],
        )


@pytest.mark.parametrize("begins", [0, 1])
@pytest.mark.parametrize("path", VIEWS)
@pytest.mark.parametrize("kind", WIRES)
def test_the_log_names_method_path_and_view(
    app: Flask, caplog: pytest.LogCaptureFixture, kind: str, path: str, begins: int
) -> None:
    message = Message("GET", f"/{path}/{begins}", "", Headers({"Host": "localhost"}), b"")
    with pytest.raises(ValueError, match="in the stream"):
        WIRES[kind](app, message)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    expected = f"Exception on /{path}/{begins} [GET] in the stream of the view {VIEWS[path]!r}"
    assert expected == record.message
    assert record.exc_info is not None


def test_a_client_that_is_gone_by_then_gets_nothing(app: Flask) -> None:
    asked = ASGIConnection(Message("GET", "/generator/0", "", Headers({"Host": "a"}), b""))
    asked.gone.set()
    with pytest.raises(ValueError, match="in the stream"):
        asyncio.run(asked.run(app))
    assert [] == asked.sent


def test_a_client_that_goes_away_while_it_sends_is_no_error_of_the_view(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def pieces() -> Iterator[str]:
        yield "a"
        raise ClientDisconnected

    app.add_url_rule("/gone", "gone", pieces)
    with pytest.raises(ClientDisconnected):
        app.test_client().get("/gone").get_data()
    assert [] == caplog.records
