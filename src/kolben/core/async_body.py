"""A response's body that an async iterator gives, in a form that both worlds can send.

Rule: what waits is awaited by whoever sends; where nobody can await, a step at a time is run to its
end on the app's event loop.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator
from typing import Any

from kolben.core.current import the_app
from kolben.typing import App

_END = object()


class AsyncBody:
    """What a response holds as its iterable: text or bytes, piece by piece.

    It is closed once, by whoever sends it, also if it is never begun.
    """

    def __init__(self, app: App | None, source: AsyncIterable[Any]) -> None:
        """app: whose event loop it runs on where nobody awaits; None: the current one's."""
        self.app = app
        self._source = source
        self._pieces: AsyncIterator[Any] = aiter(source)
        self._is_closed = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._pieces

    def __iter__(self) -> Iterator[Any]:
        step = (self.app or the_app()).async_to_sync(self._step)
        while (piece := step()) is not _END:
            yield piece

    async def _step(self) -> Any:
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            return _END

    async def aclose(self) -> None:
        """Close the iterator."""
        if self._is_closed:
            return
        self._is_closed = True
        for owner in (self._pieces, self._source):
            close: Callable[[], Any] | None = getattr(owner, "aclose", None)
            if close is not None:
                await close()

    def close(self) -> None:
        """Close the iterator, where nobody can await."""
        if not self._is_closed:
            (self.app or the_app()).async_to_sync(self.aclose)()


# What most bodies are: Python takes longest to find that there is no `__aiter__`.
_PLAIN = frozenset({str, bytes, list, tuple, type(None)})


def is_async_only(source: object) -> bool:
    """Say whether a body can only be iterated by who awaits."""
    kind = type(source)
    return kind not in _PLAIN and hasattr(kind, "__aiter__") and not hasattr(kind, "__iter__")


class SentBody:
    """A response with an AsyncBody as a server sends it: bytes, whichever way it iterates."""

    def __init__(
        self,
        body: AsyncBody,
        encoded: Iterator[bytes],
        close: Callable[[], None],
        tell: Callable[[Exception], None],
    ) -> None:
        """Take what is to be sent.

        encoded: the same body for servers that iterate plainly. close: closes the response, and so
        the body; it may block. tell: is called with what fails while it is awaited.
        """
        self._body = body
        self._tell = tell
        self._encoded = encoded
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._encoded

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in self._body:
                yield piece.encode() if isinstance(piece, str) else bytes(piece)
        except Exception as error:
            self._tell(error)
            raise

    async def aclose(self) -> None:
        """Close the iterator; close() is still to be called, for the rest of the response."""
        await self._body.aclose()
