"""The bytes of a request's body: no more than is allowed, no fewer than was promised.

Werkzeug's LimitedStream cuts a chunked body at the limit and passes the rest off as the whole, and
refuses one that is just as long as is allowed.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from io import BufferedReader, BytesIO, RawIOBase
from typing import IO, Any

from werkzeug.exceptions import BadRequest, ClientDisconnected

from kolben.core.current import the_app
from kolben.core.limits import TooLarge
from kolben.typing import WSGIEnvironment

# As much as is asked of a server at once: some make room for all that is asked for.
PIECE_BYTES = 262_144

_is_length = re.compile(r"[0-9]{1,18}", re.ASCII).fullmatch


def open_body(environ: WSGIEnvironment, most: int | None) -> IO[bytes]:
    """Open the body of a request as a stream that ends where it does.

    most: in bytes; RequestEntityTooLarge (413) above, here if it is known, else where it is
    reached. Without a length the body is empty, unless the server says that it ends by itself.
    Raises BadRequest (400) for a Content-Length that is no number.
    """
    source: IO[bytes] = environ["wsgi.input"]
    length = read_length(environ)
    if length is not None and most is not None and length > most:
        raise TooLarge("MAX_CONTENT_LENGTH", most)
    if isinstance(source, LateBody):
        source = source.received()
    if length is not None:
        return BodyReader(PromisedBody(source, length))
    if "wsgi.input_terminated" in environ:
        return BodyReader(UnknownBody(source, most))
    return NoBody()


def read_length(environ: WSGIEnvironment) -> int | None:
    """Return the Content-Length; None without one, or if Transfer-Encoding takes its place.

    RFC 9112 §6.3. Raises BadRequest (400) if it is no number.
    """
    length: str | None = environ.get("CONTENT_LENGTH")
    if not length or "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return None
    if _is_length(length.strip(" \t")) is None:
        raise BadRequest(f"The Content-Length {length[:20]!r} is not a number.")
    return int(length)


class LateBody:
    """A body that its entry receives when something first reads it, and then is any other file."""

    def received(self) -> IO[bytes]:
        """Return the body whole, after waiting for it."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # nothing reads a body by asking what it can do
            raise AttributeError(name)
        return getattr(self.received(), name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.received())


class BodyReader(BufferedReader):
    """A body as a stream, for `async for` as well, which reads in a thread."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = the_app().ensure_async(self.read1)
        while piece := await read(PIECE_BYTES):
            yield piece


class NoBody(BytesIO):
    """The body of a request without one."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


class PromisedBody(RawIOBase):
    """A body of a known length; ClientDisconnected (400) if it ends before."""

    was_buffered = False  # whether a BufferedReader took of it, and may hold some

    def __init__(self, source: IO[bytes], length: int) -> None:
        self.source = source
        self._left = length

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io calls it so
        """Fill a buffer with what is there next; 0 at the end."""
        self.was_buffered = True
        data = self._take(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Return all that is left."""
        parts = []
        while part := self._take(PIECE_BYTES):
            parts.append(part)
        return b"".join(parts)

    def read_piece(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end.

        PERF: what was read itself, not copied twice as by BufferedReader: 3 us instead of 5 us for
        64 KiB (benchmarks/shortcuts.py).
        """
        data = self._take(size)
        if len(data) == size or not data:
            return data
        parts = [data]
        while size := size - len(data):
            data = self._take(size)
            if not data:
                break
            parts.append(data)
        return b"".join(parts)

    def _take(self, size: int) -> bytes:
        if not self._left:
            return b""
        data = read_piece(self.source, min(size, self._left, PIECE_BYTES))
        if not data:
            raise ClientDisconnected
        self._left -= len(data)
        return data


class UnknownBody(PromisedBody):
    """A body that ends where its server says; RequestEntityTooLarge (413) above `most` bytes."""

    def __init__(self, source: IO[bytes], most: int | None) -> None:
        super().__init__(source, -1 if most is None else most)
        self._most = most

    def _take(self, size: int) -> bytes:
        if self._left < 0:  # no limit
            return read_piece(self.source, min(size, PIECE_BYTES))
        # One byte more than is allowed tells whether there is more.
        data = read_piece(self.source, min(size, self._left + 1, PIECE_BYTES))
        if len(data) > self._left:
            raise TooLarge("MAX_CONTENT_LENGTH", self._most)
        self._left -= len(data)
        return data


def read_piece(source: IO[bytes], size: int) -> bytes:
    """Read from the server, where what it cannot read was not sent (a broken chunk, a reset)."""
    try:
        return source.read(size)
    except OSError as error:
        raise ClientDisconnected from error
