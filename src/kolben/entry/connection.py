"""One WebSocket's connection: it reads ahead, keeps limits, and ends once, from whichever side.

A task of its own reads, one message ahead of the view. So a client that leaves is noticed whatever
the view waits for, a view that is cancelled while it receives loses no message, and a client that
sends faster than the view receives is held up.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kolben.core.exchange import Exchange
from kolben.core.websocket import HeaderPairs, Message, WebSocketClosed
from kolben.entry.sending import Channel, Sending
from kolben.typing import Outgoing

# How long a view may go on that has not noticed the end of its connection.
GRACE_S = 10.0
# How long messages under way, and the other side's answer to a close, are waited for.
GOODBYE_S = 2.0
_CONNECTING, _OPEN, _CLOSED = range(3)
# The code for a message that is longer than may be.
TOO_BIG = 1009
# To a handshake whose view was broken off.
_NO_ANSWER: Outgoing = ([], "500 INTERNAL SERVER ERROR", [("Content-Length", "0")])


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may do. None: whatever it likes.

    queue_size: messages that post() keeps for a client that reads slowly.
    """

    max_message_bytes: int | None = 1024 * 1024
    max_messages_per_s: float | None = None
    idle_timeout_s: float | None = 3600.0
    send_timeout_s: float = 30.0
    queue_size: int = 64


