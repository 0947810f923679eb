"""The ways on which a request reaches an app in the tests, each with the same client over it.

A wire takes a Message and gives an Answer; WIRES names them all. Another entry joins by a function
`(app, message) -> Answer` in that table: then each test that asks for `wire` runs on it as well.
"""

from __future__ import annotations

import asyncio
import io
import json
import platform
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes
from wsgiref.validate import validator

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from kolben import Flask
from kolben.core.current import find_context
from kolben.server.scheduling import Scheduling


@dataclass(frozen=True)
class Message:
    """A request as a client sends it: the path in its percent-encoded form, the body whole."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What came back on a wire."""

    status: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Wire = Callable[[Flask, Message], Answer]


@dataclass
class WireClient:
    """A client of an app over one wire; it keeps cookies by name."""

    app: Flask
    wire: Wire
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str = "/", **options: Any) -> Answer:
        return self.open(path, method="GET", **options)

    def post(self, path: str = "/", **options: Any) -> Answer:
        return self.open(path, method="POST", **options)

    def put(self, path: str = "/", **options: Any) -> Answer:
        return self.open(path, method="PUT", **options)

    def head(self, path: str = "/", **options: Any) -> Answer:
        return self.open(path, method="HEAD", **options)

    def options(self, path: str = "/", **options: Any) -> Answer:
        return self.open(path, method="OPTIONS", **options)

    def open(self, path: str = "/", **options: Any) -> Answer:
        """Send a request; options: those of werkzeug.test.EnvironBuilder."""
        message = self._message(path, options)
        outer = find_context()
        answer = self.wire(self.app, message)
        assert find_context() is outer, f"{message.method} {path} left its context behind"
        for name, value, ends in map(_read_cookie, answer.headers.getlist("Set-Cookie")):
            self.cookies.pop(name, None)
            if not ends:
                self.cookies[name] = value
        return answer

    def _message(self, path: str, options: dict[str, Any]) -> Message:
        builder = EnvironBuilder(path, **options)
        try:
            environ = builder.get_environ()
            body = environ["wsgi.input"].read()
        finally:
            builder.close()
        headers = Headers(builder.headers)
        headers.setdefault("Host", builder.host)
        for name in ("Content-Type", "Content-Length"):
            value = environ.get(name.upper().replace("-", "_"))
            if value and value != "0":
                headers[name] = value
        if self.cookies and "Cookie" not in headers:
            headers["Cookie"] = "; ".join(f"{name}={self.cookies[name]}" for name in self.cookies)
        decoded = environ["SCRIPT_NAME"] + environ["PATH_INFO"]
        url = quote(decoded.encode("latin-1"), safe="/:@!$&'()*+,;=~")
        return Message(builder.method, url, environ["QUERY_STRING"], headers, body)


MakeClient = Callable[[Flask], WireClient]


def _read_cookie(header: str) -> tuple[str, str, bool]:
    """Take name, value and whether it ends the cookie out of a Set-Cookie header."""
    pair, *attributes = header.split(";")
    name, _, value = pair.partition("=")
    return name.strip(), value, any(text.strip() == "Max-Age=0" for text in attributes)


