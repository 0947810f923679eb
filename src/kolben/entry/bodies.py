"""The body of a request on an event loop, read before the view runs.

Rule: no more is read than is allowed, and a body that was cut off never looks whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from functools import partial
from io import RawIOBase
from typing import IO, Any, cast

from werkzeug.exceptions import HTTPException

from kolben.core.body import SmallBody
from kolben.core.body_file import no_room, open_body_file
from kolben.core.limits import InsufficientStorage, TooLarge
from kolben.entry.body_timeouts import in_time
from kolben.entry.threads import run_in_thread
from kolben.typing import Receive

# What is kept in memory; a longer body goes to a file. Written in pieces of about a MiB, since each
# goes through a thread.
MEMORY_BYTES = 512 * 1024
PIECE_BYTES = 1024 * 1024
# What RSGI is asked for in one go, without seeing whether anything comes; it must be there whole in
# the time that a piece has.
AT_ONCE_BYTES = 64 * 1024

# A Content-Length of more digits is above every limit.
_LONGEST_LENGTH = 18
_SMALL_BYTES = 4096
# How long a client that sends nothing but empty pieces is waited for, each time.
_MOMENT_S = 0.05

Parts = list[bytes | bytearray]
OpenBody = Callable[[], AsyncGenerator[bytes, None]]


# What the server allows, whatever the app does.
_max_body_bytes: int | None = None


def set_max_body(most: int) -> None:
    """Set how many bytes the body of any request may have; 0: any number, as without a call."""
    global _max_body_bytes
    _max_body_bytes = most or None


def lower(most: int | None) -> int | None:
    """Return what an app allows, or what the server does if that is less."""
    if _max_body_bytes is None:
        return most
    return _max_body_bytes if most is None else min(most, _max_body_bytes)


def too_large(most: int | None) -> TooLarge:
    """Return the error for a body that is above a limit."""
    is_ours = most is not None and most == _max_body_bytes
    return TooLarge("--max-body" if is_ours else "MAX_CONTENT_LENGTH", most)


def is_small(length: str, most: object) -> bool:
    """Say whether a body may be read in one go, before anything else is known of its request.

    length: its Content-Length, "" without one. most: the app's MAX_CONTENT_LENGTH, whatever it is.
    """
    if not length.isdecimal() or is_above(length, AT_ONCE_BYTES):
        return False
    if most is None or type(most) is int:
        allowed = lower(most)
        return allowed is None or not is_above(length, allowed)
    return False


def small_body(body: object, length: str) -> SmallBody | None:
    """Return a body as one that may be read in one go; None if it isn't one, or not of its length.

    length: its Content-Length, "" without one.
    """
    return body if type(body) is SmallBody and length == str(len(body.getvalue())) else None


class ClientGone(Exception):
    """The client went away before it had sent everything."""


class RefusedBody(RawIOBase):
    """A body that is longer than allowed, or than the disk has room: who reads it gets the error.

    is_begun: some of it was read before that was known.
    """

    def __init__(self, make_error: Callable[[], HTTPException], *, is_begun: bool) -> None:
        self._make_error = make_error
        self.is_begun = is_begun

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io calls it so
        """Raise RequestEntityTooLarge (413), or InsufficientStorage (507)."""
        raise self._make_error()


async def read_body(open_body: OpenBody, length: str, most: int | None) -> IO[bytes]:
    """Read a body whole, into memory or, if it is long, into a file, which its request closes.

    length: its Content-Length, "" without one. most: in bytes; what is beyond stays unread, and
    who reads the stream gets a 413, or a 507 where it finds no room. Raises ClientGone if the body
    is cut off.
    """
    if most is not None and is_above(length, most):
        return _refused(partial(too_large, most), is_begun=False)
    parts: Parts = []
    size = in_memory = 0
    file: Any = None
    try:
        async with aclosing(open_body()) as pieces:
            async for piece in pieces:
                size += len(piece)
                if most is not None and size > most:
                    _close(file)
                    return _refused(partial(too_large, most))
                in_memory += len(piece)
                _add(parts, piece)
                if in_memory > (MEMORY_BYTES if file is None else PIECE_BYTES):
                    # SECURITY: not on the loop, which a slow disk would stop (Starlette
                    # CVE-2025-54121).
                    file = await run_in_thread(_write, file, parts, give_back=_close)
                    parts, in_memory = [], 0
        if file is not None:
            return cast("IO[bytes]", await run_in_thread(_finish, file, parts))
    except InsufficientStorage as error:
        _close(file)
        return _refused(partial(InsufficientStorage, error.error, error.folder))
    except BaseException:
        _close(file)
        raise
    return SmallBody(b"".join(parts))


def _refused(make_error: Callable[[], HTTPException], *, is_begun: bool = True) -> IO[bytes]:
    return cast("IO[bytes]", RefusedBody(make_error, is_begun=is_begun))


def is_above(length: str, most: int) -> bool:
    """Say whether a Content-Length is above a limit; one that is no number is refused later."""
    return length.isdecimal() and (len(length) > _LONGEST_LENGTH or int(length) > most)


def _add(parts: Parts, piece: bytes) -> None:
    """Add a piece; small ones that follow one another become one.

    SECURITY: each would cost more memory than it has bytes.
    """
    if len(piece) >= _SMALL_BYTES or not parts:
        parts.append(piece)
    elif isinstance(parts[-1], bytearray):
        parts[-1] += piece
    else:
        parts.append(bytearray(piece))


def _write(file: Any, parts: Parts) -> Any:
    """Write to the file, which is made here the first time; InsufficientStorage without room."""
    begun = file
    try:
        if begun is None:
            begun = open_body_file()  # closed when the request is over
        begun.writelines(parts)
        begun.flush()
    except OSError as error:
        if file is None:
            _close(begun)
        raise no_room(error) from None
    return begun


def _finish(file: Any, parts: Parts) -> Any:
    """Write what is left and go back to the beginning; raise as _write() does."""
    _write(file, parts)
    file.seek(0)
    return file


def _close(file: Any) -> None:
    """Close the file, if there is one."""
    if file is not None:
        with suppress(OSError):  # it is not wanted any more, and may have no room for its rest
            file.close()


async def asgi_pieces(receive: Receive) -> AsyncGenerator[bytes, None]:
    """Yield a body as ASGI gives it; ClientGone if it is cut off, SlowBody if it stays away."""
    while True:
        message = await in_time(receive())
        if message["type"] != "http.request":
            raise ClientGone
        piece = message.get("body", b"")
        if piece:
            yield piece
        if not message.get("more_body", False):
            return


def rsgi_pieces(protocol: Any, length: str | None, version: str) -> AsyncGenerator[bytes, None]:
    """Begin to read a body; yield it as RSGI gives it.

    ClientGone if it is cut off, SlowBody if it stays away. length: what Content-Length promises.
    version: of HTTP. Call it before answering: afterwards the body can no longer be read.
    """
    if length and length.isdecimal() and not is_above(length, AT_ONCE_BYTES):
        return _rsgi_at_once(protocol)
    return _rsgi_as_it_comes(protocol, aiter(protocol), length, version)


async def _rsgi_at_once(protocol: Any) -> AsyncGenerator[bytes, None]:
    try:
        yield await in_time(protocol())
    except RuntimeError as error:
        raise ClientGone from error


async def _rsgi_as_it_comes(
    protocol: Any, pieces: AsyncIterator[bytes], length: str | None, version: str
) -> AsyncGenerator[bytes, None]:
    size = empty = 0
    while True:
        try:
            piece = await in_time(anext(pieces))
        except StopAsyncIteration:
            break
        size += len(piece)
        empty = 0 if piece else empty + 1
        if empty > 1 and await _is_cut(protocol, empty, version):
            raise ClientGone
        if piece:
            yield piece
    if length and str(size) != length.lstrip("0"):
        raise ClientGone


async def _is_cut(protocol: Any, empty: int, version: str) -> bool:
    """Say whether empty pieces, one after the other, mean that a body was cut off.

    Granian 2.8 tells it in no other way: one comes at the end, and one more after a cut (as after
    trailers, which nobody sends). Over HTTP/2 the client may end its body with one of its own, and
    after a cut they come for ever.
    """
    if version.startswith("1"):
        return True
    if empty == 2:
        return False

    async def client_leaves() -> None:
        await protocol.client_disconnect()

    told = asyncio.ensure_future(client_leaves())
    try:
        done, _ = await asyncio.wait({told}, timeout=_MOMENT_S)
    finally:
        told.cancel()
    return bool(done)
