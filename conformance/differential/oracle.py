"""The two interpreters, one with the real Flask and one with Kolben, and a driver run in each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from conformance.environment import Variant, suite_environment
from conformance.suites import CHECKOUT, ConformanceError, load_suites

#: Names an interpreter with the real Flask where one stands ready.
PYTHON_VARIABLE = "CONFORMANCE_FLASK_PYTHON"

# With any of these the caller's shell would decide what the apps answer.
_DROPPED_PREFIXES = ("FLASK_", "KOLBEN_", "PYTHON", "COV_", "COVERAGE_")


def flask_python() -> Path:
    """Return an interpreter with the real Flask: the one of its upstream suite."""
    named = os.environ.get(PYTHON_VARIABLE)
    return Path(named) if named else _python_of_suite(Variant.BASELINE)


def kolben_python() -> Path:
    """Return an interpreter with Kolben: this one, if it has it."""
    return Path(sys.executable) if find_spec("kolben") else _python_of_suite(Variant.WITHOUT_FLASK)


def _python_of_suite(variant: Variant) -> Path:
    return Path(suite_environment(load_suites()["flask"], variant).command()[0])


def run_driver(framework: str, python: Path, subjects: list[str]) -> dict[str, Any]:
    """Send the tables in a process of their own and return its versions and answers."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "answers.json"
        command = [str(python), "-m", "conformance.differential.driver", framework, str(target)]
        done = subprocess.run(
            [*command, *subjects],
            cwd=CHECKOUT,
            env=_environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ConformanceError(
                f"The driver on {framework} ended with {done.returncode} in {python}:\n"
                f"{done.stderr}"
            )
        answers: dict[str, Any] = json.loads(target.read_text("utf-8"))
        return answers


def _environ() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_DROPPED_PREFIXES)}
    # The order in a set is part of some answers.
    return kept | {"PYTHONHASHSEED": "0"}
