"""Read what became of each test of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conformance.inside.conformance_ids import stable_id


@dataclass(frozen=True)
class Outcome:
    """What became of one test.

    status: passed, failed, skipped, xfailed or xpassed. why: one line, for those that failed.
    """

    status: str
    why: str = ""


@dataclass(frozen=True)
class Phase:
    """One line of the results: the set-up, call or tear-down of a test, or a file's collection."""

    nodeid: str
    when: str
    outcome: str
    why: str = ""


def read_results(path: Path) -> dict[str, Outcome]:
    """Read the file that the plugin in the environment wrote; {} if pytest never came so far."""
    if not path.exists():
        return {}
    lines = path.read_text("utf-8").splitlines()
    return outcomes_of(Phase(**json.loads(line)) for line in lines if line.endswith("}"))


def outcomes_of(phases: Iterable[Phase]) -> dict[str, Outcome]:
    """Put the phases of each test together, under a node id that is the same in every run.

    A file that could not be collected stands in for its tests, as one that failed.
    """
    gathered: dict[str, list[Phase]] = {}
    for phase in phases:
        gathered.setdefault(stable_id(phase.nodeid), []).append(phase)
    return {nodeid: _outcome(phases) for nodeid, phases in gathered.items()}


def outcome_of(nodeid: str, outcomes: dict[str, Outcome]) -> Outcome:
    """Return what became of a test that should have run.

    One without a result has failed: of a file that was not collected, or of a run cut short.
    """
    if nodeid in outcomes:
        return outcomes[nodeid]
    if (of_file := outcomes.get(nodeid.partition("::")[0])) is not None:
        return of_file
    return Outcome("failed", "no result: pytest did not find it, or ended before it")


def _outcome(phases: list[Phase]) -> Outcome:
    by_outcome = {phase.outcome: phase for phase in phases}
    if (failed := by_outcome.get("failed")) is not None:
        return Outcome("failed", failed.why)
    for outcome, status in (("xskipped", "xfailed"), ("xpassed", "xpassed")):
        if outcome in by_outcome:
            return Outcome(status)
    if "skipped" in by_outcome:
        return Outcome("skipped")
    if {"call", "teardown"} <= {phase.when for phase in phases}:
        return Outcome("passed")
    return Outcome("failed", "the interpreter ended within it")
