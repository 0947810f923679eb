"""Tests of conformance/report.py."""

from __future__ import annotations

from conformance.report import HEADINGS, table, verdict_row
from conformance.results import Outcome
from conformance.suites import load_suites
from conformance.verdict import judge


def test_numbers_are_set_to_the_right_under_their_heading() -> None:
    assert table([("a", 5), ("bcd", 12)], ("suite", "n")) == "suite   n\na       5\nbcd    12"


def test_a_row_says_void_before_it_says_failed() -> None:
    suite = load_suites()["flask"]
    failed = judge(["a"], {"a": Outcome("failed")}, {}, [])
    void = judge(["a"], {"a": Outcome("failed")}, {}, ["a reason"])
    passed = judge(["a"], {"a": Outcome("passed")}, {}, [])
    assert [verdict_row(suite, verdict)[-1] for verdict in (failed, void, passed)] == [
        "FAILED",
        "void",
        "ok",
    ]


def test_a_row_counts_what_passed_when_it_ran_once_more() -> None:
    passed = dict.fromkeys(("a", "b", "c"), Outcome("passed"))
    verdict = judge(["a", "b"], passed, {}, [], again={"b", "c"})
    row = dict(zip(HEADINGS, verdict_row(load_suites()["flask"], verdict), strict=True))
    assert (row["passed"], row["again"], row["failing"]) == (2, 1, 0)
