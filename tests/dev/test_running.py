"""`app.run()` serves on a real port, as the app, the environment and its arguments say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kolben import Flask, request
from kolben.dev.running import _address, show_server_banner
from tests.running import find_free_port, is_open, wait_for

VARIABLES = ("DEBUG", "SKIP_DOTENV", "RUN_FROM_CLI")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty folder, without variables; those that a dotenv file sets are undone."""
    monkeypatch.chdir(tmp_path)
    for name in (*(f"{own}_{name}" for own in ("KOLBEN", "FLASK") for name in VARIABLES),):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def fetch(port: int, path: str = "/") -> tuple[int, str]:
    """Return status and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def run_and_fetch(app: Flask, port: int, /, **options: Any) -> str:
    """Serve an app in this process, fetch its page from a thread, and press Ctrl+C."""
    found: list[str] = []

    def ask() -> None:
        try:
            wait_for(lambda: is_open(port))
            found.append(fetch(port)[1])
        finally:
            if not ended.is_set():
                signal.pthread_kill(main, signal.SIGINT)

    ended = threading.Event()
    main = threading.main_thread().ident
    assert main is not None
    client = threading.Thread(target=ask)
    client.start()
    try:
        app.run(**options)
    finally:
        ended.set()
        client.join()
    assert not is_open(port)
    return found[0]


@pytest.fixture
def greeting(app: Flask) -> Flask:
    """An app that says how it is served."""
    app.testing = False
    app.get("/")(
        lambda: (
            f"debug {app.debug}, threads {request.environ['wsgi.multithread']},"
            f" processes {request.environ['wsgi.multiprocess']}"
        )
    )
    return app


def test_it_serves_until_it_is_interrupted(
    greeting: Flask, free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_and_fetch(greeting, free_port, port=free_port)
    assert answer == "debug False, threads True, processes False"
    assert capsys.readouterr().out == (" * Serving app 'app' with Kolben\n * Debug mode: off\n")


def test_after_it_the_app_may_be_changed_and_run_again(greeting: Flask, free_port: int) -> None:
    run_and_fetch(greeting, free_port, port=free_port)
    greeting.before_request(lambda: "changed")
    assert run_and_fetch(greeting, free_port, port=free_port) == "changed"


def test_it_listens_where_the_configured_name_says(greeting: Flask, free_port: int) -> None:
    greeting.config["SERVER_NAME"] = f"127.0.0.1:{free_port}"
    assert run_and_fetch(greeting, free_port).startswith("debug False")


def test_options_are_the_servers(greeting: Flask, free_port: int) -> None:
    answer = run_and_fetch(greeting, free_port, port=free_port, threaded=False)
    assert answer == "debug False, threads False, processes False"


DEBUG: dict[str, tuple[dict[str, str], str, dict[str, Any], bool]] = {
    "nothing": ({}, "", {}, False),
    "an argument": ({}, "", {"debug": True}, True),
    "a dotenv file": ({}, "FLASK_DEBUG=1", {}, True),
    "ours goes first": ({}, "FLASK_DEBUG=1\nKOLBEN_DEBUG=0", {}, False),
    "the argument goes before it": ({}, "FLASK_DEBUG=1", {"debug": False}, False),
    "the environment": ({"FLASK_DEBUG": "0"}, "FLASK_DEBUG=1", {}, False),
    "a file that is not to be read": ({}, "FLASK_DEBUG=1", {"load_dotenv": False}, False),
    "a file that is to be skipped": ({"FLASK_SKIP_DOTENV": "1"}, "FLASK_DEBUG=1", {}, False),
}


@pytest.mark.parametrize(("environment", "dotenv", "options", "debug"), DEBUG.values(), ids=DEBUG)
def test_who_turns_debug_mode_on(
    greeting: Flask,
    free_port: int,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    dotenv: str,
    options: dict[str, Any],
    debug: bool,
) -> None:
    Path(".env").write_text(dotenv)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    answer = run_and_fetch(greeting, free_port, port=free_port, use_reloader=False, **options)
    assert answer.startswith(f"debug {debug},")
    assert greeting.debug is debug


def test_debug_mode_of_the_app_stays(greeting: Flask, free_port: int) -> None:
    greeting.debug = True
    answer = run_and_fetch(greeting, free_port, port=free_port, use_reloader=False)
    assert answer.startswith("debug True,")


ADDRESSES: dict[str, tuple[str | None, str | None, int | None, tuple[str, int]]] = {
    "nothing": (None, None, None, ("127.0.0.1", 5000)),
    "arguments": (None, "0.0.0.0", 80, ("0.0.0.0", 80)),
    "a name": ("example.com", None, None, ("example.com", 5000)),
    "a name with a port": ("example.com:81", None, None, ("example.com", 81)),
    "arguments before a name": ("example.com:81", "::1", 80, ("::1", 80)),
    "a host before a name": ("example.com:81", "::1", None, ("::1", 81)),
    "any port": ("example.com:81", None, 0, ("example.com", 0)),
    "a port alone": (":81", None, None, ("127.0.0.1", 81)),
}


@pytest.mark.parametrize(("name", "host", "port", "address"), ADDRESSES.values(), ids=ADDRESSES)
def test_where_it_listens(
    name: str | None, host: str | None, port: int | None, address: tuple[str, int]
) -> None:
    assert _address(name, host, port) == address


# While the command line imports the app, and in the reloader's child.

CHILD = {"WERKZEUG_RUN_MAIN": "true"}


@pytest.mark.parametrize(("environment", "said"), [({}, True), (CHILD, False)], ids=["", "child"])
def test_it_does_nothing_while_a_command_imports_the_app(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    said: bool,
) -> None:
    for name, value in {"FLASK_RUN_FROM_CLI": "true", **environment}.items():
        monkeypatch.setenv(name, value)
    app.run(debug=True)
    assert not app.debug
    assert ("app.run() was called" in capsys.readouterr().out) is said


BANNERS: dict[str, tuple[Any, str | None, dict[str, str], list[str]]] = {
    "both": (False, "shop", {}, [" * Serving app 'shop' with Kolben", " * Debug mode: off"]),
    "no app": (True, None, {}, [" * Debug mode: on"]),
    "no mode": (None, "shop", {}, [" * Serving app 'shop' with Kolben"]),
    "in the child": (True, "shop", CHILD, []),
}


@pytest.mark.parametrize(
    ("debug", "app_path", "environment", "lines"), BANNERS.values(), ids=BANNERS
)
def test_what_is_said_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    debug: bool | None,
    app_path: str | None,
    environment: dict[str, str],
    lines: list[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    show_server_banner(debug, app_path)
    assert capsys.readouterr().out.splitlines() == lines


# As scripts do.

SCRIPT = """\
import sys
from kolben import Flask, request

