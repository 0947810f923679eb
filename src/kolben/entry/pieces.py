"""A response's body sent piece by piece from an event loop, whatever kind of iterable it is.

Rule: a body is closed exactly once, after its last step has ended, also if nobody wants the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Any

from kolben.core.async_body import SentBody
from kolben.entry.disconnects import unbroken
from kolben.entry.threads import run_in_thread

_END = object()


async def pieces_of(body: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield what is in a body, then close it; one that is not async takes each step in a thread."""
    if isinstance(body, SentBody):
        try:
            async for piece in body:
                if piece:
                    yield piece
        finally:
            await unbroken(_close_async(body))
        return
    iterator = iter(body)
    step: asyncio.Task[Any] | None = None
    try:
        while True:
            # A task of its own: what runs in a thread cannot be cancelled, only be waited for.
            step = asyncio.ensure_future(run_in_thread(next, iterator, _END))
            piece = await asyncio.shield(step)
            if piece is _END:
                return
            if piece:
                yield piece
    finally:
        await unbroken(_close(step, getattr(body, "close", None)))


async def _close_async(body: SentBody) -> None:
    """Close a body that is async, then the rest of its response."""
    try:
        await body.aclose()
    finally:
        await run_in_thread(body.close)


async def _close(step: asyncio.Task[Any] | None, close: Callable[[], None] | None) -> None:
    """Close a body when its last step has ended, however it did."""
    if step is not None and not step.done():
        await asyncio.wait([step])
    if step is not None and not step.cancelled():
        step.exception()  # whoever waited for it has had it
    if close is not None:
        await run_in_thread(close)


async def send_pieces(
    body: Iterable[bytes],
    send: Callable[[bytes], Any],
) -> None:
    """Send a body, the next piece only when the last one was taken."""
    async with aclosing(pieces_of(body)) as pieces:
        async for piece in pieces:
            await send(piece)
