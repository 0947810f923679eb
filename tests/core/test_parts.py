"""A form is read part by part, plainly and awaited; what is broken is refused."""

from __future__ import annotations

from typing import Any

import pytest

from kolben import Flask, request

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nfield\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\n'
    b"file contents\r\n--b--\r\n"
)
TYPE = "multipart/form-data; boundary=b"


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)

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


@pytest.mark.parametrize("path", ["/parts", "/plain-parts"])
def test_a_form_is_read_part_by_part(app: Flask, wire: Any, path: str) -> None:
    answer = wire(app).post(path, data=FORM, content_type=TYPE)
    assert answer.json == {"a": [None, "field"], "f": ["f.txt", "file contents"]}


@pytest.mark.parametrize("path", ["/names", "/plain-names"])
def test_what_is_not_read_of_a_part_is_skipped(app: Flask, wire: Any, path: str) -> None:
    assert wire(app).post(path, data=FORM, content_type=TYPE).json == ["a", "f"]


@pytest.mark.parametrize("path", ["/parts", "/plain-parts"])
def test_a_part_may_be_empty(app: Flask, wire: Any, path: str) -> None:
    answer = wire(app).post(path, data=FORM.replace(b"field", b""), content_type=TYPE)
    assert answer.json == {"a": [None, ""], "f": ["f.txt", "file contents"]}


@pytest.mark.parametrize("path", ["/next", "/plain-next"])
def test_whoever_stops_in_a_part_goes_on_with_the_next(app: Flask, wire: Any, path: str) -> None:
    @app.post("/next", stream_body=True)
    async def after_first() -> Any:
        parts = request.parts()
        async for part in parts:
            return [part.name, *[part.name async for part in parts]]
        return []

    @app.post("/plain-next", stream_body=True)
    def plain_after_first() -> Any:
        parts = request.parts()
        for part in parts:
            return [part.name, *[part.name for part in parts]]
        return []

    assert wire(app).post(path, data=FORM, content_type=TYPE).json == ["a", "f"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (FORM[:-9], TYPE, 400),
        (b"--b\r\n\r\nno name\r\n--b--", TYPE, 400),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--b--", TYPE, 400),
        (FORM, "multipart/form-data", 415),
        (FORM, "text/plain", 415),
    ],
)
@pytest.mark.parametrize("path", ["/names", "/plain-names"])
def test_a_broken_form_is_refused(
    app: Flask, wire: Any, path: str, body: bytes, content_type: str, status: int
) -> None:
    assert wire(app).post(path, data=body, content_type=content_type).status == status
