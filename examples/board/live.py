"""Who looks at a question just now, and what they are told at once: new answers, and writers.

WebSockets are in a room of Kolben's; streams of server-sent events, for where WebSockets do not
work, each have a queue in this process. Both carry the same small JSON objects, and no text of
users: a page that hears of an answer fetches it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from board import database
from board.store import answers
from kolben import Event, Flask, current_app, websocket
from kolben.rooms import broadcast, broadcast_from_thread, join

# Answers that another process has written are seen after so long.
LOOK_AGAIN_S = 2.0
# A page that gets no stream asks again, and sees after so long what is new.
ASK_AGAIN_MS = 10_000
WRITING = "writing"

Queue = asyncio.Queue[str]


class Streams:
    """The open streams of this process, by the number of their question."""

    def __init__(self) -> None:
        self._of: dict[int, dict[Queue, asyncio.AbstractEventLoop]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    @contextmanager
    def opened(self, question_id: int) -> Iterator[Queue]:
        """Give a queue of what a question's page is told, on the running event loop."""
        queue: Queue = asyncio.Queue()
        self._of.setdefault(question_id, {})[queue] = asyncio.get_running_loop()
        try:
            yield queue
        finally:
            del self._of[question_id][queue]
            if not self._of[question_id]:
                del self._of[question_id]

    def tell(self, question_id: int, message: str) -> None:
        """Put a message into all queues of a question, from whichever thread."""
        for queue, loop in tuple(self._of.get(question_id, {}).items()):
            loop.call_soon_threadsafe(queue.put_nowait, message)


def streams() -> Streams:
    """Give the streams of the current app in this process."""
    found: Streams = current_app.extensions["board.streams"]
    return found


def tell_answer(question_id: int, answer_id: int) -> None:
    """Tell all who look at a question of a new answer."""
    _tell_from_thread(question_id, json.dumps({"answer": answer_id}))


def tell_writing(question_id: int, account_id: int) -> None:
    """Tell all who look at a question that somebody writes an answer."""
    _tell_from_thread(question_id, _writing(question_id, account_id))


def writer_key(question_id: int, account_id: int) -> str:
    """Give what a writer is known by on a question's page, which does not tell who it is.

    All pages of the writer know theirs, and show nothing.
    """
    secret = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(secret, f"writer {question_id} {account_id}".encode(), "sha256").hex()[:16]


async def serve_socket(question_id: int, account_id: int | None) -> None:
    """Tell the current WebSocket what happens; hear from it that its account writes."""
    await join(_room(question_id))
    await websocket.send(_latest(question_id))
    async for message in websocket:
        if message != WRITING or account_id is None:
            await websocket.close(1008, "Say that you write, when logged in, and nothing else.")
            return
        told = _writing(question_id, account_id)
        await broadcast(_room(question_id), told, skip=websocket)
        streams().tell(question_id, told)


async def events(question_id: int) -> AsyncIterator[Event]:
    """Tell a stream what happens, or only how things stand where too many streams are open.

    On WSGI each of them takes a thread.
    """
    latest = _latest(question_id)
    yield Event(latest, retry_ms=ASK_AGAIN_MS)
    if len(streams()) >= current_app.config["MOST_STREAMS"]:
        return
    with streams().opened(question_id) as queue:
        while True:
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    message = await queue.get()
            except TimeoutError:
                message = _latest(question_id)
                if message == latest:
                    continue
                latest = message
            yield Event(message)


def init_app(app: Flask) -> None:
    """Have an app keep its streams."""
    app.extensions["board.streams"] = Streams()


def _tell_from_thread(question_id: int, message: str) -> None:
    broadcast_from_thread(_room(question_id), message)
    streams().tell(question_id, message)


def _writing(question_id: int, account_id: int) -> str:
    return json.dumps({WRITING: writer_key(question_id, account_id)})


def _latest(question_id: int) -> str:
    """Say which answer is the newest; no connection is kept for as long as a page is open."""
    try:
        return json.dumps({"answer": answers.latest(question_id)})
    finally:
        database.close()


def _room(question_id: int) -> str:
    return f"question {question_id}"
