"""A body is received when something first reads it, and a request may be refused before."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from werkzeug.exceptions import Unauthorized
from werkzeug.routing import BaseConverter

from kolben import Flask, Request, abort, request
from kolben.entry import late_body
from kolben.entry.late_body import MOST_UNWANTED_BYTES, set_late_bodies
from kolben.entry.threads import Pool
from tests.entry.concurrency import Connect, Connection, ask
from tests.wires import Answer, ASGIConnection, RSGIConnection

LONG = b"x" * 100_000
PATHS = pytest.mark.parametrize("path", ["/plain", "/async"])


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with a view of either kind, both of which answer with the body."""
    app.testing = False

    @app.post("/plain")
    def plain() -> bytes:
        return request.get_data()

    @app.post("/async")
    async def waiting() -> bytes:
        return request.get_data()

    return app


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(late_body, "UNWANTED_S", 0.1)
    yield
    set_late_bodies(None)


def watch(connection: Connection) -> list[int]:
    """Note how long each piece of a body is that is taken from a connection."""
    taken: list[int] = []
    if isinstance(connection, ASGIConnection):
        receive = connection.receive

        async def noting() -> Any:
            event = await receive()
            taken.append(len(event.get("body", b"")))
            return event

        connection.receive = noting  # type: ignore[method-assign]
    else:
        take = connection._take_body

        def noting_all() -> list[bytes]:
            pieces = take()
            taken.extend(map(len, pieces))
            return pieces

        connection._take_body = noting_all  # type: ignore[method-assign]
    return taken


def before_body(app: Flask, connection: Connection, hook: Callable[[list[int]], Any]) -> Answer:
    """Ask with a hook that is told what has been taken of the body when it runs."""
    taken = watch(connection)
    app.before_request(lambda: hook(taken))
    return ask(app, connection)


@PATHS
def test_a_hook_runs_before_the_body_is_received(app: Flask, connect: Connect, path: str) -> None:
    seen: list[list[int]] = []
    connection = connect(path, "POST", LONG)
    answer = before_body(app, connection, lambda taken: seen.append(taken.copy()))
    assert (answer.status, answer.body, seen) == (200, LONG, [[]])


@PATHS
def test_a_hook_that_answers_needs_no_body(app: Flask, connect: Connect, path: str) -> None:
    connection = connect(path, "POST", LONG)
    answer = before_body(app, connection, lambda taken: (f"{taken}", 401))
    assert (answer.status, answer.text) == (401, "[]")
    # It is short enough to be read to its end, after the answer.
    assert "Connection" not in answer.headers


@PATHS
@pytest.mark.parametrize("pieces", [[b"x" * 200_000] * 50, None], ids=["in chunks", "long"])
def test_the_connection_of_a_long_body_that_nobody_wants_ends(
    app: Flask, connect: Connect, path: str, pieces: list[bytes] | None
) -> None:
    body = None if pieces else b"x" * (MOST_UNWANTED_BYTES + 1)
    connection = connect(path, "POST", body, pieces)
    answer = before_body(app, connection, lambda taken: abort(401))
    assert (answer.status, answer.headers["Connection"]) == (401, "close")


def test_little_is_read_of_what_nobody_wants(app: Flask) -> None:
    connection: Any = None

    def make(path: str, pieces: list[bytes]) -> ASGIConnection:
        from werkzeug.datastructures import Headers

        from tests.wires import Message

        headers = Headers({"Host": "localhost", "Transfer-Encoding": "chunked"})
        return ASGIConnection(Message("POST", path, "", headers, b""), pieces)

    connection = make("/plain", [b"x" * 65536] * 1000)
    taken = watch(connection)
    app.before_request(lambda: abort(401))
    assert ask(app, connection).status == 401
    assert MOST_UNWANTED_BYTES < sum(taken) < 2 * MOST_UNWANTED_BYTES + 20 * 65536


