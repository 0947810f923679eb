"""The ways on which an attack reaches the app, and what they answer.

Each takes the parts of a request as they stand: nothing tidies a header, a target or a body up.
"""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask
from kolben.core.current import find_context
from kolben.logging import default_handler
from tests.wires import WIRES, Message

PATIENCE_S = 20.0

SERVERS: dict[str, list[str]] = {
    "development": ["run", "--port"],
    "serve-wsgi": ["serve", "--access-log", "--interface", "wsgi", "--port"],
    "serve-asgi": ["serve", "--access-log", "--interface", "asgi", "--port"],
    "serve-rsgi": ["serve", "--access-log", "--interface", "rsgi", "--port"],
}
# The environ made by hand stands for "wsgi": its wire there refuses what servers let through.
ENTRIES = [name for name in WIRES if name != "wsgi"]
# Those that do not read a target as the URL that a client is given.
SLOW_SERVERS = [pytest.param(name, marks=pytest.mark.slow) for name in SERVERS]
RAW = ["environ", *ENTRIES, *SLOW_SERVERS]

# Those on which a header beyond ASCII cannot be read, so that its request is refused.
ASCII_ALONE = {"rsgi", "served", "serve-wsgi", "serve-rsgi"}

Header = tuple[str, str]


@dataclass
class Answer:
    """What came back, header names in lower case; `log` is what the app or server wrote."""

    status: int
    headers: list[Header]
    body: bytes
    reason: str = ""
    log: str = ""

    def all(self, name: str) -> list[str]:
        """Return the values of all headers of a name."""
        return [value for key, value in self.headers if key == name.lower()]

    def one(self, name: str) -> str | None:
        """Return the value of a header that is there once at most; None if it is not there."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} was sent {len(values)} times"
        return values[0] if values else None

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Way(ABC):
    """A way to the app."""

    name: str

    @abstractmethod
    def ask(
        self,
        target: str = "/",
        method: str = "GET",
        headers: Iterable[Header] = (),
        body: bytes = b"",
        protocol: str = "HTTP/1.1",
    ) -> Answer:
        """Send a request, with a Host and a Content-Length unless `headers` has them."""

    def post(self, target: str, body: bytes, content_type: str) -> Answer:
        """Send a body of a type."""
        return self.ask(target, "POST", [("Content-Type", content_type)], body)

    def post_form(self, target: str, body: bytes) -> Answer:
        """Send an urlencoded form."""
        return self.post(target, body, "application/x-www-form-urlencoded")

    def post_json(self, target: str, value: Any) -> Answer:
        """Send a value as JSON."""
        return self.post(target, json.dumps(value).encode(), "application/json")


def with_host_and_length(headers: Iterable[Header], body: bytes) -> list[Header]:
    """Add what each request needs, unless the test has its own."""
    found = list(headers)
    names = {name.lower() for name, _ in found}
    if "host" not in names:
        found.insert(0, ("Host", "localhost"))
    if body and not names & {"content-length", "transfer-encoding"}:
        found.append(("Content-Length", str(len(body))))
    return found


def make_environ(
    target: str = "/",
    method: str = "GET",
    headers: Iterable[Header] = (),
    body: bytes | io.BufferedIOBase = b"",
    protocol: str = "HTTP/1.1",
) -> dict[str, Any]:
    """Make the environ that a server would (PEP 3333); the headers are taken as they are."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": protocol,
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "50000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body) if isinstance(body, bytes) else body,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def call(application: Any, environ: dict[str, Any]) -> Answer:
    """Call a WSGI app as a server does, and see that it leaves no context behind."""
    started: list[Any] = []
    parts = application(environ, lambda *given: started.append(given))
    try:
        content = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    assert find_context() is None, "a context was left behind"
    status, headers, *_ = started[-1]
    number, _, reason = status.partition(" ")
    return Answer(int(number), _lower(headers), content, reason)


class EnvironWay(Way):
    """The app called with an environ made by hand."""

    name = "environ"

    def __init__(self, app: Flask) -> None:
        self.app = app

    def ask(
        self,
        target: str = "/",
        method: str = "GET",
        headers: Iterable[Header] = (),
        body: bytes = b"",
        protocol: str = "HTTP/1.1",
    ) -> Answer:
        given = with_host_and_length(headers, body)
        with _log_of(self.app) as log:
            answer = call(self.app, make_environ(target, method, given, body, protocol))
        answer.log = log.getvalue()
        return answer


