"""A screen of `kolben top` fits the terminal and says what is slow, silent or about to end."""

from __future__ import annotations

from typing import Any

import click
import pytest

from kolben.cli.top_view import format_age, render

NOW = 1_000.0
SERVER = {
    "app": "shop:app",
    "address": "http://127.0.0.1:8000",
    "pid": 10,
    "began": NOW - 3_725,
    "workers": 2,
    "threads": 4,
    "interface": "rsgi",
}


def worker(pid: int, **values: Any) -> dict[str, Any]:
    return {
        "pid": pid,
        "began": NOW - 125,
        "published": NOW - 0.5,
        "draining": False,
        "memory_bytes": 37 * 1024**2,
        "cpu_share": 0.125,
        "requests_per_s": 12.34,
        "in_flight": 0,
        "waiting": 0,
        "running": [],
        "longest_late_s": {"thread": 0.0052, "loop": 0.0001},
        **values,
    }


def screen(workers: list[dict[str, Any]], width: int = 80, height: int = 24) -> list[str]:
    return [click.unstyle(line) for line in render(SERVER, workers, NOW, width, height)]


def test_it_shows_workers_and_requests_the_longest_first() -> None:
    one = worker(
        11, in_flight=2, waiting=1, running=[["GET", "/a", 2.5], ["POST", "not begun", 0.1]]
    )
    other = worker(12, in_flight=1, waiting=None, running=[["GET", "/b/<int:id>", 61.25]])
    assert screen([one, other]) == [
        "shop:app on http://127.0.0.1:8000",
        "pid 10, up 1h02m, workers: 2, threads in each: 4, RSGI",
        "24.7 requests/s, 3 in flight, 1 waiting for a thread, 25 % CPU, 74 MiB",
        "",
        " WORKER    AGE   MEMORY  CPU %    REQ/S IN FLIGHT  WAITING  THREAD MS  LOOP MS",
        "     11  2m05s   37 MiB   12.5     12.3         2        1        5.2      0.1",
        "     12  2m05s   37 MiB   12.5     12.3         1        -        5.2      0.1",
        "",
        "  RUNS FOR   WORKER  REQUEST",
        "    61.2 s       12  GET /b/<int:id>",
        "     2.5 s       11  GET /a",
        "     0.1 s       11  POST not begun",
    ]


def test_what_is_not_known_is_a_dash() -> None:
    bare = worker(11, waiting=None, memory_bytes=None, longest_late_s={"thread": 0, "loop": None})
    lines = screen([bare])
    assert lines[2] == "12.3 requests/s, 0 in flight, 12 % CPU, 0 MiB"
    assert lines[5].split() == ["11", "2m05s", "-", "12.5", "12.3", "0", "-", "0.0", "-"]
    assert lines[-1] == "  none"


def test_a_worker_that_hangs_or_ends_is_told_in_80_columns() -> None:
    hangs = worker(11, published=NOW - 12, draining=True, in_flight=1, running=[["GET", "/a", 1.0]])
    lines = screen([hangs, worker(12, draining=True)])
    assert lines[5].endswith("silent for 12 s")
    assert lines[6].endswith("         draining")
    # What it did when it was last heard of, it does still.
    assert lines[9] == "    13.0 s       11  GET /a"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 14), (20, 5)])
def test_it_fits_the_terminal(width: int, height: int) -> None:
    route = "/a-route/of/some/length/<path:rest>/and/then/more"
    running = [["GET", route, float(seconds)] for seconds in range(50)]
    lines = screen([worker(11, in_flight=70, running=running)], width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) < height or height < 12
    shown = sum(" s       11  GET " in line for line in lines)
    if width > 50:
        assert lines[-1] == f"  and {70 - shown} more, which have not run as long"


def test_nothing_in_it_acts_on_the_terminal() -> None:
    hostile = worker(11, in_flight=1, running=[["GET", "/\x1b[31m\n", 1.0]])
    server = {**SERVER, "app": None, "address": "unix:/tmp/\x1b]0;x"}
    lines = [click.unstyle(line) for line in render(server, [hostile], NOW, 80, 24)]
    assert all(line.isprintable() for line in lines)
    assert lines[0].startswith("app on unix:")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (59.9, "59s"), (61, "1m01s"), (3_600, "1h00m"), (90_000, "1d01h")],
)
def test_an_age_has_two_units(seconds: float, text: str) -> None:
    assert text == format_age(seconds)
