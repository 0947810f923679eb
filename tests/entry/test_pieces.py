"""A body is sent piece by piece and closed once, after its last step, whatever happens."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from kolben import Flask, Response
from kolben.core.async_body import SentBody
from kolben.core.context import RequestContext
from kolben.entry.outgoing import outgoing
from kolben.entry.pieces import send_pieces
from tests.entry.waiting import wait_until
from tests.interpreters import counts_references

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Body:
    """A body that notes what is done with it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.closed: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        self.closed.append(threading.current_thread().name[:12])


IN_A_THREAD = ["kolben-view-"]


class Client:
    """What pieces are sent to."""

    def __init__(self, fails_at: int = -1) -> None:
        self.got: list[bytes] = []
        self._fails_at = fails_at

    async def start(self) -> Callable[[bytes], Any]:
        self._fail()
        return self.take

    async def take(self, piece: bytes) -> None:
        self._fail()
        self.got.append(piece)
        await asyncio.sleep(0)

    def _fail(self) -> None:
        if len(self.got) == self._fails_at:
            raise ConnectionResetError


def send(body: Any, client: Client) -> None:
    asyncio.run(send_pieces(body, client.start))


def test_the_pieces_arrive_in_order_without_the_empty_ones() -> None:
    client = Client()
    body = Body(iter([b"a", b"", b"b"]))
    send(body, client)
    assert (client.got, body.closed) == ([b"a", b"b"], IN_A_THREAD)


def test_a_body_that_has_no_close_is_sent_as_well() -> None:
    client = Client()
    send([b"a", b"b"], client)
    assert client.got == [b"a", b"b"]


def test_each_step_is_taken_in_a_thread() -> None:
    def names() -> Iterator[bytes]:
        yield threading.current_thread().name[:12].encode()

    client = Client()
    send(names(), client)
    assert client.got == [b"kolben-view-"]


def test_a_step_sees_what_the_one_before_has_set() -> None:
    def steps() -> Iterator[bytes]:
        variable.set("set by the first step")
        yield b"first"
        yield variable.get().encode()

    client = Client()
    send(steps(), client)
    assert client.got[1] == b"set by the first step"


def test_the_next_step_waits_until_the_last_piece_is_taken() -> None:
    order: list[str] = []

    def steps() -> Iterator[bytes]:
        for letter in "ab":
            order.append(f"made {letter}")
            yield letter.encode()

    async def start() -> Callable[[bytes], Any]:
        return take

    async def take(piece: bytes) -> None:
        await asyncio.sleep(0.001)
        order.append(f"took {piece.decode()}")

    asyncio.run(send_pieces(steps(), start))
    assert order == ["made a", "took a", "made b", "took b"]


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
def test_what_a_step_raises_is_raised_after_the_body_is_closed(kind: type[BaseException]) -> None:
    def steps() -> Iterator[bytes]:
        yield b"a"
        raise kind("in a step")

    async def main() -> str:
        client, body = Client(), Body(steps())
        try:
            await send_pieces(body, client.start)
        except kind as error:
            assert (client.got, body.closed) == ([b"a"], IN_A_THREAD)
            return str(error)
        return "nothing was raised"

    assert asyncio.run(main()) == "in a step"


@counts_references
def test_what_sends_is_let_go_of_with_the_error() -> None:
    """Servers end the response when nobody holds it any more, not when garbage is collected."""

    def failing() -> Iterator[bytes]:
        yield b"a"
        raise ValueError("in the body")

    async def run() -> weakref.ref[Client]:
        client = Client()
        with pytest.raises(ValueError, match="in the body"):
            await send_pieces(Body(failing()), client.start)
        await asyncio.sleep(0)
        return weakref.ref(client)

    gc.disable()
    try:
        assert asyncio.run(run())() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("fails_at", [0, 1])