def test_who_waits_for_a_word_gets_none_before_an_answer(app: Flask, connect: Connect) -> None:
    connection = connect("/plain", "POST", LONG, Expect="100-continue")
    taken = watch(connection)
    app.before_request(lambda: abort(401))
    answer = ask(app, connection)
    assert (answer.status, answer.headers["Connection"], taken) == (401, "close", [])


@PATHS
def test_a_hook_that_reads_the_body_waits_for_it(app: Flask, connect: Connect, path: str) -> None:
    seen: list[bytes] = []
    app.before_request(lambda: seen.append(request.get_data()))
    assert (ask(app, connect(path, "POST", LONG)).body, seen) == (LONG, [LONG])


@PATHS
def test_a_limit_that_a_hook_sets_holds(app: Flask, connect: Connect, path: str) -> None:
    @app.before_request
    def limit() -> None:
        request.max_content_length = len(LONG) - 1

    assert ask(app, connect(path, "POST", LONG)).status == 413


@PATHS
def test_what_is_too_long_by_its_length_is_not_received(
    app: Flask, connect: Connect, path: str
) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 100
    connection = connect(path, "POST", b"x" * 300_000)
    answer = ask(app, connection)
    assert (answer.status, answer.headers["Connection"]) == (413, "close")


def test_what_no_rule_matches_is_answered_without_its_body(app: Flask, connect: Connect) -> None:
    connection = connect("/nowhere", "POST", LONG, Expect="100-continue")
    taken = watch(connection)
    assert (ask(app, connection).status, taken) == (404, [])


@PATHS
def test_a_coroutine_that_reads_the_body_is_called_once(
    app: Flask, connect: Connect, path: str
) -> None:
    seen: list[int] = []

    @app.before_request
    async def hook() -> None:
        def size() -> int:
            return len(request.get_data())

        seen.append(size())

    assert ask(app, connect(path, "POST", LONG)).body == LONG
    assert seen == [len(LONG)]


@PATHS
def test_a_coroutine_that_refuses_does_so_before_the_body(
    app: Flask, connect: Connect, path: str
) -> None:
    @app.before_request
    async def hook() -> None:
        await asyncio.sleep(0)
        abort(403)

    connection = connect(path, "POST", LONG, Expect="100-continue")
    taken = watch(connection)
    assert (ask(app, connection).status, taken) == (403, [])


@PATHS
def test_a_coroutine_that_has_the_body_read_gets_it_at_the_second_time(
    app: Flask, connect: Connect, path: str
) -> None:
    began: list[int] = []

    def size() -> int:
        return len(request.get_data())

    @app.before_request
    async def hook() -> None:
        began.append(0)
        began[-1] = size()

    assert ask(app, connect(path, "POST", LONG)).body == LONG
    assert began == [0, len(LONG)]


def test_a_coroutine_that_has_a_broken_body_read_is_not_begun_again(
    app: Flask, connect: Connect
) -> None:
    def size() -> int:
        return len(request.get_data())

    @app.before_request
    async def hook() -> None:
        size()

    connection = connect("/plain", "POST", pieces=[b"12", b""])
    if isinstance(connection, ASGIConnection):
        connection._coming[-1] = {"type": "http.disconnect"}
    else:
        connection._pieces = [b"12", b"", b""]
    assert ask(app, connection).status == 400


def test_a_callable_object_is_looked_at_as_one(app: Flask, connect: Connect) -> None:
    class Hook:
        blocking = False

        def __call__(self) -> None:
            assert request.get_data() == LONG

    app.before_request(Hook())
    assert ask(app, connect("/async", "POST", LONG)).body == LONG


def test_without_a_place_the_body_comes_first(app: Flask, connect: Connect) -> None:
    set_late_bodies(0)
    connection = connect("/plain", "POST", LONG)
    assert before_body(app, connection, lambda taken: f"{sum(taken)}").text == f"{len(LONG)}"


