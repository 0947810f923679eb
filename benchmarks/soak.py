"""What `kolben serve` loses under reloads, when workers are killed, and over a million requests.

    python -m benchmarks.soak [--interface wsgi] [--seconds 60] [--requests 1000000] [PART ...]

Parts, of which all run without a name:

reloads   wrk keeps 64 connections busy; SIGHUP every 10 s. No request may fail.
kills     the same, and kill -9 of a random worker every 7 s. Only requests on a connection that the
          killed worker had accepted may fail: it is halted first, and its connections are counted.
again     the only worker is killed every 2.5 s; the longest time without an answer is measured.
memory    a million requests; how much each worker grows after the first tenth. Below 5 MiB.

Exit code 1 if one of these does not hold. Linux, with wrk.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from benchmarks.servers.load import SCRIPT, check_tools
from benchmarks.servers.running import HOST, free_port
from benchmarks.turns import HERE, NotThereError

CONNECTIONS = 64
WORKERS = 2
RELOAD_EVERY_S = 10.0
KILL_EVERY_S = 7.0
KILL_AGAIN_EVERY_S = 2.5
MOST_SILENCE_S = 2.0
MOST_GROWTH_MIB = 5.0
START_S = 30.0
# TCP_ESTABLISHED of the kernel, as /proc/net/tcp writes it.
_ESTABLISHED = "01"


@dataclass(frozen=True)
class Outcome:
    """What a part found. holds: whether it is what was promised."""

    text: str
    holds: bool


class Served:
    """A `kolben serve` whose processes can be looked at."""

    def __init__(self, interface: str, workers: int, errors: Path) -> None:
        self.port = free_port()
        self._errors = errors
        options = ["--interface", interface, "--workers", str(workers), "--threads", "4"]
        with errors.open("wb") as err:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "kolben", "--app", "benchmarks.servers.apps.soak_app"),
                    *("serve", "--port", str(self.port), *options),
                ],
                cwd=HERE.parent,
                stdout=subprocess.DEVNULL,
                stderr=err,
            )
        until = time.monotonic() + START_S
        while not self.answers():
            if time.monotonic() > until or self.process.poll() is not None:
                raise NotThereError(f"it does not serve: {self.errors()}")
            time.sleep(0.05)

    def errors(self) -> str:
        """Return what it has said on stderr."""
        return self._errors.read_text("utf-8", "replace")

    def answers(self, timeout_s: float = 5.0) -> bool:
        """Ask once; say whether the answer is the right one."""
        connection = HTTPConnection(HOST, self.port, timeout=timeout_s)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read() == b"hello"
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """Return the numbers of its worker processes."""
        pid = self.process.pid
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_worker(self) -> int:
        """Kill a random worker; return how many connections it had accepted."""
        pid = random.choice(self.workers())  # noqa: S311  # nothing hangs on it
        # Halted, so that it neither answers nor accepts between the count and its end.
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: state_of(pid) in {"T", "Z", None})
        count = count_connections(pid, self.port)
        os.kill(pid, signal.SIGKILL)
        return count


@contextmanager
def serving(interface: str, workers: int = WORKERS) -> Iterator[Served]:
    """Serve the app, until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        served = Served(interface, workers, Path(folder, "errors"))
        try:
            yield served
        finally:
            served.process.terminate()
            served.process.wait(60)


# Looking at processes.


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until something is so, at most so long."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.001)


def state_of(pid: int) -> str | None:
    """Return the letter of a process's state (proc(5)); None if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


def count_connections(pid: int, port: int) -> int:
    """Count the established connections that a process holds at a port of its own."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        # A file may be closed meanwhile; of this process, the one that lists them.
        with suppress(FileNotFoundError):
            inodes.add(os.readlink(link))
    found = parse_connections(Path("/proc/net/tcp").read_text(), port)
    return sum(f"socket:[{inode}]" in inodes for inode in found)


def parse_connections(table: str, port: int) -> list[int]:
    """Return the inodes of the established connections at a port of this machine.

    table: /proc/net/tcp, in which numbers are hexadecimal.
    """
    rows = [line.split() for line in table.splitlines()[1:]]
    return [
        int(row[9])
        for row in rows
        if row[3] == _ESTABLISHED and int(row[1].partition(":")[2], 16) == port
    ]


