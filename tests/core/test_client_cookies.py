"""Cookies are read as Werkzeug reads them, whatever a client sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.sansio.http import parse_cookie
from werkzeug.test import create_environ

from kolben.core.client_cookies import cookie_line, find_cookie, parse_cookies
from kolben.core.request import Request

NAMES = st.sampled_from(["a", "b", "ab", "a b", "session", "a=b", "", ";", "\xe9", '"', "a\t"])
PIECES = st.sampled_from(
    [*'ab=; \t",\\\xe9\n', "; ", "a=", "session=", "session", "; session=", ' = "b"', "\\073"]
)
LINES = st.lists(PIECES, max_size=12).map("".join)


@given(LINES)
@example("a=b; session=eyJh.Zj.x-_; c=d")
@example("a b; c d=e; f = g h; i=\t")
@example(";;a;=b;=;a==b;")
@example("a;aa;a")
@example('a="b;c"; d="\\073\\"')
def test_a_line_is_split_as_werkzeug_does(line: str) -> None:
    # As a multi-dict, which keeps values of one name together.
    ours = MultiDict(parse_cookies(line))
    assert list(parse_cookie(line).items(multi=True)) == list(ours.items(multi=True))


@given(line=LINES, name=NAMES)
@example(line="session=a; session=b", name="session")
@example(line="session; session=b", name="session")
@example(line="mysession=a; session=b", name="session")
@example(line="a=session; session=b", name="session")
@example(line="session=a b; session=c", name="session")
@example(line=" session=a", name="session")
@example(line="session=a\t; x", name="session")
@example(line="session", name="session")
@example(line='x="; session=a"; session=b', name="session")
@example(line="a=b=c", name="a=b")
def test_a_cookie_is_found_as_werkzeug_does(line: str, name: str) -> None:
    assert parse_cookie(line).get(name) == find_cookie(line, name)


def environ_with(line: str | None) -> dict[str, Any]:
    return create_environ("/", headers={} if line is None else {"Cookie": line})


@pytest.mark.parametrize("line", ["a=b", "", None])
def test_the_line_is_read_where_the_request_has_it(line: str | None) -> None:
    request = Request(environ_with(line))
    assert cookie_line(request) == (line or "")
    assert request.headers.get("Cookie") == line
    assert cookie_line(request) == (line or "")


def test_headers_of_another_kind_may_have_several_lines() -> None:
    request = Request(environ_with("a=b"))
    request.headers = Headers([("Cookie", "a=1"), ("X", "y"), ("cookie", "b=2")])
    assert cookie_line(request) == "a=1;b=2"


def test_a_request_of_another_entry_is_asked_for_its_headers() -> None:
    source: Any = Request(environ_with("a=b")).source
    assert cookie_line(Request.of(source)) == "a=b"
