"""Servers that run an app of Flask-Sock, the real Flask's among them, and talks with it."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from conformance.environment import Environment
from tests.running import find_free_port, is_open, wait_for
from tests.user_environment import user_environment

PROGRAMS = Path(__file__).parent / "programs"
PACKAGES = (
    "flask==3.1.3",
    "flask-sock==0.7.0",
    "simple-websocket==1.1.0",
    "flask-socketio==5.7.0",
    "python-socketio[client]==5.18.1",
    "gunicorn==27.0.1",
    "uvicorn==0.51.0",
    "hypercorn==0.18.0",
    "websockets==17.4",
    "redis==8.1.0",
)
SERVERS = {
    "flask run": "-m flask --app {app} run --port {port}",
    "flask on gunicorn": "-m gunicorn --threads 8 --bind 127.0.0.1:{port} {app}:app",
    "kolben run": "-m kolben --app {app} run --port {port}",
    "kolben on gunicorn": "-m gunicorn --threads 8 --bind 127.0.0.1:{port} {app}:app",
    "rsgi": "-m kolben --app {app} serve --interface rsgi --port {port}",
    "asgi": "-m kolben --app {app} serve --interface asgi --port {port}",
    "wsgi": "-m kolben --app {app} serve --interface wsgi --port {port}",
    "uvicorn": "-m uvicorn --port {port} {app}:app",
    "hypercorn": "-m hypercorn --bind 127.0.0.1:{port} {app}:app.asgi_app",
}
OURS = ["rsgi", "asgi"]
PATIENCE_S = 20


def environment() -> Environment:
    """Return the environment that has the extensions, the real Flask and all servers."""
    return user_environment("extension-sockets", PACKAGES)


def kolben(folder: Path, app: str, *words: str) -> str:
    """Run a command on an app of PROGRAMS; return what it prints, on one line."""
    shutil.copy(PROGRAMS / f"{app}.py", folder)
    here = environment()
    done = subprocess.run(
        here.command("-m", "kolben", "--app", app, *words),
        cwd=folder,
        env=here.environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return " ".join((done.stdout + done.stderr).split())


class Running:
    """A server process with an app of PROGRAMS. kind: its name in SERVERS."""

    def __init__(self, kind: str, folder: Path, app: str, *options: str, **variables: str) -> None:
        shutil.copy(PROGRAMS / f"{app}.py", folder)
        self.kind = kind
        self.port = find_free_port()
        here = environment()
        words = SERVERS[kind].format(port=self.port, app=app).split()
        self._log = folder / f"log-{self.port}.txt"
        on_flask = {"KOLBEN_DROP_IN": "0"} if kind.startswith("flask") else {}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                here.command(*words, *options),
                cwd=folder,
                env={**here.environ(), "PYTHONUNBUFFERED": "1", **on_flask, **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(lambda: is_open(self.port) or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def open(self, path: str, **options: Any) -> ClientConnection:
        """Open a WebSocket."""
        options = {"open_timeout": 10, "close_timeout": 5, "max_size": None, **options}
        return connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    def get(self, path: str) -> Any:
        """Ask for JSON, or a text."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            body = answer.read().decode()
            return json.loads(body) if "json" in answer.headers["Content-Type"] else body

    def ask(self, request: bytes) -> bytes:
        """Send raw bytes; return the beginning of what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as raw:
            raw.sendall(request)
            return raw.recv(65_536)

    def log_in(self, name: str) -> str:
        """Return the Cookie header of a session with a name."""
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        opener.open(f"http://127.0.0.1:{self.port}/login/{name}", timeout=10).close()
        return "; ".join(f"{one.name}={one.value}" for one in jar)

    def end(self) -> int:
        """Stop it; return its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return int(self.process.returncode)


@contextlib.contextmanager
def running(kind: str, folder: Path, app: str, *words: str, **more: str) -> Iterator[Running]:
    """Run a server for as long as a block."""
    server = Running(kind, folder, app, *words, **more)
    try:
        yield server
    finally:
        server.end()


def all_of(socket: ClientConnection) -> list[Any]:
    """Receive up to the end; the last is code and reason of that."""
    found: list[Any] = []
    try:
        while True:
            found.append(socket.recv(timeout=PATIENCE_S))
    except ConnectionClosed:
        return [*found, (socket.close_code, socket.close_reason)]


def refusal(server: Running, path: str, **options: Any) -> int:
    """Return the status that a handshake is refused with; 101 if it is not."""
    try:
        with server.open(path, **options):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


