"""A Set-Cookie header is one cookie, with the attributes that it was given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import dump_cookie

from kolben.core import cookies
from kolben.core.cookies import cookie_header

LATER = datetime(2040, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)


def header(key: str = "name", value: str = "value", **given: Any) -> str:
    return cookie_header(key, value, **given)


@pytest.fixture(autouse=True)
def _forget() -> None:
    cookies._around.clear()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"max_age": 3},
        {"max_age": 0, "expires": 0},
        {"max_age": 1.5, "expires": LATER},
        {"max_age": True, "expires": LATER},
        {"max_age": timedelta(days=1), "expires": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"max_age": timedelta(days=1, milliseconds=1)},
        {"max_age": -1},
        {"expires": ""},
        {"expires": LATER},
        {"expires": LATER.astimezone(timezone(timedelta(hours=3)))},
        {"expires": LATER.replace(tzinfo=None)},
        {"expires": datetime(1960, 1, 1, 0, 0, 0, 1, tzinfo=UTC)},
        {"expires": 1_700_000_000.9},
        {"path": None},
        {"path": "/a b/\u20ac;"},
        {"domain": ".example.com"},
        {"domain": "b\u00fccher.example"},
        {"domain": ""},
        {"domain": False},
        {"domain": 0},
        {"secure": True, "httponly": True, "samesite": "lax", "partitioned": True},
        {"secure": 1, "httponly": "yes"},
        {"partitioned": True},
        {"key": "__Host-a"},
        {"key": "\u20ac"},
        {"key": "a b"},
        {"value": 'a;b,"c"\\\u20ac\n'},
        {"value": ""},
        {"value": "eyJh.b-c_d"},
        {"max_size": 0, "value": "a" * 5000},
    ],
    ids=lambda given: str(given)[:60],
)
def test_says_what_werkzeug_says(given: dict[str, Any]) -> None:
    arguments = {"key": "name", "value": "value", **given}
    before = dump_cookie(**arguments)
    ours = [header(**given), header(**given)]  # the second is made of what is known
    # A second may have begun meanwhile.
    assert all(one in {before, dump_cookie(**arguments)} for one in ours)


@given(
    value=st.sampled_from(["", "a", "eyJh.b-c_d", "a b", "\u20ac", '"', ";"]),
    expires=st.none() | st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),
    path=st.sampled_from([None, "/", "/a b"]),
    domain=st.sampled_from([None, "example.com"]),
    samesite=st.sampled_from([None, "lax", "Strict", "NONE"]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_cookies_of_all_kinds_are_werkzeugs(
    value: str,
    expires: datetime | None,
    path: str | None,
    domain: str | None,
    samesite: str | None,
    flags: tuple[bool, bool, bool],
) -> None:
    names = ("secure", "httponly", "partitioned")
    given: dict[str, Any] = dict(zip(names, flags, strict=True))
    given.update(expires=expires, path=path, domain=domain, samesite=samesite)
    assert dump_cookie("name", value, **given) == header(value=value, **given)


def test_kinds_of_cookies_are_told_apart_and_few_are_kept() -> None:
    for number in range(3 * cookies._MOST_KINDS):
        for key in ("a", f"a{number}"):
            assert header(key) == f"{key}=value; Path=/"
    assert 0 < len(cookies._around) <= cookies._MOST_KINDS


def test_a_cookie_that_browsers_drop_is_warned_of() -> None:
    assert len(header(value="a" * 10, max_size=23)) == 23
    with pytest.warns(UserWarning, match="limit is 22 bytes"):
        header(value="a" * 10, max_size=22)


@pytest.mark.parametrize("key", ["", "a=b", "a;b", "a\r\nb", " a", "a ", "a\0", "\x7f"])
def test_a_name_is_only_a_name(key: str) -> None:
    with pytest.raises(ValueError, match="name of a cookie"):
        header(key)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("domain", "example.com; Secure"),
        ("domain", "example.com Secure"),
        ("domain", "a=b"),
        ("domain", "a,b"),
        ("domain", "a\r\nb"),
        ("expires", "Thu, 01 Jan 1970 00:00:00 GMT; Domain=evil"),
        ("expires", "\n"),
        ("max_age", "1; Domain=evil"),
    ],
)
def test_an_attribute_begins_no_other(attribute: str, value: str) -> None:
    with pytest.raises(ValueError, match=attribute):
        header(**{attribute: value})


def test_control_characters_of_a_value_are_quoted() -> None:
    assert header(value="\x1a\x1f\x7f\x01") == r'name="\032\037\177\001"; Path=/'
