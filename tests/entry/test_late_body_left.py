"""A body on its way may be left by who waits for it, and by who answers without it."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestTimeout

from kolben import Flask, Response, request
from kolben.entry.bodies import ClientGone
from kolben.entry.body_timeouts import SlowBody
from kolben.entry.disconnects import PATIENCE_S
from kolben.entry.late_body import ComingBody
from tests.entry.concurrency import Connect, ask
from tests.entry.test_late_body import watch
from tests.entry.waiting import wait_until_true


def test_who_waits_for_a_body_may_be_cancelled_and_the_body_still_comes() -> None:
    async def run() -> bytes:
        may_come = asyncio.Event()

        async def pieces() -> AsyncGenerator[bytes, None]:
            await may_come.wait()
            yield b"body"

        body = ComingBody(pieces, "4", lambda: None, is_asked=False)
        first = asyncio.create_task(body.receive())
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        may_come.set()
        return (await body.receive()).read()

    assert asyncio.run(run()) == b"body"


@pytest.mark.parametrize(
    ("failure", "raised"), [(SlowBody, RequestTimeout), (ClientGone, ClientDisconnected)]
)
def test_a_body_that_does_not_come_is_an_error_that_http_has(
    failure: type[BaseException], raised: type[HTTPException]
) -> None:
    async def run() -> None:
        async def pieces() -> AsyncGenerator[bytes, None]:
            yield b"half of "
            raise failure

        await ComingBody(pieces, "20", lambda: None, is_asked=False).receive()

    with pytest.raises(raised):
        asyncio.run(run())


def test_a_long_answer_is_sent_whole_while_the_body_is_left_where_it_is(
    app: Flask, connect: Connect
) -> None:
    """Nobody listens for the end of the client then: that would take the body."""
    connection = connect("/", "POST", b"x" * 100_000)
    taken = watch(connection)
    seen: list[list[int]] = []

    @app.before_request
    def refuse() -> Response:
        def pieces() -> Iterator[bytes]:
            yield b"not "
            time.sleep(4 * PATIENCE_S)
            seen.append(list(taken))
            yield b"now"

        return Response(pieces(), 403)

    app.add_url_rule("/", "home", lambda: "never", methods=["POST"])
    answer = ask(app, connection)
    assert (answer.status, answer.body, seen) == (403, b"not now", [[]])


@pytest.mark.parametrize("size", [1_000, 100_000, 400_000])
def test_a_form_is_read_in_one_go_whether_a_hook_runs_before_it_comes_or_not(
    app: Flask, connect: Connect, size: int
) -> None:
    """Werkzeug's steps take twice as long, and need an environ."""
    made: list[bool] = []

    @app.before_request
    def hook() -> None:
        assert "environ" not in vars(request)

    @app.post("/")
    def view() -> str:
        found = request.form["a"]
        made.append("environ" in vars(request))
        return found[:3] + str(len(found))

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection = connect("/", "POST", b"a=" + b"x" * size, **headers)
    assert ask(app, connection).text == f"xxx{size}"
    assert made == [False]


@pytest.mark.parametrize("refuses", [False, True])
def test_nothing_of_a_request_is_left_when_it_is_over(
    app: Flask, connect: Connect, refuses: bool
) -> None:
    """A circle would keep all that was read until the garbage collector comes."""
    left: list[weakref.ref[Any]] = []

    @app.before_request
    def hook() -> str | None:
        left.append(weakref.ref(request._get_current_object()))
        return "refused" if refuses else None

    app.add_url_rule("/", "home", lambda: str(len(request.get_data())), methods=["POST"])

    def answer() -> str:
        return ask(app, connect("/", "POST", b"x" * 100_000)).text

    answer()  # what is made once is there now
    left.clear()
    gc.collect()
    gc.disable()
    try:
        assert answer() == ("refused" if refuses else "100000")
        # The thread may not have let go of it yet.
        wait_until_true(lambda: [None] == [kept() for kept in left])
    finally:
        gc.enable()


def test_a_body_of_a_request_that_is_over_is_received_no_more() -> None:
    async def run() -> None:
        async def pieces() -> AsyncGenerator[bytes, None]:
            yield b"body"

        body = ComingBody(pieces, "4", lambda: None, is_asked=False)
        body.close()
        await body.receive()

    with pytest.raises(ClientDisconnected):
        asyncio.run(run())
