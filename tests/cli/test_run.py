"""`run`: the development server as a real process, and the app that waits for its repair."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kolben import Flask
from kolben.cli.run import load_or_defer
from kolben.commands import ScriptInfo
from tests.running import find_free_port, wait_for

APP = """\
from flask import Flask
app = Flask(__name__)

@app.get("/")
def index():
    return "first"

if True:
    app.run()  # does nothing here
"""


class Development:
    """A `kolben run` process on a free port."""

    def __init__(self, directory: Path, *options: str, **variables: str) -> None:
        self.port = find_free_port()
        self.log = directory / "log"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("KOLBEN_", "FLASK_"))}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kolben", "--app", "shop", "run", *options],
                cwd=directory,
                env={**clean, "FLASK_RUN_PORT": str(self.port), **variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def get(self, path: str = "/") -> tuple[int, str]:
        """Return status and text; (0, "") while nothing answers, or a reload cuts it off."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            try:
                answer: Any = urllib.request.urlopen(url, timeout=5)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def end(self) -> None:
        # The reloader's child is in the same group.
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Development]]:
    running: list[Development] = []

    def begin(text: str = APP, *options: str, **variables: Any) -> Development:
        (tmp_path / "shop.py").write_text(text)
        running.append(Development(tmp_path, *options, **variables))
        return running[-1]

    yield begin
    for one in running:
        one.end()


@pytest.mark.slow
def test_it_serves_the_app_and_says_so(start: Callable[..., Development]) -> None:
    server = start()
    wait_for(lambda: server.get() == (200, "first"))
    assert " * Serving app 'shop' with Kolben\n * Debug mode: off\n" in server.said
    assert f"Running on http://127.0.0.1:{server.port}" in server.said


@pytest.mark.slow
def test_an_async_context_processor_works_under_an_async_view(
    start: Callable[..., Development],
) -> None:
    server = start(
        """\
import asyncio
from flask import Flask, render_template_string
app = Flask(__name__)

@app.context_processor
async def give():
    await asyncio.sleep(0)
    return {"a": "given"}

@app.get("/")
async def index():
    await asyncio.sleep(0)
    return render_template_string("{{ a }}")
"""
    )
    wait_for(lambda: server.get() == (200, "given"))


@pytest.mark.slow
def test_with_debug_it_reloads_and_an_app_that_breaks_waits_for_its_repair(
    start: Callable[..., Development], tmp_path: Path
) -> None:
    server = start(APP, "--debug")
    wait_for(lambda: server.get() == (200, "first"))
    assert "Debug mode: on" in server.said

    # Some file systems tell times in seconds; the reloader compares them.
    time.sleep(1.1)
    (tmp_path / "shop.py").write_text("import a_module_that_is_missing")
    wait_for(lambda: server.get()[0] == 500, 30)
    assert "a_module_that_is_missing" in server.get()[1]
    assert "is not installed in the Python that runs this" in server.said

    time.sleep(1.1)
    (tmp_path / "shop.py").write_text(APP.replace("first", "second"))
    wait_for(lambda: server.get() == (200, "second"), 30)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--debug"]], ids=["plain", "debug"])
def test_an_app_that_fails_at_the_start_ends_it(
    options: list[str], start: Callable[..., Development]
) -> None:
    server = start("raise ZeroDivisionError('at the start')", *options)
    assert 1 == server.process.wait(15)
    assert "ZeroDivisionError: at the start" in server.said


@pytest.mark.slow
def test_a_repair_that_is_quicker_than_the_reloader_is_seen(
    start: Callable[..., Development], tmp_path: Path
) -> None:
    server = start(APP, "--debug")
    wait_for(lambda: server.get() == (200, "first"))
    for broken in ("import a_module_that_is_missing", "def broken(:"):
        begun = len(server.said)
        time.sleep(1.1)
        (tmp_path / "shop.py").write_text(broken)
        wait_for(lambda begun=begun: "Error" in server.said[begun:], 30)  # type: ignore[misc]  # bound now
        (tmp_path / "shop.py").write_text(APP.replace("first", broken[:6]))
        wait_for(lambda text=broken[:6]: server.get() == (200, text), 30)  # type: ignore[misc]  # as above


def fail() -> Flask:
    raise LookupError("not yet repaired")


def test_outside_the_reloader_the_error_goes_through() -> None:
    with pytest.raises(LookupError):
        load_or_defer(ScriptInfo(create_app=fail))


def test_in_the_reloader_the_error_is_raised_for_each_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    app = load_or_defer(ScriptInfo(create_app=fail))
    assert "LookupError: not yet repaired" in capsys.readouterr().err
    for _ in range(2):
        with pytest.raises(LookupError, match="not yet repaired"):
            app({}, lambda *args: bytes)  # type: ignore[arg-type,return-value]  # never called
