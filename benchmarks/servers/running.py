"""A server as a process: started on a core of its own, looked at, and ended."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from benchmarks.peers import clean_environ, program_of
from benchmarks.servers.known import Server
from benchmarks.servers.load import pinned_to
from benchmarks.turns import HERE, NotThereError

START_S = 30.0
STOP_S = 10.0
ANSWER_S = 20.0
HOST = "127.0.0.1"


class Running:
    """A server that answers."""

    def __init__(
        self, server: Server, peers: Path, cores: str, environ: Mapping[str, str], log: Path
    ) -> None:
        self.port = free_port()
        self._log = log
        command = self._command(server, peers)
        if not Path(command[0]).exists():
            raise NotThereError("its environment is not there: see `python -m benchmarks.peers`")
        own = {name: value.format(port=self.port) for name, value in server.environ}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*pinned_to(cores), *command],
                cwd=HERE.parent,
                env={**clean_environ(), **environ, **own},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_it_answers()

    def _command(self, server: Server, peers: Path) -> list[str]:
        filled = server.command.format(port=self.port, threads=server.threads)
        program, *rest = shlex.split(filled)
        return [str(program_of(peers, server.environment, program)), *rest]

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if self.ask("GET", "/")[0] == 200:
                    return
            except (OSError, HTTPException):
                time.sleep(0.05)
        self.stop()
        raise NotThereError(last_words(self._log) or "it did not answer in time")

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        connection = HTTPConnection(HOST, self.port, timeout=ANSWER_S)
        try:
            connection.request(method, path, body or None, {"Content-Type": kind} if kind else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    @property
    def is_alive(self) -> bool:
        """Whether its first process still runs."""
        return self._process.poll() is None

    @property
    def complaint(self) -> str:
        """The last line that it printed."""
        return last_words(self._log)

    def finish(self) -> None:
        """Wait until it is through with requests whose clients have gone."""
        with contextlib.suppress(OSError, HTTPException):
            self.ask("GET", "/")

    def memory_mb(self) -> float:
        """Return the memory of its processes, what they share counted once."""
        kilobytes = 0
        for pid in self._stats():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue  # it has just ended
            found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
            kilobytes += int(found[1]) if found else 0
        return kilobytes / 1024

    def cpu_s(self) -> float:
        """Return the CPU time that its processes have taken so far."""
        ticks = sum(int(stat[11]) + int(stat[12]) for stat in self._stats().values())
        return ticks / os.sysconf("SC_CLK_TCK")

    def _stats(self) -> dict[int, list[str]]:
        """Return what /proc says of the processes of its session, from the state on."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                # The name in brackets may hold anything; after it: state, parent, group, session.
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            if int(stat[3]) == self._process.pid:
                found[int(folder.name)] = stat
        return found

    def stop(self) -> None:
        """End its processes, kindly first."""
        if self.is_alive:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
        for pid in self._stats():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def last_words(log: Path) -> str:
    """Return the last line of a log that says something."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")


def ask_all(running: Running, requests: Mapping[str, Any]) -> dict[str, str]:
    """Send each request; return what is wrong with the answers, by the request's name."""
    wrong = {}
    for name, request in requests.items():
        try:
            status, body = running.ask(request.method, request.path, request.body, request.kind)
        except (OSError, HTTPException) as error:
            wrong[name] = repr(error)
            continue
        if not request.is_right(status, body):
            wrong[name] = f"{status} {body[:100]!r}"
    return wrong
