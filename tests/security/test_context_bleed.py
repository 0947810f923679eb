"""A request sees nothing of another one, whatever became of that."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from kolben import Flask, Response, g, request
from kolben.core.current import find_context
from tests.security.ways import RAW, Answer, EnvironWay, Server, Way, call, make_environ

NOTHING = {"g": [], "session": {}, "contexts": 1, "flashes": None}


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def ask_with_token(way: Way, number: int) -> tuple[int, str, int, str]:
    """Send a token in every part of a request; every seventh fails after it has kept it."""
    token = f"token{number}"
    fails = number % 7 == 3
    query = f"?token={token}" + ("&fails=1" if fails else "")
    headers = [("X-Token", token), ("Content-Type", "text/plain")]
    answer = way.ask(f"/token/{token}{query}", "POST", headers, token.encode())
    return (500, "", answer.status, "") if fails else (200, token, answer.status, answer.text)


def assert_own(results: list[tuple[int, str, int, str]]) -> None:
    wrong = [found for found in results if found[:2] != found[2:]]
    assert wrong == []


@pytest.mark.usefixtures("impatient")
def test_threads_keep_their_requests_apart(environ_way: EnvironWay) -> None:
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda n: ask_with_token(environ_way, n), range(4_000)))
    assert_own(results)
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(find_context).result() is None


@pytest.mark.slow
def test_a_server_keeps_its_requests_apart(server: Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert_own(list(threads.map(lambda n: ask_with_token(server, n), range(600))))


@pytest.mark.usefixtures("impatient")
def test_coroutines_keep_their_requests_apart(environ_way: EnvironWay) -> None:
    def ask(number: int) -> tuple[str, str]:
        return f"token{number}", environ_way.ask(f"/async-token/token{number}").text

    with ThreadPoolExecutor(16) as threads:
        wrong = [(own, seen) for own, seen in threads.map(ask, range(1_000)) if own != seen]
    assert wrong == []


FAILURES: dict[str, Callable[[Way], Answer]] = {
    "a view that raises": lambda way: way.ask("/fail?token=secret"),
    "a 400": lambda way: way.ask("/fail-with/400?token=secret"),
    "a 404": lambda way: way.ask("/fail-with/404?token=secret"),
    "a 503": lambda way: way.ask("/fail-with/503?token=secret"),
    "no rule": lambda way: way.ask("/missing"),
    "no method": lambda way: way.ask("/pid", "DELETE"),
    "a redirect": lambda way: way.ask("/slash"),
    "a bad status": lambda way: way.post_json("/status", 99),
    "a bad header": lambda way: way.post_json("/raw-header", [["X A", "b"]]),
    "a bad cookie": lambda way: way.post_json("/set-cookie", {"key": ""}),
    "broken JSON": lambda way: way.post("/json", b"{", "application/json"),
    "deep JSON": lambda way: way.post("/json", b"[" * 100_000, "application/json"),
    "a broken form": lambda way: way.post("/form", b"x", "multipart/form-data; boundary=b"),
    "too long a body": lambda way: way.post("/limited/1", b"12", "text/plain"),
    "too many fields": lambda way: way.ask("/guarded?" + "&" * 20_000),
    "a context left behind": lambda way: way.ask("/leak"),
    "a session": lambda way: way.ask("/session/alice", "POST"),
    "a bad session": lambda way: way.ask("/session/x", headers=[("Cookie", "session=a.b.c")]),
    "an async view": lambda way: way.ask("/async-token/secret"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_request_leaves_nothing_to_the_next(way: Way, failure: Callable[[Way], Answer]) -> None:
    for _ in range(5):
        failure(way)
        answer = way.ask("/left-over")
        assert (answer.status, answer.json) == (200, NOTHING)
        assert b"secret" not in answer.body
        assert answer.all("Set-Cookie") == []


@pytest.mark.parametrize("way", RAW, indirect=True)
def test_a_bad_host_leaves_nothing_to_the_next(way: Way) -> None:
    way.ask("/", headers=[("Host", "a/b")])
    assert way.ask("/left-over").json == NOTHING


def test_a_leaked_context_is_told_of(environ_way: EnvironWay) -> None:
    assert "was pushed during" in environ_way.ask("/leak").log


@pytest.mark.parametrize("kind", ["exit", "generator", "system"])
def test_what_stops_the_program_leaves_no_context(environ_way: EnvironWay, kind: str) -> None:
    try:
        environ_way.ask(f"/stop/{kind}")
    except (SystemExit, GeneratorExit):
        assert kind != "system"
    assert find_context() is None
    assert environ_way.ask("/left-over").json == NOTHING


def test_a_stream_that_fails_leaves_no_context(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="a stream that fails"):
        call(app, make_environ("/broken-stream", headers=[("Host", "h")]))
    assert find_context() is None
    assert EnvironWay(app).ask("/left-over").json == NOTHING


@pytest.mark.parametrize("parts", [0, 1, 2])
def test_a_stream_that_is_given_up_leaves_no_context(app: Flask, parts: int) -> None:
    stream = app(make_environ("/long-stream", headers=[("Host", "h")]), lambda *given: None)
    taken = iter(stream)
    for _ in range(parts):
        next(taken)
        assert find_context() is None
    stream.close()  # type: ignore[attr-defined]  # PEP 3333: a server closes it
    assert find_context() is None


@pytest.mark.slow
def test_a_client_that_goes_away_leaves_nothing(server: Server) -> None:
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(b"GET /long-stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(100)
    assert server.ask("/left-over").json == NOTHING


# What hooks do.


def failing_app(where: str) -> tuple[Flask, list[str]]:
    """Make an app in which a function of one kind raises, and which notes its teardowns."""
    app = Flask("failing", static_folder=None)
    told: list[str] = []

    @app.teardown_appcontext
    def last(error: BaseException | None) -> None:
        told.append(g.get("owner", "nobody"))

    @app.before_request
    def keep() -> None:
        g.owner = request.args["owner"]

    def fail(*args: object) -> None:
        raise RuntimeError(where)

    @app.route("/", endpoint="index")
    def index() -> str:
        if where == "view":
            fail()
        return str(g.owner)

    if where == "handler":
        app.view_functions["index"] = fail
        app.errorhandler(RuntimeError)(fail)
    elif where == "handler of 500":
        app.view_functions["index"] = fail
        app.errorhandler(500)(fail)
    elif where == "session":
        app.session_interface = type(
            "Fails", (type(app.session_interface),), {"open_session": fail}
        )()
    elif where != "view":
        getattr(app, where)(fail)
    return app, told


@pytest.mark.parametrize(
    "where",
    ["view", "before_request", "after_request", "teardown_request", "teardown_appcontext",
     "url_value_preprocessor", "handler", "handler of 500", "session"],
)  # fmt: skip
def test_whatever_raises_the_context_is_gone(where: str) -> None:
    app, told = failing_app(where)
    for number in range(3):
        with suppress(RuntimeError):
            call(app, make_environ(f"/?owner={number}", headers=[("Host", "h")]))
        assert find_context() is None
    owners = [owner for owner in told if owner != "nobody"]
    assert owners == sorted(set(owners)), "a teardown saw another request's g"


def test_an_app_called_inside_of_another_leaves_it_as_it_was() -> None:
    inner, outer = Flask("inner", static_folder=None), Flask("outer", static_folder=None)
    seen: list[object] = []

    @inner.route("/")
    def inside() -> str:
        seen.append(list(g))
        g.secret = "inner"
        raise RuntimeError("it fails")

    @outer.route("/")
    def outside() -> Response:
        g.own = "outer"
        answer = call_nested()
        seen.append((list(g), request.path, answer))
        return Response("x")

    def call_nested() -> int:
        started: list[str] = []
        inner(
            make_environ("/", headers=[("Host", "h")]), lambda status, *rest: started.append(status)
        )
        return int(started[0][:3])

    assert EnvironWay(outer).ask("/").status == 200
    assert seen == [[], (["own"], "/", 500)]


def test_a_thread_that_a_view_starts_has_no_request() -> None:
    app = Flask("threads", static_folder=None)
    found: list[object] = []

    @app.route("/")
    def index() -> str:
        thread = threading.Thread(target=lambda: found.append(find_context()))
        thread.start()
        thread.join()
        return "x"

    EnvironWay(app).ask("/")
    assert found == [None]
