"""What the questions about processes share: the users' environment, and programs run in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.environment import Environment
from tests.questions.programs import Program
from tests.user_environment import user_environment


@pytest.fixture(scope="session")
def users() -> Environment:
    """An environment with extensions, the real Flask they require, and the drop-in enabled."""
    return user_environment()


@pytest.fixture
def start(users: Environment, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start programs of that environment in `tmp_path`; they end with the test."""
    started: list[Program] = []

    def start_one(*command: str, port: int | None = None, **variables: Any) -> Program:
        program = Program(users, tmp_path, *command, port=port, **variables)
        started.append(program)
        return program

    yield start_one
    for program in started:
        program.end()


@pytest.fixture
def run(start: Callable[..., Program]) -> Callable[..., str]:
    """Run a program to its end and give what it printed: `run("python", "-c", "…")`."""

    def run_one(*command: str, fails: bool = False, **variables: Any) -> str:
        program = start(*command, **variables)
        assert (program.process.wait(60) != 0) == fails, program.printed
        return program.printed

    return run_one