def wsgi(app: Flask, message: Message) -> Answer:
    """Call the app as a WSGI server does; both sides must keep to PEP 3333."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, headers))
        return lambda data: None

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unknown REQUEST_METHOD")  # such as PROPFIND
        parts = validator(app)(_environ(message), start_response)
    try:
        body = b"".join(parts)
    finally:
        parts.close()  # type: ignore[attr-defined]  # the validator's own iterator
    status, headers = started[-1]
    return Answer(int(status[:3]), Headers(headers), body)


def _environ(message: Message) -> dict[str, Any]:
    """Make the environ that a server would (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": message.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(message.path).decode("latin-1"),
        "QUERY_STRING": message.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(message.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in message.headers:
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    return environ


def asgi(app: Flask, message: Message) -> Answer:
    """Call the app as an ASGI server does, on a loop of its own."""

    async def call() -> Answer:
        connection = ASGIConnection(message)
        await connection.run(app)
        return connection.answer()

    return asyncio.run(call())


class ASGIConnection:
    """A request over ASGI, whose client stays until it is answered, or until `gone` is set."""

    def __init__(self, message: Message, pieces: Iterable[bytes] | None = None) -> None:
        self.message = message
        self.gone = asyncio.Event()
        self.sent: list[Any] = []
        coming = [message.body] if pieces is None else [*pieces]
        self._coming = [
            {"type": "http.request", "body": piece, "more_body": number < len(coming)}
            for number, piece in enumerate(coming, 1)
        ]

    async def run(self, app: Flask) -> None:
        await app.asgi_app(_scope(self.message), self.receive, self.send)

    async def receive(self) -> Any:
        if self._coming:
            return self._coming.pop(0)
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: Any) -> None:
        if self.gone.is_set():
            raise ConnectionResetError("the client is gone")  # as ASGI 2.4 has it
        self.sent.append(event)
        await asyncio.sleep(0)

    def answer(self) -> Answer:
        """Return what was sent; both sides must keep to ASGI."""
        start, *rest = self.sent
        assert start["type"] == "http.response.start"
        assert [event["type"] for event in rest] == ["http.response.body"] * len(rest)
        assert not rest[-1].get("more_body", False)
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]
        ]
        assert all(name == name.lower() for name, _ in headers)
        body = b"".join(event.get("body", b"") for event in rest)
        return Answer(start["status"], Headers(headers), body)


def _scope(message: Message) -> dict[str, Any]:
    """Make the scope that a server would (ASGI 3, HTTP connection scope)."""
    raw = message.path.encode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": message.method,
        "scheme": "http",
        "path": unquote_to_bytes(message.path).decode("utf-8", "replace"),
        "raw_path": raw,
        "query_string": message.query.encode("latin-1"),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in message.headers
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("localhost", 80),
    }


def rsgi(app: Flask, message: Message) -> Answer:
    """Call the app as an RSGI server does, on a loop of its own.

    Granian refuses a query whose raw bytes are no UTF-8: RSGI has it as text.
    """
    try:
        RSGIScope(message)
    except UnicodeDecodeError:
        return Answer(400, Headers(), b"")

    async def call() -> Answer:
        connection = RSGIConnection(message)
        await connection.run(app)
        return connection.answer()

    return asyncio.run(call())


class RSGIHeaders:
    """The headers of a request as Granian 2.8 gives them: only those in ASCII."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = [(name.lower(), value) for name, value in pairs]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.keys()

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        return list(dict(self._pairs))

    def values(self) -> list[str]:
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self._pairs if value.isascii()]

    def get(self, name: str, default: Any = None) -> Any:
        return next(iter(self.get_all(name)), default)

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.items() if key == name.lower()]


class RSGIScope:
    """A request as RSGI 1.6 says it."""

    proto = "http"
    rsgi_version = "1.6"
    http_version = "1.1"
    server = "127.0.0.1:80"
    client = "127.0.0.1:50000"
    scheme = "http"
    authority: str | None = None

    def __init__(self, message: Message) -> None:
        self.method = message.method
        self.path = unquote_to_bytes(message.path).decode("utf-8", "replace")
        self.query_string = message.query.encode("latin-1").decode()
        self.headers = RSGIHeaders(message.headers)


class RSGIProtocolClosed(RuntimeError):
    """What Granian raises when the client is gone."""


class Coming:
    """The body of a request that has come, as Granian 2.8 gives it: a future of its own kind."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __await__(self) -> Generator[Any, None, bytes]:
        yield from ()
        return self._body

    def add_done_callback(self, callback: Callable[[Any], object], context: Any = None) -> None:
        callback(self)

    def result(self) -> bytes:
        return self._body


