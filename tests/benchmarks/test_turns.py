"""Processes take turns and say why they cannot."""

from __future__ import annotations

import sys

import pytest

from benchmarks.turns import NotThereError, Side, round_figure, summary, take_turns

COUNTS = """
import json, sys
print(json.dumps({"name": sys.argv[1]}), flush=True)
for number, line in enumerate(sys.stdin, 1):
    print(number * int(sys.argv[1]), flush=True)
"""


def counter(step: int) -> Side:
    return Side([sys.executable, "-c", COUNTS, str(step)])


def test_sides_introduce_themselves_and_are_measured_in_turns() -> None:
    sides = {"ones": counter(1), "tens": counter(10)}
    try:
        assert sides["ones"].introduction == {"name": "1"}
        assert take_turns(sides, "anything", 2) == {"ones": [1, 2], "tens": [10, 20]}
        assert take_turns(sides, "anything", 1) == {"ones": [3], "tens": [30]}
    finally:
        for side in sides.values():
            side.stop()


def test_a_side_that_cannot_start_says_why() -> None:
    with pytest.raises(NotThereError, match="ModuleNotFoundError: No module named"):
        Side([sys.executable, "-c", "import nothing_of_this_name"])


def test_a_side_whose_environment_is_missing_is_not_there() -> None:
    with pytest.raises(NotThereError, match="`python -m benchmarks"):
        Side(["/nowhere/python"])


def test_a_side_that_takes_too_long_is_ended() -> None:
    with pytest.raises(NotThereError):
        Side([sys.executable, "-c", "import time; time.sleep(60)"], wait_s=0.2)


def test_a_ratio_is_of_figures_that_stood_side_by_side() -> None:
    figures = {"flask": [60.0, 600.0, 61.0], "kolben": [6.0, 60.0, 6.1]}
    told = summary(figures, "kolben", 1)
    assert told["flask"] == {"median": 61.0, "best": 60.0, "ratio": 10.0}
    assert told["kolben"] == {"median": 6.1, "best": 6.0, "ratio": 1.0}


def test_without_the_yardstick_there_is_no_ratio() -> None:
    assert summary({"flask": [60.0]}, "kolben", 1)["flask"]["ratio"] is None


@pytest.mark.parametrize(
    ("value", "rounded"), [(1234.56, 1235), (99.96, 100.0), (12.345, 12.3), (1.2345, 1.23)]
)
def test_figures_have_three_digits_that_count(value: float, rounded: float) -> None:
    assert round_figure(value) == rounded
