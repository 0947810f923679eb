"""Requests handed to a Scheduling as Granian hands them over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask
from kolben.entry import threads
from kolben.server.observing import Observer
from kolben.server.scheduling import Scheduling
from tests.wires import Message, Watcher, answer_on_loop

Schedule = Callable[[Any], None]
Watched = Callable[[list[Any]], Observer]


def watcher(path: str = "/", method: str = "GET", body: bytes = b"", **headers: str) -> Watcher:
    given = Headers({"Host": "localhost", **headers})
    if body:
        given["Content-Length"] = str(len(body))
    return Watcher(Message(method, path, "", given, body))


def serve(app: Flask, act: Callable[[Schedule], Awaitable[Any]], **options: Any) -> list[str]:
    """Schedule requests as Granian does, from another thread; return what the loop ran."""
    on_loop: list[str] = []

    async def answer(asked: Watcher) -> None:
        on_loop.append(asked.scope.path)
        await answer_on_loop(app, asked)

    async def run() -> None:
        schedule = Scheduling(app, **options).start(asyncio.get_running_loop(), answer)
        await act(schedule)

    asyncio.run(run())
    return on_loop


def ask(app: Flask, *asked: Watcher, **options: Any) -> list[str]:
    """Have requests answered, all at once."""

    async def act(schedule: Schedule) -> None:
        await asyncio.to_thread(lambda: [schedule(one) for one in asked])
        for one in asked:
            assert await asyncio.to_thread(one.over.wait, 20)

    return serve(app, act, **options)


class Busy:
    """An app with one thread, which is in a view until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most_waiting: int) -> None:
        self.inside, self.go_on = threading.Semaphore(0), threading.Event()
        monkeypatch.setattr(threads, "_pool", threads.Pool(1, most_waiting))
        self.app = Flask(__name__, static_folder=None)
        self.app.add_url_rule("/", "view", self.view, methods=["GET", "POST"])

    def view(self) -> str:
        self.inside.release()
        assert self.go_on.wait(20)
        return "done"
