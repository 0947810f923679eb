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
from tests.user_environment import user_environment

PROGRAMS = Path(__file__).parent / "programs"
# As they are: each runs on Flask as well, which is what its answers are compared with.
PACKAGES = (
    "flask==3.1.3",
    "apiflask==3.1.2",
    "flask-admin==2.2.1",
    "flask-babel==4.0.0",
    "flask-bcrypt==1.0.1",
    "flask-caching==2.5.1",
    "flask-compress==1.25",
    "flask-cors==6.0.5",
    "flask-debugtoolbar==0.16.0",
    "flask-httpauth==4.8.1",
    "flask-jwt-extended==4.7.4",
    "flask-limiter==4.1.1",
    "flask-login==0.6.3",
    "flask-mail==0.10.0",
    "flask-marshmallow==1.5.0",
    "flask-migrate==4.1.0",
    "flask-restful==0.3.10",
    "flask-restx==1.3.2",
    "flask-session==0.8.0",
    "flask-smorest==0.47.0",
    "flask-socketio==5.7.0",
    "flask-sqlalchemy==3.1.1",
    "flask-talisman==1.1.0",
    "flask-wtf==1.3.0",
    "sentry-sdk==2.75.0",
    "sqlalchemy==2.1.9",
    "cachelib==0.17.0",
    "setuptools<81",
)

Run = Callable[..., Any]


@pytest.fixture(scope="session", params=["beside Flask", "without Flask"])
def environment(request: pytest.FixtureRequest) -> Environment:
    """An environment with the extensions, switched to Kolben."""
    if request.param == "beside Flask":
        return user_environment("extensions", PACKAGES)
    return user_environment("extensions-without-flask", PACKAGES, without=("flask",))


@pytest.fixture(scope="session")
def beside_flask() -> Environment:
    """The environment that has the real Flask too, for what it answers."""
    return user_environment("extensions", PACKAGES)


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
