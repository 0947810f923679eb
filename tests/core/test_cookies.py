"""A Set-Cookie header is one cookie, with the attributes that it was given."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.http import dump_cookie

from kolben.core.cookies import cookie_header


def header(key: str = "name", value: str = "value", **given: Any) -> str:
    arguments: dict[str, Any] = {"max_age": None, "expires": None, "path": "/", "domain": None}
    return cookie_header(key, value, **{**arguments, **given})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"max_age": 3},
        {"max_age": timedelta(days=1), "expires": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"path": None},
        {"path": "/a b/\u20ac;"},
        {"domain": ".example.com"},
        {"domain": "b\u00fccher.example"},
        {"secure": True, "httponly": True, "samesite": "lax", "partitioned": True},
        {"key": "__Host-a"},
        {"key": "\u20ac"},
        {"key": "a b"},
        {"value": 'a;b,"c"\\\u20ac\n'},
        {"value": ""},
    ],
    ids=str,
)
def test_says_what_werkzeug_says(given: dict[str, Any]) -> None:
    arguments = {"key": "name", "value": "value", "path": "/", "sync_expires": False, **given}
    assert header(**{"sync_expires": False, **given}) == dump_cookie(**arguments)


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
