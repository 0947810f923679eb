"""A worker knows when it is about to end, and its answers say so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from kolben.server import draining
from kolben.server.draining import (
    ClosingAnswer,
    ClosingRSGI,
    begin_draining,
    close_asgi,
    close_wsgi,
    count_begun,
    is_draining,
)

CLOSE = ("connection", "close")


@pytest.fixture(autouse=True)
def not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "_told", [])
    monkeypatch.setattr(draining, "_begun", [])


class Taken:
    """Takes an answer, as Granian does over WSGI and RSGI."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.rest: tuple[Any, ...] = ()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], *rest: Any) -> None:
        self.headers = headers
        self.rest = rest

    def client_disconnect(self) -> str:
        return "gone"

    def __call__(self) -> str:
        return "body"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"piece"


def test_it_drains_from_when_it_is_told() -> None:
    assert not is_draining()
    begin_draining()
    assert is_draining()


def answer_wsgi(protocol: str) -> list[tuple[str, str]]:
    def handle(answer: Any, scope: dict[str, Any]) -> int:
        answer.response_bytes(200, [("a", "b")], b"body")
        return 200

    taken: Any = Taken()
    assert 200 == close_wsgi(handle)(taken, {"SERVER_PROTOCOL": protocol})
    assert (b"body",) == taken.rest
    headers: list[tuple[str, str]] = taken.headers
    return headers


def answer_rsgi(version: str, kind: str = "http") -> list[tuple[str, str]]:
    async def answer(scope: Any, protocol: Any) -> None:
        protocol.response_bytes(200, [("a", "b")], b"body")

    app = SimpleNamespace(__rsgi__=answer, __rsgi_init__=1, __rsgi_del__=2)
    wrapped = ClosingRSGI(app)
    assert (1, 2) == (wrapped.__rsgi_init__, wrapped.__rsgi_del__)
    taken = Taken()
    scope = SimpleNamespace(proto=kind, http_version=version)
    asyncio.run(wrapped.__rsgi__(scope, taken))
    return taken.headers


def answer_asgi(version: str, kind: str = "http") -> list[tuple[str, str]]:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append(message)

    async def answer() -> None:
        unused: Any = None
        await close_asgi(app)({"type": kind, "http_version": version}, unused, send)

    asyncio.run(answer())
    assert {"type": "http.response.body", "body": b""} == sent[1]
    return [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]


@pytest.mark.parametrize(
    ("answer", "first", "second"),
    [
        (answer_wsgi, "HTTP/1.1", "HTTP/2"),
        (answer_rsgi, "1.1", "2"),
        (answer_asgi, "1.1", "2"),
    ],
)
def test_answers_say_that_they_are_the_last_from_then_on(
    answer: Any, first: str, second: str
) -> None:
    assert [("a", "b")] == answer(first)
    assert 0 == count_begun()
    begin_draining()
    assert [("a", "b"), CLOSE] == answer(first)
    # HTTP/2 has another word for it, which is Granian's.
    assert [("a", "b")] == answer(second)
    assert 2 == count_begun()


@pytest.mark.parametrize("answer", [answer_rsgi, answer_asgi])
def test_what_is_no_request_is_left_alone(answer: Any) -> None:
    begin_draining()
    assert [("a", "b")] == answer("1.1", "ws")
    assert 0 == count_begun()


def test_all_else_of_a_protocol_is_there() -> None:
    closing = ClosingAnswer(Taken())
    assert "body" == closing()
    assert "gone" == closing.client_disconnect()

    async def read() -> list[bytes]:
        return [piece async for piece in closing]

    assert [b"piece"] == asyncio.run(read())
