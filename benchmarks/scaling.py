"""How cost grows: with rules, with hooks, with workers; and what starting costs.

    python -m benchmarks.scaling [--peers DIR] [--parts A,B] [--rounds N] [--seconds N] [--write]

rules and hooks: CPU time of a request without a server, each framework in a process of its own, in
turns; the rule asked for is the last one. start: CPU time and peak memory of a process. workers:
requests per second on all cores, which wrk has to share. --write: keep the figures in
benchmarks/results/; parts that were not asked for are kept as they are there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.inprocess import WrongAnswerError
from benchmarks.peers import DEFAULT, python_of
from benchmarks.servers.database import VARIABLE, make_database
from benchmarks.servers.known import server_of
from benchmarks.servers.load import REQUESTS, check_tools, load
from benchmarks.servers.running import Running, ask_all
from benchmarks.starting import measure_starts
from benchmarks.turns import (
    RESULTS,
    NotThereError,
    Side,
    machine,
    print_table,
    round_figure,
    summary,
    take_turns,
    write,
)

FRAMEWORKS = ("flask", "falcon", "kolben")
SIZES = {"rules": (1, 10, 100, 1_000, 10_000), "hooks": (0, 1, 10, 50)}
# Falcon's router takes a minute and more to be made of the most rules.
MAKE_S = 900.0
WORKERS = (1, 2)
SERVED = ("kolben-wsgi@1", "kolben-rsgi", "flask-gunicorn-sync", "flask-granian@1")
CONNECTIONS = 64
Rows = list[dict[str, Any]]


def measure_sizes(kind: str, peers: Path, rounds: int) -> Rows:
    """Measure apps of all sizes of a kind."""
    sides: dict[str, Side] = {}
    try:
        for name in FRAMEWORKS:
            command = [str(python_of(peers, name)), "-m", "benchmarks.in_process.sized", name]
            sides[name] = Side(command, MAKE_S)
        rows = []
        for count in SIZES[kind]:
            made = take_turns(sides, f"make {kind} {count}", 1)
            figures = take_turns(sides, f"ask {kind} {count}", rounds + 1)
            warm = {name: one[1:] for name, one in figures.items()}
            first_ms = {name: round_figure(one[0] * 1e3) for name, one in made.items()}
            sides_of_row = summary(warm, "kolben", 1e6)
            rows.append({"count": count, "sides": sides_of_row, "first_answer_ms": first_ms})
            print(".", end="", file=sys.stderr, flush=True)
        return rows
    finally:
        for side in sides.values():
            side.stop()


def measure_workers(peers: Path, seconds: int, rounds: int) -> Rows:
    """Measure servers with one worker and with more, on all cores of this process."""
    check_tools()
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    found: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "items.sqlite")
        make_database(database)
        environ = {VARIABLE: str(database)}
        for _ in range(rounds):
            for name in SERVED:
                for workers in WORKERS:
                    server = server_of(name)
                    command = f"{server.command} --workers {workers}"
                    log = Path(folder, "log")
                    many = replace(server, command=command)
                    running = Running(many, peers, cores, environ, log)
                    one = _requests_per_s(running, cores, seconds)
                    found.setdefault((name, workers), []).append(one)
    return [
        {"side": name, "workers": workers, "requests_per_s": round_figure(max(figures))}
        for (name, workers), figures in found.items()
    ]


def _requests_per_s(running: Running, cores: str, seconds: int) -> float:
    """Load a server for a while, and end it."""
    request = REQUESTS["SQLite"]
    try:
        wrong = ask_all(running, {"SQLite": request})
        if wrong:
            raise WrongAnswerError(f"Wrong answers: {wrong}")
        load(running.port, request, CONNECTIONS, 1, cores)
        said = load(running.port, request, CONNECTIONS, seconds, cores)
        return float(said["requests"] / said["seconds"])
    finally:
        running.stop()


def show(result: Mapping[str, Any]) -> None:
    """Print a table for each part that was measured."""
    for kind in SIZES:
        if kind in result:
            print(f"\n{kind}: median of microseconds for a request, and ms to the first answer")
            print_table(
                [kind, *FRAMEWORKS, *(f"{name} ms" for name in FRAMEWORKS)],
                [_sizes_row(row) for row in result[kind]],
            )
    if "start" in result:
        print("\nstart: CPU time and peak memory of a process")
        keys = ("what", "median_ms", "memory_mb")
        print_table(["", "ms", "MB"], [[row[key] for key in keys] for row in result["start"]])
    if "workers" in result:
        print("\nworkers: requests per second, the best round")
        keys = ("side", "workers", "requests_per_s")
        print_table(keys, [[row[key] for key in keys] for row in result["workers"]])


def _sizes_row(row: Mapping[str, Any]) -> list[Any]:
    asked = [row["sides"][name]["median"] for name in FRAMEWORKS]
    return [row["count"], *asked, *(row["first_answer_ms"][name] for name in FRAMEWORKS)]


def parts_of(told: argparse.Namespace) -> dict[str, Callable[[], Rows]]:
    """Return how each part is measured."""
    return {
        "rules": lambda: measure_sizes("rules", told.peers, told.rounds),
        "hooks": lambda: measure_sizes("hooks", told.peers, told.rounds),
        "start": lambda: measure_starts(told.peers, told.rounds),
        "workers": lambda: measure_workers(told.peers, told.seconds, max(1, told.rounds // 3)),
    }


def main() -> None:
    """Measure the parts that are asked for, print, and keep the figures if told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, default=DEFAULT, help="where the environments are")
    parser.add_argument("--parts", default="rules,hooks,start,workers")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    told = parser.parse_args()
    parts = parts_of(told)
    names = told.parts.split(",")
    if unknown := set(names) - set(parts):
        parser.error(f"there is no part {sorted(unknown)}; there are {', '.join(parts)}")
    try:
        result = {name: parts[name]() for name in names}
    except NotThereError as error:
        sys.exit(str(error))
    show(result)
    if told.write:
        kept = RESULTS / "scaling.json"
        before = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
        write("scaling", {**before, "machine": machine(), "rounds": told.rounds, **result})


if __name__ == "__main__":
    main()
