"""Fields are split as the standard library does it, in linear time."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import ImmutableMultiDict as WerkzeugMultiDict
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequestKeyError, RequestEntityTooLarge

from kolben.core.fields import (
    MAX_FIELDS,
    ImmutableMultiDict,
    multi_dict_of,
    parse_fields,
    unquote_field,
)

pieces = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["&", "=", "+", "%", "%2", "%41", "%E4", "%c3%a4", "%ff%fe", ";", "%%41"]),
)


@given(st.lists(pieces, max_size=30).map("".join))
def test_same_as_parse_qsl(text: str) -> None:
    expected = parse_qsl(
        text, keep_blank_values=True, errors="werkzeug.url_quote", max_num_fields=MAX_FIELDS
    )
    assert parse_fields(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a=1&b=2", [("a", "1"), ("b", "2")]),
        ("a=1;b=2", [("a", "1;b=2")]),
        ("a", [("a", "")]),
        ("a=&=b&&", [("a", ""), ("", "b")]),
        ("a=x+y%20z", [("a", "x y z")]),
        ("a=%zz%", [("a", "%zz%")]),
        ("a=%FFx", [("a", "%FFx")]),
    ],
    ids=["empty", "two", "semicolon", "no value", "blanks", "spaces", "malformed", "no UTF-8"],
)
def test_splits(text: str, expected: list[tuple[str, str]]) -> None:
    assert parse_fields(text) == expected


@given(st.text("ab=&%+c", max_size=30))
def test_a_multi_dict_is_as_made_of_the_pairs(text: str) -> None:
    for kind in (ImmutableMultiDict, WerkzeugMultiDict, MultiDict):
        found = multi_dict_of(kind, text)
        assert type(found) is kind
        assert found == kind(parse_fields(text))
        assert list(found.items(multi=True)) == list(kind(parse_fields(text)).items(multi=True))


@pytest.mark.parametrize("text", ["a=1", "a=1&a=2&b="])
def test_a_multi_dict_of_ours_stays_as_it_is(text: str) -> None:
    found: Any = multi_dict_of(ImmutableMultiDict, text)
    with pytest.raises(TypeError, match="immutable"):
        found["a"] = "3"
    assert found.copy().to_dict() == found.to_dict()


@pytest.mark.parametrize(
    "arguments",
    [("a",), ("b",), ("none",), ("none", 7), ("a", 7, int), ("b", 7, int), ("none", 7, int)],
    ids=repr,
)
def test_get_is_werkzeugs(arguments: Any) -> None:
    fields = [("a", "1"), ("a", "2"), ("b", "x")]
    assert ImmutableMultiDict(fields).get(*arguments) == WerkzeugMultiDict(fields).get(*arguments)


@pytest.mark.parametrize("key", ["a", "b", "none", "empty", 7, ()], ids=repr)
def test_a_subscript_is_werkzeugs(key: Any) -> None:
    def read(kind: Any) -> Any:
        try:
            return kind({"a": ["1", "2"], "b": "x", "empty": []})[key]
        except BadRequestKeyError as error:
            return type(error), error.args, error.code

    assert read(WerkzeugMultiDict) == read(ImmutableMultiDict)


def test_more_fields_than_allowed_are_413() -> None:
    assert len(parse_fields("&".join(["a="] * 5), 5)) == 5
    with pytest.raises(RequestEntityTooLarge):
        parse_fields("&".join(["a="] * 6), 5)


def test_percent_signs_cost_no_more_than_letters_by_far() -> None:
    def seconds(text: str) -> float:
        begin = time.process_time()
        unquote_field(text)
        return time.process_time() - begin

    million = 1_000_000
    small = min(seconds("%" * million) for _ in range(5))
    large = min(seconds("%" * 4 * million) for _ in range(5))
    assert large < 12 * small + 0.01
