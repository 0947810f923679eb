"""A body that a view reads as it comes, on ASGI and RSGI: for routes with `stream_body=True`.

Rule: nothing is read before the view asks for it, and no more than is allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from io import RawIOBase

from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from kolben.entry.bodies import ClientGone, OpenBody, too_large
from kolben.entry.body_timeouts import SlowBody
from kolben.entry.loop import run_coroutine, running_loop


class LiveBody(RawIOBase):
    """A stream to be read plainly, in a thread, or with `async for` on its event loop.

    Raises ClientDisconnected (400) where the body is cut off, RequestTimeout (408) where no more of
    it comes, and RequestEntityTooLarge (413) where it is above the limit.
    """

    def __init__(
        self,
        open_body: OpenBody,
        limit: Callable[[], int | None],
        length: Callable[[], int | None],
    ) -> None:
        """Make the stream on the event loop that the body comes on.

        limit: returns how many bytes there may be; asked each time, since a view may set it.
        length: returns how many are promised; None if that is not told.
        """
        self._open_body = open_body
        self._limit = limit
        self._length = length
        self._loop = asyncio.get_running_loop()
        self._pieces: AsyncGenerator[bytes, None] | None = None
        self._size = 0
        self._rest = b""
        self._ended = asyncio.Event()

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    async def read_piece(self) -> bytes:
        """Return what comes next; nothing at the end."""
        if self._rest:
            piece, self._rest = self._rest, b""
            return piece
        if self._ended.is_set():
            return b""
        promised = self._length()
        if self._pieces is None:
            self._pieces = self._open_body()
        try:
            piece = await anext(self._pieces, b"")
        except ClientGone as error:
            self._ended.set()
            raise ClientDisconnected from error
        except SlowBody as error:
            self._ended.set()
            raise RequestTimeout from error
        self._size += len(piece)
        most = self._limit()
        if most is not None and self._size > most:
            raise too_large(most)
        if not piece:
            self._ended.set()
            if promised is not None and self._size < promised:
                raise ClientDisconnected
        return piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read_piece():
            yield piece

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io calls it so
        """Fill a buffer with what comes next; 0 at the end."""
        if running_loop() is self._loop:
            raise RuntimeError(
                "This body is read as it comes, and on the event loop it has to be awaited: `async"
                " for piece in request.stream`. Without stream_body=True the route gets it whole."
            )
        if not self._rest:
            self._rest = run_coroutine(partial(self.read_piece))
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    async def has_ended(self) -> None:
        """Wait until all has been read: until then, nobody else may listen to the client."""
        await self._ended.wait()

    async def aclose(self) -> None:
        """Stop reading."""
        if self._pieces is not None:
            await self._pieces.aclose()
