"""A view reads its body as it comes: plainly, awaited, part by part; bounded, never short."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected

from kolben import Flask, request
from kolben.core.limits import TooLarge
from kolben.testing.exchange import Exchange, http_scope

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nfield\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\n'
    b"file contents\r\n--b--\r\n"
)
TYPE = "multipart/form-data; boundary=b"


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

    @app.post("/parts", stream_body=True)
    async def parts() -> Any:
        return {
            part.name: [part.filename, (await part.read_async()).decode()]
            async for part in request.parts()
        }

    @app.post("/plain-parts", stream_body=True)
    def plain_parts() -> Any:
        return {part.name: [part.filename, part.read().decode()] for part in request.parts()}

    @app.post("/names")
    async def names() -> Any:
        return [part.name async for part in request.parts()]

    @app.post("/plain-names")
    def plain_names() -> Any:
        return [part.name for part in request.parts()]

    return app


@pytest.mark.parametrize("path", ["/async", "/plain", "/whole", "/buffered"])
@pytest.mark.parametrize("body", [b"", b"text", b"x" * 200_000])
def test_a_body_is_read_on_every_wire(app: Flask, wire: Any, path: str, body: bytes) -> None:
    answer = wire(app).post(path, data=body)
    got = answer.text if path in {"/whole", "/buffered"} else "".join(answer.json)
    assert got == body.decode()


@pytest.mark.parametrize("path", ["/parts", "/plain-parts"])
def test_a_form_is_read_part_by_part(app: Flask, wire: Any, path: str) -> None:
    answer = wire(app).post(path, data=FORM, content_type=TYPE)
    assert answer.json == {"a": [None, "field"], "f": ["f.txt", "file contents"]}


@pytest.mark.parametrize("path", ["/names", "/plain-names"])
def test_what_is_not_read_of_a_part_is_skipped(app: Flask, wire: Any, path: str) -> None:
    assert wire(app).post(path, data=FORM, content_type=TYPE).json == ["a", "f"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (FORM[:-9], TYPE, 400),
        (b"--b\r\n\r\nno name\r\n--b--", TYPE, 400),
        (FORM, "multipart/form-data", 415),
        (FORM, "text/plain", 415),
    ],
)
@pytest.mark.parametrize("path", ["/names", "/plain-names"])
def test_a_broken_form_is_refused(
    app: Flask, wire: Any, path: str, body: bytes, content_type: str, status: int
) -> None:
    assert wire(app).post(path, data=body, content_type=content_type).status == status


@pytest.mark.parametrize("path", ["/async", "/plain", "/whole"])
def test_more_than_is_allowed_is_413_that_names_the_setting(
    app: Flask, wire: Any, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 1000
    app.debug = True
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


def test_a_limit_says_how_it_is_set() -> None:
    text = TooLarge("MAX_FORM_PARTS", 5).explanation("POST", "/form")
    assert text == (
        "POST /form: the request is above MAX_FORM_PARTS, which is 5 here. Set"
        " app.config['MAX_FORM_PARTS'], or for one request request.max_form_parts in a"
        " before_request function."
    )
    assert isinstance(Headers(TooLarge("MAX_FORM_PARTS", 5).get_headers()), Headers)
