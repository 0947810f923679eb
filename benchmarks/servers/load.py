"""The load: wrk, pinned to a core of its own, and the requests that it sends."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.turns import NotThereError

SCRIPT = Path(__file__).with_name("report.lua")
# A request that waits longer than this for its answer counts as an error.
TIMEOUT_S = 2


@dataclass(frozen=True)
class Request:
    """A request and the right answer to it, a JSON value or bytes."""

    path: str
    answer: Any
    method: str = "GET"
    body: bytes = b""
    kind: str = ""

    def is_right(self, status: int, body: bytes) -> bool:
        """Say whether an answer is right."""
        if status not in (200, 201):
            return False
        if isinstance(self.answer, bytes):
            return body == self.answer
        try:
            return bool(json.loads(body) == self.answer)
        except ValueError:
            return False


REQUESTS = {
    "text": Request("/", b"Hello, world!"),
    "JSON": Request("/json", {"message": "Hello, world!"}),
    "path parameter": Request("/users/42", b"user 42"),
    "JSON POST": Request(
        "/json",
        {"name": "piston"},
        "POST",
        json.dumps({"name": "piston", "count": 3}).encode(),
        "application/json",
    ),
    "SQLite": Request("/items/42", {"id": 42, "name": "item 42"}),
    "wait of 5 ms": Request("/wait", b"waited"),
}


def check_tools() -> None:
    """Raise NotThereError when what makes the load is not installed."""
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            raise NotThereError(f"{tool} is not installed (Debian: wrk, util-linux)")


def pinned_to(cores: str) -> list[str]:
    """Return what a command begins with that is to stay on some cores, as `0` or `0,1`."""
    return [shutil.which("taskset") or "taskset", "--cpu-list", cores]


def load(port: int, request: Request, connections: int, seconds: float, cores: str) -> Any:
    """Send a request over and over; return what report.lua says of the answers."""
    command = [*pinned_to(cores), "wrk", "--threads", "1"]
    command += ["--connections", str(connections), "--duration", f"{max(1, round(seconds))}s"]
    command += ["--timeout", f"{TIMEOUT_S}s", "--latency", "--script", str(SCRIPT)]
    command += [f"http://127.0.0.1:{port}{request.path}", "--"]
    command += [request.method, request.body.decode(), request.kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30)
    return json.loads(done.stdout.splitlines()[-1])
