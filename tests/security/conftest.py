"""The app under attack, and each way to it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kolben import Flask
from tests.running import find_free_port
from tests.security.ways import (
    ENTRIES,
    PATIENCE_S,
    RAW,
    SERVERS,
    SLOW_SERVERS,
    ClientWay,
    EntryWay,
    EnvironWay,
    Server,
    Way,
)

HERE = Path(__file__).parent
StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def attacked() -> ModuleType:
    """The module of the app under attack."""
    spec = importlib.util.spec_from_file_location("attacked_target", HERE / "target.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def attacked_app(attacked: ModuleType) -> Flask:
    """The app under attack, in this process."""
    found: Flask = attacked.app
    return found


@pytest.fixture
def app(attacked_app: Flask) -> Flask:
    """The app under attack, as every other test calls its app."""
    return attacked_app


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the app in this process saves uploads in."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("ATTACKED_UPLOADS", str(folder))
    return folder


@pytest.fixture
def environ_way(app: Flask) -> EnvironWay:
    """The way on which each byte can be chosen and no process is started."""
    return EnvironWay(app)


@pytest.fixture(params=["client", *RAW])
def way(request: pytest.FixtureRequest, app: Flask) -> Way:
    """Each way to the app in turn."""
    if request.param in SERVERS:
        server: Server = request.getfixturevalue("servers")(request.param)
        return server
    if request.param in ENTRIES:
        return EntryWay(request.param, app)
    return ClientWay(app) if request.param == "client" else EnvironWay(app)


@pytest.fixture(params=SLOW_SERVERS)
def server(request: pytest.FixtureRequest, servers: Callable[[str], Server]) -> Server:
    """Each server in turn."""
    return servers(request.param)


@pytest.fixture(scope="session")
def servers(start_server: StartServer) -> Callable[[str], Server]:
    """Get a server by its name; each is started once, and again if it died."""
    running: dict[str, Server] = {}

    def get(name: str) -> Server:
        if name not in running or running[name].process.poll() is not None:
            running[name] = start_server(name, *SERVERS[name])
        return running[name]

    return get


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Start a command that serves the app, with a port as its last argument.

    Keywords are environment variables. It is ended with the session.
    """
    started: list[Server] = []

    def start(name: str, *command: str, **variables: str) -> Server:
        folder = tmp_path_factory.mktemp(name)
        (folder / "uploads").mkdir()
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("FLASK_", "KOLBEN_", "PYTHONHASHSEED"))
            and not key.lower().endswith("_proxy")
        }
        port = find_free_port()
        output = folder / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "kolben", "--app", HERE / "target.py", *command, str(port)],
                cwd=folder,
                env={
                    **inherited,
                    "PYTHONUNBUFFERED": "1",
                    "ATTACKED_UPLOADS": str(folder / "uploads"),
                    **variables,
                },
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        server = Server(name, process, port, output)
        started.append(server)
        _wait_until_it_answers(server)
        return server

    yield start
    for server in started:
        server.end()


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.new_output()
        try:
            if server.ask("/").text == "home":
                return
        except (OSError, AssertionError):
            time.sleep(0.05)
    raise AssertionError(f"{server.name} does not answer: {server.new_output()}")
