"""Frames are those of RFC 6455, as wsproto reads and writes them at the other end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from kolben.entry import frames

LENGTHS = [0, 1, 125, 126, 65_535, 65_536, 200_000]


def read(*pieces: bytes) -> list[Any]:
    """Read messages out of bytes, up to their end."""

    async def read_all() -> list[Any]:
        reader = asyncio.StreamReader()
        for piece in pieces:
            reader.feed_data(piece)
        reader.feed_eof()
        found, messages = [], frames.FrameReader(reader)
        try:
            while True:
                found.append(await messages.read())
        except asyncio.IncompleteReadError:
            return found

    return asyncio.run(read_all())


def server() -> Connection:
    return Connection(ConnectionType.SERVER)


@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_packed_is_read_at_the_other_end(length: int) -> None:
    far = server()
    far.receive_data(frames.pack_message("x" * length))
    far.receive_data(frames.pack_message(b"\xff" * length))
    found = list(far.events())
    assert "x" * length == "".join(one.data for one in found if isinstance(one, TextMessage))
    binary = b"".join(one.data for one in found if isinstance(one, BytesMessage))
    assert b"\xff" * length == binary


@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_written_at_the_other_end_is_read(length: int) -> None:
    far = server()
    written = far.send(TextMessage("x" * length)) + far.send(BytesMessage(b"\xff" * length))
    expected = [(frames.TEXT, b"x" * length), (frames.BINARY, b"\xff" * length)]
    assert expected == read(written)


def test_parts_are_joined_whatever_comes_between() -> None:
    far = server()
    written = [
        far.send(TextMessage("in ", message_finished=False)),
        far.send(Ping(b"well?")),
        far.send(TextMessage("", message_finished=False)),
        far.send(TextMessage("two")),
        far.send(BytesMessage(b"1")),
    ]
    expected = [(frames.PING, b"well?"), (frames.TEXT, b"in two"), (frames.BINARY, b"1")]
    assert expected == read(*written)


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4001, "Grüße"), (1005, "")])
def test_an_end_is_read_at_both_ends(code: int, reason: str) -> None:
    far = server()
    far.receive_data(frames.pack_close(code, reason))
    (end,) = far.events()
    assert isinstance(end, CloseConnection)
    assert (code, reason) == (end.code, end.reason or "")
    ((kind, payload),) = read(far.send(end.response()))
    assert (frames.CLOSE, (code, reason)) == (kind, frames.read_close(payload))


WRONG = {
    "masked": b"\x81\x81\x00\x00\x00\x00x",
    "compressed": b"\xc1\x01x",
    "of no kind": b"\x83\x01x",
    "a part of nothing": b"\x80\x01x",
    "a message in another": b"\x01\x01x\x81\x01y",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_no_server_writes_is_not_read(wrong: bytes) -> None:
    with pytest.raises(frames.BadFrame):
        read(wrong)


def test_a_frame_that_is_cut_off_is_none() -> None:
    assert [] == read(b"\x81\x05tea")
