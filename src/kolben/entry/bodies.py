"""The body of a request on an event loop, read before the view runs.

Rule: no more is read than is allowed, and a body that was cut off never looks whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from io import RawIOBase
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from werkzeug.exceptions import RequestEntityTooLarge

from kolben.core.body import SmallBody
from kolben.entry.threads import run_in_thread
from kolben.typing import Receive

# What is kept in memory; a longer body goes to a file. Written in pieces of about a MiB, since each
# goes through a thread.
MEMORY_BYTES = 512 * 1024
PIECE_BYTES = 1024 * 1024


OpenBody = Callable[[], AsyncIterator[bytes]]


class ClientGone(Exception):
    """The client went away before it had sent everything."""


class RefusedBody(RawIOBase):
    """A body that is longer than allowed: whoever reads it gets a 413."""

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io calls it so
        """Raise RequestEntityTooLarge (413)."""
        raise RequestEntityTooLarge


async def read_body(open_body: OpenBody, length: str, most: int | None) -> IO[bytes]:
    """Read a body whole, into memory or, if it is long, into a file.

    length: its Content-Length, "" without one. most: in bytes; what is beyond stays unread, and
    who reads the stream gets a 413. Raises ClientGone if the body is cut off.
    """
    if most is not None and length.isdecimal() and int(length) > most:
        return cast("IO[bytes]", RefusedBody())
    parts: list[bytes] = []
    size = in_memory = 0
    file: Any = None
    async for piece in open_body():
        size += len(piece)
        in_memory += len(piece)
        parts.append(piece)
        if most is not None and size > most:
            if file is not None:
                file.close()
            return cast("IO[bytes]", RefusedBody())
        if in_memory > (MEMORY_BYTES if file is None else PIECE_BYTES):
            # SECURITY: not on the loop, which a slow disk would stop (Starlette CVE-2025-54121).
            file = await run_in_thread(_write, file, parts)
            parts, in_memory = [], 0
    if file is None:
        return SmallBody(b"".join(parts))
    return cast("IO[bytes]", await run_in_thread(_finish, file, parts))


def _write(file: Any, parts: list[bytes]) -> Any:
    """Write to the file, which is made here the first time."""
    if file is None:
        file = SpooledTemporaryFile(max_size=1)  # noqa: SIM115  # the request closes it
    file.writelines(parts)
    return file


def _finish(file: Any, parts: list[bytes]) -> Any:
    """Write what is left and go back to the beginning."""
    file.writelines(parts)
    file.seek(0)
    return file


async def asgi_pieces(receive: Receive) -> AsyncIterator[bytes]:
    """Yield a body as ASGI gives it; ClientGone if it is cut off."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        piece = message.get("body", b"")
        if piece:
            yield piece
        if not message.get("more_body", False):
            return


async def rsgi_pieces(protocol: Any, length: str | None) -> AsyncIterator[bytes]:
    """Yield a body as RSGI gives it; ClientGone if it is cut off.

    length: what Content-Length promises, in bytes. A chunked body that is cut off ends in an empty
    piece (Granian 2.8 tells it in no other way).
    """
    size = 0
    was_empty = False
    async for piece in protocol:
        if was_empty:
            raise ClientGone
        was_empty = not piece
        size += len(piece)
        if piece:
            yield piece
    if length and str(size) != length.lstrip("0") and int(length) != size:
        raise ClientGone
