"""No header of a client makes an attribute of the request raise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.test import create_environ
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben import Response
from kolben.core.client_headers import cookie_of, with_possible_dates
from kolben.core.request import Request

GOOD = "Mon, 01 Jan 2024 00:00:00 GMT"
IMPOSSIBLE = "Mon, 01 Jan 99999999999999 00:00:00 GMT"
FAR_ZONE = "1 Jan 24 0:0 +33333333333333333333000"
DATED = {
    "date": "Date",
    "if_modified_since": "If-Modified-Since",
    "if_unmodified_since": "If-Unmodified-Since",
}


def request_with(**headers: str) -> Request:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(create_environ("/", headers=names))


@pytest.mark.parametrize(("attribute", "header"), DATED.items())
def test_a_date_is_read(attribute: str, header: str) -> None:
    request = Request(create_environ("/", headers={header: GOOD}))
    assert getattr(request, attribute) == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", [IMPOSSIBLE, FAR_ZONE, "no date", ""])
@pytest.mark.parametrize(("attribute", "header"), DATED.items())
def test_a_date_that_cannot_exist_is_none(attribute: str, header: str, value: str) -> None:
    assert getattr(Request(create_environ("/", headers={header: value})), attribute) is None
    assert getattr(Request(create_environ("/")), attribute) is None


def test_if_range_is_a_date_or_a_tag() -> None:
    assert request_with(If_Range=GOOD).if_range.date == datetime(2024, 1, 1, tzinfo=UTC)
    assert request_with(If_Range='"a"').if_range.etag == "a"
    assert request_with(If_Range=IMPOSSIBLE).if_range.date is None
    assert str(request_with(If_Range='"""').if_range) == '""'


@pytest.mark.parametrize(
    "value",
    ["text/html;q=0.5, application/json", "text/html \t ;  q=0.5,  application/json", "*/*"],
)
def test_types_are_read_as_werkzeug_does(value: str) -> None:
    environ = create_environ("/", headers={"Accept": value})
    expected = WerkzeugRequest(environ).accept_mimetypes
    found = Request(environ).accept_mimetypes
    assert (found, found.best) == (expected, expected.best)
    assert type(found) is type(expected)


@pytest.mark.parametrize("attribute", ["accept_mimetypes", "accept_charsets"])
def test_without_the_header_anything_is_taken(attribute: str) -> None:
    environ = create_environ("/")
    found, expected = (
        getattr(Request(environ), attribute),
        getattr(WerkzeugRequest(environ), attribute),
    )
    assert (list(found), found.provided) == (list(expected), expected.provided)


def test_a_charset_with_a_nul_is_none_that_is_known() -> None:
    environ = {**create_environ("/"), "HTTP_ACCEPT_CHARSET": "utf-8\0, \0"}
    assert "latin-1" not in Request(environ).accept_charsets


def test_credentials_are_read() -> None:
    found = request_with(Authorization="Basic YTpi").authorization
    assert found is not None
    assert (found.username, found.password) == ("a", "b")


def test_credentials_beyond_ascii_are_none() -> None:
    assert request_with(Authorization="Basic T\xff").authorization is None


def test_a_query_in_no_utf8_is_escaped_in_the_full_path() -> None:
    assert Request(create_environ("/a?b=c")).full_path == "/a?b=c"
    raw = {**create_environ("/a"), "QUERY_STRING": "b=\xff"}
    assert Request(raw).full_path == "/a?b=%FF"


@pytest.mark.parametrize(
    "name", ["Date", "If-Modified-Since", "If-Range", "Authorization", "Accept"]
)
@given(value=st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n")))
def test_any_value_can_be_read(name: str, value: str) -> None:
    request = Request({**create_environ("/"), f"HTTP_{name.upper().replace('-', '_')}": value})
    attribute = {"Accept": "accept_mimetypes"}.get(name, name.lower().replace("-", "_"))
    str(getattr(request, attribute))


def conditional(**headers: str) -> Response:
    response = Response(b"0123456789")
    response.last_modified = datetime(2024, 1, 1, tzinfo=UTC)
    return response.make_conditional(request_with(**headers), True, 10)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_Modified_Since": GOOD}, 304),
        ({"If_Modified_Since": IMPOSSIBLE}, 200),
        ({"Range": "bytes=0-1"}, 206),
        ({"Range": "bytes=0-1", "If_Range": GOOD}, 206),
        ({"Range": "bytes=0-1", "If_Range": IMPOSSIBLE}, 200),
    ],
    ids=str,
)
def test_a_condition_with_an_impossible_date_does_not_hold(
    headers: dict[str, str], status: int
) -> None:
    assert conditional(**headers).status_code == status


def test_an_environ_without_conditions_is_not_copied() -> None:
    environ: dict[str, Any] = create_environ("/")
    assert with_possible_dates(environ) is environ


@given(line=st.text(alphabet='ab=; \t",\\\xe9', max_size=20))
def test_cookies_are_those_of_werkzeug(line: str) -> None:
    environ = create_environ("/")
    environ["HTTP_COOKIE"] = line
    expected = WerkzeugRequest(environ).cookies
    request = Request(environ)
    assert (expected.get("a"), expected.get("b")) == (
        cookie_of(request, "a"),
        cookie_of(request, "b"),
    )
    assert expected == request.cookies
    assert type(expected) is type(request.cookies)


def test_cookies_that_were_put_in_their_place_are_those_that_are_found() -> None:
    request = Request(create_environ("/", headers={"Cookie": "a=b"}))
    assert cookie_of(request, "a") == "b"
    request.cookies = ImmutableMultiDict({"a": "other"})
    assert cookie_of(request, "a") == "other"


def test_a_class_that_reads_cookies_in_its_own_way_is_asked() -> None:
    class Own(Request):
        @property
        def cookies(self) -> Any:
            return {"a": "own"}

    environ = create_environ("/", headers={"Cookie": "a=b"})
    assert cookie_of(Own(environ), "a") == "own"
    assert cookie_of(WerkzeugRequest(environ), "a") == "b"
