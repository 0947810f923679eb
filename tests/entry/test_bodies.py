"""A body is read whole and no further than allowed; one that was cut off never looks whole."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge

from kolben import Flask, request
from kolben.core.body import SmallBody
from kolben.entry import bodies
from kolben.entry.bodies import (
    MEMORY_BYTES,
    ClientGone,
    RefusedBody,
    asgi_pieces,
    is_small,
    lower,
    read_body,
    rsgi_pieces,
    set_max_body,
    too_large,
)
from tests.wires import WIRES, RSGIProtocol, RSGIProtocolClosed, WireClient


def open_all(pieces: Iterable[bytes]) -> Any:
    """Make what begins to read a body of these pieces."""

    async def opened() -> AsyncGenerator[bytes, None]:
        for piece in pieces:
            yield piece

    return opened


def read(pieces: Iterable[bytes], length: str = "", most: int | None = None) -> Any:
    return asyncio.run(read_body(open_all(pieces), length, most))


@given(st.lists(st.binary(max_size=20)))
def test_a_short_body_is_in_memory(pieces: list[bytes]) -> None:
    body = read(pieces)
    assert type(body) is SmallBody
    assert body.read() == b"".join(pieces)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"x" * (MEMORY_BYTES + 1)],
        [b"x" * MEMORY_BYTES, b"y"],
        [b"x" * MEMORY_BYTES, b"y" * bodies.PIECE_BYTES, b"z" * 5, b"end"],
        [bytes([n % 256]) * 1000 for n in range(3000)],
    ],
    ids=["one piece", "one more", "several writes", "many small ones"],
)
def test_a_long_body_is_in_a_file(pieces: list[bytes]) -> None:
    body = read(pieces)
    try:
        assert not isinstance(body, SmallBody)
        assert body.read() == b"".join(pieces)
    finally:
        body.close()


def test_a_body_in_tiny_pieces_costs_no_more_memory_than_it_has_bytes() -> None:
    parts: list[bytes | bytearray] = []
    for _ in range(10_000):
        bodies._add(parts, b"ab")
    bodies._add(parts, b"x" * 5000)
    bodies._add(parts, b"y")
    bodies._add(parts, b"z")
    assert list(map(len, parts)) == [2, 19_998, 5000, 2]


@pytest.mark.parametrize(
    ("pieces", "length", "most", "fits"),
    [
        ([b"12345"], "5", 5, True),
        ([b"12345"], "5", 4, False),
        ([b"12345"], "", 5, True),
        ([b"12345"], "", 4, False),
        ([b"123", b"45"], "", 4, False),
        ([b"12345"], "9" * 19, 10**30, False),
        ([b"12345"], "9" * 5000, 5, False),
        ([b"12345"], "five", 5, True),  # the request refuses it
        ([b"x" * MEMORY_BYTES, b"y" * 9], "", MEMORY_BYTES + 8, False),
        ([b"x" * (MEMORY_BYTES + 9), b"y" * 9], "", MEMORY_BYTES + 9, False),
    ],
)
def test_no_more_is_read_than_is_allowed(
    pieces: list[bytes], length: str, most: int, fits: bool
) -> None:
    body = read(pieces, length, most)
    if fits:
        assert body.read() == b"".join(pieces)
    else:
        assert body.readable()
        with pytest.raises(RequestEntityTooLarge):
            body.read()
        assert type(body) is RefusedBody


def test_what_is_beyond_the_limit_stays_unread() -> None:
    taken: list[bytes] = []
    closed: list[bool] = []

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                taken.append(b"12345")
                yield b"12345"
        finally:
            closed.append(True)

    asyncio.run(read_body(endless, "", 12))
    assert (len(taken), closed) == (3, [True])


@pytest.mark.parametrize("sent", [0, MEMORY_BYTES + 1, 2 * bodies.PIECE_BYTES])
def test_a_body_that_is_cut_off_leaves_no_file_open(sent: int) -> None:
    async def cut() -> AsyncGenerator[bytes, None]:
        yield b"x" * sent
        raise ClientGone

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ClientGone):
            asyncio.run(read_body(cut, "", None))
        gc.collect()


def test_a_reader_that_is_cancelled_leaves_no_file_open() -> None:
    is_waiting = asyncio.Event()

    async def slow() -> AsyncGenerator[bytes, None]:
        yield b"x" * (MEMORY_BYTES + 1)
        is_waiting.set()
        await asyncio.sleep(30)

    async def main() -> bool:
        task = asyncio.create_task(read_body(slow, "", None))
        await is_waiting.wait()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main()) is True
    gc.collect()


def collect(pieces: AsyncGenerator[bytes, None]) -> list[bytes]:
    async def main() -> list[bytes]:
        return [piece async for piece in pieces]

    return asyncio.run(main())


def message(body: bytes | None, more: bool | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "http.request"}
    if body is not None:
        found["body"] = body
    if more is not None:
        found["more_body"] = more
    return found


GONE = {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([message(None)], []),
        ([message(b"a")], [b"a"]),
        ([message(b"a", True), message(b"", True), message(b"b", False)], [b"a", b"b"]),
        ([message(b"a", True), message(None)], [b"a"]),
        ([message(b"a", True), GONE], None),
        ([GONE], None),
    ],
)
def test_asgi_gives_a_body_in_messages(
    messages: list[dict[str, Any]], expected: list[bytes] | None
) -> None:
    coming = iter(messages)

    async def receive() -> Any:
        return next(coming)

    if expected is None:
        with pytest.raises(ClientGone):
            collect(asgi_pieces(receive))
    else:
        assert collect(asgi_pieces(receive)) == expected


class Pieces(RSGIProtocol):
    """A request whose body comes in exactly these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__()
        self._pieces = pieces

    async def __call__(self) -> bytes:
        if self._pieces[-2:] == [b"", b""]:
            raise RSGIProtocolClosed("RSGI transport is closed")
        return await super().__call__()