app = Flask(__name__)

@app.get("/")
def index():
    return "first " + " ".join(
        name for name in ("multithread", "multiprocess") if request.environ[f"wsgi.{name}"]
    )

@app.get("/fail")
def fail():
    return 1 / 0

if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), OPTIONS)
"""


class Script:
    """A script that runs an app, on a free port; what it says is kept in a file."""

    def __init__(self, folder: Path, options: str) -> None:
        self.port = find_free_port()
        self.file = folder / "shop.py"
        self.file.write_text(SCRIPT.replace("OPTIONS", options))
        self.log = folder / "log"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("KOLBEN_", "FLASK_"))}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(self.file), str(self.port)],
                cwd=folder,
                env={**clean, "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(lambda: is_open(self.port) or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    def text(self, path: str = "/") -> str:
        """Return a page; an empty text while nothing answers."""
        try:
            return fetch(self.port, path)[1]
        except OSError:
            return ""

    def end(self) -> None:
        """Stop it, and the child that it reloads."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[[str], Script]]:
    """Start a script with arguments of app.run()."""
    started: list[Script] = []

    def start(options: str) -> Script:
        started.append(Script(tmp_path, options))
        return started[-1]

    yield start
    for running in started:
        running.end()


def test_several_processes_need_no_other_option(script: Callable[[str], Script]) -> None:
    running = script("processes=2")
    assert running.text() == "first multiprocess"
    assert "Serving app 'shop'" in running.log.read_text()


def test_without_debug_mode_errors_stay_inside(script: Callable[[str], Script]) -> None:
    running = script("")
    assert "Internal Server Error" in running.text("/fail")
    assert "ZeroDivisionError" not in running.text("/fail")
    assert "ZeroDivisionError" in running.log.read_text()


@pytest.mark.slow
def test_in_debug_mode_errors_are_shown_and_changes_reloaded(
    script: Callable[[str], Script],
) -> None:
    running = script("debug=True")
    wait_for(lambda: running.text() == "first multithread")
    assert "ZeroDivisionError" in running.text("/fail")
    wait_for(lambda: "Debugger is active" in running.log.read_text())
    # Some file systems tell times in seconds; the reloader compares them.
    time.sleep(1.1)
    running.file.write_text(running.file.read_text().replace('"first ', '"second '))
    wait_for(lambda: running.text() == "second multithread")
    said = running.log.read_text()
    assert said.count("Serving app 'shop'") == 1
    assert said.count("Debug mode: on") == 1
