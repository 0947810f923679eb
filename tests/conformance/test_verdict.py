"""Tests of conformance/verdict.py."""

from __future__ import annotations

from fractions import Fraction

import pytest

from conformance.results import Outcome
from conformance.verdict import judge, percent

PASSED = Outcome("passed")
FAILED = Outcome("failed", "2 != 3")


def test_all_that_passes_at_baseline_passes_here() -> None:
    verdict = judge(["a", "b"], {"a": PASSED, "b": PASSED, "new": FAILED}, {}, [])
    assert (verdict.baseline, verdict.passed, verdict.failing, verdict.faults) == (2, 2, {}, [])


@pytest.mark.parametrize(
    ("outcomes", "why"),
    [
        pytest.param({"b": FAILED}, "2 != 3", id="failed"),
        pytest.param({"b": Outcome("skipped")}, "skipped", id="skipped"),
        pytest.param({"b": Outcome("xfailed")}, "xfailed", id="expected to fail"),
        pytest.param({}, "no result: pytest did not find it, or ended before it", id="missing"),
    ],
)
def test_what_passed_at_baseline_fails_here_unless_it_passes(
    outcomes: dict[str, Outcome], why: str
) -> None:
    verdict = judge(["a", "b"], {"a": PASSED, **outcomes}, {}, [])
    assert verdict.failing == {"b": why}
    assert verdict.faults[0] == "1 that pass on the real Flask fail here"


def test_an_excluded_test_may_fail() -> None:
    many = [f"t{number}" for number in range(199)]
    outcomes = {**dict.fromkeys(many, PASSED), "odd": FAILED}
    verdict = judge([*many, "odd"], outcomes, {"odd": "names the module"}, [])
    assert (verdict.excluded, verdict.failing) == ({"odd": "names the module"}, {})
    assert verdict.faults == []


def test_exclusions_cannot_carry_a_run_below_the_demanded_share() -> None:
    verdict = judge(["a", "b"], {"a": PASSED, "b": FAILED}, {"b": "why"}, [])
    assert verdict.faults == ["50.0 % pass, less than 99.0 %"]


def test_an_exclusion_that_passes_is_stale() -> None:
    verdict = judge(["a"], {"a": PASSED}, {"a": "why"}, [])
    assert verdict.faults == ["stale exclusion: a passes: take it out"]


def test_an_exclusion_that_baseline_does_not_pass_is_stale() -> None:
    verdict = judge(["a"], {"a": PASSED, "b": FAILED}, {"b": "why"}, [])
    assert verdict.faults == ["stale exclusion: b does not pass on the real Flask: take it out"]


def test_a_void_run_is_at_fault_though_all_passes() -> None:
    assert judge(["a"], {"a": PASSED}, {}, ["process 7"]).faults == ["VOID: process 7"]


def test_an_empty_baseline_is_no_success() -> None:
    assert judge([], {}, {}, []).faults == ["0.0 % pass, less than 99.0 %"]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        pytest.param(Fraction(1), "100.0 %", id="all"),
        pytest.param(Fraction(9999, 10000), "99.9 %", id="rounded down"),
        pytest.param(Fraction(0), "0.0 %", id="none"),
    ],
)
def test_percent_rounds_down(share: Fraction, text: str) -> None:
    assert percent(share) == text