def test_hooks_that_want_no_body_are_none(app: Flask, connect: Connect) -> None:
    """Where nothing may refuse it, a request takes no place."""
    set_late_bodies(0)
    assert ask(app, connect("/plain", "POST", LONG)).body == LONG


# Apps that are called as a WSGI server does.


def wrap(app: Flask) -> None:
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start: inner(environ, start)  # type: ignore[method-assign]


@pytest.fixture
def plain_app(app: Flask) -> Flask:
    """One all of which runs in threads."""
    other = Flask("other")
    other.add_url_rule("/plain", "plain", app.view_functions["plain"], methods=["POST"])
    return other


def test_middleware_runs_before_the_body_is_received(plain_app: Flask, connect: Connect) -> None:
    wrap(plain_app)
    connection = connect("/plain", "POST", LONG, Expect="100-continue")
    taken = watch(connection)
    plain_app.before_request(lambda: abort(401))
    assert (ask(plain_app, connection).status, taken) == (401, [])


@pytest.mark.parametrize("way", ["read", "readline", "iterate"])
def test_middleware_reads_the_body_as_any_file(
    plain_app: Flask, connect: Connect, way: str
) -> None:
    inner = plain_app.wsgi_app
    ways: dict[str, Callable[[Any], bytes]] = {
        "read": lambda stream: bytes(stream.read(5)),
        "readline": lambda stream: bytes(stream.readline()),
        "iterate": lambda stream: next(iter(stream)),
    }

    def middleware(environ: Any, start: Any) -> Any:
        assert not hasattr(environ["wsgi.input"], "__aiter__")
        first = ways[way](environ["wsgi.input"])
        environ["wsgi.input"].seek(0)
        return [first, *inner(environ, start)]

    plain_app.wsgi_app = middleware  # type: ignore[method-assign]
    body = b"line\n" * 20_000
    assert ask(plain_app, connect("/plain", "POST", body)).body == b"line\n" + body


@pytest.mark.parametrize("what", ["view", "hook", "handler"])
def test_an_app_with_coroutines_that_is_wrapped_gets_the_body_first(
    app: Flask, plain_app: Flask, connect: Connect, what: str
) -> None:
    made = app if what == "view" else plain_app
    wrap(made)

    async def hook() -> None:
        assert request.get_data() == LONG

    async def handle(error: Exception) -> str:
        return str(len(request.get_data()))

    if what == "hook":
        made.before_request(hook)
    if what == "handler":
        made.errorhandler(401)(handle)
        made.before_request(lambda: abort(401))
        assert ask(made, connect("/plain", "POST", LONG)).text == str(len(LONG))
    else:
        assert ask(made, connect("/plain", "POST", LONG)).body == LONG


# Without room on the disk.


