"""A response's body sent piece by piece from an event loop, whatever kind of iterable it is.

Rule: a body is closed exactly once, after its last step has ended, also if nobody wants the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any

from kolben.core.async_body import SentBody
from kolben.entry.disconnects import unbroken
from kolben.entry.loop import take_over
from kolben.entry.threads import run_in_thread, start_in_thread

_END = object()

SendPiece = Callable[[bytes], Awaitable[Any]]


async def send_pieces(body: Iterable[bytes], start: Callable[[], Awaitable[SendPiece]]) -> None:
    """Send a body and close it; the next piece is asked for only when the last one was taken.

    start: sends what comes before, and returns what sends a piece; it is called when the first
    piece is there, so that a body that has none to begin with can still be answered otherwise. A
    body that is not async takes each of its steps in a thread.
    """
    steps: list[asyncio.Future[Any]] = []
    started: list[SendPiece] = []

    async def send(piece: bytes) -> None:
        if not started:
            started.append(await start())
        await started[0](piece)

    try:
        if isinstance(body, SentBody):
            async with aclosing(aiter(body)) as pieces:
                async for piece in pieces:
                    if piece:
                        await send(piece)
        else:
            await _send_plain(iter(body), send, steps)
        if not started:
            await start()
    finally:
        await unbroken(_close(body, steps))


async def _send_plain(iterator: Any, send: SendPiece, steps: list[asyncio.Future[Any]]) -> None:
    """Send what is in a plain iterator. steps: keeps its last one, which cannot be cancelled."""
    while True:
        step, context = start_in_thread(next, iterator, _END)
        steps[:] = [step]
        waiting = asyncio.shield(step)
        try:
            piece = await waiting
        finally:
            # They have the exception, whose traceback has this frame: what sends would live on, and
            # the connection stay open, until the garbage is collected.
            del step, waiting
        take_over(context)
        if piece is _END:
            return
        if piece:
            await send(piece)


async def _close(body: Any, steps: list[asyncio.Future[Any]]) -> None:
    """Close a body when its last step has ended, however it did."""
    if steps:
        await asyncio.wait(steps)
        steps[0].exception()  # whoever waited for it has had it
        steps.clear()
    try:
        if isinstance(body, SentBody):
            await body.aclose()
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            await run_in_thread(close)
