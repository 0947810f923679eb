"""What lies between Granian and a WSGI app: environ, start_response and bodies as PEP 3333 says."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from kolben.entry.bodies import set_max_body
from kolben.server.granian_wsgi import base_environ, check_status, connect
from kolben.typing import WSGIApplication


class Wire:
    """Takes an answer as Granian does: at once, or piece by piece until the end."""

    status = 0
    headers: Any = None
    body = b""
    streamed = False

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def response_iter(self, status: int, headers: Any, body: Iterator[bytes]) -> None:
        self.status, self.headers, self.streamed = status, headers, True
        try:
            self.body = b"".join(body)
        finally:
            body.close()  # type: ignore[attr-defined]  # Granian calls it


class Input:
    def read(self, n: int, /) -> bytes:
        return b""


def call(app: WSGIApplication, **scope: Any) -> Wire:
    wire = Wire()
    handle = connect(app, base_environ(multiprocess=False, multithread=True))
    full = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "wsgi.input": Input(),
        **scope,
    }
    handle(wire, {key: value for key, value in full.items() if value is not None})
    return wire


def environ_of(**scope: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return []

    call(app, **scope)
    return seen


def answer(*parts: bytes, status: str = "200 OK") -> WSGIApplication:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, [("X-A", "1")])
        return list(parts)

    return app


def test_a_list_goes_out_at_once() -> None:
    wire = call(answer(b"a", b"b", status="201 Created"))
    assert (201, [("X-A", "1")], b"ab", False) == (
        wire.status,
        wire.headers,
        wire.body,
        wire.streamed,
    )


def test_an_iterator_goes_out_in_pieces_and_is_closed() -> None:
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"a", b"", b"b")

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Body:
        start_response("200 OK", [])
        return Body()

    wire = call(app)
    assert (b"ab", True, [True]) == (wire.body, wire.streamed, closed)


def test_a_tuple_without_close_goes_out() -> None:
    def app(environ: Any, start_response: Any) -> tuple[bytes, ...]:
        start_response("200 OK", [])
        return (b"a", b"b")

    assert b"ab" == call(app).body


def test_start_response_may_be_called_with_the_first_piece() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("202 Accepted", [])
        yield b"a"
        yield b"b"

    wire = call(app)
    assert (202, b"ab") == (wire.status, wire.body)


def test_what_was_written_goes_before_the_body() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"first ")
        write(b"second ")
        return [b"last"]

    assert b"first second last" == call(app).body


def test_an_answer_may_be_replaced_only_by_an_error() -> None:
    def replace(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            raise ValueError
        except ValueError as error:
            start_response("500 Oh", [("X-B", "2")], (ValueError, error, None))
        return [b"failed"]

    def twice(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    wire = call(replace)
    assert (500, [("X-B", "2")]) == (wire.status, wire.headers)
    with pytest.raises(AssertionError, match="twice"):
        call(twice)


def test_an_error_after_the_headers_are_sent_goes_on_its_way() -> None:
    """PEP 3333: where it is too late for another answer, start_response raises the error again."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"a"
        yield b"b"
        try:
            raise ValueError("too late")
        except ValueError:
            start_response("500 Oh", [], sys.exc_info())

    with pytest.raises(ValueError, match="too late") as raised:
        call(app)
    assert "app" == raised.traceback[-1].name


def test_an_error_before_the_first_piece_is_in_time_for_another_answer() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oh", [], sys.exc_info())
        yield b"failed"

    wire = call(app)
    assert (500, b"failed") == (wire.status, wire.body)


@pytest.mark.parametrize("piece", ["text", None, 1])
def test_a_piece_that_is_no_bytes_is_an_error_and_no_end(piece: Any) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"a"
        yield piece

    with pytest.raises(TypeError, match="WSGI wants bytes"):
        call(app)


def test_a_file_goes_out_through_the_servers_wrapper() -> None:
    file = io.BytesIO(b"x" * 20_000)

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped

    assert b"x" * 20_000 == call(app).body
    assert file.closed


