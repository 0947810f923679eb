"""Answers over HTTP are judged."""

from __future__ import annotations

import pytest

from benchmarks.servers.load import REQUESTS


@pytest.mark.parametrize(
    ("name", "status", "body", "is_right"),
    [
        ("text", 200, b"Hello, world!", True),
        ("text", 404, b"Hello, world!", False),
        ("text", 200, b"hello", False),
        ("JSON", 200, b'{"message":"Hello, world!"}', True),
        ("JSON", 200, b'{"message":"Bye"}', False),
        ("JSON", 200, b"no JSON", False),
        ("JSON POST", 201, b'{"name": "piston"}', True),
    ],
)
def test_an_answer_is_right_or_wrong(name: str, status: int, body: bytes, is_right: bool) -> None:
    assert REQUESTS[name].is_right(status, body) is is_right
