"""Flask-Sock and simple-websocket on real servers: what a client sees there, it sees on Flask."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.extensions.socket_servers import (
    OURS,
    PATIENCE_S,
    TALKS,
    Running,
    agrees_on_a_protocol,
    all_of,
    echoes,
    kolben,
    refusal,
    running,
)
from tests.running import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX"),
]
APP = "flask_sock_app"


@pytest.fixture(scope="module")
def on_flask(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the real Flask answers, on gunicorn with threads."""
    with running("flask on gunicorn", tmp_path_factory.mktemp("flask"), APP) as server:
        return {name: talk(server) for name, talk in TALKS.items()}


@pytest.fixture(scope="module", params=[*OURS, "uvicorn", "hypercorn", "kolben on gunicorn"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Each server in turn, for the tests that leave it as it was."""
    with running(request.param, tmp_path_factory.mktemp("sockets"), APP) as server:
        yield server


@pytest.fixture(params=OURS)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start servers of ours for one test."""
    with ExitStack() as stack:
        yield lambda *options, **variables: stack.enter_context(
            running(request.param, tmp_path, APP, *options, **variables)
        )


@pytest.mark.parametrize("name", TALKS)
def test_a_client_sees_what_it_sees_on_flask(
    server: Running, on_flask: dict[str, Any], name: str
) -> None:
    if name == agrees_on_a_protocol.__name__ and server.kind == "rsgi":
        pytest.skip("RSGI has no subprotocols: the test below")
    assert on_flask[name] == TALKS[name](server)


def test_no_thread_is_left(server: Running) -> None:
    assert "tea" == echo_once(server)
    wait_for(lambda: server.get("/threads") == [])


def test_gunicorn_is_told_that_its_connection_is_taken(tmp_path: Path) -> None:
    with running("kolben on gunicorn", tmp_path, APP) as server:
        assert "tea" == echo_once(server)
        with server.open("/two/1/x?x=y") as socket:
            assert 2 == len(all_of(socket))
        time.sleep(0.2)
        assert "Error" not in server.log
        assert "StopIteration" not in server.log


def test_the_development_server_serves_them_too(tmp_path: Path, on_flask: dict[str, Any]) -> None:
    with running("kolben run", tmp_path, APP) as server:
        assert on_flask["echoes"] == echoes(server)


def echo_once(server: Running) -> Any:
    """Send a message and return what comes back."""
    with server.open("/echo") as socket:
        socket.send("tea")
        return socket.recv(timeout=PATIENCE_S)


def test_over_rsgi_a_subprotocol_is_an_error_that_says_who_sends_it(tmp_path: Path) -> None:
    with running("rsgi", tmp_path, APP) as server:
        assert 500 == refusal(server, "/direct/choose", subprotocols=["one"])
        assert "can't send subprotocol" in server.log
        assert "`kolben serve --interface asgi`" in server.log
        assert 101 == refusal(server, "/direct/choose", subprotocols=["three"])
        wait_for(lambda: server.get("/threads") == [])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("asgi", [4001, None, False]),
        ("uvicorn", [4001, "bye", False]),
        ("rsgi", [1005, None, False]),
    ],
)
def test_the_view_is_told_why_its_client_went(
    tmp_path: Path, kind: str, expected: list[Any]
) -> None:
    with running(kind, tmp_path, APP) as server:
        with server.open("/left") as socket:
            socket.close(4001, "bye")
        wait_for(lambda: server.get("/ends"))
        code, reason, is_connected = server.get("/ends")[0]
        assert expected == [code, reason or None, is_connected]


@pytest.mark.parametrize(("path", "expected"), [("/fail", 1011), ("/abort", 1008)])
def test_a_view_that_fails_closes_with_what_it_says(
    start: Callable[..., Running], path: str, expected: int
) -> None:
    server = start()
    with server.open(path) as socket:
        *before, end = all_of(socket)
    assert (expected, ["before"] if path == "/fail" else []) == (end[0], before)
    assert (path == "/fail") == ("a view of the tests fails" in server.log)
    wait_for(lambda: server.get("/threads") == [])


def test_a_page_of_another_site_opens_none(start: Callable[..., Running]) -> None:
    server = start()
    own = f"http://127.0.0.1:{server.port}"
    assert 101 == refusal(server, "/echo", origin=own)
    assert 403 == refusal(server, "/echo", origin="https://evil.example")
    assert "see WEBSOCKET_ORIGINS" in server.log


