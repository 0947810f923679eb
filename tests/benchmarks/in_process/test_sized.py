"""Apps of a size answer, and a side measures them."""

from __future__ import annotations

import sys

import pytest

from benchmarks.in_process.sized import make_caller
from benchmarks.turns import Side


@pytest.mark.parametrize(
    ("kind", "count"), [("rules", 1), ("rules", 30), ("hooks", 0), ("hooks", 5)]
)
def test_an_app_of_a_size_answers_rightly(kind: str, count: int) -> None:
    caller, raw = make_caller("kolben", kind, count)
    assert caller.ask(raw).body == b"part 42"


def test_a_side_makes_apps_and_asks_them() -> None:
    side = Side([sys.executable, "-m", "benchmarks.in_process.sized", "kolben"])
    try:
        assert side.introduction == {"framework": "kolben"}
        assert 0 < side.measure("make rules 5") < 10
        assert 0 < side.measure("ask rules 5") < 1
        assert 0 < side.measure("ask hooks 1") < 1
    finally:
        side.stop()
