"""Frames of a WebSocket as bytes, for the two ends of a socket in one process (RFC 6455 §5).

Rule: this end is the client's; what comes is whole and valid, or raises BadFrame.
"""

from __future__ import annotations

import asyncio
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_CONTINUATION = 0
_LAST, _RESERVED, _KIND, _MASKED, _LENGTH = 0x80, 0x70, 0x0F, 0x80, 0x7F
_KINDS = frozenset({_CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
# A client has to mask what it sends, so that no proxy is confused by it. There is none here, and
# this key changes nothing.
_KEY = bytes(4)
_NO_CODE = 1005


class BadFrame(ValueError):
    """The bytes are not those of a server's frame."""


def pack(kind: int, payload: bytes) -> bytes:
    """Return a frame as a client sends it."""
    first, length = _LAST | kind, len(payload)
    if length < 126:
        head = struct.pack("!BB", first, _MASKED | length)
    elif length < 2**16:
        head = struct.pack("!BBH", first, _MASKED | 126, length)
    else:
        head = struct.pack("!BBQ", first, _MASKED | 127, length)
    return head + _KEY + payload


def pack_message(message: str | bytes) -> bytes:
    """Return the frame of a message."""
    if isinstance(message, str):
        return pack(TEXT, message.encode())
    return pack(BINARY, message)


def pack_close(code: int, reason: str) -> bytes:
    """Return the frame that ends a connection; 1005 is a frame without a code."""
    return pack(CLOSE, b"" if code == _NO_CODE else struct.pack("!H", code) + reason.encode())


def read_close(payload: bytes) -> tuple[int, str]:
    """Return code and reason of a frame that ends a connection."""
    if len(payload) < 2:
        return _NO_CODE, ""
    return int.from_bytes(payload[:2], "big"), payload[2:].decode(errors="replace")


class FrameReader:
    """Reads the frames of a server, and joins those that are parts of one message."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._parts: list[bytes] = []
        self._kind = _CONTINUATION

    async def read(self) -> tuple[int, bytes]:
        """Return the kind and payload of the next message, or of a frame that stands for itself.

        Raises asyncio.IncompleteReadError at the end.
        """
        while True:
            is_last, kind, payload = await self._read_frame()
            if kind in {CLOSE, PING, PONG}:
                return kind, payload
            if (kind == _CONTINUATION) != bool(self._kind):
                raise BadFrame("A part of a message came where none was due, or the other way.")
            self._parts.append(payload)
            self._kind = self._kind or kind
            if is_last:
                whole = self._kind, b"".join(self._parts)
                self._parts, self._kind = [], _CONTINUATION
                return whole

    async def _read_frame(self) -> tuple[bool, int, bytes]:
        first, second = await self._reader.readexactly(2)
        kind, length = first & _KIND, second & _LENGTH
        if first & _RESERVED or second & _MASKED or kind not in _KINDS:
            raise BadFrame(
                f"{bytes((first, second)).hex()} begins no frame of a server's without extensions."
            )
        if length > 125:
            size = 2 if length == 126 else 8
            length = int.from_bytes(await self._reader.readexactly(size), "big")
        return bool(first & _LAST), kind, await self._reader.readexactly(length)