class Connection(Sending):
    """The connection of one WebSocket, whose view runs in the task that makes this."""

    __slots__ = (
        "_allowance",
        "_allowance_at",
        "_cut",
        "_goodbye",
        "_inbox",
        "_is_refused",
        "_limits",
        "_reader",
        "_room",
        "_state",
        "_task",
        "_timer",
        "_waiter",
        "ended",
        "exchange",
        "is_accepted",
        "is_cut",
        "when_over",
    )

    def __init__(self, channel: Channel, limits: Limits) -> None:
        super().__init__(channel)
        self._limits = limits
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._state = _CONNECTING
        self.is_accepted = self._is_refused = False
        # The view has been cancelled by us.
        self.is_cut = False
        self.ended: WebSocketClosed | None = None
        # Who watches this server is told by it.
        self.exchange: Exchange | None = None
        # Called when all is over.
        self.when_over: list[Callable[[], object]] = []
        self._allowance = self._allowance_at = 0.0
        self._inbox: Message | None = None
        # The view waits for a message; the reader waits for the view to take one.
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._goodbye: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cut: asyncio.TimerHandle | None = None
        open_in(self._loop).add(self)

    @property
    def lacks(self) -> frozenset[str]:
        """What the server can't do at the handshake."""
        return self._channel.lacks

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it is on."""
        return self._loop

    @property
    def too_big(self) -> str:
        """The reason with which it ends for a message that is longer than may be."""
        return f"A message may have {self._limits.max_message_bytes} bytes."

    # The handshake.

    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None:
        """Answer the handshake, and begin to read."""
        self._raise_if_ended()
        try:
            await self._channel.accept(subprotocol, headers)
        except WebSocketClosed as end:
            self._end(end)
            self._raise_if_ended()
        self.is_accepted = True
        if self.exchange is not None:
            self.exchange.note_open()
        self._reader = self._loop.create_task(self._read())
        if self.ended is not None:  # meanwhile, by somebody else
            self._begin_goodbye(self.ended)
            self._raise_if_ended()
        self._state = _OPEN
        self.last = self._allowance_at = self._loop.time()
        self._allowance = max(self._limits.max_messages_per_s or 0.0, 1.0)
        self._look_again()

    async def refuse(self, outgoing: Outgoing) -> None:
        """Answer the handshake with what is no WebSocket."""
        if self.exchange is not None:
            is_lost = self.ended is not None and self.ended.code == 1006
            self.exchange.status = 400 if is_lost else int(outgoing[1][:3])
        self._end(WebSocketClosed(1006))
        self._is_refused = True
        await self._channel.refuse(outgoing)

    # Messages in.

    async def receive(self) -> Message:
        """Wait for a message; what came before the end is given first."""
        while self._inbox is None:
            self._raise_if_ended()
            if self._waiter is not None:
                raise RuntimeError(
                    "Two tasks receive from one WebSocket. Let one of them pass the messages on."
                )
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        message, self._inbox = self._inbox, None
        _wake(self._room)
        return message

    def _raise_if_ended(self) -> None:
        if self.ended is not None:
            # The view knows now, and may take the time that it needs.
            if self._cut is not None:
                self._cut.cancel()
            raise WebSocketClosed(self.ended.code, self.ended.reason)

    async def _read(self) -> None:
        """Read until the end, one message ahead of the view."""
        receive = self._channel.receive
        try:
            while True:
                message = await receive()
                if self._state == _CLOSED:  # we have said goodbye; only its answer matters
                    continue
                self.last = self._loop.time()
                fault = self._fault_of(message)
                if fault is not None:
                    self.shut(*fault)
                    continue
                self._inbox = message
                _wake(self._waiter)
                await self._wait_for_room()
        except WebSocketClosed as end:
            self._end(end, surprises=True)

    async def _wait_for_room(self) -> None:
        """Wait until the view has taken the message, or never will."""
        while self._inbox is not None and self._state == _OPEN:
            self._room = self._loop.create_future()
            try:
                await self._room
            finally:
                self._room = None

    def _fault_of(self, message: Message) -> tuple[int, str] | None:
        """Return the close code and reason if a message is too long or one too many."""
        most = self._limits.max_message_bytes
        if most is not None and len(message) * 4 > most:
            size = len(message) if isinstance(message, bytes) else len(message.encode())
            if size > most:
                return TOO_BIG, self.too_big
        rate = self._limits.max_messages_per_s
        if rate is not None:
            # What is not used of a second is there in the next one, and no longer.
            passed = self.last - self._allowance_at
            self._allowance = min(max(rate, 1.0), self._allowance + passed * rate) - 1.0
            self._allowance_at = self.last
            if self._allowance < 0:
                return 1008, "Too many messages."
        return None

    # Messages out; those that are waited for are in Sending.

    def post(self, message: Message) -> bool:
        """Have a message sent without waiting for it; say whether it will be tried.

        A client for which as many wait already as may is too slow: it is closed with 1013.
        """
        if self._state != _OPEN:
            return False
        if self.waiting >= self._limits.queue_size:
            self.shut(1013, "Too slow.")
            return False
        self._post(message)
        return True

    # The end.

    async def close(self, code: int, reason: str) -> None:
        """End the connection when what was posted has been sent; wait until that is done."""
        if self._state == _OPEN and self._is_taken:
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._wait_for_turn()
                self._pass_turn()
        self.shut(code, reason, surprises=False)
        await self._wait_for_goodbye()

    def shut(self, code: int, reason: str, surprises: bool = True) -> None:
        """End the connection, without waiting; a second end changes nothing.

        surprises: the view has to notice, or it is cancelled after a while.
        """
        if self._state == _CLOSED:
            return
        was_open = self._state == _OPEN
        why = WebSocketClosed(code, reason)
        self._end(why, surprises)
        if was_open:
            self._begin_goodbye(why)

    def _begin_goodbye(self, why: WebSocketClosed) -> None:
        self._goodbye = self._loop.create_task(self._say_goodbye(why.code, why.reason))

    def _end(self, why: WebSocketClosed, surprises: bool = False) -> None:
        """Note that it is over, and wake all that wait."""
        if self._state == _CLOSED:
            return
        self._state = _CLOSED
        self.ended = WebSocketClosed(why.code, why.reason)  # of its own, as that one is raised
        self._drop_messages()
        _wake(self._waiter)
        _wake(self._room)
        if self._timer is not None:
            self._timer.cancel()
        if surprises:
            self._cut = self._loop.call_later(GRACE_S, self.cut)

    def cut(self) -> None:
        """Cancel the view."""
        self.is_cut = True
        self._task.cancel()

    async def _say_goodbye(self, code: int, reason: str) -> None:
        """Send the close frame, and wait for the client's."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                if self._is_taken:
                    await self._wait_for_turn()
                assert self._reader is not None
                if not self._channel.reads_answer:
                    self._reader.cancel()
                    await asyncio.wait({self._reader})
                await self._channel.close(code, reason)
                await asyncio.wait({self._reader})
        except TimeoutError:
            self._channel.abort()
        except WebSocketClosed:
            pass

    async def _wait_for_goodbye(self) -> None:
        if self._goodbye is not None:
            await asyncio.wait({self._goodbye})

    async def hang_up(self) -> None:
        """Let the server end the connection when goodbye is said, though the view may go on."""
        await self._wait_for_goodbye()
        for task in (self._reader, self._writer):
            if task is not None:
                task.cancel()
        # No circle, which would stay for a while: the error of a task that was cancelled has it.
        self._reader = self._writer = None
        self._channel.finish()

    async def leave(self) -> None:
        """Let everything go, when the view is over."""
        if self._cut is not None:
            self._cut.cancel()
        if not self.is_accepted and not self._is_refused:
            await self.refuse(_NO_ANSWER)
        await self.hang_up()
        if self.exchange is not None and self.is_accepted and self.ended is not None:
            self.exchange.close_code = self.ended.code
        open_in(self._loop).discard(self)
        for call in self.when_over:
            call()

    # Time.

    def _look_again(self) -> None:
        """Look at the clock when the next limit may have been reached."""
        wait_s = self._limits.send_timeout_s
        idle_s = self._limits.idle_timeout_s
        if idle_s is not None:
            wait_s = min(wait_s, max(self.last + idle_s - self._loop.time(), 0.001))
        self._timer = self._loop.call_later(wait_s, self._look)

    def _look(self) -> None:
        """End a connection that is silent, or does not take what it is sent."""
        now = self._loop.time()
        idle_s = self._limits.idle_timeout_s
        if self.send_began and now - self.send_began >= self._limits.send_timeout_s:
            self.shut(1008, "What was sent is not read.")
        elif not self.send_began and idle_s is not None and now - self.last >= idle_s:
            self.shut(1001, "Idle.")
        else:
            self._look_again()

    @property
    def task(self) -> asyncio.Task[Any]:
        """The task in which its view runs."""
        return self._task