class RSGIProtocol:
    """What an RSGI app answers through; keeps what was sent.

    pieces: the body of the request, as Granian 2.8 gives it when iterated: an empty piece follows.
    """

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.sent: list[bytes] = []
        # Set it to have the client go away.
        self.gone = asyncio.Event()
        self._pieces = [*pieces, b""]

    def _take_body(self) -> list[bytes]:
        assert self._pieces, "the body was read twice"
        taken, self._pieces = self._pieces, []
        return taken

    def __call__(self) -> Coming:
        return Coming(b"".join(self._take_body()))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._take_body():
            await asyncio.sleep(0)
            yield piece

    async def client_disconnect(self) -> None:
        await self.gone.wait()

    def _start(self, status: int, headers: list[tuple[str, str]]) -> None:
        assert not self.status, "the app answered twice"
        assert all(type(text) is str for pair in headers for text in pair)
        self.status, self.headers = status, headers

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self._start(status, headers)

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        assert type(body) is bytes
        self._start(status, headers)
        self.sent.append(body)

    def response_file_range(
        self, status: int, headers: list[tuple[str, str]], file: str, start: int, end: int
    ) -> None:
        content = Path(file).read_bytes()[start:end]
        self.response_bytes(status, headers, content)

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> RSGIProtocol:
        self._start(status, headers)
        return self

    async def send_bytes(self, data: bytes) -> None:
        assert type(data) is bytes
        if self.gone.is_set():
            raise RSGIProtocolClosed("RSGI transport is closed")
        self.sent.append(data)
        await asyncio.sleep(0)


class RSGIConnection(RSGIProtocol):
    """A request over RSGI, whose client stays until it is answered, or until `gone` is set."""

    def __init__(self, message: Message, pieces: Iterable[bytes] | None = None) -> None:
        super().__init__([message.body] if pieces is None else pieces)
        self.message = message

    async def run(self, app: Flask) -> None:
        await app.__rsgi__(RSGIScope(self.message), self)

    def answer(self) -> Answer:
        """Return what was sent, as Granian 2.8 writes it."""
        assert self.status, "the app did not answer"
        headers = [(name, value.encode().decode("latin-1")) for name, value in self.headers]
        return Answer(self.status, Headers(headers), b"".join(self.sent))


class Watcher:
    """A request as Granian 2.8 hands it over: with what is told of its end."""

    def __init__(self, message: Message) -> None:
        self.scope = RSGIScope(message)
        self.proto = RSGIConnection(message)
        self.over = threading.Event()
        self.error: BaseException | None = None

    def taskref(self, task: asyncio.Task[None]) -> None:
        """Keep a task, of which the loop has only a weak reference."""
        self.task = task

    def done(self) -> None:
        self.over.set()

    def err(self, error: BaseException) -> None:
        self.error = error
        self.over.set()


async def answer_on_loop(app: Flask, watcher: Watcher) -> None:
    """Answer what Granian has handed over, and tell of its end as Granian's own coroutine does."""
    try:
        await app.__rsgi__(watcher.scope, watcher.proto)
    except BaseException as error:  # noqa: BLE001
        watcher.err(error)
    else:
        watcher.done()


def served(app: Flask, message: Message) -> Answer:
    """Have the app answer in the way of `kolben serve`: a thread of the server's, and a loop."""
    try:
        watcher = Watcher(message)
    except UnicodeDecodeError:
        return Answer(400, Headers(), b"")

    async def serve() -> None:
        answer = partial(answer_on_loop, app)
        schedule = Scheduling(app).start(asyncio.get_running_loop(), answer)
        await asyncio.to_thread(schedule, watcher)
        await asyncio.to_thread(watcher.over.wait, 20)

    asyncio.run(serve())
    if watcher.error is not None:
        raise watcher.error
    return watcher.proto.answer()


WIRES: dict[str, Wire] = {"wsgi": wsgi, "asgi": asgi, "rsgi": rsgi}
if platform.python_implementation() == "CPython":  # elsewhere there is no `kolben serve`
    WIRES["served"] = served
