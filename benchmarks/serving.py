"""What `kolben serve` adds to a view, over which interface, and with how many threads.

    python -m benchmarks.serving [PART]... [--seconds N] [--rounds N] [--write]

Parts are hand-over, threads and overload; without any, all. hand-over: the CPU time of a request,
all processes of the server together, over each interface, beside a bare Granian on the same.
threads: requests a second for views that compute, that wait for 5 ms and 50 ms, and for a mix, with
each number of threads and with the defaults; and what the defaults reach of the best. overload:
what becomes of requests when ten times as many come as can be answered, and after it. One worker
on one core, wrk on the other; 64 connections, if not said otherwise. --write keeps the figures in
benchmarks/results/, those of other parts as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from benchmarks.servers.known import Server
from benchmarks.servers.load import Request, check_tools, load
from benchmarks.servers.open_load import Phase, load_openly
from benchmarks.servers.running import Running
from benchmarks.turns import RESULTS, machine, print_table, round_figure, write

CONNECTIONS = 64
HAND_OVER_HEADS = ("CPU time of a request", "us", "of bare Granian", "of WSGI")
CORES = ("0", "1")
THREADS = (1, 2, 4, 8, 16, 32, 64)
VIEWS = {"compute": "/compute", "wait 5 ms": "/wait-5", "wait 50 ms": "/wait-50", "mixed": "/mixed"}
# What is asked for, with which options, and by how many clients that wait for their answers where
# that is as much as can be done.
OVERLOADS = {
    "wait 50 ms, 4 threads": ("/wait-50", "--threads 4", 4),
    "wait 5 ms, 4 threads": ("/wait-5", "--threads 4", 4),
    "wait 50 ms, up to 64 threads": ("/wait-50", "", 64),
    "compute 5 ms, 4 threads": ("/compute-5", "--threads 4", 4),
    "compute 0.4 ms, 4 threads": ("/compute", "--threads 4", 4),
}
LOADS = (
    "at capacity",
    "ten times, the first 2 s",
    "ten times, after that",
    "seven tenths, after it",
)
_SERVE = "kolben --app benchmarks.servers.apps.serving serve --port {port}"
_BARE = "granian --port {port} --log-level error --no-ws benchmarks.servers.apps"
JSON_POST = Request("/json", b"", "POST", b'{"items": [1, 2, 3]}', "application/json")
HAND_OVER: dict[str, tuple[str, str, dict[str, str]]] = {
    "bare Granian, RSGI": (f"{_BARE}.granian_rsgi:app --interface rsgi", "/", {}),
    "async view, RSGI": (f"{_SERVE} --interface rsgi", "/async", {"ASYNC": "1"}),
    "plain view, RSGI": (f"{_SERVE} --interface rsgi", "/", {}),
    "plain view beside async ones, RSGI": (f"{_SERVE} --interface rsgi", "/", {"ASYNC": "1"}),
    "plain view, ASGI": (f"{_SERVE} --interface asgi", "/", {}),
    "plain view, WSGI": (f"{_SERVE} --interface wsgi", "/", {}),
    "JSON POST, RSGI": (f"{_SERVE} --interface rsgi", "/json", {}),
    "JSON POST, WSGI": (f"{_SERVE} --interface wsgi", "/json", {}),
    "bare Granian, WSGI": (
        f"{_BARE}.granian_wsgi:app --interface wsgi --blocking-threads 1",
        "/",
        {},
    ),
}


@contextmanager
def running(command: str, environ: dict[str, str] | None = None) -> Iterator[Running]:
    """Start a server of this Python's environment on the first core."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(sys.prefix)
        log = Path(folder) / "log"
        one = Running(Server(here.name, command), here.parent, CORES[0], environ or {}, log)
        try:
            yield one
        finally:
            one.stop()


def ask(one: Running, path: str, connections: int, seconds: float) -> dict[str, Any]:
    """Have wrk ask from the other core; return its figures, with the server's CPU time."""
    before = one.cpu_s()
    request = JSON_POST if path == JSON_POST.path else Request(path, b"")
    found: dict[str, Any] = load(one.port, request, connections, seconds, CORES[1])
    used_s = one.cpu_s() - before
    found["cpu_us"] = used_s / max(1, found["requests"]) * 1e6
    # The others are refused with a 503.
    found["per_second"] = (found["requests"] - found["wrong_status"]) / found["seconds"]
    while one.ask("GET", "/")[0] != HTTPStatus.OK:
        time.sleep(0.05)  # what nobody waits for any more is still in its queue
    return found