def _wake(future: asyncio.Future[None] | None) -> None:
    """Have whoever awaits a future look again."""
    if future is not None and not future.done():
        future.set_result(None)


_open: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, set[Connection]] = (
    weakref.WeakKeyDictionary()
)


def open_in(loop: asyncio.AbstractEventLoop) -> set[Connection]:
    """Return the connections of an event loop that are not over."""
    connections = _open.get(loop)
    if connections is None:
        connections = _open[loop] = set()
    return connections


# Event loops of servers that are about to end.
_ending: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


def is_ending() -> bool:
    """Say whether the server of the running loop takes no new WebSockets."""
    return asyncio.get_running_loop() in _ending


async def close_all(
    code: int = 1001, reason: str = "", timeout_s: float = 10.0, for_good: bool = False
) -> None:
    """Close all connections of the running loop, and wait for their views to end.

    A view that has not ended after timeout_s is cancelled. for_good: new handshakes are refused
    from now on.
    """
    loop = asyncio.get_running_loop()
    if for_good:
        _ending.add(loop)
    connections = [one for one in open_in(loop) if one.task is not asyncio.current_task()]
    for connection in connections:
        connection.shut(code, reason)
    if not connections:
        return
    _, late = await asyncio.wait({one.task for one in connections}, timeout=timeout_s)
    for connection in connections:
        if connection.task in late:
            connection.cut()
    if late:
        await asyncio.wait(late, timeout=GOODBYE_S)
