"""The table of ends over HTTP: what a server runs at the end of a request is what the app runs.

`python -m conformance.differential.served [NAME ...]` starts the servers of SERVERS one by one and
sends the requests of `subjects/ends_asked.py` to each. What the app noted is compared with what it
notes when it is called without a server, which the table `ends` compares with the real Flask.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from conformance.differential.oracle import run_driver
from conformance.differential.subjects.ends_asked import ASKED, FILE_VARIABLE, LEFT
from conformance.environment import Environment, Variant, suite_environment
from conformance.suites import CHECKOUT, load_suites

Notes = dict[str, list[str]]

APP = "conformance.differential.subjects.ends:app"
KOLBEN = ("-m", "kolben", "--app", APP)
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4", APP)
#: Name: the framework, and the arguments of its Python; `{port}` is a free one.
SERVERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "flask run": ("flask", ("-m", "flask", "--app", APP, "run", "--port", "{port}")),
    "flask gunicorn": ("flask", GUNICORN),
    "kolben run": ("kolben", (*KOLBEN, "run", "--port", "{port}")),
    "kolben gunicorn": ("kolben", GUNICORN),
    **{
        f"kolben serve {interface}": (
            "kolben",
            (*KOLBEN, "serve", "--port", "{port}", "--interface", interface),
        )
        for interface in ("rsgi", "asgi", "wsgi")
    },
}

#: A request is over when nothing was noted for this long, and something was.
QUIET_S = 0.06
PATIENCE_S = 10.0
# What the table notes of the caller, which over HTTP is the server.
_OF_CALLER = ("the app has answered [nothing]", "closed [nothing]")


def expected(framework: str, python: Path) -> Notes:
    """Return what an app notes when it is called without a server."""
    answers = run_driver(framework, python, ["ends"])["answers"]
    names = {f"{method} {target}": f"ends/{method} {target} seen" for method, target in ASKED}
    names |= {f"left {target}": f"ends/first GET {target} seen" for target in LEFT}
    return {
        key: [line for line in answers[name]["body"].splitlines() if line not in _OF_CALLER]
        for key, name in names.items()
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _started(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Iterator[int]:
    """Start a server and yield its port; its output goes to a file."""
    port = _free_port()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            cwd=CHECKOUT,
            env=environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _await_answer(process, port, folder)
            yield port
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _await_answer(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Wait until a server answers."""
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError):
            _ask(port, "GET", "/nothing")
            return
        time.sleep(0.05)
    raise RuntimeError(f"The server did not start:\n{(folder / 'output').read_text()[-4000:]}")


def _ask(port: int, method: str, target: str, leaves: bool = False) -> None:
    """Send a request and read its answer; leaves: only its beginning, then go away."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        line = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(line.encode())
        with suppress(ConnectionResetError):
            while connection.recv(1_000 if leaves else 100_000):
                if leaves:
                    return


def _read(file: Path, last: str = "") -> list[str]:
    """Return what the app has noted, when it notes nothing more, and has noted `last`."""
    until = time.monotonic() + PATIENCE_S
    found, quiet_since = b"", time.monotonic()
    while time.monotonic() < until:
        now = file.read_bytes()
        if now != found:
            found, quiet_since = now, time.monotonic()
        elif found and last.encode() in found and time.monotonic() - quiet_since > QUIET_S:
            break
        time.sleep(0.005)
    return found.decode().splitlines()


def noted(command: Sequence[str], environ: Mapping[str, str]) -> Notes:
    """Start a server, send all requests to it, and return what the app noted for each."""
    answers: Notes = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "notes"
        file.touch()
        with _started(command, folder, {**environ, FILE_VARIABLE: str(file)}) as port:
            _read(file)
            for method, target in ASKED:
                file.write_bytes(b"")
                _ask(port, method, target)
                answers[f"{method} {target}"] = _read(file)
            for target, last in LEFT.items():
                file.write_bytes(b"")
                _ask(port, "GET", target, leaves=True)
                answers[f"left {target}"] = _read(file, last)
    return answers


def _environment(framework: str) -> Environment:
    """Return an environment with the framework and gunicorn, made at first use."""
    suite = load_suites()["flask"]
    pins = tuple(sorted({*suite.pins, "gunicorn==27.0.1"}))
    variant = Variant.BASELINE if framework == "flask" else Variant.WITHOUT_FLASK
    return suite_environment(dataclasses.replace(suite, name="ends", pins=pins), variant)


def main(names: Sequence[str]) -> int:
    """Compare the servers named, or all; 0 when all run the same as the app alone."""
    wrong = 0
    for name in names or SERVERS:
        framework, arguments = SERVERS[name]
        environment = _environment(framework)
        command = environment.command(*arguments)
        wanted = expected(framework, Path(command[0]))
        found = noted(command, environment.environ())
        differing = {key: (wanted[key], found[key]) for key in wanted if wanted[key] != found[key]}
        print(f"{name:20}{len(wanted):5} requests{len(differing):5} differ", flush=True)
        if differing:
            print(json.dumps(differing, indent=1))
        wrong += len(differing)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
