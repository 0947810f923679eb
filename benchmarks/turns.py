"""Processes that measure in turns: each framework in one of its own, all equally slowed down."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from benchmarks.peers import clean_environ

HERE = Path(__file__).parent
RESULTS = HERE / "results"
# The slowest request of the slowest side takes some milliseconds.
WAIT_S = 120.0


class NotThereError(Exception):
    """A side cannot be measured; the text says why."""


class Side:
    """A process that says what it is, and then answers each name it is told with a figure.

    wait_s: it is ended when it takes longer for one.
    """

    def __init__(self, command: list[str], wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        if not Path(command[0]).exists():
            raise NotThereError("its environment is not there: see `python -m benchmarks.peers`")
        self._process = subprocess.Popen(
            command,
            cwd=HERE.parent,
            env=clean_environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._complaints: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            self.introduction: dict[str, Any] = json.loads(self._read())
        except NotThereError:
            self.stop()
            raise

    def _listen(self) -> None:
        """Keep what the process complains of, and never let its pipe fill."""
        stderr: IO[str] | None = self._process.stderr
        assert stderr is not None
        for line in stderr:
            self._complaints[:] = [*self._complaints[-19:], line.rstrip()]

    def _read(self) -> str:
        """Return the next line of the process; raise NotThereError when it has ended."""
        stdout: IO[str] | None = self._process.stdout
        assert stdout is not None
        timer = threading.Timer(self._wait_s, self._process.kill)
        timer.start()
        try:
            line = stdout.readline()
        finally:
            timer.cancel()
        if not line:
            self._process.wait()
            self._listener.join()
            raise NotThereError((self._complaints or ["it ended without a word"])[-1])
        return line

    def measure(self, name: str) -> float:
        """Return the process's figure for a name."""
        stdin: IO[str] | None = self._process.stdin
        assert stdin is not None
        stdin.write(f"{name}\n")
        stdin.flush()
        return float(self._read())

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


def take_turns(sides: Mapping[str, Side], name: str, rounds: int) -> dict[str, list[float]]:
    """Measure one thing on each side, A B C A B C; return each side's figures."""
    figures: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, process in sides.items():
            figures[side].append(process.measure(name))
    return figures


def summary(figures: Mapping[str, list[float]], yardstick: str, scale: float) -> dict[str, Any]:
    """Return for each side its median, its best, and how many times the yardstick's it is.

    scale: what a figure is multiplied by. The ratio is the median of those of the rounds, each of
    figures that stood side by side; None without the yardstick.
    """
    ours = figures.get(yardstick)
    return {
        side: {
            "median": round_figure(statistics.median(one) * scale),
            "best": round_figure(min(one) * scale),
            "ratio": _ratio(one, ours) if ours else None,
        }
        for side, one in figures.items()
    }


def _ratio(one: list[float], ours: list[float]) -> float:
    """Return the median of the rounds' ratios, with no more digits than can be trusted."""
    ratio = statistics.median(a / b for a, b in zip(one, ours, strict=True))
    return round(ratio, 1 if ratio >= 2 else 2)


def round_figure(value: float) -> float:
    """Keep three digits that count, as a float that JSON writes short."""
    if value >= 100:
        return round(value)
    return round(value, 1 if value >= 10 else 2)


def machine() -> dict[str, Any]:
    """Say what this runs on, without naming it."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    lines = cpuinfo.read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def write(name: str, result: dict[str, Any]) -> Path:
    """Keep a result in benchmarks/results/; return the file."""
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{name}.json"
    target.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return target


def print_table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print rows under heads; the first column to the left, the others to the right."""
    lines = [[str(head) for head in heads], *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *rest in lines:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))
    sys.stdout.flush()


def _shown(cell: Any) -> str:
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)