def memory_mib(pid: int) -> float:
    """Return how much memory a process has to itself, in MiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+)", text, re.MULTILINE)
    return sum(map(int, kilobytes)) / 1024


# The load.


@dataclass(frozen=True)
class Load:
    """What wrk saw. failed: requests without a whole and right answer."""

    requests: int
    failed: int
    details: str


def start_load(port: int, path: str, seconds: float) -> subprocess.Popen[str]:
    """Keep all connections busy for a while."""
    return subprocess.Popen(
        [
            *("wrk", "--threads", "1", "--connections", str(CONNECTIONS)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", "10s"),
            *("--latency", "--script", str(SCRIPT), f"http://{HOST}:{port}{path}"),
            *("--", "GET", "", ""),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def finish_load(wrk: subprocess.Popen[str]) -> Load:
    """Wait for the end of a load; return what it saw."""
    return parse_load(wrk.communicate()[0].splitlines()[-1])


def parse_load(line: str) -> Load:
    """Read the line that report.lua writes."""
    found = json.loads(line)
    failures = {name: found[name] for name in ("refused", "broken", "late", "wrong_status")}
    details = ", ".join(f"{count} {name}" for name, count in failures.items() if count)
    return Load(found["requests"], sum(failures.values()), details)


# The parts.


def disturb(interface: str, seconds: float, *, kills: bool) -> tuple[Load, int, int, list[int]]:
    """Load a server, and send signals meanwhile.

    Returns the load, how many signals to reload were sent, of how many workers the server said
    that they died, and how many connections each killed worker had.
    """
    reloads, lost = 0, []
    with serving(interface) as served:
        wrk = start_load(served.port, "/wait", seconds)
        began = time.monotonic()
        # The first of each comes when the load has set in.
        next_reload, next_kill = began + min(RELOAD_EVERY_S, seconds / 3), began + KILL_EVERY_S
        while wrk.poll() is None:
            now = time.monotonic()
            # A worker that gets its signal after the load's end would say nothing.
            is_due = now < began + seconds - 1.0
            if is_due and now >= next_reload:
                served.process.send_signal(signal.SIGHUP)
                reloads, next_reload = reloads + 1, next_reload + RELOAD_EVERY_S
            if is_due and kills and now >= next_kill:
                lost.append(served.kill_worker())
                next_kill += KILL_EVERY_S
            time.sleep(0.02)
        load = finish_load(wrk)
        assert served.answers(), "it serves no more"
        deaths = served.errors().count("died with exit code")
    return load, reloads, deaths, lost


def reloads(interface: str, seconds: float) -> Outcome:
    """Reload under load: nothing fails."""
    load, count, deaths, _ = disturb(interface, seconds, kills=False)
    text = (
        f"{load.requests:,} requests, {count} reloads: {load.failed} failed"
        f" {load.details and f'({load.details})'}"
    )
    return Outcome(text.strip(), not (load.failed or deaths) and count > 0)


def kills(interface: str, seconds: float) -> Outcome:
    """Reload and kill under load: what fails was with a killed worker."""
    load, count, _, lost = disturb(interface, seconds, kills=True)
    text = (
        f"{load.requests:,} requests, {count} reloads, {len(lost)} workers killed with"
        f" {sum(lost)} connections in all ({', '.join(map(str, lost))}): {load.failed} failed"
        f" {load.details and f'({load.details})'}"
    )
    return Outcome(text.strip(), load.failed <= sum(lost) and bool(lost))


def again(interface: str, seconds: float) -> Outcome:
    """Kill the only worker over and over; it is back each time."""
    longest_s, killed = 0.0, 0
    with serving(interface, workers=1) as served:
        began = answered_at = time.monotonic()
        while time.monotonic() < began + seconds:
            if time.monotonic() >= began + (killed + 1) * KILL_AGAIN_EVERY_S:
                served.kill_worker()
                killed += 1
            if served.answers(timeout_s=30.0):
                longest_s = max(longest_s, time.monotonic() - answered_at)
                answered_at = time.monotonic()
            time.sleep(0.01)
    text = f"{killed} times; without an answer for {longest_s:.2f} s at most"
    return Outcome(text, longest_s < MOST_SILENCE_S and killed > 0)


def memory(interface: str, requests: int) -> Outcome:
    """Answer a million requests: no worker grows after it is warm."""
    with serving(interface) as served:
        done = _ask(served, requests // 10)
        before = {pid: memory_mib(pid) for pid in served.workers()}
        failed = 0
        while done < requests:
            load = finish_load(start_load(served.port, "/", 10.0))
            done, failed = done + load.requests, failed + load.failed
        grown = [memory_mib(pid) - before[pid] for pid in served.workers()]
    text = (
        f"{done:,} requests, {failed} failed; workers of"
        f" {', '.join(f'{size:.1f}' for size in before.values())} MiB grew by"
        f" {', '.join(f'{growth:+.1f}' for growth in grown)} MiB"
    )
    return Outcome(text, not failed and max(grown) < MOST_GROWTH_MIB)


def _ask(served: Served, requests: int) -> int:
    """Send at least so many requests; return how many."""
    done = 0
    while done < requests:
        done += finish_load(start_load(served.port, "/", 2.0)).requests
    return done


def main() -> int:
    """Run the parts; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="reloads, kills, again, memory")
    parser.add_argument("--interface", action="append", choices=["wsgi", "asgi", "rsgi"])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each part but memory")
    parser.add_argument("--requests", type=int, default=1_000_000, help="of memory")
    asked = parser.parse_args()
    check_tools()
    parts: dict[str, Callable[[str], Outcome]] = {
        "reloads": lambda interface: reloads(interface, asked.seconds),
        "kills": lambda interface: kills(interface, asked.seconds),
        "again": lambda interface: again(interface, asked.seconds / 3),
        "memory": lambda interface: memory(interface, asked.requests),
    }
    code = 0
    for interface in asked.interface or ["wsgi", "rsgi"]:
        for name in asked.parts or parts:
            outcome = parts[name](interface)
            print(f"{interface:4} {name:8} {'holds' if outcome.holds else 'FAILS'}: {outcome.text}")
            sys.stdout.flush()
            code = code if outcome.holds else 1
    return code


if __name__ == "__main__":
    sys.exit(main())
