"""The body of a request under Granian reads like any file, and never ends early unnoticed."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from kolben.entry.bodies import set_max_body
from kolben.server.granian_input import open_body


class Source:
    """A body as Granian's sized reads give it: never more than asked, b"" at the end."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, n: int, /) -> bytes:
        assert n >= 0
        return self._file.read(n)


STEPS = st.one_of(
    st.tuples(st.just("read"), st.integers(-1, 40)),
    st.tuples(st.just("readline"), st.integers(-1, 10)),
    st.tuples(st.just("readlines"), st.integers(-1, 10)),
    st.tuples(st.just("next"), st.just(0)),
)


def take(file: Any, step: tuple[str, int]) -> Any:
    name, size = step
    return next(file, b"") if name == "next" else getattr(file, name)(size)


@given(data=st.binary(max_size=200), known=st.booleans(), steps=st.lists(STEPS, max_size=20))
def test_every_way_of_reading_gives_what_a_file_gives(
    data: bytes, known: bool, steps: list[tuple[str, int]]
) -> None:
    expected = io.BytesIO(data)
    body = open_body(Source(data), len(data) if known else None)
    for step in [*steps, ("read", -1)]:
        assert take(expected, step) == take(body, step)


@given(data=st.binary(max_size=100), missing=st.integers(1, 50), steps=st.lists(STEPS, max_size=9))
def test_a_cut_body_never_comes_to_its_end(
    data: bytes, missing: int, steps: list[tuple[str, int]]
) -> None:
    body = open_body(Source(data), len(data) + missing)
    seen: list[bytes] = []

    def read_to_the_end() -> None:
        for step in steps:
            got = take(body, step)
            seen.extend(got if isinstance(got, list) else [got])
        seen.append(body.read())

    with pytest.raises(ClientDisconnected):
        read_to_the_end()
    assert data.startswith(b"".join(seen))


def test_a_large_body_is_read_whole() -> None:
    data = bytes(range(256)) * 4096
    assert data == open_body(Source(data), len(data)).read()
    assert data == b"".join(open_body(Source(data), len(data)))


def test_what_follows_the_promised_length_is_left_alone() -> None:
    assert b"abc" == open_body(Source(b"abcdef"), 3).read()


def test_no_more_is_read_than_the_server_allows() -> None:
    set_max_body(10)
    try:
        assert b"x" * 10 == open_body(Source(b"x" * 10), None).read()
        with pytest.raises(RequestEntityTooLarge):
            open_body(Source(b"x" * 11), None).read()
    finally:
        set_max_body(0)
