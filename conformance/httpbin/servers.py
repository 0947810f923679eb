"""The two servers of httpbin: gunicorn with the real Flask, and Kolben."""

from __future__ import annotations

import dataclasses
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.environment import Environment, Variant, suite_environment
from conformance.suites import ConformanceError, load_suites

START_S = 30

#: httpbin and all it needs beyond Flask: the versions that a resolver chose with Flask 3.1.3.
PINS = (
    "httpbin==0.10.4",
    "attrs==26.1.0",
    "brotlicffi==1.2.1.0",
    "cffi==2.1.1",
    "decorator==5.3.1",
    "flasgger==0.9.7.1",
    "gunicorn==27.0.1",
    "jsonschema==4.26.0",
    "jsonschema-specifications==2025.9.1",
    "mistune==3.4.0",
    "pycparser==3.12",
    "pyyaml==6.0.3",
    "referencing==0.37.0",
    "rpds-py==2026.9.1",
    "six==1.17.0",
    "typing-extensions==4.16.0",
)

APP = "httpbin:app"


def httpbin_environment(variant: Variant) -> Environment:
    """Return an environment with httpbin, made at first use."""
    suite = load_suites()["flask"]
    pins = tuple(sorted({*suite.pins, *PINS}))
    return suite_environment(dataclasses.replace(suite, name="httpbin", pins=pins), variant)


def gunicorn(environment: Environment, port: int) -> list[str]:
    """Return the command that serves the app with gunicorn."""
    options = ("--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "4")
    return environment.command("-m", "gunicorn", APP, *options)


def kolben_serve(environment: Environment, port: int) -> list[str]:
    """Return the command that serves the app with Kolben's own server."""
    return environment.command("-m", "kolben", "--app", APP, "serve", "--port", str(port))


SERVERS = {"gunicorn": gunicorn, "kolben": kolben_serve}


def free_port() -> int:
    """Find a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(variant: Variant, server: str, port: int) -> Iterator[None]:
    """Serve httpbin on the port while the block runs."""
    environment = httpbin_environment(variant)
    command = SERVERS[server](environment, port)
    # An empty working directory: nothing there may be taken for the app.
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+b") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment.environ(), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_it_listens(process, port, log.name)
            yield
        finally:
            process.terminate()
            try:
                process.wait(START_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    text = Path(log).read_text("utf-8", "replace")
    raise ConformanceError(f"The server did not come up: {process.args!r}\n{text}")
