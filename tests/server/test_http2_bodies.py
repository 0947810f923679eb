"""Over HTTP/2 a body arrives whole in whichever frames it comes; a cut one reaches no view."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.running import Server, wait_for
from tests.server.http2 import Connection

pytestmark = pytest.mark.slow

APP = """\
import asyncio
from flask import Flask, request

app = Flask(__name__)
began = []

@app.before_request
def note():
    "run before the body is there, perhaps"

@app.post("/plain")
def plain():
    began.append(request.path)
    return request.get_data()

@app.post("/async")
async def waiting():
    began.append(request.path)
    return request.get_data()

@app.get("/state")
async def state():
    began.append(request.path)
    return {"began": began, "tasks": len(asyncio.all_tasks())}
"""

PATHS = pytest.mark.parametrize("path", ["/plain", "/async"])


@pytest.fixture(params=["asgi", "rsgi"])
def server(request: pytest.FixtureRequest, serve: Callable[..., Server]) -> Server:
    return serve(APP, "--interface", request.param)


@PATHS
@pytest.mark.parametrize("length", [None, "10"], ids=["without a length", "with a length"])
@pytest.mark.parametrize("ends_with", [b"", b"!"], ids=["an empty frame", "its last piece"])
def test_a_body_may_end_with_an_empty_frame(
    server: Server, path: str, length: str | None, ends_with: bytes
) -> None:
    """As curl and Go send it."""
    headers = {} if length is None else {"content-length": length}
    body = b"x" * (10 - len(ends_with))
    with Connection(server.port) as connection:
        connection.begin(path, **headers)
        connection.send(body)
        connection.send(ends_with, is_end=True)
        assert connection.answer() == (200, body + ends_with)


@PATHS
@pytest.mark.parametrize("how", ["reset", "closed"])
def test_a_body_that_is_cut_reaches_no_view_and_leaves_nothing_behind(
    server: Server, path: str, how: str
) -> None:
    _, before = server.get("/state")
    with Connection(server.port) as connection:
        connection.begin(path)
        connection.send(b"x" * 10)
        if how == "reset":
            connection.cancel()
            # The server goes on with the connection: the reset has been read when it answers.
            assert server.get("/state")[0] == 200
    expected = before.replace(b'"began":["/state"', b'"began":["/state","/state"')

    def state() -> bytes:
        return server.get("/state")[1]

    wait_for(lambda: state().rpartition(b"]")[2] == expected.rpartition(b"]")[2])
    assert path.encode() not in state()


def test_over_wsgi_an_upload_that_is_cancelled_takes_no_thread_with_it(
    serve: Callable[..., Server],
) -> None:
    """It is not begun: HTTP/2 is not spoken there, as Granian's read() would never return."""
    server = serve(APP, "--interface", "wsgi", "--threads", "1")
    with Connection(server.port) as connection:
        connection.begin("/plain")
        connection.send(b"x" * 10)
        with suppress(OSError):  # it may have been refused by now
            connection.cancel()
        with pytest.raises((AssertionError, OSError)):
            connection.answer()
    assert server.get("/state")[0] == 200
    assert server.get("/plain", "POST", b"whole") == (200, b"whole")
