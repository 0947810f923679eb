"""Where the time of one request goes: a profile of Kolben without a server, in microseconds.

    python -m benchmarks.one_request [--workloads A,B] [--seconds N] [--write]

A timer interrupts the process as its CPU time passes; each time counts for the file of Kolben, or
of the app, that is at work, or that called the library which is. Python looks at interrupts where a
function begins or ends and where a loop turns, so a short function may be charged some of what its
caller does before. The shares are those of a CPU time that was measured without the timer.
--write: keep the figures in benchmarks/results/.
"""

from __future__ import annotations

import argparse
import ast
import signal
import statistics
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import kolben
from benchmarks.in_process import callers, wire
from benchmarks.in_process.side import Side
from benchmarks.inprocess import chosen
from benchmarks.turns import HERE, machine, print_table, round_figure, write

TICK_S = 0.001
ROUNDS = 5
BATCH = 2_000
LEAST_US = 0.02
WORKLOADS = (
    "text",
    "path parameter",
    "hooks in a blueprint",
    "JSON POST",
    "session read and write",
    "404",
)

PACKAGE = Path(kolben.__file__).parent
THE_APP = "the app's view and hooks"
THE_SERVER = "a server's part: the call, start_response()"
THE_REST = "the rest"


class Samples:
    """Counts what is at work while it is entered."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._names: dict[str, str | None] = {}

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGPROF, self._note)
        signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._before)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        while frame is not None:
            file = frame.f_code.co_filename
            if file == wire.__file__:
                return  # makes the next requests, outside of what is measured
            part = self._names.get(file)
            if file not in self._names:
                part = self._names[file] = part_of(file)
            if part is not None:
                self.counts[part] += 1
                return
            frame = frame.f_back


def part_of(file: str) -> str | None:
    """Return the part of a request that a file's functions are; None if their caller says."""
    path = Path(file)
    if path.is_relative_to(PACKAGE):
        return path.relative_to(PACKAGE).as_posix()
    if file == callers.__file__:
        return THE_SERVER
    return THE_APP if path.is_relative_to(HERE) else None


def about(part: str) -> str:
    """Say what a file of Kolben is for, in the first words of its own docstring."""
    file = PACKAGE / part
    if not file.is_file():
        return ""
    said = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return said.partition("\n\n")[0].replace("\n", " ").partition(". ")[0].rstrip(".")


def profile(side: Side, workload: str, seconds: float) -> dict[str, Any]:
    """Return what a request costs, and of that each part, in microseconds of CPU time."""
    total_us = statistics.median(side.measure(workload) for _ in range(ROUNDS)) * 1e6
    caller, raw = side.requests[workload]
    batch, samples = caller.prepare(raw), Samples()
    until = time.process_time() + seconds
    while time.process_time() < until:
        with samples:
            batch(BATCH)
    all_samples = samples.counts.total()
    parts = {part: count / all_samples * total_us for part, count in samples.counts.most_common()}
    shown = {part: us for part, us in parts.items() if us >= LEAST_US}
    rest = total_us - sum(shown.values())
    return {
        "workload": workload,
        "us": round_figure(total_us),
        "samples": all_samples,
        "parts": {part: round(us, 2) for part, us in shown.items()} | {THE_REST: round(rest, 2)},
    }


def main() -> None:
    """Measure, print, and keep the figures if told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workloads", help=f"some of {','.join(WORKLOADS)}")
    parser.add_argument("--seconds", type=float, default=8, help="CPU time for each")
    parser.add_argument("--write", action="store_true")
    told = parser.parse_args()
    side = Side("kolben_wsgi")
    workloads = chosen(parser, told.workloads, WORKLOADS)
    rows = [profile(side, workload, told.seconds) for workload in workloads]
    for row in rows:
        print(f"\n{row['workload']}: {row['us']} us, {row['samples']} samples")
        print_table(["part", "us", ""], [[p, us, about(p)] for p, us in row["parts"].items()])
    if told.write:
        files = sorted({part for row in rows for part in row["parts"]})
        told_of = {part: about(part) for part in files if about(part)}
        write("one_request", {"machine": machine(), "rows": rows, "about": told_of})


if __name__ == "__main__":
    main()