@pytest.fixture(params=["full", "absent"])
def without_room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Allow no file to be long, or have no folder for one."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if request.param == "absent":
        monkeypatch.setattr("tempfile.tempdir", "/nowhere/to/be/found")
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@PATHS
@pytest.mark.usefixtures("without_room")
@pytest.mark.parametrize("size", [600_000, 5_000_000])
def test_a_body_without_room_is_a_507(
    app: Flask, connect: Connect, path: str, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    body = b"x" * (size + 200_000)
    pieces = [body[start : start + 100_000] for start in range(0, len(body), 100_000)]
    assert ask(app, connect(path, "POST", pieces=pieces)).status == 507
    assert f"507 for POST {path}: the body cannot be kept in" in caplog.text
    assert "stream_body=True" in caplog.text


@pytest.mark.usefixtures("without_room")
def test_a_file_of_a_form_without_room_is_a_507(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_url_rule("/form", "form", lambda: f"{len(request.files)}", methods=["POST"])
    head = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
    body = head + b"x" * 600_000 + b"\r\n" + head + b"x" * 5_000_000 + b"\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    answer = app.test_client().post("/form", data=body, content_type=kind)
    assert answer.status_code == 507
    assert "the temporary folder" in caplog.text


def test_a_file_that_an_app_cannot_keep_is_its_own_error(app: Flask) -> None:
    class OwnRequest(Request):
        def _get_file_stream(self, *_: Any, **__: Any) -> Any:
            raise OSError("not today")

    app.request_class, app.testing = OwnRequest, True
    app.add_url_rule("/form", "form", lambda: f"{len(request.files)}", methods=["POST"])
    with pytest.raises(OSError, match="not today"):
        app.test_client().post("/form", data={"a": (BytesIO(b"x"), "a")})


def test_a_converter_that_fails_fails_before_the_body(app: Flask, connect: Connect) -> None:
    class Failing(BaseConverter):
        def to_python(self, value: str) -> str:
            raise LookupError(value)

    app.url_map.converters["failing"] = Failing
    app.add_url_rule("/<failing:value>/x", "view", str, methods=["POST"])
    connection = connect("/1/x", "POST", LONG, Expect="100-continue")
    taken = watch(connection)
    assert (ask(app, connection).status, taken) == (500, [])


# Threads.


class Slow(RSGIConnection):
    """A client that sends its body when it is told to."""

    may_send: asyncio.Event

    async def __aiter__(self) -> Any:
        await self.may_send.wait()
        async for piece in super().__aiter__():
            yield piece


def slow(connect: Connect) -> Slow:
    made = connect("/plain", "POST", LONG)
    found = Slow(made.message)
    found.may_send = asyncio.Event()
    return found


@pytest.fixture
def run_slow(
    app: Flask, pool_of: Callable[[int], Pool]
) -> Callable[[Callable[[Pool], Awaitable[Any]]], Any]:
    """Run a coroutine function with a pool of one thread and an app with a hook."""
    pool = pool_of(1)
    app.before_request(lambda: None)
    app.add_url_rule("/", "home", lambda: threading.current_thread().name)
    return lambda test: asyncio.run(test(pool))  # type: ignore[arg-type, misc]  # a coroutine


@pytest.mark.parametrize("connect", [RSGIConnection], indirect=True, ids=["rsgi"])
def test_a_client_that_is_slow_holds_no_thread(app: Flask, connect: Connect, run_slow: Any) -> None:
    async def test(pool: Pool) -> None:
        first, second = slow(connect), slow(connect)
        tasks = [asyncio.create_task(one.run(app)) for one in (first, second)]
        await asyncio.sleep(0.05)
        for _ in range(3):
            other = connect("/")
            await asyncio.wait_for(other.run(app), 5)
            assert other.answer().status == 200
        assert (pool.size, pool.count_threads()) == (2, 1)
        first.may_send.set()
        second.may_send.set()
        await asyncio.gather(*tasks)
        assert [first.answer().body, second.answer().body] == [LONG, LONG]
        assert (pool.size, pool.count_threads()) == (1, 1)

    run_slow(test)


@pytest.mark.parametrize("connect", [RSGIConnection], indirect=True, ids=["rsgi"])
def test_a_request_that_is_given_up_wakes_its_thread(
    app: Flask, connect: Connect, run_slow: Any
) -> None:
    async def test(pool: Pool) -> None:
        first = slow(connect)
        task = asyncio.create_task(first.run(app))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(100):
            if pool.size == 1:
                break
            await asyncio.sleep(0.01)
        assert pool.size == 1

    run_slow(test)


def test_a_thread_of_somebody_elses_may_read_the_body(app: Flask, connect: Connect) -> None:
    @app.before_request
    def hook() -> None:
        from kolben import copy_current_request_context

        found: list[bytes] = []
        read = copy_current_request_context(lambda: found.append(request.get_data()))
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        if not found:
            raise Unauthorized
        abort(418)

    assert ask(app, connect("/plain", "POST", LONG)).status == 418
