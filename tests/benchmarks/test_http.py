"""The command line of the servers' measurements, and what rounds add up to."""

from __future__ import annotations

import pytest

from benchmarks.http import parse, summary

ROUND = {
    "requests": 1000,
    "seconds": 2.0,
    "cpu_s": 1.0,
    "p50_ms": 1.0,
    "p99_ms": 2.0,
    "refused": 0,
    "broken": 1,
    "late": 2,
    "wrong_status": 0,
    "memory_mb": 30.0,
}


def test_rounds_give_medians_errors_add_up_and_memory_is_the_peak() -> None:
    rounds = [ROUND, {**ROUND, "requests": 2000, "memory_mb": 50.0}, {**ROUND, "requests": 1200}]
    assert summary({"sanic": rounds})["sanic"] == {
        "requests_per_s": 600,
        "best_requests_per_s": 1000,
        "cpu_us": 833,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "errors": 9,
        "memory_mb": 50.0,
    }


def test_most_workloads_are_measured_at_the_first_number_of_connections() -> None:
    told, keeps = parse(["--workloads", "text,JSON", "--connections", "8,64"])
    assert told.cells == [("text", 8), ("text", 64), ("JSON", 8)]
    assert not keeps
    told, _ = parse(["--workloads", "JSON", "--connections", "8,64", "--every"])
    assert told.cells == [("JSON", 8), ("JSON", 64)]


def test_a_side_may_have_its_own_number_of_threads() -> None:
    assert parse(["--sides", "kolben-wsgi@2,sanic"])[0].sides == ["kolben-wsgi@2", "sanic"]


@pytest.mark.parametrize("side", ["nobody", "sanic@2", "kolben-wsgi@many"])
def test_an_unknown_side_is_an_error(side: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--sides", side])
    assert f"there is no side '{side}'" in capsys.readouterr().err
