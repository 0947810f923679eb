"""Fixtures of the entries' tests, none of which may leave a context behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from werkzeug.datastructures import Headers

from kolben.core.current import find_context
from kolben.entry import threads
from kolben.entry.threads import Pool
from tests.entry.concurrency import Connect, Connection
from tests.wires import ASGIConnection, Message, RSGIConnection


@pytest.fixture(autouse=True)
def _no_context_stays() -> Iterator[None]:
    yield
    assert find_context() is None


@pytest.fixture
def pool_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Pool]]:
    """Put a pool of a size in the place of the process's own: `pool_of(2)`."""

    def make(size: int) -> Pool:
        pool = Pool(size)
        monkeypatch.setattr(threads, "_pool", pool)
        return pool

    return make


@pytest.fixture(params=[ASGIConnection, RSGIConnection], ids=["asgi", "rsgi"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Make a connection with a request on it: `connect("/path", "POST", b"body")`."""

    def make(
        path: str = "/",
        method: str = "GET",
        body: bytes | None = None,
        pieces: list[bytes] | None = None,
        **headers: str,
    ) -> Connection:
        given = {"Host": "localhost", **headers}
        if body is not None:
            given.setdefault("Content-Length", str(len(body)))
        elif pieces is not None and "Content-Length" not in given:
            given["Transfer-Encoding"] = "chunked"
        message = Message(method, path, "", Headers(given), body or b"")
        connection: Connection = request.param(message, pieces)
        return connection

    return make
