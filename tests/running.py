"""`kolben serve` as a real process on a free port."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


class Server:
    """A `kolben serve` process; what it prints is kept in files of its folder, or of `logs`."""

    command: tuple[str, ...] = ("-m", "kolben")
    logs: Path | None = None

    def __init__(self, directory: Path, app: str | None, *options: str, **variables: str) -> None:
        self.port = find_free_port()
        self.folder = directory
        self._out = (self.logs or directory) / f"out-{self.port}"
        self._err = (self.logs or directory) / f"err-{self.port}"
        where = [] if app is None else ["--app", app]
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("KOLBEN_", "FLASK_", "PYTHONHASHSEED"))
        }
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, *self.command, *where, "serve", *options],
                cwd=directory,
                env={**environment, "KOLBEN_SERVE_PORT": str(self.port), **variables},
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def wait_until_ready(self) -> Server:
        wait_for(lambda: "thread" in self.out or self.process.poll() is not None)
        assert self.process.poll() is None, self.err
        wait_for(lambda: is_open(self.port))
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def get(self, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
        """Send a request; return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def send(self, request: bytes, *, finish: bool = False) -> bytes:
        """Send raw bytes; return all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as raw:
            raw.sendall(request)
            if finish:
                raw.shutdown(socket.SHUT_WR)
            answer = b""
            while part := raw.recv(65536):
                answer += part
            return answer


def wait_for(condition: Callable[[], object], seconds: float = 15) -> None:
    """Wait until something is so; fail if it takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def find_free_port() -> int:
    """Find a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def is_open(port: int) -> bool:
    """Say whether something listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
