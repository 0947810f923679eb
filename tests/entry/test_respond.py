"""Whatever a view does, its request ends, and nobody else's is disturbed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kolben import (
    Flask,
    Response,
    current_app,
    g,
    has_request_context,
    request,
    session,
    stream_with_context,
)
from kolben.core.context import AppContext
from kolben.core.current import current, find_context
from kolben.entry import disconnects
from kolben.entry.respond import respond, respond_async
from kolben.sessions import SecureCookieSessionInterface
from tests.entry.concurrency import connection_to, text_of
from tests.kinds import Written
from tests.wires import ASGIConnection, MakeClient


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch for clients that go away at once."""
    monkeypatch.setattr(disconnects, "PATIENCE_S", 0.001)


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app that answers errors, as in production."""
    app.testing = False
    app.secret_key = "k"
    return app


# The functions themselves.


@pytest.mark.parametrize("by_steps", [False, True], ids=["run", "by steps"])
def test_a_context_is_entered_and_left(app: Flask, by_steps: bool) -> None:
    if by_steps:
        app.dispatch_request = app.dispatch_request  # type: ignore[method-assign]
    app.add_url_rule("/", "view", lambda: f"{request.path} {current_app.name}")
    body, status, _ = respond(app, app.test_request_context(), False)
    assert (b"".join(body), status) == (b"/ app", "200 OK")


@pytest.mark.parametrize("error", [ValueError("handled"), SystemExit("not handled")])
@pytest.mark.parametrize("way", ["plain", "async"])
def test_what_fails_is_answered_if_it_is_an_exception(
    app: Flask, error: BaseException, way: str
) -> None:
    told: list[Any] = []
    app.teardown_request(told.append)

    def view() -> str:
        raise error

    async def async_view() -> str:
        raise error

    app.add_url_rule("/", "view", view if way == "plain" else async_view)
    context = app.test_request_context()

    async def main() -> Any:
        context.match_request()
        try:
            return (await respond_async(app, context, False))[1]
        except SystemExit as raised:  # which would end the loop
            return raised

    def run() -> Any:
        return asyncio.run(main()) if way == "async" else respond(app, context, False)[1]

    if way == "plain" and isinstance(error, SystemExit):
        with pytest.raises(SystemExit):
            run()
    else:
        assert run() in ("500 INTERNAL SERVER ERROR", error)
    assert told == [error]


class Stored(SecureCookieSessionInterface):
    """Sessions of a store that is waited for."""

    def open_session(self, app: Any, request: Any) -> Any:
        assert threading.current_thread().name.startswith("kolben-view-")
        return self.session_class({"opened": True})


def test_a_session_that_may_have_to_be_waited_for_is_opened_in_a_thread(app: Flask) -> None:
    app.session_interface = Stored()

    @app.get("/")
    async def view() -> str:
        return str(session["opened"])

    assert asyncio.run(text_of(app)) == "True"


@pytest.mark.parametrize("fails", ["teardown", "teardown and view"])
def test_the_answer_to_a_request_whose_teardown_fails_is_closed(
    app: Flask, wire: MakeClient, written: Written, fails: str
) -> None:
    closed: list[str] = []

    @app.teardown_request
    def fail(error: BaseException | None) -> None:
        raise LookupError("in the teardown")

    def make() -> Response:
        response = Response(iter(["a"]))
        response.call_on_close(lambda: closed.append("closed"))
        return response

    @app.get("/")
    @written
    def view() -> Response:
        if "view" in fails:
            raise ValueError
        return make()

    app.register_error_handler(500, lambda error: make())
    with pytest.raises(LookupError, match="in the teardown"):
        wire(app).get("/")
    assert closed == ["closed"]


# Contexts that views push.


@pytest.mark.parametrize("where", ["before_request", "view", "after_request"])
def test_a_context_that_is_pushed_and_never_popped_is_popped(
    app: Flask,
    wire: MakeClient,
    written: Written,
    hooked: Written,
    where: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    torn_down: list[str] = []
    app.teardown_appcontext(lambda error: torn_down.append("app"))

    def leak() -> None:
        app.app_context().push()

    def leak_before() -> None:
        leak()

    def leak_after(response: Response) -> Response:
        leak()
        return response

    @app.get("/")
    @written
    def view() -> str:
        if where == "view":
            leak()
        return request.path

    if where == "before_request":
        app.before_request(hooked(leak_before))
    elif where == "after_request":
        app.after_request(hooked(leak_after))
    client = wire(app)
    for _ in range(3):
        assert client.get("/").text == "/"
    assert torn_down == ["app"] * 6
    assert caplog.text.count("never popped") == 3


def test_a_context_that_is_pushed_before_and_popped_after_is_left_alone(
    app: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    kept: list[AppContext] = []

    @app.before_request
    @hooked
    def push() -> None:
        kept.append(app.app_context())
        kept[-1].push()
        g.name = "inner"

    @app.after_request
    @hooked
    def pop(response: Response) -> Response:
        kept.pop().pop()
        return response

    app.add_url_rule("/", "view", written(lambda: f"{g.name} {request.path}"))
    assert wire(app).get("/").text == "inner /"


def test_contexts_nest_in_async_views(app: Flask, wire: MakeClient) -> None:
    other = Flask("other")

    @app.get("/")
    async def view() -> list[Any]:
        g.name = "own"
        with app.app_context():
            await asyncio.sleep(0)
            inner = g.get("name")
        with other.app_context():
            await asyncio.sleep(0)
            names = current_app.name, has_request_context()
        return [inner, *names, g.name, current_app.name]

    assert wire(app).get("/").json == [None, "other", True, "own", "app"]


def test_a_view_that_pops_its_own_context_leaves_none(app: Flask, wire: MakeClient) -> None:
    app.testing = True

    @app.get("/")
    async def view() -> str:
        context = find_context()
        assert context is not None
        context.pop()
        return ""

    with pytest.raises(AssertionError, match="is not pushed"):
        wire(app).get("/")


# Clients that go, and servers that cancel.


def slow(app: Flask, said: list[str], where: str) -> asyncio.Event:
    """Make one part of a request slow; the event is set when it has begun."""
    has_begun = asyncio.Event()

    async def part(name: str) -> None:
        if name == where:
            has_begun.set()
            await asyncio.sleep(30 if name in PARTS else 0.02)  # the rest must end
        said.append(name)

    @app.before_request
    async def before() -> None:
        await part("before")

    @app.after_request
    async def after(response: Response) -> Response:
        await part("after")
        return response

    @app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        await part("teardown")
        said.append(type(error).__name__)

    @app.teardown_appcontext
    async def of_the_app(error: BaseException | None) -> None:
        await part("app")

    @app.get("/")
    async def view() -> str:
        await part("view")
        return "answer"

    return has_begun


PARTS = ["before", "view", "after"]
CUT = "CancelledError"


@pytest.mark.parametrize("who", ["client", "server", "server twice", "both"])
@pytest.mark.parametrize("where", [*PARTS, "teardown", "app"])
def test_a_request_is_torn_down_whenever_its_client_goes_or_its_server_cancels(
    app: Flask, where: str, who: str
) -> None:
    said: list[str] = []

    async def main() -> tuple[bool, Any]:
        has_begun = slow(app, said, where)
        asked = connection_to(app)
        task = asyncio.create_task(asked.run(app))
        await has_begun.wait()
        if who in ("client", "both"):
            asked.gone.set()
            await asyncio.sleep(0.005)
        if who != "client":
            task.cancel()
        if who == "server twice":
            await asyncio.sleep(0.001)
            task.cancel()
        await asyncio.wait([task])
        return task.cancelled(), asked.sent

    cancelled, sent = asyncio.run(main())
    done = PARTS[: PARTS.index(where)] if where in PARTS else PARTS
    assert said == [*done, "teardown", CUT if where in PARTS else "NoneType", "app"]
    assert sent == []
    if who == "client":
        assert not cancelled
    elif who != "both" or where not in PARTS:  # else it had ended before
        assert cancelled


def test_a_stream_that_nobody_gets_is_torn_down(app: Flask) -> None:
    """The view has answered with a stream that holds its context; its teardown is cancelled."""
    said: list[str] = []
    has_begun = asyncio.Event()

    @app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        said.append("teardown")

    @app.after_request
    async def after(response: Response) -> Response:
        response.call_on_close(lambda: said.append("closed"))
        return response

    @app.get("/")
    async def view() -> Response:
        def pieces() -> Iterator[str]:
            try:
                yield request.path
            finally:
                said.append("generator")

        return Response(stream_with_context(pieces()))

    class Slow(ASGIConnection):
        async def send(self, event: Any) -> None:
            has_begun.set()
            await asyncio.sleep(30)

    async def main() -> bool:
        asked = Slow(connection_to(app).message)
        task = asyncio.create_task(asked.run(app))
        await has_begun.wait()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main()) is True
    assert sorted(said) == ["closed", "generator", "teardown"]


def test_nothing_of_a_request_stays_in_its_servers_task(app: Flask) -> None:
    """Neither of one that is answered, nor of one that fails, nor of one that is cut."""

    @app.get("/<how>")
    async def view(how: str) -> str:
        if how == "fails":
            raise ValueError
        await asyncio.sleep(30 if how == "waits" else 0)
        return how

    @app.get("/plain/<how>")
    def plain(how: str) -> str:
        if how == "fails":
            raise ValueError
        return how

    async def main() -> None:
        for path in ("/x", "/fails", "/plain/x", "/plain/fails", "/missing/x/y"):
            await text_of(app, path)
            assert current.get() is None
        asked = connection_to(app, "/waits")
        asyncio.get_running_loop().call_later(0.01, asked.gone.set)
        await asked.run(app)
        assert current.get() is None

    asyncio.run(main())
