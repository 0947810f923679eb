"""Print what a run means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from conformance.baseline import Baseline
from conformance.run import Run
from conformance.suites import Suite
from conformance.verdict import Verdict, percent

HEADINGS = (
    *("suite", "version", "baseline", "passed", "again"),
    *("excluded", "failing", "share", ""),
)


def table(rows: Iterable[Sequence[object]], headings: Sequence[str]) -> str:
    """Set rows under headings; a column of numbers is set to the right."""
    cells = [tuple(headings), *(tuple(map(str, row)) for row in rows)]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(cell[:1].isdigit() for cell in column[1:]) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    )


def verdict_row(suite: Suite, verdict: Verdict) -> tuple[object, ...]:
    """Return the row of one suite in the table of results."""
    state = "void" if verdict.void else "FAILED" if verdict.faults else "ok"
    counts = (verdict.baseline, verdict.passed, len(verdict.again))
    missed = (len(verdict.excluded), len(verdict.failing))
    return (suite.name, suite.version, *counts, *missed, percent(verdict.share), state)


def verdict_details(suite: Suite, baseline: Baseline, run: Run, verdict: Verdict) -> str:
    """Return what stands above the table for one suite: what failed, and where to read on."""
    used = sum(interpreter.used_flask for interpreter in run.interpreters)
    lines = [
        f"{suite.name} {suite.version}"
        f" (baseline: Flask {baseline.flask}, Python {baseline.python})",
        f"  {len(run.interpreters)} interpreters recorded, {used} of them asked for flask",
        f"  log: {run.log} (pytest ended with {run.exit_code})",
    ]
    lines += [f"  again     {nodeid}: passed when it ran once more" for nodeid in verdict.again]
    lines += [f"  excluded  {nodeid}: {why}" for nodeid, why in verdict.excluded.items()]
    lines += [f"  failing   {nodeid}: {why}" for nodeid, why in verdict.failing.items()]
    lines += [f"  {fault}" for fault in verdict.faults]
    return "\n".join(lines)
