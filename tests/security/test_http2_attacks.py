"""HTTP/2: floods are cut off, fields that it forbids reach no view, and the server serves on."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.running import wait_for
from tests.security.ways import PATIENCE_S, Server
from tests.server.http2 import (
    ACK,
    CANCEL,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    STATUSES,
    frame,
)

pytestmark = pytest.mark.slow

DATA, PING, GOAWAY, CONTINUATION = 0, 6, 7, 9
INITIAL_WINDOW_SIZE = 4
MEBIBYTE = 2**20
LINE = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/path/x")]


# Over WSGI HTTP/2 is not spoken.
@pytest.fixture(params=["serve-asgi", "serve-rsgi"])
def served(request: pytest.FixtureRequest, servers: Callable[[str], Server]) -> Server:
    return servers(request.param)


def text(value: str) -> bytes:
    """Write a string literal of HPACK (RFC 7541 §5.2)."""
    raw = value.encode("latin-1")
    left = len(raw) - 127
    if left < 0:
        return bytes([len(raw)]) + raw
    length = b"\x7f"
    while left >= 128:
        length += bytes([left % 128 + 128])
        left //= 128
    return length + bytes([left]) + raw


def block(fields: list[tuple[str, str]]) -> bytes:
    """Write fields as literals that nobody keeps."""
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def ask(stream: int = 1, fields: list[tuple[str, str]] = LINE, flags: int = END_STREAM) -> bytes:
    return frame(HEADERS, flags | END_HEADERS, stream, block(fields))


@contextmanager
def connected(server: Server, settings: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
        yield connection


def frames(connection: socket.socket) -> Iterator[tuple[int, int, int, bytes]]:
    """Give kind, flags, stream and payload of what comes, until the server closes."""
    data = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            data += part
            while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
                end = 9 + int.from_bytes(data[:3], "big")
                yield data[3], data[4], int.from_bytes(data[5:9], "big"), data[9:end]
                data = data[end:]


def outcome(connection: socket.socket, stream: int = 1) -> str:
    """Return the status of a stream, or how it or the connection ends."""
    for kind, flags, number, payload in frames(connection):
        if kind == SETTINGS and not flags & ACK:
            with suppress(OSError):
                connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind == HEADERS and number == stream:
            return str(STATUSES.get(payload[0], "another"))
        elif kind == RST_STREAM and number == stream:
            return "reset"
        elif kind == GOAWAY:
            return "goaway"
    return "closed"


def is_well(server: Server, pid: int) -> bool:
    """Say whether the same process goes on answering, over both versions."""
    with connected(server) as connection:
        connection.sendall(ask())
        return outcome(connection) == "200" and server.pid() == pid


def flood(server: Server, data: bytes, times: int) -> None:
    """Send the same again and again, until the server has had enough."""
    pid = server.pid()
    with connected(server) as connection, suppress(OSError):
        connection.settimeout(1)
        for _ in range(times):
            connection.sendall(data)
    assert is_well(server, pid)


def test_a_request_is_answered(served: Server) -> None:
    with connected(served) as connection:
        connection.sendall(ask())
        assert "200" == outcome(connection)


FORBIDDEN = {
    "capitals in a name": [*LINE, ("X-A", "1")],
    "a colon in a name": [*LINE, ("x:a", "1")],
    "a space in a name": [*LINE, ("x a", "1")],
    "a line feed in a name": [*LINE, ("x\na", "1")],
    "a line feed in a value": [*LINE, ("x-a", "1\nx-b: 2")],
    "CR in a value": [*LINE, ("x-a", "1\r\nx-b: 2")],
    "NUL in a value": [*LINE, ("x-a", "1\0")],
    "a header of a connection": [*LINE, ("connection", "close")],
    "a coding": [*LINE, ("transfer-encoding", "chunked")],
    "another TE": [*LINE, ("te", "gzip")],
    "no path": LINE[:3],
    "an empty path": [*LINE[:3], (":path", "")],
    "no method": LINE[1:],
    "two paths": [*LINE, (":path", "/")],
    "a pseudo-header after the others": [*LINE[:3], ("x-a", "1"), LINE[3]],
    "a pseudo-header that is none": [*LINE, (":status", "200")],
    "a method in lower case": [(":method", "get"), *LINE[1:]],
    "a host with a space": [*LINE[:2], (":authority", "a b"), LINE[3]],
    "a path that is none": [*LINE[:3], (":path", "path/x")],
}


@pytest.mark.parametrize("fields", FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden_fields_reach_no_view(served: Server, fields: list[tuple[str, str]]) -> None:
    with connected(served) as connection:
        connection.sendall(ask(fields=fields))
        assert outcome(connection) in {"400", "reset", "goaway", "closed"}


@pytest.mark.parametrize("sent", [b"12345", b"1"], ids=["more", "less"])
def test_a_body_that_is_not_as_long_as_it_says_is_none(served: Server, sent: bytes) -> None:
    fields = [(":method", "POST"), *LINE[1:3], (":path", "/body"), ("content-length", "3")]
    with connected(served) as connection:
        connection.sendall(ask(fields=fields, flags=0) + frame(DATA, END_STREAM, 1, sent))
        assert outcome(connection) in {"400", "reset", "goaway", "closed"}


def test_headers_that_are_too_large_reach_no_view(served: Server) -> None:
    head = block([*LINE, ("x-large", "a" * 200_000)])
    pieces = [head[at : at + 16_000] for at in range(0, len(head), 16_000)]
    with connected(served) as connection:
        connection.sendall(frame(HEADERS, END_STREAM, 1, pieces[0]))
        with suppress(OSError):
            for piece in pieces[1:-1]:
                connection.sendall(frame(CONTINUATION, 0, 1, piece))
            connection.sendall(frame(CONTINUATION, END_HEADERS, 1, pieces[-1]))
        assert outcome(connection) in {"another", "reset", "goaway", "closed"}


def test_continuations_without_an_end_are_cut_off(served: Server) -> None:
    pid, before = served.pid(), served.peak_memory_bytes()
    piece = block([("x-a", "a" * 16_000)])
    with connected(served) as connection:
        with suppress(OSError):
            connection.sendall(frame(HEADERS, END_STREAM, 1, block(LINE)))
            for _ in range(5_000):
                connection.sendall(frame(CONTINUATION, 0, 1, piece))
        assert outcome(connection) in {"reset", "goaway", "closed"}
    assert is_well(served, pid)
    assert served.peak_memory_bytes() - before < 24 * MEBIBYTE


def test_requests_that_are_reset_at_once_are_cut_off(served: Server) -> None:
    """CVE-2023-44487."""
    pid = served.pid()
    with connected(served) as connection:
        with suppress(OSError):
            for stream in range(1, 40_001, 2):
                reset = frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))
                connection.sendall(ask(stream) + reset)
        ends = [kind for kind, *_ in frames(connection)]
    assert GOAWAY in ends or not ends
    assert is_well(served, pid)


@pytest.mark.parametrize(
    "data",
    [
        frame(PING, 0, 0, b"12345678"),
        frame(SETTINGS, 0, 0),
        frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1) * 100),
        frame(2, 0, 3, struct.pack(">IB", 1, 0)),
        frame(0xEE, 0, 0, b"x" * 1000),
    ],
    ids=["pings", "settings", "full settings", "priorities", "unknown frames"],
)
def test_floods_of_small_frames_do_no_harm(served: Server, data: bytes) -> None:
    before = served.peak_memory_bytes()
    flood(served, data * 100, 300)
    assert served.peak_memory_bytes() - before < 24 * MEBIBYTE


def test_who_opens_no_window_holds_nobody_up(servers: Callable[[str], Server]) -> None:
    """Over WSGI each of them holds a thread, as any client does that reads nothing."""
    for name in ("serve-asgi", "serve-rsgi"):
        server = servers(name)
        pid, before = server.pid(), server.peak_memory_bytes()
        closed = struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)
        path = (":path", "/long-stream")
        with connected(server, closed) as connection:
            for stream in range(1, 41, 2):
                connection.sendall(ask(stream, [*LINE[:3], path]))
            assert "200" == outcome(connection, 39)
            for _ in range(5):
                assert is_well(server, pid)
            assert server.peak_memory_bytes() - before < 64 * MEBIBYTE
        wait_for(lambda server=server, pid=pid: is_well(server, pid))
