"""Tests of conformance/results.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.inside.conformance_ids import stable_id
from conformance.results import Outcome, Phase, outcome_of, outcomes_of, read_results


def phases(*outcomes: str) -> list[Phase]:
    whens = ("setup", "call", "teardown")
    return [Phase("t.py::a", when, o) for when, o in zip(whens, outcomes, strict=False)]


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        pytest.param(("passed", "passed", "passed"), "passed", id="all phases pass"),
        pytest.param(("passed", "passed", "failed"), "failed", id="tear-down fails"),
        pytest.param(("passed", "failed", "passed"), "failed", id="call fails"),
        pytest.param(("failed",), "failed", id="set-up fails"),
        pytest.param(("skipped",), "skipped", id="skipped before it began"),
        pytest.param(("passed", "skipped", "passed"), "skipped", id="skipped within"),
        pytest.param(("passed", "xskipped", "passed"), "xfailed", id="failed as expected"),
        pytest.param(("passed", "xpassed", "passed"), "xpassed", id="passed unexpectedly"),
        pytest.param(("passed",), "failed", id="process died in the call"),
        pytest.param(("passed", "passed"), "failed", id="process died in the tear-down"),
    ],
)
def test_a_test_passes_when_every_phase_of_it_did(outcomes: tuple[str, ...], status: str) -> None:
    assert outcomes_of(phases(*outcomes))["t.py::a"].status == status


def test_a_failure_keeps_its_reason() -> None:
    failed = [Phase("t.py::a", "setup", "passed"), Phase("t.py::a", "call", "failed", "2 != 3")]
    assert outcomes_of(failed) == {"t.py::a": Outcome("failed", "2 != 3")}


def test_ids_do_not_depend_on_addresses_or_the_path_separator() -> None:
    one, other = "t.py::a[<f at 0x7f01ab34cd12>]", "t.py::a[<f at 0x7f99ab34cd77>]"
    assert stable_id(one) == stable_id(other) != "t.py::a"
    assert stable_id("sub\\t.py::a") == "sub/t.py::a"


def test_ids_keep_short_hexadecimal_parameters() -> None:
    assert stable_id("t.py::a[0x10]") == "t.py::a[0x10]"


def test_two_tests_under_one_stable_id_pass_only_together() -> None:
    ids = ("t.py::a[0x7f01ab34cd12]", "t.py::a[0x7f99ab34cd77]")
    lines = [Phase(nodeid, when, "passed") for nodeid in ids for when in ("call", "teardown")]
    lines[2] = Phase(ids[1], "call", "failed", "boom")
    assert outcomes_of(lines) == {"t.py::a[0x_]": Outcome("failed", "boom")}


def test_a_test_without_a_result_failed_for_its_file_s_reason() -> None:
    outcomes = outcomes_of([Phase("t.py", "collect", "failed", "no module named x")])
    assert outcome_of("t.py::a", outcomes) == Outcome("failed", "no module named x")
    assert "no result" in outcome_of("u.py::a", outcomes).why


def test_a_half_written_last_line_is_passed_over(tmp_path: Path) -> None:
    line = json.dumps({"nodeid": "t.py::a", "when": "setup", "outcome": "skipped", "why": ""})
    (tmp_path / "results").write_text(f'{line}\n{{"nodeid": "t.p', "utf-8")
    assert read_results(tmp_path / "results") == {"t.py::a": Outcome("skipped")}


def test_no_file_is_no_results(tmp_path: Path) -> None:
    assert read_results(tmp_path / "results") == {}
