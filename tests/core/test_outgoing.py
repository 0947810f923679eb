"""Nothing leaves that would break the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.urls import iri_to_uri

from kolben.core import outgoing
from kolben.core.outgoing import (
    ADDRESS,
    LENGTH,
    LOCATION,
    UNUSUAL,
    check_status,
    inspect_headers,
)


@pytest.mark.parametrize("code", [200, 404, 599, 999])
def test_a_three_digit_status_passes(code: int) -> None:
    check_status(f"{code} X", code)
    check_status(f"{code} X", code)  # now from memory
    with pytest.raises(ValueError, match="none of HTTP"):
        check_status(f"{code} X", 1)


@pytest.mark.parametrize("code", [0, 99, 100, 199, 1000, -200])
def test_another_status_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match="none of HTTP"):
        check_status(f"{code} X", code)


@pytest.mark.parametrize("reason", ["a\rb", "a\nb", "a\0b", "\u20ac"])
def test_a_reason_cannot_break_the_line(reason: str) -> None:
    with pytest.raises(ValueError, match="none of HTTP"):
        check_status(f"200 {reason}", 200)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([], 0),
        ([("Content-Type", "text/html")], 0),
        ([("content-LENGTH", "3")], LENGTH),
        ([("Location", "/"), ("Content-Length", "3")], LENGTH | ADDRESS),
        ([("Content-Location", "/")], ADDRESS),
        ([("location", "/")], LOCATION),
        ([("Location", "/"), ("Location", "/a")], ADDRESS | LOCATION | UNUSUAL),
        ([("Location", "/"), ("Content-Location", "/a")], ADDRESS | LOCATION | UNUSUAL),
        ([("Location", "/ "), ("Content-Location", "/")], LOCATION | ADDRESS),
        ([("transfer-ENCODING", "chunked")], UNUSUAL),
        ([("Connection", "close"), ("X-A", "b")], UNUSUAL),
        ([("X-A", "\xfc")], UNUSUAL),
        ([("Set-Cookie", "a=\xfc")], UNUSUAL),
        ([("Content-Length", "five")], LENGTH | UNUSUAL),
        ([("Content-Length", "\xb2")], LENGTH | UNUSUAL),
        ([("Content-Length", "5"), ("Content-Length", "6")], LENGTH | LOCATION | UNUSUAL),
    ],
)
def test_finds_the_headers_that_matter(headers: list[tuple[str, str]], found: int) -> None:
    assert inspect_headers(headers) == found
    assert inspect_headers(headers) == found  # now from memory


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "ä", "a\0"])
def test_a_name_must_be_a_token(name: str) -> None:
    with pytest.raises(ValueError, match="header name"):
        inspect_headers([(name, "x")])


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=y", "a\nb", "a\rb", "a\0"])
def test_a_value_cannot_break_the_line(value: str) -> None:
    with pytest.raises(ValueError, match="X-A"):
        inspect_headers([("X-A", value)])


@pytest.mark.parametrize("value", ["\x01", "\x1b[31m", "\x7f", "\u20ac", "\ud800"])
def test_a_value_is_made_of_what_servers_send(value: str) -> None:
    with pytest.raises(ValueError, match="X-A"):
        inspect_headers([("X-A", value)])


ADDRESSES = [
    "/",
    "/a/b.html;c=d?e=f&g=%20#h?#",
    "/login?next=%2Fa%3Fb",
    "http://example.com",
    "https://a_b.example-c.com:8443//d?e",
    "http://a#b",
]
TO_QUOTE = [
    "",
    "a",
    "//host/",
    "/?",
    "/#",
    "/a?#",
    "/a b",
    "/[a]",
    "/ä",
    "/a\\b",
    "HTTP://a/",
    "http://A/",
    "http://a.",
    "http://a..b/",
    f"http://{'a' * 64}/",
    "http://a:080/",
    "http://a:0/",
    "http://a:99999/",
    "http://user@a/",
    "http://[::1]/",
    "http://a\n",
    "http:/a",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_a_uri_goes_as_it_is(address: str) -> None:
    assert iri_to_uri(address) == address
    assert outgoing._is_uri(address)


@pytest.mark.parametrize("address", TO_QUOTE)
def test_any_other_is_left_to_werkzeug(address: str) -> None:
    assert not outgoing._is_uri(address)


PIECES = st.sampled_from(
    [*"abZ09/:?#[]@!$&'()*+,;=-._~%\\\"<>^`{|} \té\x7f", "//", "%41", "%zz", ":80", ":080", ".."]
)


@given(st.sampled_from(["", "/", "http://a", "https://"]), st.lists(PIECES, max_size=12))
def test_what_goes_as_it_is_is_what_werkzeug_would_make_of_it(begin: str, rest: list[str]) -> None:
    address = begin + "".join(rest)
    if outgoing._is_uri(address):
        assert iri_to_uri(address) == address


def test_a_location_may_still_be_an_iri() -> None:
    assert inspect_headers([("Location", "/\u20ac")]) == LOCATION


@pytest.mark.parametrize("value", ["/a\r\nX: b", "/\0", "/\x1b"])
def test_a_location_has_no_control_characters(value: str) -> None:
    with pytest.raises(ValueError, match="Location"):
        inspect_headers([("Location", value)])


def test_the_headers_remembered_are_bounded_in_number_and_length() -> None:
    for number in range(outgoing._MOST_KNOWN * 2):
        inspect_headers([("X-A", str(number))])
    assert len(outgoing._known) <= outgoing._MOST_KNOWN
    inspect_headers([("X-A", "long" * 100)])
    assert ("X-A", "long" * 100) not in outgoing._known


def test_the_statuses_remembered_are_bounded() -> None:
    for number in range(outgoing._MOST_KNOWN * 2):
        check_status(f"200 {number}", 200)
    assert len(outgoing._known_statuses) <= outgoing._MOST_KNOWN


def test_a_cookie_is_checked_and_not_remembered() -> None:
    outgoing._known.clear()
    assert inspect_headers([("Set-Cookie", "a=b"), ("X-A", "b")]) == 0
    assert list(outgoing._known) == [("X-A", "b")]
    with pytest.raises(ValueError, match="Set-Cookie"):
        inspect_headers([("Set-Cookie", "a=\r\nb")])
