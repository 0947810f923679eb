"""What servers do on loopback: Kolben beside Flask, its peers and a bare Granian, in one run.

    python -m benchmarks.http [--peers DIR] [--sides A,B] [--workloads A,B] [--connections A,B]
                              [--every] [--seconds N] [--rounds N] [--cores SERVER,LOAD] [--write]

Each server has one worker, pinned to one core, and is started as its documentation says for
production (see benchmarks/servers/known.py); wrk, on another core, asks over HTTP/1.1 and keeps its
connections. All servers of a round stand at once, and are asked in turns. An answer that is not
right ends the run. A side NAME@2 is NAME with two threads. --every: all workloads at all numbers of
connections; otherwise most only at the first. --write: keep the figures in benchmarks/results/.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.inprocess import WrongAnswerError, chosen
from benchmarks.peers import DEFAULT, installed
from benchmarks.servers.database import VARIABLE, make_database
from benchmarks.servers.known import DEFAULT_SIDES, server_of
from benchmarks.servers.load import REQUESTS, check_tools, load
from benchmarks.servers.running import Running, ask_all
from benchmarks.turns import NotThereError, machine, print_table, round_figure, write

WARM_UP_S = 1
# Where more connections show something; --every measures all at all.
AT_MANY = ("text", "wait of 5 ms")
ERRORS = ("refused", "broken", "late", "wrong_status")
Figures = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Told:
    """What the command line says."""

    peers: Path
    sides: list[str]
    workloads: list[str]
    connections: list[int]
    seconds: int
    rounds: int
    server_core: str
    load_core: str
    measures_every: bool

    @property
    def cells(self) -> list[tuple[str, int]]:
        """What is measured: workloads, each at all numbers of connections or at the first."""
        return [
            (workload, number)
            for workload in self.workloads
            for number in self.connections
            if number == self.connections[0] or self.measures_every or workload in AT_MANY
        ]


@contextmanager
def all_running(told: Told, missing: dict[str, str]) -> Iterator[dict[str, Running]]:
    """Start all sides; yield those that answer rightly, and put into `missing` why others do not.

    Raises WrongAnswerError when an answer is wrong.
    """
    running: dict[str, Running] = {}
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "items.sqlite")
        make_database(database)
        environ = {VARIABLE: str(database)}
        try:
            for name in told.sides:
                log = Path(folder, f"{name}.log")
                try:
                    server = Running(server_of(name), told.peers, told.server_core, environ, log)
                except NotThereError as error:
                    missing[name] = str(error)
                    print(f"{name}: not there: {error}", file=sys.stderr)
                    continue
                running[name] = server
                wrong = ask_all(server, {name: REQUESTS[name] for name in told.workloads})
                if wrong:
                    raise WrongAnswerError(f"Wrong answers of {name}: {wrong}")
            yield running
        finally:
            for server in running.values():
                server.stop()


def measure(told: Told) -> tuple[dict[tuple[str, int], Figures], dict[str, str]]:
    """Measure all cells in all rounds; return what wrk says by cell and side, and what is missing.

    Each round has servers of its own: a process may be lucky in how its memory lies.
    """
    found: dict[tuple[str, int], Figures] = {cell: {} for cell in told.cells}
    missing: dict[str, str] = {}
    for _ in range(told.rounds):
        with all_running(told, missing) as running:
            for cell in told.cells:
                for name, server in running.items():
                    one = measure_one(server, cell, told)
                    found[cell].setdefault(name, []).append(one)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found, missing


def measure_one(server: Running, cell: tuple[str, int], told: Told) -> dict[str, Any]:
    """Measure one side once: what wrk says, the memory while it asks, and the CPU time."""
    workload, connections = cell
    request = REQUESTS[workload]
    if connections == told.connections[0]:
        load(server.port, request, connections, WARM_UP_S, told.load_core)
        server.finish()
    memory: list[float] = []
    look = threading.Timer(told.seconds * 0.8, lambda: memory.append(server.memory_mb()))
    look.start()
    before_s = server.cpu_s()
    said: dict[str, Any] = load(server.port, request, connections, told.seconds, told.load_core)
    cpu_s = server.cpu_s() - before_s
    look.join()
    server.finish()
    if not server.is_alive:
        raise WrongAnswerError(f"A server ended under load: {server.complaint}")
    return {**said, "cpu_s": cpu_s, "memory_mb": max(memory)}


def summary(figures: Figures) -> dict[str, dict[str, Any]]:
    """Return for each side the medians of the rounds; errors are added up, memory is the peak."""
    return {
        name: {
            "requests_per_s": round_figure(
                statistics.median(one["requests"] / one["seconds"] for one in rounds)
            ),
            "best_requests_per_s": round_figure(
                max(one["requests"] / one["seconds"] for one in rounds)
            ),
            # What a machine that others use as well does not change much.
            "cpu_us": round_figure(
                statistics.median(one["cpu_s"] / max(1, one["requests"]) for one in rounds) * 1e6
            ),
            "p50_ms": round_figure(statistics.median(one["p50_ms"] for one in rounds)),
            "p99_ms": round_figure(statistics.median(one["p99_ms"] for one in rounds)),
            "errors": sum(one[kind] for one in rounds for kind in ERRORS),
            "memory_mb": round_figure(max(one["memory_mb"] for one in rounds)),
        }
        for name, rounds in figures.items()
    }


def describe(told: Told, missing: Mapping[str, str]) -> dict[str, Any]:
    """Say of each side how it is started, and with which versions."""
    described = {}
    for name in told.sides:
        if name not in missing:
            server = server_of(name)
            program, *rest = shlex.split(server.command)
            command = " ".join([program, *rest]).replace("{threads}", str(server.threads))
            described[name] = {
                "command": command,
                "threads": server.threads,
                "note": server.note,
                "versions": installed(told.peers, server.environment),
            }
    return described


def show(rows: list[dict[str, Any]]) -> None:
    """Print a table for each workload and number of connections, the fastest side first."""
    heads = ["side", "requests/s", "CPU us", "p50 ms", "p99 ms", "errors", "MB"]
    keys = ["requests_per_s", "cpu_us", "p50_ms", "p99_ms", "errors", "memory_mb"]
    for row in rows:
        print(f"\n{row['workload']}, {row['connections']} connections")
        ranked = sorted(row["sides"].items(), key=lambda side: -side[1]["requests_per_s"])
        print_table(heads, [[name, *(cells[key] for key in keys)] for name, cells in ranked])


def parse(arguments: list[str] | None = None) -> tuple[Told, bool]:
    """Read the command line; the second is whether to keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, default=DEFAULT, help="where the environments are")
    parser.add_argument("--sides", help=f"some of {','.join(DEFAULT_SIDES)}")
    parser.add_argument("--workloads", help=f"some of {','.join(REQUESTS)}")
    parser.add_argument("--connections", default="32,256,1024")
    parser.add_argument("--every", action="store_true", help="all workloads at all of these")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", default="0,1", metavar="SERVER,LOAD")
    parser.add_argument("--write", action="store_true")
    read = parser.parse_args(arguments)
    sides = read.sides.split(",") if read.sides else list(DEFAULT_SIDES)
    for side in sides:
        try:
            server_of(side)
        except KeyError:
            parser.error(f"there is no side {side!r}; there are {', '.join(DEFAULT_SIDES)}")
    server_core, load_core = read.cores.split(",")
    told = Told(
        peers=read.peers,
        sides=sides,
        workloads=chosen(parser, read.workloads, REQUESTS),
        connections=[int(number) for number in read.connections.split(",")],
        seconds=read.seconds,
        rounds=read.rounds,
        server_core=server_core,
        load_core=load_core,
        measures_every=read.every,
    )
    return told, read.write


def main() -> None:
    """Measure, print, and keep the figures if told to."""
    told, keeps = parse()
    try:
        check_tools()
    except NotThereError as error:
        sys.exit(str(error))
    found, missing = measure(told)
    rows = [
        {"workload": workload, "connections": connections, "sides": summary(figures)}
        for (workload, connections), figures in found.items()
    ]
    show(rows)
    if keeps:
        result = {"machine": machine(), "rounds": told.rounds, "seconds": told.seconds}
        described = describe(told, missing)
        write("http", {**result, "sides": described, "missing": missing, "rows": rows})


if __name__ == "__main__":
    main()
