"""A view reads its body as it comes plainly or awaited; bounded, never short."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from werkzeug.exceptions import ClientDisconnected

from kolben import Flask, request
from kolben.entry.bodies import ClientGone
from kolben.entry.live_body import LiveBody
from kolben.testing.exchange import Exchange, http_scope


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)

    @app.post("/async", stream_body=True)
    async def later() -> Any:
        return [piece.decode() async for piece in request.stream]

    @app.post("/plain", stream_body=True)
    def plain() -> Any:
        return [request.stream.read(3).decode(), request.stream.read().decode()]

    @app.post("/whole", stream_body=True)
    def whole() -> Any:
        return request.get_data()

    @app.post("/buffered")
    async def buffered() -> Any:
        return b"".join([piece async for piece in request.stream])

    return app


@pytest.mark.parametrize("path", ["/async", "/plain", "/whole", "/buffered"])
@pytest.mark.parametrize("body", [b"", b"text", b"x" * 200_000])
def test_a_body_is_read_on_every_wire(app: Flask, wire: Any, path: str, body: bytes) -> None:
    answer = wire(app).post(path, data=body)
    got = answer.text if path in {"/whole", "/buffered"} else "".join(answer.json)
    assert got == body.decode()


@pytest.mark.parametrize("path", ["/async", "/plain", "/whole"])
def test_more_than_is_allowed_is_413_that_names_the_setting(
    app: Flask, wire: Any, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 1000
    app.debug = True
    caplog.set_level(logging.INFO)
    answer = wire(app).post(path, data=b"x" * 1001)
    said = f"POST {path}: the request is above MAX_CONTENT_LENGTH, which is 1000 here."
    assert answer.status == 413
    assert said in answer.text
    assert said in caplog.text


def test_in_production_the_page_says_what_flasks_does(app: Flask, wire: Any) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = wire(app).post("/buffered", data=b"x" * 1001)
    assert (answer.status, "MAX_CONTENT_LENGTH" in answer.text) == (413, False)


def scope(path: str) -> Any:
    app = Flask(__name__)
    environ = app.test_request_context(path, method="POST").request.environ
    return http_scope({**environ, "HTTP_TRANSFER_ENCODING": "chunked"})


def body(piece: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": piece, "more_body": more}


def test_the_view_begins_before_the_body_has_come(app: Flask) -> None:
    pieces: list[bytes] = []
    begun = asyncio.Event()

    @app.post("/slow", stream_body=True)
    async def slow() -> str:
        async for piece in request.stream:
            pieces.append(piece)
            begun.set()
        return "done"

    async def send() -> None:
        exchange = Exchange(app, scope("/slow"))
        exchange.send(body(b"first"))
        await begun.wait()
        assert pieces == [b"first"]
        exchange.send(body(b"second", more=False))
        start = await exchange.receive()
        assert start is not None and start["status"] == 200
        assert pieces == [b"first", b"second"]

    asyncio.run(send())


@pytest.mark.parametrize("path", ["/async", "/plain"])
def test_a_body_that_is_cut_off_is_an_error_in_the_view(app: Flask, path: str) -> None:
    caught: list[type] = []
    app.register_error_handler(400, lambda error: (caught.append(type(error)), ("", 400))[1])

    async def send() -> None:
        exchange = Exchange(app, scope(path))
        exchange.send(body(b"first"))
        exchange.send({"type": "http.disconnect"})
        start = await exchange.receive()
        assert start is not None and start["status"] == 400

    asyncio.run(send())
    assert caught == [ClientDisconnected]


def test_a_plain_read_on_the_loop_is_told_to_await(app: Flask) -> None:
    @app.post("/wrong", stream_body=True)
    async def wrong() -> bytes:
        return request.stream.read()

    app.testing = True

    async def send() -> None:
        await app.async_test_client().post("/wrong", data=b"text")

    with pytest.raises(RuntimeError, match=r"`async for piece in request\.stream`"):
        asyncio.run(send())


def test_what_a_view_leaves_unread_keeps_nobody_waiting(app: Flask) -> None:
    @app.post("/unread", stream_body=True)
    async def unread() -> str:
        async for _ in request.stream:
            break
        return "done"

    async def send() -> None:
        answer = await app.async_test_client().post("/unread", data=b"text")
        assert answer.text == "done"

    asyncio.run(send())


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_view_may_set_the_limit_itself(app: Flask, wire: Any, kind: str) -> None:
    if kind == "plain":

        @app.post("/limited", stream_body=True)
        def limited() -> Any:
            request.max_content_length = 10
            return request.get_data()
    else:

        @app.post("/limited", stream_body=True)
        async def limited_async() -> Any:
            request.max_content_length = 10
            return b"".join([piece async for piece in request.stream])

    client = wire(app)
    assert [client.post("/limited", data=b"x" * size).status for size in (10, 11)] == [200, 413]


async def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def live(*pieces: bytes, limit: int | None = None, length: int | None = None) -> LiveBody:
    """Make a body of these pieces; on an event loop."""
    return LiveBody(lambda: pieces_of(*pieces), lambda: limit, lambda: length)  # type: ignore[arg-type, return-value]  # a generator


def test_what_a_plain_read_has_left_comes_first() -> None:
    async def main() -> list[bytes]:
        body = live(b"12345", b"678")
        assert body.readable()
        first = await asyncio.to_thread(body.read, 2)
        return [first, *[piece async for piece in body], await body.read_piece()]

    assert asyncio.run(main()) == [b"12", b"345", b"678", b""]


def test_a_body_that_is_shorter_than_promised_is_cut_off() -> None:
    async def main() -> None:
        body = live(b"12345", length=6)
        assert await body.read_piece() == b"12345"
        with pytest.raises(ClientDisconnected):
            await body.read_piece()
        await asyncio.wait_for(body.has_ended(), 10)

    asyncio.run(main())


def test_a_client_that_goes_cuts_its_body_off() -> None:
    async def gone() -> AsyncIterator[bytes]:
        yield b"12345"
        raise ClientGone

    async def main() -> None:
        body = LiveBody(gone, lambda: None, lambda: None)  # type: ignore[arg-type, return-value]  # a generator
        assert await body.read_piece() == b"12345"
        with pytest.raises(ClientDisconnected):
            await body.read_piece()
        assert await body.read_piece() == b""

    asyncio.run(main())


def test_on_its_own_loop_it_is_awaited_and_not_read() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="has to be awaited"):
            live(b"12345").read()

    asyncio.run(main())


@pytest.mark.parametrize("is_begun", [False, True])
def test_it_may_be_closed_before_its_end(is_begun: bool) -> None:
    async def main() -> None:
        body = live(b"12345", b"678")
        if is_begun:
            await body.read_piece()
        await body.aclose()

    asyncio.run(main())
