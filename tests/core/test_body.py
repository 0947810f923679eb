"""A broken body is refused, not dropped."""

from __future__ import annotations

import io
from typing import Any

import pytest
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben.core.body import SmallBody, parse_content_type
from kolben.core.request import Request

MULTIPART = "multipart/form-data; boundary=b"
WHOLE = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n--b--\r\n'


def request_of(data: bytes, content_type: str) -> Request:
    builder = EnvironBuilder(method="POST", input_stream=None, data=data, content_type=content_type)
    return Request(builder.get_environ())


def test_a_whole_form_is_read() -> None:
    assert request_of(WHOLE, MULTIPART).form["a"] == "value"
    form = "application/x-www-form-urlencoded"
    assert request_of(b"a=1&b=%C3%A4", form).form.to_dict() == {"a": "1", "b": "ä"}


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (WHOLE[:-6], MULTIPART),
        (b"no part at all", MULTIPART),
        (WHOLE, "multipart/form-data"),
        (WHOLE, "multipart/form-data; boundary=\u00e4"),
        (WHOLE.replace(b'; name="a"', b""), MULTIPART),
        (WHOLE.replace(b"name=", b"filename="), MULTIPART),
        (b"a=\xff", "application/x-www-form-urlencoded"),
    ],
    ids=[
        "no end",
        "no boundary in it",
        "no boundary given",
        "boundary not ASCII",
        "no name",
        "no name of a file",
        "no UTF-8",
    ],
)
def test_a_broken_form_is_400(data: bytes, content_type: str) -> None:
    with pytest.raises(BadRequest, match="not valid"):
        request_of(data, content_type).form  # noqa: B018  # reading parses it


@pytest.mark.parametrize("data", [b"x" * 600_000, b"x"], ids=["on disk", "in memory"])
def test_the_files_of_a_broken_form_are_closed(data: bytes) -> None:
    begun: list[io.BytesIO] = []

    class Noting(Request):
        def _get_file_stream(self, *args: Any, **kwargs: Any) -> Any:
            begun.append(io.BytesIO())
            return begun[-1]

    head = b'--b\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n'
    request = Noting(request_of(head + data, MULTIPART).environ)
    with pytest.raises(BadRequest):
        request.form  # noqa: B018  # reading parses it
    assert [file.closed for file in begun] == [True]


def test_another_type_has_no_form() -> None:
    request = request_of(b"plain", "text/plain")
    assert request.form.to_dict() == {}
    assert request.data == b"plain"


@pytest.mark.parametrize("length", ["0", ""])
def test_a_multipart_body_of_nothing_is_an_empty_form(length: str) -> None:
    request = body_request(b"", CONTENT_LENGTH=length, CONTENT_TYPE=MULTIPART)
    assert request.form.to_dict() == {}


@pytest.mark.parametrize(
    ("data", "content_type"),
    [(WHOLE[:-6], MULTIPART), (b"a=\xff", "application/x-www-form-urlencoded")],
)
def test_a_broken_form_stays_broken(data: bytes, content_type: str) -> None:
    """Who caught the first error must not find an empty form the second time."""
    request = request_of(data, content_type)
    for _ in range(2):
        with pytest.raises(BadRequest):
            request.form  # noqa: B018  # reading parses it


class Trickle(io.BytesIO):
    """Gives one byte at a time, as a socket may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1, size) if size is not None and size >= 0 else size)


def body_request(data: bytes, **environ: Any) -> Request:
    made = EnvironBuilder(method="POST", data=b"").get_environ()
    made.update({"wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(len(data)), **environ})
    return Request(made)


def test_a_small_body_is_in_memory_whole() -> None:
    request = body_request(b"small")
    assert isinstance(request.stream, SmallBody)
    assert request.get_data() == b"small"
    assert request.get_data(as_text=True) == "small"
    assert request.stream.read() == b""


def test_a_small_body_may_come_in_pieces() -> None:
    request = body_request(b"", CONTENT_LENGTH="5", **{"wsgi.input": Trickle(b"small and more")})
    assert request.get_data() == b"small"


def test_a_small_body_that_is_cut_off_is_400() -> None:
    with pytest.raises(ClientDisconnected):
        body_request(b"sma", CONTENT_LENGTH="5").get_data()


def test_a_small_body_that_something_closed_can_still_be_read() -> None:
    request = body_request(b"small")
    with request.stream as stream:
        assert stream.read(2) == b"sm"
    assert request.get_data() == b"all"


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_LENGTH": "65537"},
        {"CONTENT_LENGTH": "070000"},
        {"CONTENT_LENGTH": ""},
        {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    ],
    ids=["large", "many digits", "empty", "chunked"],
)
def test_any_other_body_is_read_in_pieces(environ: dict[str, Any]) -> None:
    request = body_request(b"x" * 70_000, **environ)
    assert not isinstance(request.stream, SmallBody)
    assert (
        request.get_data() == WerkzeugRequest(body_request(b"x" * 70_000, **environ).environ).data
    )


@pytest.mark.parametrize("length", ["five", "\u0665", "-5", "+5"])
def test_a_length_that_is_no_number_is_a_400(length: str) -> None:
    with pytest.raises(BadRequest, match="not a number"):
        body_request(b"small", CONTENT_LENGTH=length).get_data()


def test_a_small_body_that_cannot_be_read_was_not_sent() -> None:
    class Reset(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError

    request = body_request(b"small", **{"wsgi.input": Reset()})
    with pytest.raises(ClientDisconnected):
        request.get_data()


def test_a_small_body_above_the_limit_is_413() -> None:
    request = body_request(b"small")
    request.max_content_length = 4
    with pytest.raises(RequestEntityTooLarge):
        request.get_data()


def test_a_shallow_request_reads_nothing() -> None:
    request = Request(body_request(b"small").environ, shallow=True)
    with pytest.raises(RuntimeError, match="shallow"):
        request.get_data()


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/html; charset=utf-8; a=b",
        "multipart/form-data; boundary=" + "x" * 200,
    ],
)
def test_a_content_type_is_split_as_werkzeug_does(content_type: str) -> None:
    for _ in range(2):
        mimetype, parameters = parse_content_type(content_type)
        assert (mimetype, parameters) == parse_options_header(content_type)
        parameters["changed"] = "by a view"
