"""What a proxy says is believed if it is trusted, and as far as it wrote it itself."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from kolben.server.proxies import Said, adaptation_of, host_with, parse_address, parse_trust
from tests.running import Server, wait_for

APP = """\
from flask import Flask, request, url_for

app = Flask(__name__)

@app.get("/seen")
def seen():
    return [request.remote_addr, request.scheme, request.host, request.root_path, request.path,
            url_for("seen", _external=True)]
"""


def say(trusted: str, peer: str, headers: str = "for,proto", **values: str | list[str]) -> Said:
    """Return what is believed of a peer that sends X-Forwarded headers."""
    trust = parse_trust(trusted.split(), headers.split(","))
    assert trust is not None
    sent = {f"x-forwarded-{name.rstrip('_')}": value for name, value in values.items()}

    def read(name: str) -> list[str]:
        value = sent.get(name, [])
        return [value] if isinstance(value, str) else value

    return trust.listen(peer, read)


@pytest.mark.parametrize(
    ("trusted", "peer", "value", "expected"),
    [
        ("10.0.0.1", "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "10.0.0.2", "1.2.3.4", None),
        ("10.0.0.0/8", "10.9.9.9", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/8", "10.9.9.9", "6.6.6.6, 1.2.3.4, 10.1.1.1", "1.2.3.4"),
        ("10.0.0.0/8", "10.9.9.9", "10.2.2.2, 10.1.1.1", "10.2.2.2"),
        ("10.0.0.0/8", "10.9.9.9", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ("10.0.0.0/8", "10.9.9.9", "1.2.3.4:5678", "1.2.3.4"),
        ("10.0.0.0/8", "10.9.9.9", "[2001:db8::1]:5678", "2001:db8::1"),
        ("10.0.0.0/8", "10.9.9.9", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.0/8", "10.9.9.9", "1.2.3.4, unknown", None),
        ("10.0.0.0/8", "10.9.9.9", "1.2.3.4, <script>, 10.1.1.1", "10.1.1.1"),
        ("10.0.0.0/8", "10.9.9.9", "", None),
        ("10.0.0.0/8", "::ffff:10.9.9.9", "1.2.3.4", "1.2.3.4"),
        ("2001:db8::/32", "2001:db8::7", "1.2.3.4", "1.2.3.4"),
        ("unix", "", "1.2.3.4", "1.2.3.4"),
        ("unix", "1.1.1.1", "1.2.3.4", None),
        ("*", "9.9.9.9", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("*", "", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "", "1.2.3.4", None),
        ("10.0.0.1", "no address", "1.2.3.4", None),
    ],
)
def test_the_client_is_who_called_the_outermost_trusted_proxy(
    trusted: str, peer: str, value: str | list[str], expected: str | None
) -> None:
    assert expected == say(trusted, peer, for_=value).client


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https", "https"),
        ("HTTP", "http"),
        ("http, https", "https"),
        (["http", "https"], "https"),
        ("javascript", None),
        ("https,", None),
        ("", None),
    ],
)
def test_a_scheme_is_one_that_is_known(value: str | list[str], expected: str | None) -> None:
    assert expected == say("*", "1.1.1.1", proto=value).scheme


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/shop", "/shop"),
        ("/shop/", "/shop"),
        ("//evil.example", None),
        ("/\\evil.example", None),
        ("shop", None),
        ("/a\tb", None),
        ("", None),
    ],
)
def test_a_prefix_is_a_path_on_this_host(value: str, expected: str | None) -> None:
    assert expected == say("*", "1.1.1.1", "prefix", prefix=value).prefix


def test_headers_that_the_proxy_does_not_set_are_the_clients_and_not_believed() -> None:
    sent = {"for_": "1.2.3.4", "proto": "https", "host": "h", "port": "1", "prefix": "/p"}
    assert Said("1.2.3.4", "https") == say("*", "1.1.1.1", **sent)
    assert Said(host="h", port="1") == say("*", "1.1.1.1", "host,port", **sent)


@pytest.mark.parametrize(
    ("host", "port", "before", "expected"),
    [
        (None, None, "a:80", None),
        ("h", None, "a:80", "h"),
        (None, "81", "a:80", "a:81"),
        (None, "81", "a", "a:81"),
        (None, "81", "[::1]", "[::1]:81"),
        (None, "81", "[::1]:80", "[::1]:81"),
        ("h:82", "81", "a", "h:81"),
        (None, "81", None, None),
    ],
)
def test_host_and_port_make_one_host(
    host: str | None, port: str | None, before: str | None, expected: str | None
) -> None:
    assert expected == host_with(Said(host=host, port=port), before)


@pytest.mark.parametrize(
    "port", ["0", "65536", "-1", "x", "٣", "8" * 6000], ids=lambda port: port[:5]
)
def test_a_port_that_is_none_is_not_believed(port: str) -> None:
    assert say("*", "1.1.1.1", "port", port=port).port is None


def test_addresses_that_many_clients_make_up_are_not_kept() -> None:
    trust = parse_trust(["10.0.0.0/8"], ["for"])
    assert trust is not None
    for number in range(1000):
        assert not trust.trusts(f"1.1.{number // 256}.{number % 256}")
    assert trust.trusts("10.0.0.1")
    assert 256 == len(trust._known)


@pytest.mark.parametrize(
    ("trusted", "headers", "root", "said"),
    [
        (["10.0.0.300"], ["for"], "", "'10.0.0.300' is neither an address nor a network"),
        (["localhost"], ["for"], "", "'localhost' is neither an address nor a network"),
        (["*"], ["for", "user"], "", "--proxy-headers: 'user' is none of for, host, port, prefix"),
        ([], ["for"], "shop", "--root-path: write it with a slash before it: '/shop'."),
    ],
)
def test_settings_that_are_wrong_are_told(
    trusted: list[str], headers: list[str], root: str, said: str
) -> None:
    with pytest.raises(click.UsageError, match=said):
        adaptation_of(trusted, headers, root)


def test_without_settings_nothing_is_adapted() -> None:
    assert adaptation_of([], ["for", "proto"], "") is None
    assert adaptation_of([], ["for", "proto"], "/") is None


def test_other_scopes_of_asgi_stay_as_they_are() -> None:
    adaptation = adaptation_of(["*"], ["for"], "/shop")
    assert adaptation is not None
    scope = {"type": "lifespan"}
    assert scope is adaptation.asgi(scope)


def test_the_scheme_of_a_websocket_is_one_of_a_websocket() -> None:
    adaptation = adaptation_of(["*"], ["for", "proto", "host"], "")
    assert adaptation is not None
    headers = [(b"host", b"a"), (b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"b")]
    scope: dict[str, Any] = {"type": "websocket", "headers": headers, "path": "/"}
    changed = adaptation.asgi(scope)
    assert ("wss", (b"host", b"b")) == (changed["scheme"], changed["headers"][0])
    assert "scheme" not in scope


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1.2.3.4/8", "01.2.3.4"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


INTERFACES = ["wsgi", "asgi", "rsgi"]


@pytest.fixture(scope="module", params=INTERFACES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server behind a proxy on this machine, mounted at /shop."""
    directory = tmp_path_factory.mktemp("proxies")
    (directory / "hello.py").write_text(APP)
    options = [
        *("--interface", request.param, "--root-path", "/shop", "--trust-proxy", "127.0.0.1"),
        *("--proxy-headers", "for,proto,host,port,prefix"),
    ]
    running = Server(directory, "hello", *options)
    try:
        yield running.wait_until_ready()
    finally:
        running.end()


