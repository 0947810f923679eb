"""In debug mode, what keeps a loop waiting and what belongs to another loop is named."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from kolben import Flask
from kolben.dev.loop_guard import explain_foreign_loop, users_frame

MADE_AT_IMPORT = asyncio.Lock()


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.debug = True
    app.config["LOOP_GUARD_THRESHOLD"] = 0.04

    @app.get("/sleeps")
    async def sleeps() -> str:
        time.sleep(0.3)  # noqa: ASYNC251  # what a user should not do
        return ""

    @app.get("/awaits")
    async def awaits() -> str:
        await asyncio.sleep(0.3)
        return ""

    @app.get("/plain")
    def plain() -> str:
        time.sleep(0.3)
        return ""

    return app


def ask(app: Flask, *paths: str) -> None:
    async def send() -> None:
        async with app.async_test_client() as client:
            for path in paths:
                await client.get(path)

    asyncio.run(send())


def test_the_line_that_keeps_the_loop_waiting_is_named_once(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    ask(app, "/sleeps", "/sleeps")
    (message,) = [record.getMessage() for record in caplog.records]
    assert __file__ in message
    assert (
        "in sleeps\n    time.sleep(0.3)  # noqa: ASYNC251  # what a user should not do\n" in message
    )
    assert "await asyncio.to_thread(...)" in message
    assert "kolben-loop-guard" not in {thread.name for thread in threading.enumerate()}


def test_what_waits_rightly_is_not_named(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    ask(app, "/awaits", "/plain")
    assert caplog.records == []


def test_an_app_on_wsgi_is_watched_as_well(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("""
import time
from kolben import Flask

app = Flask("x")
app.debug = True


@app.get("/")
async def sleeps():
    time.sleep(0.4)
    return ""


app.test_client().get("/")
""")
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True
    )
    assert f"{program}:11 in sleeps\n    time.sleep(0.4)\n" in done.stderr


@pytest.mark.parametrize("change", [{"DEBUG": False}, {"LOOP_GUARD_THRESHOLD": None}])
def test_it_watches_in_debug_mode_unless_told_not_to(
    app: Flask, caplog: pytest.LogCaptureFixture, change: dict[str, Any]
) -> None:
    app.config.update(change)
    ask(app, "/sleeps")
    assert caplog.records == []


def test_an_object_of_another_loop_is_explained(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    made: list[asyncio.Future[None]] = []

    async def make() -> None:
        made.append(asyncio.get_running_loop().create_future())

    asyncio.run(make())

    @app.get("/foreign")
    async def foreign() -> str:
        await made[0]
        return ""

    with caplog.at_level(logging.ERROR):
        ask(app, "/foreign")
    assert "attached to a different loop" in caplog.text
    assert f"Used at {__file__}:" in caplog.text
    assert "in a function of @app.before_serving" in caplog.text


@pytest.mark.parametrize(
    "error", [ValueError("attached to a different loop"), RuntimeError("something else")]
)
def test_other_errors_are_left_as_they_are(error: Exception) -> None:
    explain_foreign_loop(error)
    assert not hasattr(error, "__notes__")


def test_an_error_without_users_code_gets_the_cure_alone() -> None:
    error = RuntimeError("Event loop is closed")
    explain_foreign_loop(error)
    (note,) = error.__notes__
    assert note.startswith("An object that belongs to one event loop")


def test_frames_of_the_library_are_not_the_users() -> None:
    frames: list[FrameType] = []
    threading.Thread(target=lambda: frames.append(_frame())).run()
    assert users_frame(frames) is frames[0]
    assert users_frame([frames[0].f_back.f_back]) is None  # type: ignore[union-attr, list-item]  # threading's


def _frame() -> FrameType:
    return sys._getframe()
