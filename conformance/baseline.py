"""What passes on the real Flask, and what is excused from passing here."""

from __future__ import annotations

import json
import platform
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from conformance.environment import Variant, wanted_pins
from conformance.results import Outcome
from conformance.suites import HERE, ConformanceError, Suite


@dataclass(frozen=True)
class Baseline:
    """A suite's results on the real Flask: node ids that passed, and the state of the others."""

    suite: str
    version: str
    flask: str
    python: str
    pins: list[str]
    passed: list[str]
    others: dict[str, str]


def make_baseline(suite: Suite, outcomes: dict[str, Outcome]) -> Baseline:
    """Turn the results of a run on the real Flask into a baseline."""
    states = {nodeid: outcome.status for nodeid, outcome in sorted(outcomes.items())}
    return Baseline(
        suite=suite.name,
        version=suite.version,
        flask=suite.flask_version,
        python=platform.python_version(),
        pins=wanted_pins(suite, Variant.BASELINE),
        passed=[nodeid for nodeid, status in states.items() if status == "passed"],
        others={nodeid: status for nodeid, status in states.items() if status != "passed"},
    )


def baseline_path(suite: Suite) -> Path:
    """Return where a suite's baseline is kept."""
    return HERE / "baseline" / f"{suite.name}.json"


def write_baseline(suite: Suite, baseline: Baseline) -> None:
    """Keep a baseline, one node id per line, so that a change shows as a diff."""
    text = json.dumps(asdict(baseline), indent=1, ensure_ascii=False)
    baseline_path(suite).write_text(text + "\n", "utf-8")


def read_baseline(suite: Suite) -> Baseline:
    """Return the baseline of a suite.

    Raises ConformanceError when there is none, or it is of other pins than the table's.
    """
    path = baseline_path(suite)
    cure = f"Record it: python -m conformance --record {suite.name}"
    if not path.exists():
        raise ConformanceError(f"The suite {suite.name!r} has no baseline. {cure}")
    baseline = Baseline(**json.loads(path.read_text("utf-8")))
    if baseline.pins != wanted_pins(suite, Variant.BASELINE) or baseline.version != suite.version:
        raise ConformanceError(
            f"The baseline of {suite.name!r} was recorded with other versions than those in "
            f"suites.toml. {cure}"
        )
    return baseline


def read_exclusions(
    suites: dict[str, Suite], path: Path = HERE / "exclusions.toml"
) -> dict[str, dict[str, str]]:
    """Read the node ids that may fail here, with the reason, by suite.

    Raises ConformanceError for a suite that is not in the table and for a reason that is not
    one line.
    """
    table = tomllib.loads(path.read_text("utf-8"))
    for name, entries in table.items():
        if name not in suites:
            raise ConformanceError(f"{path.name} names the suite {name!r}, which does not exist.")
        for nodeid, reason in entries.items():
            if not isinstance(reason, str) or not reason.strip() or "\n" in reason:
                raise ConformanceError(f"{path.name}: {nodeid!r} needs a reason of one line.")
    return {name: table.get(name, {}) for name in suites}