def measure_hand_over(seconds: float, rounds: int) -> dict[str, Any]:
    """Return the CPU time of a request, in microseconds, the best of several rounds."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, (command, path, environ) in HAND_OVER.items():
            with running(command, environ) as one:
                ask(one, path, CONNECTIONS, 1)
                cpu_us = ask(one, path, CONNECTIONS, seconds)["cpu_us"]
            best[name] = min(best.get(name, cpu_us), cpu_us)
    print_table(HAND_OVER_HEADS, hand_over_rows(best))
    return {name: round_figure(cpu_us) for name, cpu_us in best.items()}


def hand_over_rows(best: dict[str, float]) -> list[tuple[Any, ...]]:
    """Return a row for each side: its time, and the times of a bare Granian and of WSGI by it."""
    bare = {kind: best[f"bare Granian, {kind}"] for kind in ("RSGI", "WSGI")}
    return [
        (
            name,
            round_figure(cpu_us),
            round_figure(bare["WSGI" if name.endswith("WSGI") else "RSGI"] / cpu_us),
            round_figure(best[f"{'JSON POST' if 'JSON' in name else 'plain view'}, WSGI"] / cpu_us),
        )
        for name, cpu_us in best.items()
    ]


def measure_threads(seconds: float, interface: str) -> dict[str, Any]:
    """Return requests a second for each view and number of threads, and with the defaults."""
    options = {str(number): f"--threads {number}" for number in THREADS}
    if interface == "rsgi":
        options["default"] = ""
    found: dict[str, dict[str, float]] = {}
    for name, option in options.items():
        with running(f"{_SERVE} --interface {interface} {option}") as one:
            row = {}
            for view, path in VIEWS.items():
                ask(one, path, CONNECTIONS, 1)
                row[view] = round_figure(ask(one, path, CONNECTIONS, seconds)["per_second"])
            found[name] = row
    rows = [[f"{name} threads", *row.values()] for name, row in found.items()]
    if "default" in found:
        rows.append(["default, of the best", *shares(found).values()])
    print_table([f"requests a second, {interface.upper()}", *VIEWS], rows)
    return found


def shares(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return what the defaults reach of the best number of threads for each view."""
    best = {
        view: max(row[view] for name, row in found.items() if name != "default") for view in VIEWS
    }
    return {view: round_figure(found["default"][view] / best[view]) for view in VIEWS}


def measure_overload(seconds: float) -> dict[str, Any]:
    """Ask ten times as much as can be answered, whatever comes back; return figures by view."""
    found = {}
    for name, (path, option, clients) in OVERLOADS.items():
        with running(f"{_SERVE} --interface rsgi {option}") as one:
            ask(one, path, clients, 1)
            quiet = ask(one, path, clients, seconds)
            capacity = quiet["per_second"]
            phases = [
                Phase(10 * capacity, 2),
                Phase(10 * capacity, 2 * seconds),
                Phase(0.7 * capacity, seconds),
            ]
            found[name] = overload_rows(
                quiet, phases, load_openly(one.port, path, phases, CORES[1])
            )
    heads = ["overload", "load", "asked/s", "answered/s", "p50 ms", "p99 ms", "503/s"]
    rows = [[name, load, *row.values()] for name, of in found.items() for load, row in of.items()]
    print_table([*heads, "503 p50 ms", "503 p99 ms", "last 503 s"], rows)
    return found


def overload_rows(
    quiet: dict[str, Any], phases: list[Phase], found: list[dict[str, Any]]
) -> dict[str, dict[str, float]]:
    """Return a row for each load: rates a second, and times in milliseconds.

    Raises RuntimeError if a request was left without an answer.
    """
    if lost := sum(one["other"] + one["hanging"] for one in found):
        raise RuntimeError(f"{lost} requests had no answer, or another than 200 and 503")
    closed = {
        "asked": quiet["per_second"],
        "answered": quiet["per_second"],
        "p50_ms": quiet["p50_ms"],
        "p99_ms": quiet["p99_ms"],
    }
    nothing = dict.fromkeys(("refused", "refused_p50_ms", "refused_p99_ms", "last_refused_s"), 0.0)
    rows = [closed | nothing]
    for phase, one in zip(phases, found, strict=True):
        rates = {name: one[name] / phase.seconds for name in ("asked", "answered", "refused")}
        rows.append({name: one[name] for name in rows[0]} | rates)
    rounded = [{name: round_figure(figure) for name, figure in row.items()} for row in rows]
    return dict(zip(LOADS, rounded, strict=True))


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.serving")
    parts = ["hand-over", "threads", "overload"]
    parser.add_argument("parts", nargs="*", default=parts, metavar="PART")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    told = parser.parse_args(arguments)
    unknown = set(told.parts) - set(parts)
    if unknown:
        parser.error(f"there is no part {min(unknown)!r}: {', '.join(parts)}")
    check_tools()
    found: dict[str, Any] = {"machine": machine()}
    if "hand-over" in told.parts:
        found["hand_over_cpu_us"] = measure_hand_over(told.seconds, told.rounds)
    if "threads" in told.parts:
        found["threads"] = {name: measure_threads(told.seconds, name) for name in ("rsgi", "wsgi")}
    if "overload" in told.parts:
        found["overload"] = measure_overload(told.seconds)
    if told.write:
        kept = RESULTS / "serving.json"
        before = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
        print(write("serving", {**before, **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
