"""Cookies are read as they were set, and set as one cookie each."""

from __future__ import annotations

from typing import Any

import pytest

from kolben import Flask
from tests.security.ways import ASCII_ALONE, EnvironWay, Way, call, make_environ


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("a=b", [["a", "b"]]),
        ("=__Host-x=bad", []),
        ("=bad", []),
        ("=", []),
        ("__Host-x=good; =__Host-x=bad", [["__Host-x", "good"]]),
        ("=__Host-x=bad; a=b", [["a", "b"]]),
        ("bare", [["bare", ""]]),
        ("a=b;c=d;;; e=f", [["a", "b"], ["c", "d"], ["e", "f"]]),
        ("a=b=c", [["a", "b=c"]]),
        ("a=1; a=2", [["a", "1"], ["a", "2"]]),
        ('a="b;c"; d=e', [["a", "b;c"], ["d", "e"]]),
        ('a="b', []),
        ('a="\\073\\054"', [["a", ";,"]]),
        ('a="\\999"', [["a", "999"]]),
        ("a=%00%0d%0a", [["a", "%00%0d%0a"]]),
        (";" * 1000, []),
    ],
)
def test_a_cookie_has_a_name(way: Way, header: str, cookies: list[list[str]]) -> None:
    answer = way.ask("/cookies", headers=[("Cookie", header)])
    assert (answer.status, answer.json) == (200, cookies)


@pytest.mark.parametrize(
    "header", ["a=\xff", "\xff=a", 'a="\xff"', "a=\xc3\xa4", "\x85", 'a="\\377"', "a=\xa0"]
)
def test_a_cookie_in_any_bytes_is_read_or_ignored(way: Way, header: str) -> None:
    is_refused = way.name in ASCII_ALONE and not header.isascii()
    status = way.ask("/cookies", headers=[("Cookie", header)]).status
    assert status == (400 if is_refused else 200)


def test_a_thousand_cookies_are_read(way: Way) -> None:
    header = "; ".join(f"c{number}=v" for number in range(1_000))
    assert len(way.ask("/cookies", headers=[("Cookie", header)]).json) == 1_000


# Setting them.


def attributes(header: str | None) -> list[str]:
    """Return what a browser takes for the attributes of a cookie (RFC 6265 §5.2)."""
    assert header is not None
    return [part.strip().partition("=")[0].lower() for part in header.split(";")[1:]]


def test_a_cookie_has_the_attributes_that_were_given(way: Way) -> None:
    answer = way.post_json("/set-cookie", {"domain": "a.example", "max_age": 3, "samesite": "lax"})
    assert attributes(answer.one("Set-Cookie")) == [
        *("domain", "expires", "max-age", "path", "samesite"),
    ]


@pytest.mark.parametrize(
    "path", ["/; Secure", "/\r\nX-B: c", "/;Domain=evil", "/\0", "/a b;", "/\u20ac;"]
)
def test_a_path_adds_no_attribute(way: Way, path: str) -> None:
    answer = way.post_json("/set-cookie", {"path": path})
    assert attributes(answer.one("Set-Cookie")) == ["path"]
    assert answer.all("X-B") == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"domain": "a.example; Secure"},
        {"domain": "a.example\r\nX-B: c"},
        {"domain": "a.example, b"},
        {"domain": "a.example Secure"},
        {"expires": "0; Domain=evil.example"},
        {"expires": "0\r\nX-B: c"},
        {"max_age": "1; Domain=evil.example"},
        {"max_age": "1\r\nX-B: c"},
        {"samesite": "lax; Domain=evil.example"},
        {"samesite": "bogus"},
        {"key": ""},
        {"key": "", "value": "__Host-x=bad"},
        {"key": "a=b"},
        {"key": "a; Secure"},
        {"key": "a\r\nX-B: c"},
        {"key": "a\0"},
        {"key": "\ta"},
    ],
    ids=str,
)
def test_what_would_add_an_attribute_is_a_500(way: Way, arguments: dict[str, Any]) -> None:
    answer = way.post_json("/set-cookie", arguments)
    assert (answer.status, answer.all("Set-Cookie"), answer.all("X-B")) == (500, [], [])
    assert "ValueError" in answer.log


@pytest.mark.parametrize(
    "value",
    [
        "a; Secure",
        "a\r\nX-B: c",
        'a"b',
        "a\\b",
        "a,b",
        "\0",
        "\x1b[31m",
        "\x1f",
        "\x7f",
        "\u20ac",
        "=",
        "",
    ],
)
def test_a_value_comes_back_as_it_was_set(way: Way, value: str) -> None:
    answer = way.post_json("/set-cookie", {"value": value})
    header = answer.one("Set-Cookie")
    assert attributes(header) == ["path"]
    assert header is not None
    assert header.isprintable()
    sent_back = way.ask("/cookies", headers=[("Cookie", header.partition(";")[0])])
    assert sent_back.json == [["name", value]]


def test_a_cookie_that_browsers_drop_is_warned_of(app: Flask) -> None:
    with pytest.warns(UserWarning, match="'name' cookie is too large"):
        EnvironWay(app).post_json("/set-cookie", {"value": "x" * 5_000})


def test_a_session_that_browsers_drop_is_warned_of(app: Flask) -> None:
    target = "/session/" + "".join(map(chr, range(0x100, 0x900)))
    with pytest.warns(UserWarning, match="'session' cookie is too large"):
        call(app, make_environ(target, "POST", [("Host", "h")]))
