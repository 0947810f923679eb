"""What a proxy may say of a request is believed only where the app was told to."""

from __future__ import annotations

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

from kolben import Flask
from tests.security.ways import Answer, EnvironWay, Way, call, make_environ

FORGED = [
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Port", "444"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-Forwarded-Ssl", "on"),
    ("X-Real-Ip", "203.0.113.9"),
    ("X-Scheme", "https"),
    ("X-Script-Name", "/evil"),
    ("X-Original-Url", "/private/page"),
    ("X-Rewrite-Url", "/private/page"),
    ("X-Http-Method-Override", "POST"),
    ("X-Url-Scheme", "https"),
    ("Front-End-Https", "on"),
    ("Client-Ip", "203.0.113.9"),
    ("Forwarded", "for=203.0.113.9;proto=https;host=evil.example"),
    ("Script-Name", "/evil"),
    ("Path-Info", "/private/page"),
    ("Remote-Addr", "203.0.113.9"),
    ("Request-Method", "POST"),
    ("Wsgi.Url_scheme", "https"),
]


def test_without_the_middleware_none_is_believed(way: Way) -> None:
    plain = way.ask("/external").json
    for header in FORGED:
        assert way.ask("/external", headers=[header]).json == plain, header
    assert way.ask("/external", headers=FORGED).json == plain


def behind(app: Flask, headers: list[tuple[str, str]], **trusted: int) -> Answer:
    """Ask the app behind a proxy that adds these headers, each trusted so many times."""
    options = {"x_for": 0, "x_proto": 0, "x_host": 0, "x_port": 0, "x_prefix": 0, **trusted}
    fixed = ProxyFix(app.wsgi_app, **options)  # type: ignore[arg-type]  # all are numbers
    return call(fixed, make_environ("/external", headers=[("Host", "localhost"), *headers]))


@pytest.mark.parametrize(
    ("values", "count", "peer"),
    [
        (["10.0.0.1"], 1, "10.0.0.1"),
        (["6.6.6.6, 10.0.0.1"], 1, "10.0.0.1"),
        (["6.6.6.6", "10.0.0.1"], 1, "10.0.0.1"),
        (["6.6.6.6, 7.7.7.7", "10.0.0.1"], 1, "10.0.0.1"),
        (["6.6.6.6", "7.7.7.7, 10.0.0.1"], 2, "7.7.7.7"),
        (["6.6.6.6"], 2, "192.0.2.1"),
        ([""], 1, "192.0.2.1"),
    ],
)
def test_the_nth_address_from_the_right_is_the_peer(
    app: Flask, values: list[str], count: int, peer: str
) -> None:
    headers = [("X-Forwarded-For", value) for value in values]
    assert behind(app, headers, x_for=count).json["peer"] == peer


@pytest.mark.parametrize(
    "scheme", ["javascript", "file", "data", "HTTPS", "https://evil", "", "a b"]
)
def test_a_scheme_is_http_or_https(app: Flask, scheme: str) -> None:
    answer = behind(app, [("X-Forwarded-Proto", scheme)], x_proto=1)
    assert answer.status == 200
    assert answer.json["scheme"] == "http"
    assert answer.json["url"] == "http://localhost/"


def test_https_is_believed_of_a_trusted_proxy(app: Flask) -> None:
    answer = behind(app, [("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "https")], x_proto=1)
    assert (answer.json["scheme"], answer.json["secure"]) == ("https", True)
    assert answer.json["url"] == "https://localhost/"


@pytest.mark.parametrize("scheme", ["javascript", "data", "file"])
def test_a_redirect_has_no_other_scheme(app: Flask, scheme: str) -> None:
    fixed = ProxyFix(app.wsgi_app, x_proto=1)
    headers = [("Host", "localhost"), ("X-Forwarded-Proto", scheme)]
    answer = call(fixed, make_environ("/slash", headers=headers))
    assert answer.one("Location") == "http://localhost/slash/"


@pytest.mark.parametrize("host", ["a/b", "u@e", "a b", "[::1", "a:b", "xn--e"])
def test_a_forwarded_host_is_checked_too(app: Flask, host: str) -> None:
    assert behind(app, [("X-Forwarded-Host", host)], x_host=1).status == 400


def test_a_forwarded_host_must_be_trusted(app: Flask) -> None:
    app.config["TRUSTED_HOSTS"] = ["good.example"]
    try:
        for host, status in (("evil.example", 400), ("good.example", 200)):
            headers = [("X-Forwarded-Host", host)]
            assert behind(app, headers, x_host=1).status == status
    finally:
        app.config["TRUSTED_HOSTS"] = None


@pytest.mark.parametrize("prefix", ["//evil.example", "/\\evil.example", "///evil.example/"])
def test_a_forwarded_prefix_is_no_host(app: Flask, prefix: str) -> None:
    headers = [("X-Forwarded-Prefix", prefix)]
    assert behind(app, headers, x_prefix=1).json["url"].startswith("http://localhost/")


def test_a_header_with_another_spelling_is_not_the_trusted_one(environ_way: EnvironWay) -> None:
    """A server that keeps them apart: `X-Forwarded-For` is one header, `Forwarded` another."""
    answer = behind(environ_way.app, [("Forwarded", "for=6.6.6.6")], x_for=1)
    assert answer.json["peer"] == "192.0.2.1"
