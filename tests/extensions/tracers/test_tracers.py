"""Tracers record the same on Kolben as on the real Flask: names, routes, statuses and errors."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.extensions.tracers.compare import count, differences
from tests.extensions.tracers.programs.asked import REQUESTS
from tests.extensions.tracers.runs import (
    GUNICORN,
    IN_PROCESS,
    PROGRAMS,
    TRACERS,
    environment,
    record_of,
)

# Servers take longer: each day another two. All of them: TRACERS=all, or the command that prints
# the table.
DAY = int(time.time() // 86_400)
NAMES = list(TRACERS)
SERVED = (
    NAMES if os.environ.get("TRACERS") == "all" else [NAMES[(2 * DAY + i) % 11] for i in (0, 1)]
)


@pytest.mark.slow
@pytest.mark.parametrize("tracer", TRACERS)
def test_the_same_is_recorded_in_one_process(tracer: str, tmp_path: Path) -> None:
    flask = record_of(IN_PROCESS, tracer, tmp_path, on_flask=True)
    kolben = record_of(IN_PROCESS, tracer, tmp_path, on_flask=False)
    assert count(flask) >= len(REQUESTS) - 4  # Scout leaves out what no rule matches
    assert not differences(tracer, IN_PROCESS, flask, kolben)


@pytest.mark.slow
@pytest.mark.parametrize("tracer", SERVED)
def test_the_same_is_recorded_under_kolben_serve(tracer: str, tmp_path: Path) -> None:
    flask = record_of(GUNICORN, tracer, tmp_path, on_flask=True)
    kolben = record_of("rsgi", tracer, tmp_path, on_flask=False)
    assert count(flask) >= len(REQUESTS) - 4
    assert not differences(tracer, "rsgi", flask, kolben)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "statement",
    ["from flask import Flask", "from flask.app import Flask", "from kolben import Flask"],
)
def test_hooks_of_wrapt_fire_as_on_flask(when: str, statement: str) -> None:
    place = environment()

    def fired(statement: str, **variables: str) -> str:
        done = subprocess.run(
            place.command(PROGRAMS / "when_imported.py", when, statement),
            env={**place.environ(), **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    on_flask = fired(statement.replace("kolben", "flask"), KOLBEN_DROP_IN="0")
    assert "flask.app" in on_flask
    assert fired(statement) == on_flask