def ask(server: Server, path: str, *headers: str) -> Any:
    """Send a request; return what the app has seen."""
    lines = [f"GET {path} HTTP/1.1", "Host: front", "Connection: close", *headers, "", ""]
    head, _, body = server.send("\r\n".join(lines).encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return json.loads(body)


@pytest.mark.slow
def test_the_app_sees_what_the_proxy_says(server: Server) -> None:
    headers = [
        "X-Forwarded-For: 6.6.6.6, 1.2.3.4",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: shop.example",
        "X-Forwarded-Port: 8443",
        "X-Forwarded-Prefix: /mall",
    ]
    expected = [
        "1.2.3.4",
        "https",
        "shop.example:8443",
        "/mall",
        "/seen",
        "https://shop.example:8443/mall/seen",
    ]
    assert expected == ask(server, "/mall/seen", *headers)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/shop/seen", "/seen"], ids=["whole", "stripped by the proxy"])
def test_the_app_is_mounted_at_the_root_path(path: str, server: Server) -> None:
    expected = ["127.0.0.1", "http", "front", "/shop", "/seen", "http://front/shop/seen"]
    assert expected == ask(server, path)


@pytest.mark.slow
def test_of_a_header_that_comes_twice_the_proxys_own_is_believed(server: Server) -> None:
    """A proxy that adds a header of its own puts it behind the client's."""
    headers = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 1.2.3.4"]
    assert "1.2.3.4" == ask(server, "/seen", *headers)[0]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Granian has no Unix sockets on Windows")
@pytest.mark.parametrize("interface", INTERFACES)
def test_it_listens_on_a_unix_socket(interface: str, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(APP)
    path = tmp_path / "s"
    left_behind = socket.socket(socket.AF_UNIX)
    left_behind.bind(str(path))
    left_behind.close()
    options = ["--interface", interface, "--unix-socket", "s", "--unix-socket-mode", "600"]
    server = Server(tmp_path, "hello", *options, "--trust-proxy", "unix")
    try:
        wait_for(lambda: "thread" in server.out or server.process.poll() is not None)
        assert "serving hello:app on unix:s\n" in server.out, server.err
        wait_for(lambda: path.is_socket())
        assert 0o600 == path.stat().st_mode & 0o777
        request = b"GET /seen HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"
        assert "1.2.3.4" == json.loads(ask_socket(path, request).partition(b"\r\n\r\n")[2])[0]
        second = Server(tmp_path, "hello", *options)
        try:
            assert 1 == second.process.wait(20)
            assert "s cannot be listened on: another program listens there" in second.err
        finally:
            second.end()
        assert 0 == server.stop()
    finally:
        server.end()


def ask_socket(path: Path, request: bytes) -> bytes:
    """Send a request through a Unix socket; return the answer, which comes in one piece."""
    answer = b""

    def is_answered() -> bool:
        nonlocal answer
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(10)
            if raw.connect_ex(str(path)):
                return False
            raw.sendall(request)
            answer = raw.recv(65536)
        return bool(answer)

    wait_for(is_answered)
    return answer


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(APP)
    (tmp_path / "s").write_text("precious")
    server = Server(tmp_path, "hello", "--unix-socket", "s")
    try:
        assert 1 == server.process.wait(20)
        assert "there is a file of this name that is no socket" in server.err
        assert "precious" == (tmp_path / "s").read_text()
    finally:
        server.end()
