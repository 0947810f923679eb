"""The request body of Granian's WSGI side, made into what PEP 3333 says `wsgi.input` is.

Rule: a body that ends before its Content-Length is an error, never a shorter body.

Granian 2.8's own object is right only when read in sizes: `readline()` ends after one line,
iterating loses lines, `read()` after `read(n)` loses the rest, and `read(-1)` raises.
"""

from __future__ import annotations

import io
from typing import Protocol

from werkzeug.exceptions import ClientDisconnected

from kolben.entry.bodies import lower, too_large

# As much as one call into Granian hands over; a larger body takes several.
CHUNK_BYTES = 64 * 1024
BUFFER_BYTES = 16 * 1024


class SizedReader(Protocol):
    """The one way of reading Granian's body that is right."""

    def read(self, n: int, /) -> bytes:
        """Return at most n bytes, and b"" at the end."""
        ...


class GranianBody(io.RawIOBase):
    """A body read once, front to back, and checked against its Content-Length."""

    def __init__(self, body: SizedReader, length: int | None) -> None:
        """Wrap Granian's body.

        length: what Content-Length promises, in bytes; None for a chunked body, whose early end
        Granian does not tell from its end.
        """
        self._body = body
        self._left = length
        self._most = lower(None)
        self._taken = 0

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io calls it so
        """Fill a buffer with what is there next; 0 at the end.

        ClientDisconnected (400): the client went away before it had sent everything. TooLarge
        (413): there is more than the server allows.
        """
        data = self._take(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Return all that is left; ClientDisconnected (400) if it is less than promised."""
        parts = []
        while part := self._take(CHUNK_BYTES):
            parts.append(part)
        return b"".join(parts)

    def _take(self, size: int) -> bytes:
        if self._left is None:
            data = self._body.read(size)
            self._taken += len(data)
            if self._most is not None and self._taken > self._most:
                raise too_large(self._most)
            return data
        if not self._left or not size:
            return b""
        data = self._body.read(min(size, self._left))
        if not data:
            raise ClientDisconnected
        self._left -= len(data)
        return data


def open_body(body: SizedReader, length: int | None) -> io.BufferedReader:
    """Return a request's body as a file; see GranianBody."""
    return io.BufferedReader(GranianBody(body, length), BUFFER_BYTES)
