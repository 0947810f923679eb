"""Tests of the runner's tables: suites.toml, exclusions.toml, the kept baselines."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.baseline import make_baseline, read_baseline, read_exclusions
from conformance.environment import Variant, wanted_pins
from conformance.results import Outcome
from conformance.suites import ConformanceError, Suite, load_suites

SUITES = load_suites()


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES.keys())
def test_each_suite_has_a_baseline_of_its_pins(suite: Suite) -> None:
    baseline = read_baseline(suite)
    assert baseline.flask == "3.1.3"
    assert len(baseline.passed) > len(baseline.others)


def test_every_exclusion_passes_at_baseline() -> None:
    for name, exclusions in read_exclusions(SUITES).items():
        assert exclusions.keys() <= set(read_baseline(SUITES[name]).passed)


def test_only_the_variant_without_flask_goes_without_it() -> None:
    suite = SUITES["flask-login"]
    have = {variant: suite.flask_pin in wanted_pins(suite, variant) for variant in Variant}
    assert have == {Variant.BASELINE: True, Variant.BESIDE: True, Variant.WITHOUT_FLASK: False}


def test_an_environment_without_kolben_lacks_what_only_kolben_needs() -> None:
    suite = SUITES["flask-login"]
    added = set(wanted_pins(suite, Variant.BESIDE)) - set(wanted_pins(suite, Variant.BASELINE))
    assert added == set(suite.kolben_pins) != set()


@pytest.mark.parametrize("pin", ["one", "one>=1", "one==1.*", "one==1,<2", "==1", "one== 1"])
def test_a_pin_is_one_plain_version(tmp_path: Path, pin: str) -> None:
    path = tmp_path / "suites.toml"
    path.write_text(
        'shared = {flask = "flask==3.1.3", pins = []}\nkolben = {pins = []}\n'
        f'[suites.one]\npackage = "one"\nversion = "1"\nsha256 = ""\npins = ["{pin}"]\n',
        "utf-8",
    )
    with pytest.raises(ConformanceError, match="not one plain version"):
        load_suites(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('[flusk]\n"t.py::a" = "why"', "'flusk', which does not exist", id="suite"),
        pytest.param('[flask]\n"t.py::a" = " "', "reason of one line", id="no reason"),
        pytest.param('[flask]\n"t.py::a" = "a\\nb"', "reason of one line", id="two lines"),
    ],
)
def test_an_exclusion_names_a_suite_and_a_reason(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "exclusions.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConformanceError, match=message):
        read_exclusions(SUITES, path)


def test_a_baseline_parts_what_passed_from_the_others() -> None:
    outcomes = {"b": Outcome("passed"), "a": Outcome("passed"), "c": Outcome("skipped")}
    baseline = make_baseline(SUITES["flask"], outcomes)
    assert (baseline.passed, baseline.others) == (["a", "b"], {"c": "skipped"})
