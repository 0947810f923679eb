"""A request with a bad Host header is refused."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import SecurityError
from werkzeug.test import create_environ

from kolben.core import hosts
from kolben.core.hosts import check_host, is_valid_host
from kolben.core.request import Request


@pytest.mark.parametrize(
    "host",
    [
        "a",
        "a.b",
        "a.b:80",
        "a.b:",
        "A-1.example:5000",
        "127.0.0.1",
        "[::1]",
        "[::1]:8080",
        "my_db:1",
        "ä.de",
        "a.",
        "a:65535",
        "xn--4ca.de",
        "[::ffff:192.0.2.1]",
    ],
)
def test_valid(host: str) -> None:
    assert is_valid_host(host)
    assert is_valid_host(host)  # now a known one


@pytest.mark.parametrize(
    "host",
    [
        *("", "a b", 'a"b', "u@e", "[::1", "a/x?y=", "a:abc", "a,b", "a\x00", "\x8a"),
        *("a:0", "a:080", "a:65536", "a:123456", "a:٨"),
        *(
            "a..b",
            ".",
            ".a",
            "a" * 64,
            "xn--e",
            "xn--" + "a" * 60,
            "[fffff::1]",
            "[1.2.3.4]",
            "[:]",
        ),
        *("[::1]a", "[]", "::1", "a:1:1"),
    ],
)
def test_not_valid(host: str) -> None:
    assert not is_valid_host(host)


def test_the_hosts_remembered_are_bounded() -> None:
    for number in range(hosts._MOST_KNOWN * 2):
        is_valid_host(f"host-{number}")
    assert len(hosts.known_hosts) <= hosts._MOST_KNOWN


def request_with(host: str | None, **environ: str) -> Request:
    made = create_environ("/")
    made.pop("HTTP_HOST")
    if host is not None:
        made["HTTP_HOST"] = host
    made.update(environ)
    return Request(made)


def test_http_1_1_needs_a_host() -> None:
    with pytest.raises(SecurityError, match="no Host"):
        check_host(request_with(None), None)


def test_http_1_0_does_not() -> None:
    check_host(request_with(None, SERVER_PROTOCOL="HTTP/1.0"), None)


def test_a_malformed_host_is_refused() -> None:
    with pytest.raises(SecurityError, match="'a b'"):
        check_host(request_with("a b"), None)


@pytest.mark.parametrize("host", ["example.com", "example.com:80", "x.example.org"])
def test_a_trusted_host_passes(host: str) -> None:
    request = request_with(host)
    check_host(request, ["example.com", ".example.org"])
    assert request.trusted_hosts == ["example.com", ".example.org"]


@pytest.mark.parametrize("host", ["evil.com", "example.com.evil.com", "xexample.org"])
def test_another_host_is_refused(host: str) -> None:
    with pytest.raises(SecurityError, match="not served here"):
        check_host(request_with(host), ["example.com", ".example.org"])


def test_without_a_host_the_server_must_be_trusted() -> None:
    request = request_with(None, SERVER_PROTOCOL="HTTP/1.0", SERVER_NAME="example.com")
    check_host(request, ["example.com"])
    with pytest.raises(SecurityError):
        check_host(request_with(None, SERVER_PROTOCOL="HTTP/1.0"), ["example.com"])


def test_a_request_class_may_say_which_hosts_it_trusts() -> None:
    class Strict(Request):
        trusted_hosts = ["example.com"]

    request = Strict(create_environ("/", "http://evil.com"))
    with pytest.raises(SecurityError):
        check_host(request, None)
