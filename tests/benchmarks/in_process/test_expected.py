"""Right answers pass and wrong ones are told."""

from __future__ import annotations

import pytest

from benchmarks.in_process.expected import EXPECTED, PAGE
from benchmarks.in_process.wire import Answer
from benchmarks.workloads import REQUESTS


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Answer:
    return Answer(status, tuple((name.replace("_", "-"), v) for name, v in headers.items()), body)


@pytest.mark.parametrize(
    ("workload", "right"),
    [
        ("text", answer(b"Hello, world!")),
        ("JSON", answer(b'{"message":"Hello, world!"}\n')),
        ("template file", answer(b"\n".join(PAGE.partition(b"<ul>")))),
        ("304 by ETag", answer(status=304)),
        ("redirect", answer(b"anything", 307, location="/")),
        ("redirect", answer(status=302, location="http://localhost:8000/")),
        ("session read and write", answer(b"2", set_cookie="session=x")),
    ],
)
def test_a_right_answer_is_right(workload: str, right: Answer) -> None:
    assert EXPECTED[workload].check(right) == ""


@pytest.mark.parametrize(
    ("workload", "wrong", "why"),
    [
        ("text", answer(b"Hello!"), "body b'Hello!'"),
        ("text", answer(b"Hello, world!", 201), "status 201"),
        ("JSON", answer(b"no JSON"), "body b'no JSON'"),
        ("redirect", answer(status=302, location="/other"), "no header location: /"),
        ("session read and write", answer(b"2"), "no header set-cookie: (any)"),
    ],
)
def test_a_wrong_answer_is_told(workload: str, wrong: Answer, why: str) -> None:
    assert why in EXPECTED[workload].check(wrong)


def test_what_is_expected_is_asked_for() -> None:
    assert set(EXPECTED) <= set(REQUESTS)
