"""A request with a Host that cannot be one is refused, and its path never depends on the Host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kolben import Flask
from tests.security.ways import RAW, SLOW_SERVERS, EnvironWay, Server, Way, call, make_environ

BAD = [
    "",
    "a/x?y=",
    "a/private",
    "u@e",
    "u:p@e",
    "[::1",
    "::1",
    "[::1]a",
    "[fffff::1]",
    "[1.2.3.4]",
    "[::1.2.3.4.5]",
    "[:]",
    "a b",
    "a\tb",
    'a"b',
    "a'b",
    "a,b",
    "a;b",
    "a#b",
    "a?b",
    "a\\b",
    "a%20b",
    "a%00",
    "<script>",
    "{a}",
    "a:abc",
    "a:-1",
    "a:+80",
    "a:0",
    "a:080",
    "a:65536",
    "a:999999999999",
    "a:80:80",
    "a:\xb2",
    "a..b",
    ".",
    ".a",
    "a" * 64,
    "a." * 200 + "b" * 64,
    "xn--e",
    "xn--" + "a" * 59,
]
GOOD = [
    "localhost",
    "LOCALHOST:8080",
    "a.b.example",
    "a.example.",
    "192.0.2.1:65535",
    "[::1]",
    "[2001:db8::1]:443",
    "xn--4ca.example",
]


@pytest.mark.parametrize("way", RAW, indirect=True)
@pytest.mark.parametrize("host", BAD, ids=lambda host: host[:20] or "empty")
def test_a_bad_host_is_refused(way: Way, host: str) -> None:
    for target in ("/", "/external", "/slash", "/missing"):
        assert way.ask(target, headers=[("Host", host)]).status == 400


@pytest.mark.parametrize("way", RAW, indirect=True)
@pytest.mark.parametrize("host", ["a\x00b", "a\x1bb", "a\x7f", "\x85"])
def test_a_host_with_control_characters_is_refused(way: Way, host: str) -> None:
    assert way.ask("/external", headers=[("Host", host)]).status == 400


@pytest.mark.parametrize("host", GOOD)
def test_a_good_host_is_the_requests(way: Way, host: str) -> None:
    answer = way.ask("/external", headers=[("Host", host)])
    assert answer.status == 200
    assert (answer.json["host"], answer.json["path"]) == (host, "/external")


@pytest.mark.parametrize("host", [*GOOD, *BAD, "localhost/private/page?", "localhost\\private"])
def test_the_path_never_depends_on_the_host(environ_way: EnvironWay, host: str) -> None:
    answer = environ_way.ask("/path/x", headers=[("Host", host)])
    assert answer.status == 400 or answer.text == "('x', '/path/x')"


@pytest.mark.parametrize(
    "hosts", [["a", "b"], ["a", "a"], ["localhost", ""], ["localhost", "localhost"]], ids=str
)
@pytest.mark.parametrize("way", ["environ", *SLOW_SERVERS], indirect=True)
def test_two_hosts_are_refused(way: Way, hosts: list[str]) -> None:
    answer = way.ask("/external", headers=[("Host", host) for host in hosts])
    assert answer.status == 400


@pytest.mark.parametrize(
    ("line", "status"),
    [("GET / HTTP/1.1", 400), ("GET / HTTP/1.0", 200)],
)
def test_only_http_1_0_may_have_none(server: Server, line: str, status: int) -> None:
    raw = server.send(f"{line}\r\nConnection: close\r\n\r\n".encode())
    assert raw.split(b" ", 2)[1] == str(status).encode()


# Hosts that are trusted.


@pytest.fixture
def trusting(app: Flask) -> Iterator[EnvironWay]:
    """The app, which trusts one host and the subdomains of another."""
    app.config["TRUSTED_HOSTS"] = ["good.example", ".sub.example"]
    yield EnvironWay(app)
    app.config["TRUSTED_HOSTS"] = None


@pytest.mark.parametrize(
    "host", ["good.example", "good.example:8080", "sub.example", "a.sub.example", "a.b.sub.example"]
)
def test_a_trusted_host_is_answered(trusting: EnvironWay, host: str) -> None:
    assert trusting.ask("/", headers=[("Host", host)]).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "good.example.evil.example",
        "evilgood.example",
        "xsub.example",
        "a.good.example",
        "good.example.",
        "127.0.0.1",
        "[::1]",
        "localhost",
        "good.example@evil.example",
        "good.example/evil",
        "evil.example#good.example",
    ],
)
@pytest.mark.parametrize("target", ["/", "/slash", "/missing", "/static/ten-thousand.txt"])
def test_any_other_host_is_not(trusting: EnvironWay, target: str, host: str) -> None:
    answer = trusting.ask(target, headers=[("Host", host)])
    assert answer.status == 400
    assert answer.all("Location") == []


def test_without_a_host_the_server_itself_must_be_trusted(trusting: EnvironWay) -> None:
    environ = make_environ("/", protocol="HTTP/1.0")
    assert call(trusting.app, environ).status == 400
    environ = {**make_environ("/", protocol="HTTP/1.0"), "SERVER_NAME": "good.example"}
    assert call(trusting.app, environ).status == 200
