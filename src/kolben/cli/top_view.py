"""What `kolben top` shows of a server: lines of text, made of what its workers have written.

Rule: nothing here reads a board or a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from kolben.logging import escape

Record = dict[str, Any]

# A worker writes each second. One that has not for so long hangs, or the machine does.
SILENT_S = 3.0
_NONE = "-"
# 78 characters: a terminal of 80 shows all.
_COLUMNS = (
    ("WORKER", 7),
    ("AGE", 7),
    ("MEMORY", 9),
    ("CPU %", 7),
    ("REQ/S", 9),
    ("IN FLIGHT", 10),
    ("WAITING", 9),
    ("THREAD MS", 11),
    ("LOOP MS", 9),
)
_WIDTH_OF_STATE = 20
_REQUEST_COLUMNS = (("RUNS FOR", 10), ("WORKER", 9))


def render(server: Record, workers: list[Record], now: float, width: int, height: int) -> list[str]:
    """Return the lines of a screen; now: in seconds since the epoch."""
    lines = [_cut(line, width) for line in _head(server, workers, now)]
    lines[0] = click.style(lines[0], bold=True)
    lines += ["", click.style(_cut(_row(name for name, _ in _COLUMNS), width), bold=True)]
    lines += [_cut(_worker_row(worker, now), width) for worker in workers]
    lines += ["", click.style(_cut(_request_head(), width), bold=True)]
    requests = sorted(_requests(workers, now), key=lambda request: -request[0])
    running = sum(worker["in_flight"] for worker in workers)
    # A line for how many more there are, and one for the cursor.
    room = max(height - len(lines) - 2, 1)
    lines += [_cut(_request_row(*request), width) for request in requests[:room]]
    shown = min(len(requests), room)
    if running > shown:
        lines.append(_cut(f"  and {running - shown} more, which have not run as long", width))
    elif not running:
        lines.append("  none")
    return lines


def _head(server: Record, workers: list[Record], now: float) -> Iterator[str]:
    """Give the lines on the server as a whole."""
    yield escape(f"{server['app'] or 'app'} on {server['address']}")
    yield (
        f"pid {server['pid']}, up {format_age(now - server['began'])},"
        f" workers: {server['workers']}, threads in each: {server['threads']},"
        f" {server['interface'].upper()}"
    )
    rate = sum(worker["requests_per_s"] for worker in workers)
    cpu = sum(worker["cpu_share"] for worker in workers)
    memory = sum(worker["memory_bytes"] or 0 for worker in workers)
    waiting = [worker["waiting"] for worker in workers if worker["waiting"] is not None]
    parts = [
        f"{rate:.1f} requests/s",
        f"{sum(worker['in_flight'] for worker in workers)} in flight",
    ]
    if waiting:
        parts.append(f"{sum(waiting)} waiting for a thread")
    yield ", ".join([*parts, f"{cpu * 100:.0f} % CPU", format_memory(memory)])


def _worker_row(worker: Record, now: float) -> str:
    late = worker["longest_late_s"]
    waiting = worker["waiting"]
    row = _row(
        [
            str(worker["pid"]),
            format_age(now - worker["began"]),
            format_memory(worker["memory_bytes"]),
            f"{worker['cpu_share'] * 100:.1f}",
            f"{worker['requests_per_s']:.1f}",
            str(worker["in_flight"]),
            _NONE if waiting is None else str(waiting),
            format_late(late["thread"]),
            format_late(late["loop"]),
        ]
    )
    silent_s = now - worker["published"]
    state = f"silent for {silent_s:.0f} s" if silent_s > SILENT_S else ""
    if worker["draining"] and not state:
        state = "draining"
    return row[:-_WIDTH_OF_STATE] + f"{state:>{_WIDTH_OF_STATE}}" if state else row


def _requests(workers: list[Record], now: float) -> Iterator[tuple[float, int, str, str]]:
    """Give age, worker, method and route of each request under way."""
    for worker in workers:
        # What a worker that hangs was doing, it is doing still.
        silent_s = now - worker["published"]
        since = silent_s if silent_s > SILENT_S else 0.0
        for method, route, seconds in worker["running"]:
            yield seconds + since, worker["pid"], method, route


def _request_head() -> str:
    return "".join(f"{name:>{size}}" for name, size in _REQUEST_COLUMNS) + "  REQUEST"


def _request_row(seconds: float, pid: int, method: str, route: str) -> str:
    cells = zip((f"{seconds:.1f} s", str(pid)), _REQUEST_COLUMNS, strict=True)
    return "".join(f"{text:>{size}}" for text, (_, size) in cells) + f"  {method} {escape(route)}"


def _row(texts: Any) -> str:
    return "".join(f"{text:>{size}}" for text, (_, size) in zip(texts, _COLUMNS, strict=True))


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 3] + "..."


def format_age(seconds: float) -> str:
    """Return a time in its two greatest units: `2m03s`, `3d04h`."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"


def format_memory(size: int | None) -> str:
    """Return a number of bytes in MiB."""
    return _NONE if size is None else f"{size / 1024**2:.0f} MiB"


def format_late(seconds: float | None) -> str:
    """Return a delay in milliseconds."""
    return _NONE if seconds is None else f"{seconds * 1000:.1f}"
