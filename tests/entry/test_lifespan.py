"""ASGI's lifespan: the app's hooks run when the server says so."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from kolben import Flask


async def live(app: Flask, *phases: str) -> list[dict[str, Any]]:
    """Say to the app what a server says; return what it answers."""
    coming = [{"type": f"lifespan.{phase}"} for phase in phases]
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    return sent


def test_the_hooks_run_when_the_server_says_so() -> None:
    app = Flask(__name__)
    said: list[str] = []
    app.before_serving(lambda: said.append("before"))
    app.after_serving(lambda: said.append("after"))
    sent = asyncio.run(live(app, "startup", "shutdown"))
    assert sent == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]
    assert said == ["before", "after"]


@pytest.mark.parametrize("phase", ["startup", "shutdown"])
def test_a_hook_that_fails_is_told_to_the_server(
    phase: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask(__name__)

    def fail() -> None:
        raise ValueError("no database")

    (app.before_serving if phase == "startup" else app.after_serving)(fail)
    with caplog.at_level(logging.ERROR):
        sent = asyncio.run(live(app, "startup", "shutdown"))
    assert sent[-1]["type"] == f"lifespan.{phase}.failed"
    assert "ValueError: no database" in sent[-1]["message"]
    assert f"A hook of the app's {phase} failed." in caplog.text


def test_a_server_without_lifespan_starts_the_app_with_its_first_request() -> None:
    app = Flask(__name__)
    said: list[str] = []
    app.before_serving(lambda: said.append("before"))
    app.add_url_rule("/", "index", lambda: "")

    async def ask() -> None:
        client = app.async_test_client()
        await client.get("/")
        await client.get("/")

    asyncio.run(ask())
    assert said == ["before"]
