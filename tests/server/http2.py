"""A client of HTTP/2 that sends exactly the frames that a test wants (RFC 9113)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Self

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS = 0, 1, 3, 4
END_STREAM, END_HEADERS, ACK = 1, 4, 1
CANCEL = 8
# The entries of HPACK's static table for statuses (RFC 7541, appendix A).
STATUSES = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame as it is on the wire."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name: str, value: str) -> bytes:
    """Return a header field as a literal that nobody keeps."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


class Connection:
    """A connection with one request on it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def begin(self, path: str, **headers: str) -> None:
        """Send the headers of a POST that has a body."""
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost"}
        block = b"".join(header(*field) for field in {**fields, **headers}.items())
        self._socket.sendall(frame(HEADERS, END_HEADERS, 1, block))

    def send(self, data: bytes, *, is_end: bool = False) -> None:
        """Send a piece of the body."""
        self._socket.sendall(frame(DATA, END_STREAM if is_end else 0, 1, data))

    def cancel(self) -> None:
        """Reset the stream, as a browser does when its page is left."""
        self._socket.sendall(frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL)))

    def answer(self) -> tuple[int, bytes]:
        """Return status and body of the response."""
        status, body = 0, b""
        for kind, flags, payload in self._frames():
            if kind == SETTINGS and not flags & ACK:
                self._socket.sendall(frame(SETTINGS, ACK, 0))
            elif kind == HEADERS:
                status = STATUSES[payload[0]]
            elif kind == DATA:
                body += payload
            elif kind == RST_STREAM:
                return 0, b""
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                break
        return status, body

    def _frames(self) -> Iterator[tuple[int, int, bytes]]:
        while True:
            head = self._take(9)
            yield head[3], head[4], self._take(int.from_bytes(head[:3], "big"))

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            part = self._socket.recv(count - len(taken))
            assert part, "the server closed the connection"
            taken += part
        return taken
