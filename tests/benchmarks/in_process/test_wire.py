"""Requests look as they do when a server hands them on."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.in_process.wire import (
    encode,
    fresh_environ,
    fresh_scope,
    make_environ,
    make_receive,
    make_scope,
)


def test_a_path_is_split_from_its_query() -> None:
    raw = encode({"path": "/search?q=a%20b", "headers": {"X-Token": "t"}})
    environ = fresh_environ(make_environ(raw), raw.body)
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/search", "q=a%20b")
    assert environ["HTTP_X_TOKEN"] == "t"
    assert environ["wsgi.input"].read() == b""
    scope = make_scope(raw)
    assert (scope["path"], scope["query_string"]) == ("/search", b"q=a%20b")
    assert (b"x-token", b"t") in scope["headers"]


@pytest.mark.parametrize(
    ("body", "kind", "content"),
    [
        ({"json": {"a": 1}}, "application/json", b'{"a": 1}'),
        ({"data": {"a": "b c"}}, "application/x-www-form-urlencoded", b"a=b+c"),
        ({"data": b"\x00"}, "application/octet-stream", b"\x00"),
    ],
)
def test_a_body_comes_with_its_type_and_length(
    body: dict[str, object], kind: str, content: bytes
) -> None:
    raw = encode({"path": "/", "method": "POST", **body})
    environ = make_environ(raw)
    assert (environ["CONTENT_TYPE"], raw.body) == (kind, content)
    assert environ["CONTENT_LENGTH"] == str(len(content))


def test_files_are_sent_as_multipart() -> None:
    raw = encode({"path": "/", "method": "POST", "files": {"file": ("a.bin", b"\r\n\x00")}})
    assert b'name="file"; filename="a.bin"' in raw.body
    assert b"\r\n\r\n\r\n\x00\r\n--" in raw.body


def test_a_request_with_a_word_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="'query'"):
        encode({"path": "/", "query": "q=1"})


def test_each_scope_is_a_new_one() -> None:
    scope, state = make_scope(encode({"path": "/"})), {"kept": 1}
    one = fresh_scope(scope, state)
    one["headers"].clear()
    one["state"].clear()
    assert fresh_scope(scope, state)["headers"]
    assert fresh_scope(scope, state)["state"] == {"kept": 1}


def test_a_large_body_comes_in_pieces_and_then_nobody_disconnects() -> None:
    async def read() -> list[bytes]:
        receive = make_receive(b"x" * 150_000)
        pieces = []
        while True:
            message = await receive()
            pieces.append(message["body"])
            if not message["more_body"]:
                break
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
        return pieces

    assert [len(piece) for piece in asyncio.run(read())] == [65536, 65536, 18928]