def test_a_body_is_closed_though_it_cannot_be_sent(fails_at: int) -> None:
    body = Body(iter([b"a", b"b"]))
    with pytest.raises(ConnectionResetError):
        send(body, Client(fails_at))
    assert body.closed == IN_A_THREAD


def test_a_body_that_is_no_iterable_is_closed() -> None:
    class Wrong(Body):
        __iter__ = None  # type: ignore[assignment]

    body = Wrong(iter([]))
    with pytest.raises(TypeError):
        send(body, Client())
    assert body.closed == IN_A_THREAD


@pytest.mark.parametrize("ends", ["value", "error"])
def test_a_body_is_closed_when_its_last_step_has_ended(ends: str) -> None:
    """A generator cannot be closed while it runs."""
    has_begun, may_go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def steps() -> Iterator[bytes]:
        try:
            has_begun.set()
            may_go_on.wait(10)
            order.append("the step ends")
            if ends == "error":
                raise ValueError
            yield b"never sent"
        finally:
            order.append("closed")

    async def main() -> bool:
        client = Client()
        task = asyncio.create_task(send_pieces(steps(), client.start))
        await wait_until(has_begun.is_set)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.001)
        assert not task.done()
        may_go_on.set()
        await asyncio.wait([task])
        assert client.got == []
        return task.cancelled()

    assert asyncio.run(main()) is True
    assert order == ["the step ends", "closed"]


def test_an_error_in_close_is_raised() -> None:
    class Failing(Body):
        def close(self) -> None:
            raise ValueError("in close")

    with pytest.raises(ValueError, match="in close"):
        send(Failing(iter([b"a"])), Client())


class Letters:
    """An async body that notes what is done with it."""

    def __init__(self, fails: bool = False) -> None:
        self.said: list[str] = []
        self._fails = fails

    async def letters(self) -> AsyncIterator[str]:
        try:
            yield "a"
            yield ""
            if self._fails:
                raise ValueError("in a step")
            yield "b"
        finally:
            self.said.append("the generator ended")

    def sent(self, app: Flask) -> SentBody:
        context = RequestContext(app, app.test_request_context().request.environ)
        with context:
            response: Response = app.make_response(self.letters())
            response.call_on_close(lambda: self.said.append("the response closed"))
            body = outgoing(response, context.request, False)[0]
        assert isinstance(body, SentBody)
        return body


ALL = ["the generator ended", "the response closed"]


def test_an_async_body_is_awaited_and_closed(app: Flask) -> None:
    letters, client = Letters(), Client()
    send(letters.sent(app), client)
    assert (client.got, letters.said) == ([b"a", b"b"], ALL)


def test_an_error_in_an_async_body_is_raised_after_it_is_closed(app: Flask) -> None:
    letters, client = Letters(fails=True), Client()
    with pytest.raises(ValueError, match="in a step"):
        send(letters.sent(app), client)
    assert (client.got, letters.said) == ([b"a"], ALL)


def test_an_async_body_is_closed_though_it_cannot_be_sent(app: Flask) -> None:
    for fails_at in (0, 1):
        letters = Letters()
        with pytest.raises(ConnectionResetError):
            send(letters.sent(app), Client(fails_at))
        assert letters.said == ALL


@pytest.mark.parametrize("pieces", [[b"", b"a", b"b"], [b"", b""]])
def test_a_response_is_begun_with_its_first_piece(pieces: list[bytes]) -> None:
    """A body that fails before that can still be answered otherwise."""
    said: list[Any] = []

    def made() -> Iterator[bytes]:
        for piece in pieces:
            said.append(piece)
            yield piece

    async def start() -> Callable[[bytes], Any]:
        said.append("begun")
        return take

    async def take(piece: bytes) -> None:
        said.append("taken")

    asyncio.run(send_pieces(made(), start))
    if b"a" in pieces:
        assert said == [b"", b"a", "begun", "taken", b"b", "taken"]
    else:
        assert said == [b"", b"", "begun"]
