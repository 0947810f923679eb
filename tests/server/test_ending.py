"""What is said of a worker's end; that it ends well is shown by test_life.py."""

from __future__ import annotations

import pytest

from kolben.server.ending import describe_end

A, B = ("GET", "/a", 90.0), ("POST", None, 70.0)


@pytest.mark.parametrize(
    ("finished", "left", "expected"),
    [
        (1, [], "1 request finished while it was stopping, none was cut off."),
        (1200, [], "1,200 requests finished while it was stopping, none was cut off."),
        (
            0,
            [A, B],
            "0 requests finished while it was stopping, 2 cut off: POST ? (30.0 s),"
            " GET /a (10.0 s).",
        ),
        (
            3,
            [A] * 12,
            "3 requests finished while it was stopping, 12 cut off: "
            + ", ".join(["GET /a (10.0 s)"] * 10)
            + " and 2 more.",
        ),
    ],
    ids=["one", "many", "cut", "many cut"],
)
def test_it_says_what_finished_and_what_was_cut(
    finished: int, left: list[tuple[str, str | None, float]], expected: str
) -> None:
    assert f"Worker 1 has ended: {expected}" == describe_end("Worker 1", finished, left, 100.0)