@pytest.mark.parametrize("version", ["1", "1.1", "2"])
@pytest.mark.parametrize(
    ("length", "pieces", "expected"),
    [
        ("5", [b"12", b"345", b""], [b"12345"]),
        ("5", [b"12", b"", b""], None),
        (str(MEMORY_BYTES + 1), [b"x" * (MEMORY_BYTES + 1), b""], [b"x" * (MEMORY_BYTES + 1)]),
        (f"00{MEMORY_BYTES + 1}", [b"x" * (MEMORY_BYTES + 1), b""], [b"x" * (MEMORY_BYTES + 1)]),
        (str(MEMORY_BYTES + 1), [b"12", b""], None),
        (None, [b"12", b"3", b""], [b"12", b"3"]),
        ("", [b""], []),
    ],
)
def test_rsgi_gives_a_body_in_pieces(
    length: str | None, pieces: list[bytes], expected: list[bytes] | None, version: str
) -> None:
    async def main() -> list[bytes]:
        protocol = Pieces(list(pieces))
        return [piece async for piece in rsgi_pieces(protocol, length, version)]

    if expected is None:
        with pytest.raises(ClientGone):
            asyncio.run(main())
    else:
        assert asyncio.run(main()) == expected


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_two_empty_pieces_are_a_cut_over_http_1_alone(version: str) -> None:
    """Over HTTP/2 one of them is the frame that ends the body, as curl and Go send it."""

    async def main() -> list[bytes]:
        protocol = Pieces([b"12", b"", b""])
        return [piece async for piece in rsgi_pieces(protocol, "", version)]

    if version == "2":
        assert asyncio.run(main()) == [b"12"]
    else:
        with pytest.raises(ClientGone):
            asyncio.run(main())


class Endless(RSGIProtocol):
    """What Granian 2.8 gives of a body that is cut off over HTTP/2: empty pieces for ever."""

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        yield b"12"
        while True:
            yield b""


def test_empty_pieces_for_ever_are_a_cut() -> None:
    async def main() -> list[bytes]:
        protocol = Endless()
        protocol.gone.set()
        return [piece async for piece in rsgi_pieces(protocol, "", "2")]

    with pytest.raises(ClientGone):
        asyncio.run(main())


def test_a_client_may_send_empty_pieces_as_long_as_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "_MOMENT_S", 0.001)

    async def main() -> list[bytes]:
        protocol = Pieces([b"12", b"", b"", b"", b"", b"3", b""])
        return [piece async for piece in rsgi_pieces(protocol, "", "2")]

    assert asyncio.run(main()) == [b"12", b"3"]


def test_while_it_waits_for_a_client_the_loop_goes_on() -> None:
    async def main() -> bool:
        async def read() -> None:
            async for _ in rsgi_pieces(Endless(), "", "2"):
                pass

        task = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main()) is True


@pytest.mark.parametrize(("app_most", "most"), [(None, 10), (5, 5), (20, 10)])
def test_the_server_may_allow_less_than_the_app(app_most: int | None, most: int) -> None:
    assert app_most == lower(app_most)
    set_max_body(10)
    try:
        assert most == lower(app_most)
        assert "--max-body" == too_large(10).setting
        assert "MAX_CONTENT_LENGTH" == too_large(5).setting
    finally:
        set_max_body(0)


@pytest.mark.parametrize(
    ("length", "most", "expected"),
    [("5", None, True), ("5", 5, True), ("5", 4, False), ("", None, False), ("5", "5", False)],
)
def test_a_body_is_small_where_its_length_is_and_the_limit_is_a_number(
    length: str, most: object, expected: bool
) -> None:
    """What an app has for MAX_CONTENT_LENGTH by mistake is told where the body is read."""
    assert expected is is_small(length, most)


@pytest.mark.parametrize("name", ["asgi", "rsgi"])
@pytest.mark.parametrize("streams_body", [False, True])
@pytest.mark.parametrize("size", [10, 11])
def test_no_view_reads_more_than_the_server_allows(
    app: Flask, name: str, streams_body: bool, size: int
) -> None:
    @app.post("/", stream_body=streams_body)
    def view() -> bytes:
        return request.get_data()

    set_max_body(10)
    try:
        answer = WireClient(app, WIRES[name]).post("/", data=b"x" * size)
    finally:
        set_max_body(0)
    assert (200 if size == 10 else 413) == answer.status
