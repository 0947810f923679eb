"""Kolben's sides answer rightly, and a wrong answer ends a run."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import pytest

from benchmarks.in_process.expected import EXPECTED
from benchmarks.inprocess import SIDES, WrongAnswerError, check, chosen, parse
from benchmarks.turns import Side
from benchmarks.workloads import REQUESTS

RIGHT: dict[str, Any] = {"wrong": {}, "answers": {"own": [200, "x"]}}


@pytest.mark.parametrize("app", ["kolben_wsgi", "kolben_asgi", "kolben_async"])
def test_kolben_answers_every_request_rightly(app: str) -> None:
    side = Side([sys.executable, "-m", "benchmarks.in_process.side", app])
    try:
        said = side.introduction
        assert said["wrong"] == {}
        assert set(said["answers"]) | set(said["empty"]) == set(REQUESTS)
        assert set(EXPECTED) <= set(said["answers"])
        assert 0 < side.measure("text") < 1
    finally:
        side.stop()


def test_a_wrong_answer_ends_the_run() -> None:
    wrong = {"flask": {**RIGHT, "file": "flask/__init__.py", "wrong": {"text": "status 500"}}}
    with pytest.raises(WrongAnswerError, match="flask, text: status 500"):
        check(wrong)


def test_a_side_that_runs_on_the_other_ones_flask_ends_the_run() -> None:
    with pytest.raises(WrongAnswerError, match="flask runs on kolben"):
        check({"flask": {**RIGHT, "file": "kolben/__init__.py"}})
    with pytest.raises(WrongAnswerError, match="kolben runs on flask"):
        check({"kolben": {**RIGHT, "file": "flask/__init__.py"}})


def test_an_answer_that_nobody_has_written_down_must_be_flasks() -> None:
    flask = {**RIGHT, "file": "flask/__init__.py"}
    kolben = {**RIGHT, "file": "kolben/__init__.py"}
    check({"flask": flask, "kolben": kolben})
    with pytest.raises(WrongAnswerError, match="kolben, own: not Flask's answer"):
        check({"flask": flask, "kolben": {**kolben, "answers": {"own": [200, "y"]}}})


def test_names_with_a_comma_can_be_chosen() -> None:
    parser = argparse.ArgumentParser()
    known = ["text", "1000 rules, the first", "1000 rules, the last"]
    assert chosen(parser, None, known) == known
    assert chosen(parser, "text,1000 rules, the last", known) == ["text", "1000 rules, the last"]


def test_an_unknown_name_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--sides", "kolben,nobody"])
    assert "'nobody' begins with none of" in capsys.readouterr().err


def test_without_names_all_are_measured() -> None:
    told = parse([])
    assert told.sides == list(SIDES)
    assert told.workloads == list(REQUESTS)
