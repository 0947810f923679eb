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
    """What is left of a run of a suite.

    again: node ids that failed, and passed when they were run once more.
    """

    outcomes: dict[str, Outcome]
    interpreters: list[Interpreter]
    log: Path
    exit_code: int
    again: frozenset[str] = frozenset()

    @property
    def failed(self) -> list[str]:
        """The node ids of what failed, files that could not be collected among them."""
        return sorted(i for i, outcome in self.outcomes.items() if outcome.status == "failed")

    def followed_by(self, second: Run) -> Run:
        """Return this run with what became of the tests that failed when they ran once more."""
        return Run(
            self.outcomes | second.outcomes,
            self.interpreters + second.interpreters,
            self.log,
            self.exit_code,
            frozenset(i for i, o in second.outcomes.items() if o.status == "passed"),
        )


def run_suite(suite: Suite, variant: Variant) -> Run:
    """Run the whole suite, and what failed once more; the output goes to logs.

    Once more, as some upstream tests compare durations: on a machine with other work they may
    fail on the real Flask as well.
    """
    environment = suite_environment(suite, variant)
    place = WORK / "runs" / f"{suite.name}-{variant.value}"
    shutil.rmtree(place, ignore_errors=True)
    run = _run_pytest(suite, environment, place)
    if not run.failed:
        return run
    wanted = place / "failed.txt"
    wanted.write_text("".join(f"{nodeid}\n" for nodeid in run.failed), "utf-8")
    only = f"--conformance-only={wanted}"
    return run.followed_by(_run_pytest(suite, environment, place / "again", only))


def _run_pytest(suite: Suite, environment: Environment, place: Path, *arguments: str) -> Run:
    """Run the suite in one process of pytest, from a fresh folder."""
    folder = suite_folder(suite)
    place.mkdir(parents=True)
    results, log = place / "results.jsonl", place / "pytest.log"
    _begin_audit(environment)
    own = ("-p", "conformance_results", "--conformance-results", str(results), *arguments)
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
