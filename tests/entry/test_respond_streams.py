"""The teardown waits for the stream that is sent, and for no other; it is told what failed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from kolben import Flask, Response, request, stream_with_context
from kolben.entry.respond import respond, respond_async
from tests.kinds import Written
from tests.wires import MakeClient


class Failed(Exception):
    """What these views raise."""


@pytest.fixture
def said(app: Flask) -> list[Any]:
    """Note what the teardown functions are told, and when streams work."""
    said: list[Any] = []
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    app.teardown_request(lambda error: said.append(error and type(error).__name__))
    return said


def pieces(said: list[Any]) -> Iterator[str]:
    for piece in "ab":
        said.append(f"gave {piece} of {request.path}")
        yield piece


def test_the_stream_that_is_sent_is_waited_for(
    app: Flask, wire: MakeClient, written: Written, said: list[Any]
) -> None:
    app.add_url_rule("/", "view", written(lambda: stream_with_context(pieces(said))))
    assert wire(app).get("/").text == "ab"
    assert said == ["gave a of /", "gave b of /", None]


@pytest.mark.parametrize("status", [204, 304])
def test_one_that_has_no_place_in_the_answer_is_not(
    app: Flask, wire: MakeClient, written: Written, said: list[Any], status: int
) -> None:
    def view() -> Response:
        response = Response(stream_with_context(pieces(said)), status)
        response.headers.clear()
        return response

    app.add_url_rule("/", "view", written(view))
    client = wire(app)
    assert client.get("/").status == status
    assert said == [None]


def test_nor_one_in_the_answer_to_head(
    app: Flask, wire: MakeClient, written: Written, said: list[Any]
) -> None:
    app.add_url_rule("/", "view", written(lambda: stream_with_context(pieces(said))))
    assert wire(app).head("/").status == 200
    assert said == [None]


def test_nor_one_that_was_thrown_away(
    app: Flask, wire: MakeClient, written: Written, said: list[Any]
) -> None:
    kept: list[Any] = []

    def view() -> str:
        kept.append(stream_with_context(pieces(said)))
        return "text"

    app.add_url_rule("/", "view", written(view))
    assert wire(app).get("/").text == "text"
    assert said == [None]
    # What goes on all the same still has its request, and ends it no second time.
    assert list(kept[0]) == ["a", "b"]
    assert said == [None, "gave a of /", "gave b of /"]


def test_one_beside_the_stream_that_is_sent_ends_with_that(
    app: Flask, wire: MakeClient, written: Written, said: list[Any]
) -> None:
    kept: list[Any] = []

    def view() -> Iterator[str]:
        kept.append(stream_with_context(pieces(said)))
        return stream_with_context(pieces(said))

    app.add_url_rule("/", "view", written(view))
    assert wire(app).get("/").text == "ab"
    assert said == ["gave a of /", "gave b of /", None]


def test_one_whose_answer_is_replaced_by_a_page_of_an_error(
    app: Flask, wire: MakeClient, written: Written, said: list[Any]
) -> None:
    @app.after_request
    def fail(response: Response) -> Response:
        raise Failed

    app.add_url_rule("/", "view", written(lambda: stream_with_context(pieces(said))))
    assert wire(app).get("/").status == 500
    assert said == ["Failed"]


def test_a_stream_that_answers_an_error_tells_of_it(
    app: Flask, wire: MakeClient, written: Written, said: list[Any]
) -> None:
    @app.errorhandler(500)
    def answer(error: Any) -> Any:
        return stream_with_context(pieces(said)), 500

    def view() -> str:
        raise Failed

    app.add_url_rule("/", "view", written(view))
    assert wire(app).get("/").text == "ab"
    assert said == ["gave a of /", "gave b of /", "Failed"]


def test_a_client_that_goes_away_is_no_failure(app: Flask, said: list[Any]) -> None:
    app.add_url_rule("/", "view", lambda: stream_with_context(pieces(said)))
    response = app.test_client().get("/")
    response.close()
    assert said == ["gave a of /", None]


def test_a_server_that_takes_no_response_ends_the_request(app: Flask, said: list[Any]) -> None:
    kept: list[Any] = []

    def refuse(status: str, headers: Any, exc_info: Any = None) -> Any:
        raise Failed

    def view() -> Iterator[str]:
        kept.append(stream_with_context(pieces(said)))
        return stream_with_context(pieces(said))

    app.add_url_rule("/", "view", view)
    with pytest.raises(Failed):
        respond(app, app.test_request_context(), False, refuse)
    assert said == [None]


def test_a_view_that_is_stopped_ends_the_request(app: Flask, said: list[Any]) -> None:
    kept: list[Any] = []

    async def view() -> str:
        kept.append(stream_with_context(pieces(said)))
        raise KeyboardInterrupt

    app.add_url_rule("/", "view", view)

    async def main() -> None:
        context = app.test_request_context()
        context.match_request()
        with pytest.raises(KeyboardInterrupt):
            await respond_async(app, context, False)

    asyncio.run(main())
    assert said == ["KeyboardInterrupt"]
