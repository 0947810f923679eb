"""A WebSocket's walk: handshake, hooks, view, errors, end; the same over ASGI and RSGI."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from kolben import (
    Blueprint,
    Flask,
    Request,
    Response,
    abort,
    current_app,
    g,
    request,
    session,
    url_for,
    websocket,
)
from kolben.entry.websocket import close_all, limits_of
from kolben.sessions import SecureCookieSession, SessionInterface
from tests.entry.waiting import wait_until
from tests.sockets import SOCKETS, Client, Refused, first, nothing, refusal

Talk = Callable[..., Any]


@pytest.fixture
def app(app: Flask) -> Flask:
    """The app of the fixture, as it is when it is served."""
    app.testing = False
    return app


# Hooks.


def note_hooks(owner: Any, name: str, calls: list[str]) -> None:
    """Have all hooks of an app or a blueprint note that they were called."""
    owner.before_websocket(lambda: calls.append(f"before {name}"))
    owner.after_websocket(lambda response: calls.append(f"after {name} {response}"))
    owner.teardown_websocket(lambda error: calls.append(f"teardown {name} {error}"))
    owner.before_request(lambda: calls.append("before_request"))
    owner.teardown_request(lambda error: calls.append("teardown_request"))


def test_hooks_run_outward_and_inward_along_nested_blueprints(app: Flask, talk: Talk) -> None:
    calls: list[str] = []
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__, url_prefix="/inner")
    for owner, name in ((app, "app"), (outer, "outer"), (inner, "inner")):
        note_hooks(owner, name, calls)
    app.teardown_appcontext(lambda error: calls.append(f"teardown_appcontext {error}"))
    app.url_value_preprocessor(lambda endpoint, values: values.update(b="preprocessed"))

    @inner.websocket("/<a>")
    async def view(a: str, b: str) -> None:
        calls.append(f"{a} {b} {websocket.blueprint}")
        await websocket.accept()

    outer.register_blueprint(inner)
    app.register_blueprint(outer, url_prefix="/outer")
    asyncio.run(app.serving.start())  # in a context of the app, which is torn down
    calls.clear()
    talk(app, "/outer/inner/value", nothing)
    assert [
        "before app",
        "before outer",
        "before inner",
        "value preprocessed outer.inner",
        "after inner None",
        "after outer None",
        "after app None",
        "teardown inner None",
        "teardown outer None",
        "teardown app None",
        "teardown_appcontext None",
    ] == calls


def test_a_blueprint_has_hooks_for_the_whole_app(app: Flask, talk: Talk) -> None:
    calls: list[str] = []
    part = Blueprint("part", __name__)
    part.before_app_websocket(lambda: calls.append("before"))
    part.after_app_websocket(lambda response: calls.append("after"))
    part.teardown_app_websocket(lambda error: calls.append("teardown"))
    app.register_blueprint(part)

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()

    talk(app, "/", nothing)
    assert ["before", "after", "teardown"] == calls


def test_hooks_may_be_async_and_are_taken_over_later(app: Flask, talk: Talk) -> None:
    calls: list[str] = []

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()

    talk(app, "/", nothing)

    async def before() -> None:
        calls.append(websocket.path)

    async def after(response: Response | None) -> Response | None:
        calls.append("after")
        return response

    app.before_websocket_funcs[None].append(before)
    app.after_websocket_funcs[None] = [after]
    talk(app, "/", nothing)
    assert ["/", "after"] == calls


def test_what_a_hook_before_returns_refuses_the_handshake(app: Flask, talk: Talk) -> None:
    app.before_websocket(lambda: ("not today", 401))

    @app.websocket("/")
    async def view() -> None:
        raise AssertionError

    assert 401 == refusal(talk, app).status


def test_a_hook_after_may_give_another_refusal(app: Flask, talk: Talk) -> None:
    @app.after_websocket
    def later(response: Response) -> None:
        assert 402 == response.status_code

    @app.after_websocket
    def sooner(response: Response) -> Response:
        assert 401 == response.status_code
        return Response(status=402)

    @app.websocket("/")
    async def view() -> tuple[str, int]:
        return "no", 401

    assert 402 == refusal(talk, app).status


def test_g_lives_as_long_as_the_websocket(app: Flask, talk: Talk) -> None:
    app.before_websocket(lambda: setattr(g, "seen", [1]))

    @app.websocket("/")
    async def view() -> None:
        g.seen.append(2)
        await websocket.send_json(g.seen)
        assert current_app.name == app.name

    assert "[1, 2]" == talk(app, "/", first)
    assert "[1, 2]" == talk(app, "/", first)


# Views.


def test_a_view_that_is_no_coroutine_function_is_told(
    app: Flask, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_websocket("/", "view", lambda: "text")  # type: ignore[arg-type, return-value]
    assert 500 == refusal(talk, app).status
    assert "Define it with async def" in caplog.text


def login_required(view: Any) -> Any:
    """Be a decorator as extensions have them, which know nothing of coroutines."""

    @functools.wraps(view)
    def decorated(**values: Any) -> Any:
        if "user" not in request.args:
            abort(401)
        return current_app.ensure_sync(view)(**values)

    return decorated


def test_plain_decorators_stand_around_a_view(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    @login_required
    async def view() -> None:
        await websocket.send("welcome")

    assert 401 == refusal(talk, app).status
    assert "welcome" == talk(app, "/", first, query="user=1")


def test_elsewhere_ensure_sync_is_what_it_was(app: Flask) -> None:
    async def answer() -> int:
        return 42

    with app.test_request_context():
        assert 42 == app.ensure_sync(answer)()


def test_a_request_class_of_the_apps_own_is_used(app: Flask, talk: Talk) -> None:
    class Own(Request):
        def __init__(self, environ: Any, *args: Any) -> None:
            super().__init__(environ, *args)
            self.extra = environ["REQUEST_METHOD"]

    app.request_class = Own

    @app.websocket("/")
    async def view() -> None:
        await websocket.send(request.extra)  # type: ignore[attr-defined]

    assert "GET" == talk(app, "/", first)


def test_a_websocket_has_a_url(app: Flask) -> None:
    @app.websocket("/<room>")
    async def view(room: str) -> None:
        raise AssertionError

    with app.test_request_context():
        assert "ws://localhost/a" == url_for("view", room="a")


class InAStore(SessionInterface):
    """Opens a session that has to be waited for."""

    def open_session(self, app: Any, request: Any) -> SecureCookieSession:
        return SecureCookieSession({"name": threading.current_thread().name})

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        pass


def test_a_session_of_a_store_is_opened_in_a_thread(app: Flask, talk: Talk) -> None:
    app.session_interface = InAStore()

    @app.websocket("/")
    async def view() -> None:
        await websocket.send(session["name"])

    assert threading.current_thread().name != talk(app, "/", first)


def test_a_view_may_end_with_its_connection(app: Flask, talk: Talk) -> None:
    ends: list[Any] = []
    app.teardown_websocket(ends.append)

    @app.websocket("/")
    async def view() -> None:
        while True:
            await websocket.receive()

    talk(app, "/", nothing)
    assert [None] == ends


# Requests that are none.


@pytest.mark.parametrize("is_upgrade", [True, False], ids=["upgrade", "plain"])
def test_a_request_is_told_what_the_address_is_for(app: Flask, is_upgrade: bool) -> None:
    @app.websocket("/")
    async def view() -> None:
        raise AssertionError

    headers = {"Connection": "Upgrade", "Upgrade": "websocket"} if is_upgrade else {}
    response = app.test_client().get("/", headers=headers)
    assert 400 == response.status_code
    assert ("kolben serve --interface asgi" in response.text) is is_upgrade
    assert ("speaks WebSocket" in response.text) is not is_upgrade


def test_one_address_may_have_both(app: Flask, talk: Talk) -> None:
    app.add_url_rule("/", "page", lambda: "page")

    @app.websocket("/")
    async def view() -> None:
        await websocket.send("socket")

    assert "page" == app.test_client().get("/").text
    assert "socket" == talk(app, "/", first)


def test_what_extensions_serve_over_wsgi_is_theirs(app: Flask) -> None:
    """As Flask-Sock does, which takes the connection out of the environ."""
    app.add_url_rule("/", "theirs", lambda: "hijacked", websocket=True)
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert "hijacked" == app.test_client().get("/", headers=headers).text
    assert 400 == app.test_client().get("/").status_code


# The end of the server.


@pytest.mark.parametrize("kind", SOCKETS.values(), ids=SOCKETS)
def test_close_all_closes_with_1001_and_waits_for_the_views(app: Flask, kind: type[Client]) -> None:
    calls: list[str] = []
    app.teardown_websocket(lambda error: calls.append(f"teardown {error}"))

    @app.websocket("/")
    async def view() -> None:
        async for message in websocket:
            await websocket.send(message)
        calls.append("ended")

    async def run() -> None:
        async with kind(app, "/") as one, kind(app, "/") as other:
            await one.send("hi")
            assert "hi" == await one.receive()
            await close_all(reason="Bye.")
            assert ["ended"] * 2 + ["teardown None"] * 2 == sorted(calls)
            assert (1001, "Bye.") == await one.closes() == await other.closes()
        await close_all()

    asyncio.run(run())


@pytest.mark.parametrize("kind", SOCKETS.values(), ids=SOCKETS)
def test_a_server_that_ends_takes_no_more(app: Flask, kind: type[Client]) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()

    async def run() -> None:
        await app.serving.stop()
        with pytest.raises(Refused) as caught:
            await kind(app, "/").__aenter__()
        assert 503 == caught.value.status

    asyncio.run(run())


@pytest.mark.parametrize("kind", SOCKETS.values(), ids=SOCKETS)
def test_close_all_cancels_what_does_not_end(app: Flask, kind: type[Client]) -> None:
    ends: list[Any] = []
    app.teardown_websocket(ends.append)

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await asyncio.Event().wait()

    async def run() -> None:
        async with kind(app, "/") as socket:
            await close_all(timeout_s=0.05)
            assert 1001 == (await socket.closes())[0]

    asyncio.run(run())
    assert [asyncio.CancelledError] == [type(error) for error in ends]


def test_a_view_may_close_all_others(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await close_all()
        await websocket.send("still here")

    assert "still here" == talk(app, "/", first)


@pytest.mark.parametrize("kind", SOCKETS.values(), ids=SOCKETS)
def test_a_server_that_cancels_the_view_ends_all(app: Flask, kind: type[Client]) -> None:
    ends: list[Any] = []
    app.teardown_websocket(ends.append)

    @app.websocket("/<when>")
    async def view(when: str) -> None:
        if when == "after":
            await websocket.accept()
        await asyncio.Event().wait()

    async def run() -> None:
        async with kind(app, "/after") as socket:
            assert socket.outcome is not None
            socket.outcome.cancel()
            assert 1001 == (await socket.closes())[0]
            await wait_until(socket.outcome.done)
            assert socket.outcome.cancelled()
            socket.outcome = asyncio.create_task(asyncio.sleep(0))
        before = kind(app, "/before")
        opening = asyncio.create_task(before.__aenter__())
        await wait_until(lambda: before.outcome)
        assert before.outcome is not None
        await asyncio.sleep(0.05)
        before.outcome.cancel()
        with pytest.raises((Refused, asyncio.CancelledError)):
            await opening

    asyncio.run(run())
    assert [asyncio.CancelledError] * 2 == [type(error) for error in ends]


def test_limits_are_configured(app: Flask) -> None:
    app.config.update(
        WEBSOCKET_MAX_MESSAGE_SIZE=1,
        WEBSOCKET_MAX_MESSAGE_RATE=2,
        WEBSOCKET_IDLE_TIMEOUT=3,
        WEBSOCKET_SEND_TIMEOUT=4,
        WEBSOCKET_QUEUE_SIZE=5,
    )
    limits = limits_of(app)
    assert (1, 2) == (limits.max_message_bytes, limits.max_messages_per_s)
    assert (3, 4, 5) == (limits.idle_timeout_s, limits.send_timeout_s, limits.queue_size)
