"""Run a suite's tests in an environment, and gather what they and the interpreters say."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.audit import Interpreter, read_records
from conformance.environment import Environment, Variant, suite_environment
from conformance.fetch import suite_folder
from conformance.results import Outcome, read_results
from conformance.suites import WORK, Suite

# The slowest suite, which hashes passwords, takes minutes where the machine has other work: one
# that takes this long hangs.
TIMEOUT_S = 1800


@dataclass(frozen=True)
class Run:
    """What is left of a run of a suite."""

    outcomes: dict[str, Outcome]
    interpreters: list[Interpreter]
    log: Path
    exit_code: int


def run_suite(suite: Suite, variant: Variant) -> Run:
    """Run the whole suite; its output goes to a log."""
    environment, folder = suite_environment(suite, variant), suite_folder(suite)
    place = WORK / "runs" / f"{suite.name}-{variant.value}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    results, log = place / "results.jsonl", place / "pytest.log"
    _begin_audit(environment)
    own = ("-p", "conformance_results", "--conformance-results", str(results))
    # One file that cannot be imported shall not hide what the others do.
    onward = "--continue-on-collection-errors"
    command = _pytest(suite, environment, *own, onward, f"--basetemp={place / 'tmp'}")
    with log.open("w", encoding="utf-8") as output:
        exit_code = _run_group(command, folder, environment, output.fileno())
    shutil.move(environment.audit_folder, place / "audit")
    return Run(read_results(results), read_records(place / "audit"), log, exit_code)


def run_by_hand(suite: Suite, variant: Variant, arguments: Sequence[str]) -> int:
    """Run the suite with the caller's pytest arguments, its output shown; return pytest's end."""
    environment, folder = suite_environment(suite, variant), suite_folder(suite)
    return _run_group(_pytest(suite, environment, *arguments), folder, environment, None)


def _pytest(suite: Suite, environment: Environment, *arguments: str) -> list[str]:
    # The command, not `python -m pytest`, which would put the working directory on sys.path.
    command = [str(environment.scripts / "pytest"), "-p", "no:cacheprovider", "--tb=short"]
    ignored = (f"--ignore={path}" for path in suite.ignore)
    return [*command, *suite.arguments, *ignored, *arguments]


def _begin_audit(environment: Environment) -> None:
    shutil.rmtree(environment.audit_folder, ignore_errors=True)
    environment.audit_folder.mkdir()


def _run_group(
    command: list[str], folder: Path, environment: Environment, output: int | None
) -> int:
    """Run a command in a process group of its own and end with it whatever it left running."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment.environ(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        return process.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
