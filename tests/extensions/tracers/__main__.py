"""The table of docs/tracers.md: `python -m tests.extensions.tracers [TRACER ...]`.

Each tracer on the real Flask and on Kolben: in one process, under gunicorn, under `kolben serve`.
Exits with 1 where one recorded something else.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.extensions.tracers.compare import LACKING, count, differences
from tests.extensions.tracers.runs import GUNICORN, IN_PROCESS, SERVED, TRACERS, record_of

HEAD = ("tracer", "begun by", "recorded", "in process", "gunicorn", *SERVED)


def main(names: list[str]) -> int:
    """Print a row for each tracer; what differs goes to stderr."""
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in names or TRACERS:
            cells, wrong = _row(name, Path(folder))
            tracer = TRACERS[name]
            print(f"| {' | '.join((tracer.name, tracer.begun, *cells))} |", flush=True)
            failed += wrong
    return 1 if failed else 0


def _row(name: str, folder: Path) -> tuple[list[str], int]:
    """Return how much is recorded on Flask, and for each place whether Kolben's is the same."""
    alone = record_of(IN_PROCESS, name, folder, on_flask=True)
    served = record_of(GUNICORN, name, folder, on_flask=True)
    cells, wrong = [str(count(alone))], 0
    for where in (IN_PROCESS, GUNICORN, *SERVED):
        ours = record_of(where, name, folder, on_flask=False)
        flask = alone if where == IN_PROCESS else served
        found = differences(name, where, flask, ours)
        lacking = LACKING.get((name, where))
        alike = f"the same, but {lacking}" if lacking else "the same"
        cells.append(f"{len(found)} differ" if found else alike)
        wrong += len(found)
        for line in found:
            print(f"{name}, {where}: {line[:1500]}", file=sys.stderr)
    return cells, wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