def test_behind_a_proxy_the_host_that_it_names_is_the_own(start: Callable[..., Running]) -> None:
    server = start(PROXY_FIX="1")
    proxied = {"X-Forwarded-Host": "shop.example"}
    own = {"origin": "http://shop.example", "additional_headers": proxied}
    assert 101 == refusal(server, "/echo", **own)
    assert 403 == refusal(server, "/echo", origin="http://shop.example")
    assert 404 == refusal(server, "/nowhere", **own)


def test_a_handshake_of_another_version_is_refused(start: Callable[..., Running]) -> None:
    server = start()
    answer = server.ask(
        b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    # Granian hands some of these in as plain requests.
    assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 426"}


def test_a_message_above_our_limit_is_told_in_the_log(start: Callable[..., Running]) -> None:
    server = start()
    with server.open("/left") as socket:
        socket.send("x" * (1024 * 1024 + 1))
        assert (1009, "A message may have 1048576 bytes.") == all_of(socket)[-1]
    wait_for(lambda: server.get("/ends"))
    assert [[1009, "A message may have 1048576 bytes.", False]] == server.get("/ends")
    assert "WEBSOCKET_MAX_MESSAGE_SIZE sets the limit" in server.log


def test_many_at_once_leave_the_threads_to_plain_views(start: Callable[..., Running]) -> None:
    server = start("--threads", "2")
    with ExitStack() as stack:
        sockets = [stack.enter_context(server.open("/echo")) for _ in range(50)]
        for number, socket in enumerate(sockets):
            socket.send(str(number))
        began = time.monotonic()
        assert ["plain"] * 20 == [server.get("/plain") for _ in range(20)]
        assert time.monotonic() - began < 5
        assert [str(number) for number in range(50)] == [
            socket.recv(timeout=PATIENCE_S) for socket in sockets
        ]
        assert 50 == server.get("/threads").count("kolben-socket")
    wait_for(lambda: server.get("/threads") == [])


def test_more_than_may_be_are_refused(start: Callable[..., Running]) -> None:
    server = start(MOST_THREADS="2")
    with server.open("/echo"), server.open("/echo"):
        assert 503 == refusal(server, "/echo")
        assert "WEBSOCKET_MAX_THREADS" in server.log
        assert "plain" == server.get("/plain")
    wait_for(lambda: server.get("/threads") == [])
    assert "tea" == echo_once(server)


def test_the_access_log_has_their_rule_and_why_they_ended(start: Callable[..., Running]) -> None:
    server = start("--access-log")
    with server.open("/two/4/Mark?x=y") as socket:
        all_of(socket)
    wait_for(lambda: "101/1000" in server.log)
    assert "/two/<int:number>/<name>" in server.log


def test_they_are_closed_when_the_server_stops(start: Callable[..., Running]) -> None:
    server = start()
    found: list[Any] = []
    with ExitStack() as stack:
        sockets = [stack.enter_context(server.open("/echo")) for _ in range(5)]
        waiting = [
            threading.Thread(target=lambda one=one: found.append(all_of(one))) for one in sockets
        ]
        for thread in waiting:
            thread.start()
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert 0 == server.process.wait(15)
        assert time.monotonic() - began < 8
        for thread in waiting:
            thread.join(PATIENCE_S)
    assert [[(1001, "")]] * 5 == found


def test_a_view_that_does_not_notice_holds_up_no_stop(start: Callable[..., Running]) -> None:
    server = start("--stop-timeout", "2")
    with server.open("/deaf") as socket:
        server.process.send_signal(signal.SIGTERM)
        assert 0 == server.process.wait(10)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=PATIENCE_S)


def test_over_wsgi_it_is_said_what_serves_them(tmp_path: Path) -> None:
    with running("wsgi", tmp_path, APP) as server:
        assert 400 == refusal(server, "/echo")
        wait_for(lambda: "at once" in server.log)
        assert "WebSockets are not served over WSGI" in server.log
        assert "Serve with --interface rsgi or asgi." in server.log
        assert 1 == server.log.count("WebSockets are not served here")
        assert 400 == refusal(server, "/echo")
        assert 1 == server.log.count("WebSockets are not served here")


@pytest.mark.parametrize(
    ("interface", "expected"),
    [("wsgi", "not served over WSGI"), ("rsgi", "rules of the app can be served")],
)
def test_the_doctor_looks_at_them(tmp_path: Path, interface: str, expected: str) -> None:
    assert expected in kolben(tmp_path, APP, "doctor", "--interface", interface)