class ClientWay(Way):
    """The app's own test client."""

    name = "client"

    def __init__(self, app: Flask) -> None:
        self.app = app

    def ask(
        self,
        target: str = "/",
        method: str = "GET",
        headers: Iterable[Header] = (),
        body: bytes = b"",
        protocol: str = "HTTP/1.1",
    ) -> Answer:
        client = self.app.test_client(use_cookies=False)
        with _log_of(self.app) as log:
            answer = client.open(
                target,
                method=method,
                headers=list(headers),
                data=body,
                buffered=True,
                environ_overrides={"SERVER_PROTOCOL": protocol},
            )
        assert find_context() is None, "a context was left behind"
        headers = _lower(answer.headers)
        return Answer(answer.status_code, headers, answer.data, answer.status[4:], log.getvalue())


class EntryWay(Way):
    """The app called over one of its entries: see tests/wires.py."""

    def __init__(self, name: str, app: Flask) -> None:
        self.name = name
        self.app = app

    def ask(
        self,
        target: str = "/",
        method: str = "GET",
        headers: Iterable[Header] = (),
        body: bytes = b"",
        protocol: str = "HTTP/1.1",
    ) -> Answer:
        path, _, query = target.partition("?")
        given = Headers(with_host_and_length(headers, body))
        with _log_of(self.app) as log:
            answer = WIRES[self.name](self.app, Message(method, path, query, given, body))
        assert find_context() is None, "a context was left behind"
        return Answer(answer.status, _lower(answer.headers), answer.body, "", log.getvalue())


@contextmanager
def _log_of(app: Flask) -> Iterator[io.StringIO]:
    """Collect what the app logs, as its own handler writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(default_handler.formatter)
    app.logger.addHandler(handler)
    try:
        yield stream
    finally:
        app.logger.removeHandler(handler)


def _lower(headers: Iterable[Header]) -> list[Header]:
    return [(name.lower(), value) for name, value in headers]


class Server(Way):
    """A server in a process of its own; its output is in a file."""

    def __init__(
        self, name: str, process: subprocess.Popen[bytes], port: int, output: Path
    ) -> None:
        self.name = name
        self.process = process
        self.port = port
        self.uploads = output.parent / "uploads"
        self._output = output
        self._read_up_to = 0

    def send(self, data: bytes, *, then_close: bool = False) -> bytes:
        """Send bytes on a connection of their own; return the response.

        then_close: end our side of the connection, as a client does that goes away.
        """
        received = bytearray()
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            # It may answer, and close, before it has read all.
            with suppress(OSError):
                connection.sendall(data)
                if then_close:
                    connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while not _is_whole(received) and (part := connection.recv(65536)):
                    received += part
        return bytes(received)

    def ask(
        self,
        target: str = "/",
        method: str = "GET",
        headers: Iterable[Header] = (),
        body: bytes = b"",
        protocol: str = "HTTP/1.1",
    ) -> Answer:
        given = [*with_host_and_length(headers, body), ("Connection", "close")]
        lines = [f"{method} {target} {protocol}", *(f"{name}: {value}" for name, value in given)]
        self.new_output()
        answer = parse_answer(self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body))
        answer.log = self.new_output()
        return answer

    def new_output(self) -> str:
        """Return what was written since the last time."""
        text = self._output.read_bytes()
        fresh, self._read_up_to = text[self._read_up_to :], len(text)
        return fresh.decode(errors="replace")

    def wait_for_output(self, wanted: str) -> str:
        """Return what is written up to and with a text that comes within a few seconds."""
        found = ""
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in found:
            assert time.monotonic() < deadline, f"{wanted!r} is not in {found!r}"
            found += self.new_output()
            time.sleep(0.02)
        return found

    def pid(self) -> int:
        """Return the id of the process that answers."""
        return int(self.ask("/pid").text)

    def peak_memory_bytes(self) -> int:
        """Return the most memory that the process which answers has ever had (Linux)."""
        status = Path(f"/proc/{self.pid()}/status").read_text()
        found = re.search(r"VmHWM:\s*(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def end(self) -> None:
        """Stop it, and see that it is gone."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def parse_answer(raw: bytes) -> Answer:
    """Read the one response there is; what comes after its headers is all its body."""
    head, found, rest = raw.partition(b"\r\n\r\n")
    assert found, f"no response: {raw[:200]!r}"
    first, *lines = head.decode("latin-1").split("\r\n")
    _, number, *reason = first.split(" ", 2)
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    if ("transfer-encoding", "chunked") in headers:
        rest = _join_chunks(rest)
    return Answer(int(number), headers, rest, "".join(reason))


def _is_whole(raw: bytes) -> bool:
    """Say whether a response has come to the end that its Content-Length tells of."""
    head, found, rest = raw.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
    return bool(found and length and len(rest) >= int(length[1]))


def _join_chunks(data: bytes) -> bytes:
    joined = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        joined += data[:length]
        data = data[length + 2 :]
        if not length:
            break
    return joined
