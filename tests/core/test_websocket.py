"""What a view has of its WebSocket: the handshake, messages both ways, the session, the end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from kolben import Blueprint, Flask, WebSocketClosed, request, session, websocket
from kolben.core.websocket import cut_reason
from kolben.sessions import SecureCookieSession, SessionInterface
from tests.sockets import ASGIClient, Client, Refused, RSGIClient, converse, end, first, nothing

Talk = Callable[..., Any]


def test_it_has_what_came_with_the_handshake(app: Flask, talk: Talk) -> None:
    part = Blueprint("part", __name__, url_prefix="/part")

    @part.websocket("/<int:number>")
    async def view(number: int) -> None:
        assert number == 7
        await websocket.send_json(
            {
                "agent": websocket.headers["User-Agent"],
                "args": websocket.args["a"],
                "blueprint": websocket.blueprint,
                "cookie": websocket.cookies["name"],
                "endpoint": websocket.endpoint,
                "host": websocket.host,
                "origin": websocket.origin,
                "path": websocket.path,
                "peer": websocket.remote_addr,
                "query": websocket.query_string.decode(),
                "request": request.path,
                "scheme": websocket.scheme,
                "subprotocols": websocket.requested_subprotocols,
                "url": websocket.url,
                "values": websocket.view_args,
            }
        )

    app.register_blueprint(part)
    headers = {
        "User-Agent": "tests",
        "Cookie": "name=value",
        "Origin": "http://localhost",
        "Sec-WebSocket-Protocol": "v2, v1",
    }
    text = talk(app, "/part/7", first, query="a=b", headers=headers)
    assert {
        "agent": "tests",
        "args": "b",
        "blueprint": "part",
        "cookie": "value",
        "endpoint": "part.view",
        "host": "localhost",
        "origin": "http://localhost",
        "path": "/part/7",
        "peer": "127.0.0.1",
        "query": "a=b",
        "request": "/part/7",
        "scheme": "ws",
        "subprotocols": ["v2", "v1"],
        "url": "ws://localhost/part/7?a=b",
        "values": {"number": 7},
    } == app.json.loads(text)


@pytest.mark.parametrize(
    ("kind", "options"),
    [(ASGIClient, {"scheme": "wss"}), (RSGIClient, {"scheme": "https"})],
    ids=["asgi", "rsgi"],
)
def test_over_tls_it_is_wss(app: Flask, kind: type[Client], options: Any) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.send(app.url_for("view"))
        await websocket.send(websocket.url)

    async def client(socket: Client) -> None:
        assert "wss://localhost/" == await socket.receive()
        assert "wss://localhost/" == await socket.receive()

    converse(kind, app, "/", client, **options)


def test_it_says_what_state_it_is_in(app: Flask, talk: Talk) -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.append((websocket.is_accepted, websocket.is_closed, websocket.close_code))
        seen.append(repr(websocket))

    @app.websocket("/")
    async def view() -> None:
        look()
        await websocket.accept()
        look()
        await websocket.close(4001)
        look()

    talk(app, "/", end)
    assert [
        (False, False, None),
        "<WebSocket '/' connecting>",
        (True, False, None),
        "<WebSocket '/' open>",
        (True, True, 4001),
        "<WebSocket '/' closed 4001>",
    ] == seen


# The handshake.


@pytest.mark.parametrize("call", ["receive", "send"])
def test_receiving_and_sending_accept_by_themselves(app: Flask, talk: Talk, call: str) -> None:
    @app.websocket("/")
    async def view() -> None:
        await (websocket.send("first") if call == "send" else websocket.receive())
        assert websocket.is_accepted
        await websocket.accept()

    async def client(socket: Client) -> None:
        await socket.send("a message")

    talk(app, "/", client)


def test_a_subprotocol_is_one_of_those_that_the_client_asks_for(app: Flask) -> None:
    @app.websocket("/<name>")
    async def view(name: str) -> None:
        with pytest.raises(ValueError, match=r"choose one of \['v2', 'v1'\] or none"):
            await websocket.accept("v3")
        await websocket.accept(name)
        assert websocket.subprotocol == name

    async def client(socket: Client) -> str | None:
        return socket.subprotocol

    headers = {"Sec-WebSocket-Protocol": "v2, v1"}
    assert "v1" == converse(ASGIClient, app, "/v1", client, headers=headers)


def test_headers_go_with_the_handshake(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(ValueError, match="X-A"):
            await websocket.accept(headers={"X-A": "b\0"})
        await websocket.accept(headers={"X-A": "b"})

    async def client(socket: Client) -> list[str]:
        return socket.response_headers.getlist("X-A")

    assert ["b"] == converse(ASGIClient, app, "/", client)


def test_what_the_server_can_not_send_is_an_error_with_the_cure(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(RuntimeError, match="kolben serve --interface asgi"):
            await websocket.accept("v1")
        with pytest.raises(RuntimeError, match="uvicorn"):
            await websocket.accept(headers={"X-A": "b"})

    with pytest.raises(Refused):
        converse(RSGIClient, app, "/", nothing, headers={"Sec-WebSocket-Protocol": "v1"})


# Messages.


def test_text_is_str_and_binary_is_bytes(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        async for message in websocket:
            await websocket.send(message)

    async def client(socket: Client) -> None:
        for message in ("text", b"bytes", "", b"", "\U0001f600"):
            await socket.send(message)
            assert message == await socket.receive()

    talk(app, "/", client)


def test_json_goes_both_ways(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        number = await websocket.receive_json(parse_float=str)
        await websocket.send_json(number)
        await websocket.send_json(1, 2)
        await websocket.send_json(a=1)

    async def client(socket: Client) -> list[Any]:
        await socket.send("1.5")
        return [app.json.loads(await socket.receive()) for _ in range(3)]

    assert ["1.5", [1, 2], {"a": 1}] == talk(app, "/", client)


@pytest.mark.parametrize("text", ["{", b"\xff", "[" * 100_000], ids=["cut", "no UTF-8", "deep"])
def test_what_is_no_json_closes_with_1007(app: Flask, talk: Talk, text: str | bytes) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.receive_json()

    async def client(socket: Client) -> int:
        await socket.send(text)
        return (await socket.closes())[0]

    assert 1007 == talk(app, "/", client)


def test_other_messages_are_refused_with_the_cure(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(TypeError, match=r"this is dict.*send_json"):
            await websocket.send({})  # type: ignore[arg-type]

    with pytest.raises(Refused):
        talk(app, "/", nothing)


# The end.


def test_receiving_raises_why_it_ended(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(WebSocketClosed) as caught:
            await websocket.receive()
        assert (4001, "enough") == (caught.value.code, caught.value.reason)
        assert "The WebSocket is closed: 4001 enough" == str(caught.value)
        with pytest.raises(WebSocketClosed):
            await websocket.send("too late")

    async def client(socket: Client) -> None:
        socket.leave(4001, "enough")

    converse(ASGIClient, app, "/", client)


def test_an_iteration_ends_with_the_connection(app: Flask, talk: Talk) -> None:
    seen: list[Any] = []

    @app.websocket("/")
    async def view() -> None:
        seen.extend([message async for message in websocket])
        seen.append(websocket.is_closed)

    async def client(socket: Client) -> None:
        await socket.send("a")
        await socket.send("b")
        socket.leave()

    talk(app, "/", client)
    assert ["a", "b", True] == seen


@pytest.mark.parametrize("code", [1005, 1006, 1015, 2000, 5000])
def test_close_codes_that_no_frame_may_have_are_refused(app: Flask, talk: Talk, code: int) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        with pytest.raises(ValueError, match=str(code)):
            await websocket.close(code)

    assert (1000, "") == talk(app, "/", end)


def test_a_reason_is_cut_to_what_a_frame_holds(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await websocket.close(4000, "ä" * 100)

    assert (4000, "ä" * 61) == talk(app, "/", end)
    assert 122 == len(cut_reason("ä" * 100).encode())


def test_closed_before_it_is_accepted_it_is_a_403(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.close(4000)
        with pytest.raises(WebSocketClosed):
            await websocket.accept()

    with pytest.raises(Refused) as caught:
        talk(app, "/", nothing)
    assert 403 == caught.value.status


# The session.


@pytest.fixture
def app(app: Flask) -> Flask:
    app.secret_key = "a key of the tests"
    return app


def cookie_of(app: Flask, **values: Any) -> str:
    """Return a Cookie header with a session."""
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return f"session={serializer.dumps(values)}"


async def cookies(socket: Client) -> list[str]:
    return socket.response_headers.getlist("Set-Cookie")


def test_the_session_is_there(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.send(session["name"])

    assert "Mark" == talk(app, "/", first, headers={"Cookie": cookie_of(app, name="Mark")})


def test_a_change_before_accepting_is_sent_with_the_handshake(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> None:
        session["name"] = "Mark"
        await websocket.accept()

    (cookie,) = converse(ASGIClient, app, "/", cookies)
    assert cookie.startswith("session=")


def test_an_untouched_session_sends_nothing(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> None:
        assert "name" in session
        await websocket.accept()

    headers = {"Cookie": cookie_of(app, name="Mark")}
    assert [] == converse(ASGIClient, app, "/", cookies, headers=headers)


def test_a_change_that_can_not_be_sent_is_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    @app.websocket("/<change>")
    async def view(change: str) -> None:
        if change == "yes":
            session["name"] = "Mark"
        await websocket.accept()

    with caplog.at_level(logging.WARNING):
        converse(RSGIClient, app, "/no", nothing)
        permanent = cookie_of(app, name="Mark", _permanent=True)
        converse(RSGIClient, app, "/no", nothing, headers={"Cookie": permanent})
        assert [] == caplog.messages
        converse(RSGIClient, app, "/yes", nothing)
    (line,) = caplog.messages
    assert "sends no cookie with the handshake" in line


def test_a_change_after_accepting_is_in_the_log(
    app: Flask, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    @app.websocket("/<when>")
    async def view(when: str) -> None:
        await websocket.accept()
        session["name"] = "Mark"

    with caplog.at_level(logging.WARNING):
        talk(app, "/late", nothing)
    (line,) = caplog.messages
    assert "changed after accept()" in line


class InAStore(SessionInterface):
    """Keeps one session; its cookie is always the same."""

    def __init__(self) -> None:
        self.store: dict[str, Any] = {}

    def open_session(self, app: Any, request: Any) -> SecureCookieSession:
        return SecureCookieSession(self.store)

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        self.store = dict(session)
        response.set_cookie("id", "1")


def test_a_store_has_the_changes_of_before_and_after(app: Flask, talk: Talk) -> None:
    kept = InAStore()
    app.session_interface = kept

    @app.websocket("/")
    async def view() -> None:
        session["before"] = 1
        await websocket.accept()
        assert {"before": 1} == kept.store
        session["after"] = 2

    talk(app, "/", nothing)
    assert {"before": 1, "after": 2} == kept.store
