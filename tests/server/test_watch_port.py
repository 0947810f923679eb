"""A port of its own answers the pages and nothing else, whoever connects."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest

from kolben.server import watch_port
from kolben.server.watch_pages import Page, WatchPages, tell_health
from kolben.server.watch_port import PagesServer, serve_pages
from tests.running import find_free_port


def ask(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PagesServer]:
    monkeypatch.setattr(watch_port, "CLIENT_TIMEOUT_S", 0.2)
    pages = WatchPages({"/healthz": tell_health, "/late": lambda: Page(503, "text/plain", b"no")})
    running = serve_pages(pages, "127.0.0.1", find_free_port())
    yield running
    running.shutdown()
    running.server_close()


def test_it_answers_the_pages(server: PagesServer) -> None:
    port = server.server_port
    assert ask(port, "/healthz?verbose=1") == (200, b'{"status": "ok"}\n')
    assert ask(port, "/late") == (503, b"no")
    assert ask(port, "/healthz", "HEAD") == (200, b"")
    assert ask(port, "/") == (404, b'{"status": "not found"}\n')
    assert ask(port, "/healthz", "POST")[0] == 501


def test_another_worker_listens_on_it_as_well(server: PagesServer) -> None:
    pages = WatchPages({"/healthz": lambda: Page(200, "text/plain", b"other")})
    other = serve_pages(pages, "127.0.0.1", server.server_port)
    try:
        answers = {ask(server.server_port, "/healthz")[1] for _ in range(100)}
    finally:
        other.shutdown()
        other.server_close()
    assert answers == {b'{"status": "ok"}\n', b"other"}


def test_a_client_that_sends_nothing_is_let_go(
    server: PagesServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as silent:
        assert ask(server.server_port, "/healthz")[0] == 200  # meanwhile
        assert silent.recv(1) == b""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as rude:
        rude.sendall(b"\x16\x03\x01 not HTTP\r\n\r\n")
        assert b" 400 " in rude.recv(1000)
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_its_address_may_be_of_ipv6() -> None:
    try:
        server = serve_pages(WatchPages({"/healthz": tell_health}), "::1", 0)
    except OSError:
        pytest.skip("no IPv6 address here")
    connection = http.client.HTTPConnection("::1", server.server_port, timeout=20)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    server.shutdown()
    server.server_close()
