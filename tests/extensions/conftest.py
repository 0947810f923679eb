"""Environments with extensions: beside the real Flask, and where it is not installed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformance.environment import Environment
from tests.extensions.packages import IMPORTED, SERVED
from tests.user_environment import user_environment

PROGRAMS = Path(__file__).parent / "programs"

Run = Callable[..., Any]


@pytest.fixture(scope="session", params=["beside Flask", "without Flask"])
def environment(request: pytest.FixtureRequest) -> Environment:
    """An environment with the extensions, switched to Kolben."""
    if request.param == "beside Flask":
        return user_environment("extensions", SERVED)
    return user_environment("extensions-without-flask", IMPORTED, without=("flask",))


@pytest.fixture(scope="session")
def beside_flask() -> Environment:
    """The environment that has the real Flask too, for what it answers."""
    return user_environment("extensions", SERVED)


@cache
def run(environment: Environment, *command: str, **variables: str) -> Any:
    """Run a program of this folder in an environment, once; return the JSON that it prints last."""
    name, *arguments = command
    done = subprocess.run(
        environment.command(PROGRAMS / f"{name}.py", *arguments),
        env={**environment.environ(), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def on_kolben(environment: Environment) -> Run:
    """Run a program of this folder on Kolben: `on_kolben("sentry", "url")`."""

    def run_here(*command: str) -> Any:
        printed = run(environment, *command)
        assert printed["flask"] == "kolben.app"
        return printed["found"]

    return run_here


@pytest.fixture
def on_flask(beside_flask: Environment) -> Run:
    """Run it on the real Flask."""

    def run_there(*command: str) -> Any:
        printed = run(beside_flask, *command, KOLBEN_DROP_IN="0")
        assert printed["flask"] == "flask.app"
        return printed["found"]

    return run_there