@pytest.mark.parametrize(
    "scope",
    [{"REQUEST_METHOD": "get"}, {"PATH_INFO": ""}, {"HTTP_TRANSFER_ENCODING": "gzip, chunked"}],
    ids=str,
)
def test_what_is_refused_reaches_no_app(scope: Any) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise AssertionError("it was called")

    wire = call(app, **scope)
    assert (400, ("Connection", "close")) == (wire.status, wire.headers[-1])


def test_a_body_above_what_the_server_allows_is_refused() -> None:
    set_max_body(10)
    try:
        assert 413 == call(answer(), CONTENT_LENGTH="11").status
        assert 200 == call(answer(), CONTENT_LENGTH="10").status
    finally:
        set_max_body(0)


@pytest.mark.parametrize(("host", "ends"), [(None, True), ("a b", True), ("a", False)])
def test_a_bad_host_ends_its_connection(host: str | None, ends: bool) -> None:
    wire = call(answer(status="400 Bad Request"), HTTP_HOST=host)
    assert ends == (("Connection", "close") in wire.headers)


def test_a_body_without_start_response_is_an_error_and_closed() -> None:
    closed: list[bool] = []

    def body() -> Iterator[bytes]:
        try:
            yield b"a"
        finally:
            closed.append(True)

    with pytest.raises(AssertionError, match="without calling start_response"):
        call(lambda environ, start_response: body())
    assert [True] == closed


@pytest.mark.parametrize(
    "status",
    ["99", "1000", "0", "abc", "", "-20", "+20", "2 0", "20", "٢٠٠ OK", "200OK", "100", "101"],
)
def test_a_status_that_http_does_not_have_never_reaches_granian(status: str) -> None:
    with pytest.raises(ValueError, match="HTTP has 200 to 999"):
        call(answer(status=status))


@pytest.mark.parametrize(("status", "code"), [("200 OK", 200), ("999", 999), ("404 ", 404)])
def test_a_good_status_is_taken_with_or_without_a_reason(status: str, code: int) -> None:
    assert code == check_status(status)


def test_the_variables_of_the_process_are_not_in_the_environ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_PROCESS", "x")
    assert not set(os.environ) & set(environ_of())


def test_an_empty_host_is_an_absent_one() -> None:
    assert "HTTP_HOST" not in environ_of(HTTP_HOST="")
    assert "HTTP_HOST" not in environ_of(HTTP_HOST=None)
    assert "localhost" == environ_of()["HTTP_HOST"]


def test_misspelt_content_headers_are_dropped() -> None:
    environ = environ_of(HTTP_CONTENT_LENGTH="50", HTTP_CONTENT_TYPE="y", CONTENT_TYPE="x")
    assert not {"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE"} & set(environ)
    assert "x" == environ["CONTENT_TYPE"]


@pytest.mark.parametrize(
    ("said", "expected"), [("HTTP/1", "HTTP/1.0"), ("HTTP/1.1", "HTTP/1.1"), ("HTTP/2", "HTTP/2")]
)
def test_the_protocol_is_spelt_as_in_http(said: str, expected: str) -> None:
    assert expected == environ_of(SERVER_PROTOCOL=said)["SERVER_PROTOCOL"]


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"CONTENT_LENGTH": "0"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
        {"SERVER_PROTOCOL": "HTTP/2"},
    ],
    ids=str,
)
@pytest.mark.parametrize("read", [lambda b: b.read(), lambda b: b.read(-1), lambda b: b.readline()])
def test_an_empty_body_reads_as_empty(scope: dict[str, str], read: Callable[[Any], bytes]) -> None:
    assert b"" == read(environ_of(**scope)["wsgi.input"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"HTTP_COOKIE": ""}, 400),
        ({"CONTENT_TYPE": "", "QUERY_STRING": "a=b"}, 400),
        ({"HTTP_ACCEPT_ENCODING": "", "HTTP_TE": ""}, 200),
        ({"HTTP_HOST": ""}, 200),
        ({"QUERY_STRING": "a=b"}, 200),
    ],
)
def test_an_empty_header_is_one_that_granian_cannot_read(headers: Any, status: int) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    assert status == call(app, **headers).status
