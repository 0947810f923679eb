"""What a request costs without a server, on Flask, its peers and Kolben, in one run.

    python -m benchmarks.inprocess [--peers DIR] [--sides A,B] [--workloads A,B] [--rounds N]
                                   [--write]

Each framework has its app as its documentation recommends, in a process and an environment of its
own (see benchmarks.peers). The processes take turns, so that a machine whose speed drifts is
equally slow for all. Times are CPU times of the whole process. An answer that is not right ends
the run. ASGI callables are driven on one asyncio loop, each request in a task of its own; the side
"nothing" is what that costs. --write: keep the figures in benchmarks/results/.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.in_process.expected import EXPECTED
from benchmarks.peers import DEFAULT, names_of, python_of
from benchmarks.turns import (
    NotThereError,
    Side,
    machine,
    print_table,
    summary,
    take_turns,
    write,
)
from benchmarks.workloads import REQUESTS

# Each side's environment, and its app in benchmarks/in_process/apps/. Ratios are to the one of its
# interface that is named in YARDSTICKS.
SIDES = {
    "flask": ("flask", "flask_wsgi"),
    "bottle": ("bottle", "bottle_wsgi"),
    "falcon": ("falcon", "falcon_wsgi"),
    "falcon-cython": ("falcon-cython", "falcon_wsgi"),
    "kolben": ("kolben", "kolben_wsgi"),
    "nothing": ("kolben", "empty_asgi"),
    "starlette": ("starlette", "starlette_asgi"),
    "fastapi": ("fastapi", "fastapi_asgi"),
    "litestar": ("litestar", "litestar_asgi"),
    "quart": ("quart", "quart_asgi"),
    "blacksheep": ("blacksheep", "blacksheep_asgi"),
    "kolben-asgi": ("kolben", "kolben_asgi"),
    "kolben-async": ("kolben", "kolben_async"),
}
YARDSTICKS = {"wsgi": "kolben", "asgi": "kolben-async"}


class WrongAnswerError(SystemExit):
    """A side answers wrongly, and its cost says nothing."""


def start(names: list[str], peers: Path) -> tuple[dict[str, Side], dict[str, str]]:
    """Start sides; return those that are there, and why the others are not."""
    running: dict[str, Side] = {}
    missing: dict[str, str] = {}
    for name in names:
        environment, module = SIDES[name]
        python = python_of(peers, environment)
        if environment == "kolben" and not python.exists():
            python = Path(sys.executable)
        try:
            running[name] = Side([str(python), "-m", "benchmarks.in_process.side", module])
        except NotThereError as error:
            missing[name] = f"not there: {error}"
            print(f"{name}: {missing[name]}", file=sys.stderr)
    return running, missing


def check(introductions: Mapping[str, dict[str, Any]]) -> None:
    """Raise WrongAnswerError if a side is not the framework it should be, or answers wrongly."""
    problems = []
    for name, said in introductions.items():
        problems += [f"{name}, {workload}: {text}" for workload, text in said["wrong"].items()]
        if (name.partition("-")[0] == "kolben") is not ("kolben" in said["file"]) and (
            name != "nothing"
        ):
            problems.append(f"{name} runs on {said['file']}")
    theirs, ours = introductions.get("flask"), introductions.get("kolben")
    if theirs and ours:
        for workload in set(theirs["answers"]) - set(EXPECTED):
            if theirs["answers"][workload] != ours["answers"].get(workload):
                problems.append(f"kolben, {workload}: not Flask's answer")
    if problems:
        raise WrongAnswerError("\n".join(["Wrong answers:", *problems]))


def compare(sides: Mapping[str, Side], workloads: list[str], rounds: int) -> list[dict[str, Any]]:
    """Measure workloads on all sides that have them, in turns."""
    rows = []
    for workload in workloads:
        empty = {
            name: reason
            for name, side in sides.items()
            if (reason := side.introduction["empty"].get(workload))
        }
        able = {name: side for name, side in sides.items() if name not in empty}
        take_turns(able, workload, 1)  # warm up
        figures = take_turns(able, workload, rounds)
        row: dict[str, Any] = {"workload": workload, "ratio": None, "sides": {}, "empty": empty}
        for interface, yardstick in YARDSTICKS.items():
            alike = {n: f for n, f in figures.items() if _interface(sides[n]) == interface}
            row["sides"].update(summary(alike, yardstick, 1e6))
        row["ratio"] = row["sides"].get("flask", {}).get("ratio")
        rows.append(row)
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return rows


def _interface(side: Side) -> str:
    return str(side.introduction["interface"])


def describe(introductions: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Say of each side what it is; of versions those that benchmarks/peers.toml names."""
    described = {}
    for name, said in introductions.items():
        wanted = names_of(SIDES[name][0])
        described[name] = {
            "interface": said["interface"],
            "python": said["python"],
            "versions": {n: v for n, v in sorted(said["versions"].items()) if n in wanted},
            "compiled": said["compiled"],
            "notes": said["notes"],
        }
    return described


def show(rows: list[dict[str, Any]], sides: Mapping[str, dict[str, Any]]) -> None:
    """Print a table for each interface: the medians, in microseconds of CPU time."""
    for interface in YARDSTICKS:
        names = [name for name, side in sides.items() if side["interface"] == interface]
        if names:
            print(f"\n{interface.upper()}, median of microseconds")
            print_table(["workload", *names], [_cells(row, names) for row in rows])


def _cells(row: dict[str, Any], names: list[str]) -> list[Any]:
    cells: Callable[[str], Any] = row["sides"].get
    return [row["workload"], *((cells(name) or {}).get("median") for name in names)]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, default=DEFAULT, help="where the environments are")
    parser.add_argument("--sides", help=f"some of {','.join(SIDES)}")
    parser.add_argument("--workloads", help="some of those in benchmarks/workloads.py")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true")
    read = parser.parse_args(arguments)
    read.sides = chosen(parser, read.sides, SIDES)
    read.workloads = chosen(parser, read.workloads, REQUESTS)
    return read


def chosen(parser: argparse.ArgumentParser, given: str | None, known: Any) -> list[str]:
    """Return the names that were given, or all; a comma within a known name is none between."""
    if given is None:
        return list(known)
    rest, names = given, []
    while rest:
        fits = [name for name in known if rest == name or rest.startswith(f"{name},")]
        if not fits:
            parser.error(f"{rest!r} begins with none of: {'; '.join(known)}")
        names.append(max(fits, key=len))
        rest = rest[len(names[-1]) + 1 :]
    return names


def main() -> None:
    """Compare, print, and keep the figures if told to."""
    told = parse()
    sides, missing = start(told.sides, told.peers)
    try:
        introductions = {name: side.introduction for name, side in sides.items()}
        check(introductions)
        rows = compare(sides, told.workloads, told.rounds)
    finally:
        for side in sides.values():
            side.stop()
    described = describe(introductions)
    show(rows, described)
    if told.write:
        result = {"machine": machine(), "rounds": told.rounds, "sides": described}
        write("inprocess", {**result, "missing": missing, "rows": rows})


if __name__ == "__main__":
    main()
