"""A body is whole or refused, whatever the server and the client say of its length."""

from __future__ import annotations

import io
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge

from kolben.core.body_stream import PIECE_BYTES, LateBody, open_body


class Drips(io.BytesIO):
    """A socket: it gives less than was asked for."""

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 < size <= PIECE_BYTES
        return super().read(max(1, size // 3))


class Breaks(io.BytesIO):
    """A connection that is reset, or chunks that are none."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError


def body(content: bytes, most: int | None = None, **environ: Any) -> IO[bytes]:
    return open_body({"wsgi.input": Drips(content), **environ}, most)


def chunked(content: bytes, most: int | None = None) -> IO[bytes]:
    return body(content, most, **{"wsgi.input_terminated": True})


def promised(content: bytes, length: str, most: int | None = None) -> IO[bytes]:
    return body(content, most, CONTENT_LENGTH=length)


def test_a_promised_body_ends_where_it_was_promised_to() -> None:
    stream = promised(b"12345next request", "5")
    assert (stream.read(), stream.read(), stream.read(1)) == (b"12345", b"", b"")


def test_lines_are_lines() -> None:
    assert list(promised(b"a\nb\nc", "5")) == [b"a\n", b"b\n", b"c"]
    assert list(chunked(b"a\nb\nc")) == [b"a\n", b"b\n", b"c"]


@pytest.mark.parametrize("read", [lambda s: s.read(), lambda s: s.read(5), lambda s: list(s)])
def test_a_body_that_ends_early_is_none(read: Any) -> None:
    with pytest.raises(ClientDisconnected):
        read(promised(b"1234", "5"))


@pytest.mark.parametrize("length", ["6", "5", "0"])
def test_a_promise_above_the_limit_is_refused_unread(length: str) -> None:
    if int(length) > 5:
        with pytest.raises(RequestEntityTooLarge):
            promised(b"123456", length, 5)
    else:
        assert promised(b"123456", length, 5).read() == b"123456"[: int(length)]


def test_an_unknown_length_is_limited_where_it_is_reached() -> None:
    assert chunked(b"12345", 5).read() == b"12345"
    with pytest.raises(RequestEntityTooLarge):
        chunked(b"123456", 5).read()
    with pytest.raises(RequestEntityTooLarge):
        chunked(b"1", 0).read()
    assert chunked(b"", 0).read() == b""


def test_an_unknown_length_without_a_limit_is_read_whole() -> None:
    content = b"x" * (3 * PIECE_BYTES)
    assert chunked(content).read() == content


def test_without_a_length_there_is_no_body() -> None:
    assert body(b"12345").read() == b""
    assert body(b"12345", CONTENT_LENGTH="").read() == b""


def test_transfer_encoding_takes_the_place_of_a_length() -> None:
    stream = body(
        b"12345",
        CONTENT_LENGTH="2",
        HTTP_TRANSFER_ENCODING="Chunked",
        **{"wsgi.input_terminated": True},
    )
    assert stream.read() == b"12345"


@pytest.mark.parametrize(
    "length", ["-1", "+5", "5,6", "abc", "0x5", "5_0", " ", "1e1", "5.0", "\xb2", "9" * 19]
)
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    with pytest.raises(BadRequest):
        promised(b"12345", length)


def test_spaces_around_a_length_do_not_matter() -> None:
    assert promised(b"12345", " 5\t").read() == b"12345"


def test_a_body_that_cannot_be_read_was_not_sent() -> None:
    for environ in ({"CONTENT_LENGTH": "5"}, {"wsgi.input_terminated": True}):
        with pytest.raises(ClientDisconnected):
            open_body({"wsgi.input": Breaks(), **environ}, None).read()


@given(st.binary(max_size=300), st.lists(st.integers(1, 100), max_size=20), st.integers(0, 300))
def test_pieces_make_the_whole(content: bytes, sizes: list[int], most: int) -> None:
    for stream in (promised(content, str(len(content))), chunked(content)):
        assert b"".join(map(stream.read, sizes)) + stream.read() == content
    limited = chunked(content, most)
    try:
        found = b"".join(map(limited.read, sizes)) + limited.read()
    except RequestEntityTooLarge:
        assert len(content) > most
    else:
        assert (found, len(content) <= most) == (content, True)


@given(st.binary(max_size=300), st.lists(st.integers(1, 100), max_size=20))
def test_pieces_are_as_long_as_was_asked_for(content: bytes, sizes: list[int]) -> None:
    for stream in (promised(content, str(len(content))), chunked(content)):
        raw: Any = stream.raw  # type: ignore[attr-defined]  # a BufferedReader
        at = 0
        for size in [*sizes, 1_000]:
            assert raw.read_piece(size) == content[at : at + size]
            at += size


def test_it_is_known_whether_a_buffer_may_hold_some_of_it() -> None:
    stream: Any = promised(b"12345", "5")
    assert not stream.raw.was_buffered
    stream.read(1)
    assert stream.raw.was_buffered


def test_a_late_body_is_received_in_the_way_of_its_entry() -> None:
    with pytest.raises(NotImplementedError):
        LateBody().read()
