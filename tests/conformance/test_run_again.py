"""Tests of the second run, of what failed in the first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conformance.results import Outcome, read_results
from conformance.run import Run
from conformance.suites import HERE

# Fails in the first process that runs it, and passes in the next.
ODD = """
from pathlib import Path
import pytest

def test_steady(): pass

def test_odd():
    ran_before = Path("ran").exists()
    Path("ran").touch()
    assert ran_before

@pytest.mark.parametrize("thing", [object()], ids=repr)
def test_with_an_address(thing): assert Path("ran-twice").exists()
"""
# Cannot be collected by the first process.
BROKEN = """
from pathlib import Path
if not Path("ran").exists(): raise ImportError("not yet")
def test_late(): pass
"""


def run_pytest(folder: Path, *arguments: str) -> Run:
    """Run the tests of a folder in a process of their own, as a suite is."""
    results = folder / "results.jsonl"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull]
    own = ["-p", "conformance_results", f"--conformance-results={results}", *arguments]
    done = subprocess.run(
        [*command, *own, f"--rootdir={folder}", "--continue-on-collection-errors"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE / "inside"), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert results.exists(), done.stdout + done.stderr
    return Run(read_results(results), [], results, done.returncode)


def test_what_failed_runs_once_more_and_only_that(tmp_path: Path) -> None:
    (tmp_path / "test_odd.py").write_text(ODD, "utf-8")
    (tmp_path / "test_broken.py").write_text(BROKEN, "utf-8")
    first = run_pytest(tmp_path)
    address = "test_odd.py::test_with_an_address[<object object at 0x_>]"
    assert first.failed == ["test_broken.py", "test_odd.py::test_odd", address]
    (tmp_path / "failed.txt").write_text("\n".join(first.failed), "utf-8")

    second = run_pytest(tmp_path, f"--conformance-only={tmp_path / 'failed.txt'}")
    late = "test_broken.py::test_late"
    assert second.outcomes.keys() == {late, "test_odd.py::test_odd", address}
    both = first.followed_by(second)
    assert both.again == {late, "test_odd.py::test_odd"}
    assert both.outcomes["test_odd.py::test_steady"] == Outcome("passed")
    assert both.outcomes[address].status == "failed"
    assert both.outcomes[late] == Outcome("passed")


def test_a_run_in_which_nothing_failed_stays_as_it_is() -> None:
    run = Run({"a": Outcome("passed"), "b": Outcome("skipped")}, [], Path("log"), 0)
    assert (run.failed, run.again) == ([], frozenset())
