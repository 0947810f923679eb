"""Messages go out one at a time and in order, and the turn is passed on whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kolben.core.websocket import Message, WebSocketClosed
from kolben.entry.sending import Sending
from tests.entry.waiting import wait_until


class Channel:
    """A server that sends when it is told to. begins: it does by itself, as Granian."""

    lacks: frozenset[str] = frozenset()
    reads_answer = False

    def __init__(self, begins: bool) -> None:
        self.begins = begins
        self.sent: list[Message] = []
        self.under_way: asyncio.Future[None] | None = None

    def send(self, message: Message) -> Awaitable[Any]:
        assert self.under_way is None, "two messages at once"
        if not self.begins:
            return self._send(message)
        self.under_way = asyncio.get_running_loop().create_future()
        self.sent.append(message)
        return self.under_way

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        self.under_way = asyncio.get_running_loop().create_future()
        try:
            await self.under_way
        finally:
            self.under_way = None

    def succeed(self) -> None:
        """Have sent what is under way."""
        under_way = self._take()
        under_way.set_result(None)

    def fail(self) -> None:
        """Have lost the client; servers say it each in its own way."""
        error = RuntimeError("gone") if self.begins else WebSocketClosed(1006)
        self._take().set_exception(error)

    def _take(self) -> asyncio.Future[None]:
        assert self.under_way is not None
        under_way = self.under_way
        if self.begins:
            self.under_way = None
        return under_way


class Line(Sending):
    """Sends, and knows when it is over."""

    def __init__(self, channel: Any) -> None:
        super().__init__(channel)
        self.end: WebSocketClosed | None = None

    def _end(self, why: WebSocketClosed, surprises: bool = False) -> None:
        if self.end is None:
            self.end = why
            self._drop_messages()

    def _raise_if_ended(self) -> None:
        if self.end is not None:
            raise WebSocketClosed(self.end.code)


Steps = Callable[[Line, Channel], Awaitable[None]]


@pytest.fixture(params=[True, False], ids=["begins by itself", "awaited"])
def run(request: pytest.FixtureRequest) -> Callable[[Steps], None]:
    """Run steps with a line over each kind of server."""

    def begin(steps: Steps) -> None:
        async def limited() -> None:
            channel = Channel(request.param)
            async with asyncio.timeout(5):
                await steps(Line(channel), channel)

        asyncio.run(limited())

    return begin


async def settle() -> None:
    """Let all that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_sender_waits_until_it_is_sent(run: Callable[[Steps], None]) -> None:
    async def steps(line: Line, channel: Channel) -> None:
        before = line.last
        sending = asyncio.create_task(line.send("a"))
        await settle()
        assert line.send_began and not sending.done()
        channel.succeed()
        await sending
        assert not line.send_began
        assert line.last > before

    run(steps)


def test_messages_and_senders_take_turns_in_order(run: Callable[[Steps], None]) -> None:
    async def steps(line: Line, channel: Channel) -> None:
        line._post("1")
        tasks = [asyncio.create_task(line.send("2"))]
        await settle()
        line._post("3")
        tasks.append(asyncio.create_task(line.send(b"4")))
        await settle()
        line._post("5")
        assert 4 == line.waiting
        for _ in range(5):
            await settle()
            channel.succeed()
        await asyncio.gather(*tasks)
        await settle()
        assert ["1", "2", "3", b"4", "5"] == channel.sent
        assert 0 == line.waiting
        assert not line._is_taken

    run(steps)


def test_a_lost_client_ends_all(run: Callable[[Steps], None]) -> None:
    async def steps(line: Line, channel: Channel) -> None:
        one, other = (asyncio.create_task(line.send(text)) for text in ("a", "b"))
        await settle()
        line._post("never")
        channel.fail()
        for task in (one, other):
            with pytest.raises(WebSocketClosed):
                await task
        with pytest.raises(WebSocketClosed):
            await line.send("late")
        assert ["a"] == channel.sent
        assert not line._is_taken

    run(steps)


def test_a_lost_client_is_noticed_without_a_sender(run: Callable[[Steps], None]) -> None:
    async def steps(line: Line, channel: Channel) -> None:
        line._post("a")
        await settle()
        channel.fail()
        await wait_until(lambda: line.end)
        assert line.end is not None and 1006 == line.end.code

    run(steps)


def test_a_sender_that_is_cancelled_while_it_waits_is_passed_over(
    run: Callable[[Steps], None],
) -> None:
    async def steps(line: Line, channel: Channel) -> None:
        line._post("a")
        given_up = asyncio.create_task(line.send("b"))
        last = asyncio.create_task(line.send("c"))
        await settle()
        given_up.cancel()
        for _ in range(2):
            await settle()
            channel.succeed()
        await last
        assert ["a", "c"] == channel.sent

    run(steps)


def test_a_sender_that_is_cancelled_as_its_turn_comes_passes_it_on(
    run: Callable[[Steps], None],
) -> None:
    async def steps(line: Line, channel: Channel) -> None:
        await line_is_taken(line)
        given_up = asyncio.create_task(line.send("b"))
        last = asyncio.create_task(line.send("c"))
        await settle()
        line._pass_turn()
        given_up.cancel()
        await settle()
        channel.succeed()
        await last
        assert ["c"] == channel.sent

    run(steps)


async def line_is_taken(line: Line) -> None:
    """Take the turn."""
    assert not line._is_taken
    line._is_taken = True


def test_what_a_server_has_begun_keeps_the_turn_though_its_sender_is_cancelled() -> None:
    async def steps() -> None:
        channel = Channel(begins=True)
        line = Line(channel)
        given_up = asyncio.create_task(line.send("a"))
        await settle()
        given_up.cancel()
        await settle()
        last = asyncio.create_task(line.send("b"))
        await settle()
        assert ["a"] == channel.sent
        channel.succeed()
        await settle()
        channel.succeed()
        await last
        assert ["a", "b"] == channel.sent

    asyncio.run(steps())


def test_a_server_that_refuses_a_message_does_not_keep_the_turn() -> None:
    class Broken(Channel):
        def send(self, message: Message) -> Awaitable[Any]:
            raise TypeError(message)

    async def steps() -> None:
        line = Line(Broken(begins=True))
        with pytest.raises(TypeError):
            await line.send("a")
        assert not line._is_taken

    asyncio.run(steps())


def test_the_end_is_the_business_of_a_whole_connection() -> None:
    async def steps() -> None:
        half = Sending(Channel(begins=True))  # type: ignore[arg-type]
        with pytest.raises(NotImplementedError):
            half._end(WebSocketClosed(1000))
        with pytest.raises(NotImplementedError):
            half._raise_if_ended()

    asyncio.run(steps())
