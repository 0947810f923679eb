"""A body on its way may be left by who waits for it, and by who answers without it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator

import pytest
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestTimeout

from kolben import Flask, Response
from kolben.entry.bodies import ClientGone
from kolben.entry.body_timeouts import SlowBody
from kolben.entry.disconnects import PATIENCE_S
from kolben.entry.late_body import ComingBody
from tests.entry.concurrency import Connect, ask
from tests.entry.test_late_body import watch


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
