"""Flask-SocketIO, and python-socketio's ASGI form, on real servers with a real client."""

from __future__ import annotations

import json
import os
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.extensions.socket_servers import (
    OURS,
    PROGRAMS,
    Running,
    environment,
    kolben,
    refusal,
    running,
)
from tests.running import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX"),
]
APP = "flask_socketio_app"
TRANSPORTS = ["websocket", "polling", "polling,websocket"]
SOCKET = "/socket.io/?EIO=4&transport=websocket"


def talk(server: Running, *arguments: str) -> Any:
    """Have a client of python-socketio talk to a server, and return what it heard."""
    command = environment().command(PROGRAMS / "socketio_client.py", str(server.port), *arguments)
    done = subprocess.run(
        *(command,),
        env=environment().environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr + server.log
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def on_flask(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a client hears of the real Flask, on gunicorn with threads."""
    with running("flask on gunicorn", tmp_path_factory.mktemp("flask"), APP) as server:
        return talk(server, *TRANSPORTS)


@pytest.mark.parametrize("kind", [*OURS, "uvicorn", "kolben on gunicorn", "kolben run"])
def test_a_client_hears_what_it_hears_of_flask(
    tmp_path: Path, on_flask: dict[str, Any], kind: str
) -> None:
    with running(kind, tmp_path, APP) as server:
        assert on_flask == talk(server, *TRANSPORTS)
        assert "ZeroDivisionError: a handler of the tests fails" in server.log
        wait_for(lambda: "kolben-socket" not in server.get("/threads"))


@pytest.mark.parametrize("kind", ["asgi", "uvicorn", "hypercorn"])
def test_its_asgi_form_stands_around_asgi_app(
    tmp_path: Path, on_flask: dict[str, Any], kind: str
) -> None:
    with running(kind, tmp_path, "asgi_socketio_app") as server:
        assert on_flask == talk(server, *TRANSPORTS)
        assert "plain" == server.get("/plain")


def test_over_rsgi_what_stands_around_asgi_app_is_told(tmp_path: Path) -> None:
    with running("rsgi", tmp_path, "asgi_socketio_app") as server:
        wait_for(lambda: "at once" in server.log)
        assert "stands around app.asgi_app" in server.log
        assert "Serve with --interface asgi." in server.log
    page = kolben(tmp_path, "asgi_socketio_app", "doctor")
    assert "stands around app.asgi_app" in page


@pytest.mark.parametrize("kind", OURS)
def test_two_workers_share_a_queue(tmp_path: Path, kind: str, redis_url: str) -> None:
    queue = {"QUEUE": redis_url, "CHANNEL": f"kolben-{uuid.uuid4()}"}
    with running(kind, tmp_path, APP, "--workers", "2", **queue) as server:
        wait_for(lambda: "at once" in server.log)
        assert [["news", "hi"]] * 2 == talk(server, "meet")
        warning = re.search(r"Warning: A client of Flask-SocketIO.*", server.log)
        assert warning is not None
        assert "transports=['websocket']." in warning[0]


def test_its_own_check_of_origins_is_asked(tmp_path: Path) -> None:
    shop = "https://shop.example"
    with running("rsgi", tmp_path, APP, ORIGINS=shop) as server:
        assert 101 == refusal(server, SOCKET, origin=shop)
        assert 400 == refusal(server, SOCKET, origin="https://evil.example")


def test_over_wsgi_it_polls_and_a_websocket_is_refused(
    tmp_path: Path, on_flask: dict[str, Any]
) -> None:
    with running("wsgi", tmp_path, APP) as server:
        heard = talk(server, "polling", "polling,websocket")
        assert [on_flask["polling"]] * 2 == list(heard.values())
        assert 400 == refusal(server, SOCKET)
        assert "those of Flask-SocketIO will be refused" in server.log
        assert 1 == server.log.count("WebSockets are not served here")
        assert "RuntimeError" not in server.log