# What the real Flask is asked as well: each returns what a client has seen.


def echoes(server: Running) -> Any:
    """Text and binary, short and long, fragments too."""
    found = []
    with server.open("/echo") as socket:
        for message in ("tea", "", "Grüße, 世界", b"\x00\xff", b"", "x" * 70_000, b"y" * 300_000):
            socket.send(message)
            found.append(socket.recv(timeout=PATIENCE_S) == message)
        socket.send(iter(["in ", "three ", "parts"]))
        found.append(socket.recv(timeout=PATIENCE_S))
        socket.send(iter([b"in ", b"two"]))
        found.append(socket.recv(timeout=PATIENCE_S))
    return found


def values(server: Running) -> Any:
    """Values of the path and of the query."""
    with server.open("/two/4/Mark?x=y%20z") as socket:
        return all_of(socket)


def ends_with_a_code(server: Running) -> Any:
    """Codes and reasons of the server's."""
    found = []
    for path in ("/close/1000/done", "/close/4001/bye%20now", "/close/1011/oh"):
        with server.open(path) as socket:
            found += all_of(socket)
    return found


def waits(server: Running) -> Any:
    """A receive that gives up, and one that does not have to."""
    with server.open("/wait") as socket:
        first = socket.recv(timeout=PATIENCE_S)
        socket.send("now")
        return [first, *all_of(socket)]


def shakes_hands(server: Running) -> Any:
    """The session, cookies and headers of the handshake."""
    cookie = f"{server.log_in('Mark')}; biscuit=ginger"
    with server.open("/handshake", additional_headers={"Cookie": cookie, "X-Word": "tea"}) as one:
        return all_of(one)


def is_guarded(server: Running) -> Any:
    """A blueprint's before_request that refuses, and lets in."""
    cookie = {"Cookie": server.log_in("Mark")}
    with server.open("/guarded/door", additional_headers=cookie) as socket:
        return [refusal(server, "/guarded/door"), *all_of(socket)]


def is_refused(server: Running) -> Any:
    """Answers other than a WebSocket, paths and methods that there are not."""
    paths = ("/direct/abort", "/direct/fail", "/direct/answer", "/nowhere", "/plain")
    return [refusal(server, path) for path in paths]


def many_messages(server: Running) -> Any:
    """A view that sends and is done."""
    with server.open("/many/2000") as socket:
        *found, end = all_of(socket)
        return found == [str(number) for number in range(2000)], end


def from_threads(server: Running) -> Any:
    """Messages that a thread of the view's sends."""
    with server.open("/from-a-thread") as socket:
        socket.send("go")
        socket.send("tea")
        return all_of(socket)


def is_too_big(server: Running) -> Any:
    """A message that is longer than the view takes."""
    with server.open("/direct/small") as socket:
        socket.send("x" * 1001)
        return all_of(socket)


def is_asked(server: Running) -> Any:
    """Pings, which are answered."""
    with server.open("/direct/ping") as socket:
        socket.send("x" * 10)
        return all_of(socket)


def is_left(server: Running) -> Any:
    """A client that goes without a code: what the view is told."""
    before = len(server.get("/ends"))
    with server.open("/left") as socket:
        socket.close(1000)
    wait_for(lambda: len(server.get("/ends")) > before)
    return server.get("/ends")[-1][2]


def shares_a_path(server: Running) -> Any:
    """One path for a page and a WebSocket."""
    with server.open("/both") as socket:
        return server.get("/both"), all_of(socket)


def agrees_on_a_protocol(server: Running) -> Any:
    """Subprotocols, of which the view knows some."""
    found = []
    for asked in (["three", "one", "two"], ["three"], None):
        with server.open("/direct/choose", subprotocols=asked) as socket:
            word = str(socket.recv(timeout=PATIENCE_S)).partition(" ")[2]
            found.append((word, socket.subprotocol))
    return found


def is_counted(server: Running) -> Any:
    """How often hooks run for one WebSocket."""
    with server.open("/counted") as socket:
        found = all_of(socket)
    wait_for(lambda: server.get("/counts")["appcontext"])
    return found, server.get("/counts")


TALKS: dict[str, Callable[[Running], Any]] = {
    talk.__name__: talk
    for talk in (
        echoes,
        values,
        ends_with_a_code,
        waits,
        shakes_hands,
        is_guarded,
        is_refused,
        many_messages,
        from_threads,
        is_too_big,
        is_asked,
        is_left,
        shares_a_path,
        agrees_on_a_protocol,
        is_counted,
    )
}
