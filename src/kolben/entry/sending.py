"""The half of a WebSocket's connection that sends: one message at a time, in the order they came.

Rule: whoever has the turn passes it on, whatever happens; what a server has begun to send keeps the
turn until it is sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Protocol

from kolben.core.websocket import HeaderPairs, Message, WebSocketClosed
from kolben.typing import Outgoing


class Channel(Protocol):
    """A server's way to speak to one client; each method raises WebSocketClosed at its end.

    lacks: as Connection's. reads_answer: after close(), receive() goes on until the client has
    answered; else nothing may receive when close() is called. send: returns a future if the server
    has begun to send by itself, else a coroutine. finish: lets go of the server. abort: gives up a
    client that does not read.
    """

    lacks: frozenset[str]
    reads_answer: bool

    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None: ...
    async def refuse(self, outgoing: Outgoing) -> None: ...
    async def receive(self) -> Message: ...
    def send(self, message: Message) -> Awaitable[Any]: ...
    async def close(self, code: int, reason: str) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class Sending:
    """Sends through a channel.

    last: when a message was last sent, or received. send_began: when what is on its way was begun,
    0 if nothing is.
    """

    __slots__ = (
        "_channel",
        "_is_taken",
        "_loop",
        "_queue",
        "_sent",
        "_writer",
        "last",
        "send_began",
    )

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self.last = self._loop.time()
        self.send_began = 0.0
        # Whether somebody has the turn, and who comes next: a task's future, or a message itself.
        self._is_taken = False
        self._queue: deque[Message | asyncio.Future[None]] | None = None
        # Of the task that waits until what is on its way is sent: whether it was.
        self._sent: asyncio.Future[bool] | None = None
        # Sends what nobody waits for, where that takes a task.
        self._writer: asyncio.Task[None] | None = None

    def _end(self, why: WebSocketClosed, surprises: bool = False) -> None:
        """Note that the connection is over."""
        raise NotImplementedError(f"{type(self).__name__} has no _end(): Connection gives it.")

    def _raise_if_ended(self) -> None:
        """Raise WebSocketClosed if it is."""
        raise NotImplementedError(
            f"{type(self).__name__} has no _raise_if_ended(): Connection gives it."
        )

    async def send(self, message: Message) -> None:
        """Send a message after those that came before; wait until the server has taken it."""
        self._raise_if_ended()
        if self._is_taken:
            await self._wait_for_turn()
        self._is_taken = True
        try:
            self._raise_if_ended()
            sending = self._begin(message)
        except BaseException:
            self._pass_turn()
            raise
        if not asyncio.isfuture(sending):
            await self._send_here(sending)
            return
        # PERF: no task for what the server does by itself: a broadcast to 1,000 costs 22 us a
        # message instead of 36 us (benchmarks/sockets.py).
        self._sent = self._loop.create_future()
        sending.add_done_callback(self._note_sent)
        if not await self._sent:
            self._raise_if_ended()

    def _post(self, message: Message) -> None:
        """Send a message in its turn, without anybody who waits for it."""
        if self._is_taken:
            self._wait_in_queue(message)
        else:
            self._is_taken = True
            self._start(message)

    @property
    def waiting(self) -> int:
        """How many messages wait for their turn."""
        return len(self._queue or ())

    def _wait_in_queue(self, one: Message | asyncio.Future[None]) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(one)

    async def _wait_for_turn(self) -> None:
        """Wait until all that came before are done; the turn is then the caller's."""
        turn = self._loop.create_future()
        self._wait_in_queue(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had just come
                self._pass_turn()
            raise

    def _pass_turn(self) -> None:
        """Give the turn to whoever is next."""
        while self._queue:
            one = self._queue.popleft()
            if not isinstance(one, asyncio.Future):
                self._start(one)
                return
            if not one.done():
                one.set_result(None)
                return
        self._is_taken = False

    def _drop_messages(self) -> None:
        """Forget the messages that wait; tasks that wait stay."""
        if self._queue is not None:
            self._queue = deque(one for one in self._queue if isinstance(one, asyncio.Future))

    def _begin(self, message: Message) -> Awaitable[Any]:
        self.send_began = self._loop.time()
        return self._channel.send(message)

    def _start(self, message: Message) -> None:
        """Send a message that nobody waits for, as its turn has come."""
        sending = self._begin(message)
        if asyncio.isfuture(sending):
            sending.add_done_callback(self._note_sent)
        else:
            self._writer = self._loop.create_task(self._write(sending))

    async def _write(self, sending: Awaitable[Any]) -> None:
        with suppress(WebSocketClosed):
            await self._send_here(sending)

    async def _send_here(self, sending: Awaitable[Any]) -> None:
        """Send a message in the running task, and pass the turn."""
        try:
            await sending
            self.last = self._loop.time()
        except WebSocketClosed as end:
            self._end(end)
            self._raise_if_ended()
        finally:
            self.send_began = 0.0
            self._pass_turn()

    def _note_sent(self, future: Any) -> None:
        """Take note of what the server has sent, or could not send, and pass the turn."""
        waits, self._sent = self._sent, None
        self.send_began = 0.0
        try:
            future.result()
        except Exception:
            is_sent = False
            self._end(WebSocketClosed(1006))
        else:
            is_sent = True
            self.last = self._loop.time()
        if waits is not None and not waits.done():
            waits.set_result(is_sent)
        self._pass_turn()
