"""A program of the users' environment, run as a real process."""

from __future__ import annotations

import http.client
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from conformance.environment import Environment
from tests.running import find_free_port, is_open, wait_for


class Program:
    """A running program; what it prints is kept in a file.

    command: the program's name in the environment and its arguments; `{port}` stands for a free
    port. Variables are added to the environment's.
    """

    def __init__(
        self,
        users: Environment,
        directory: Path,
        *command: str,
        port: int | None = None,
        **variables: str,
    ) -> None:
        self.port = find_free_port() if port is None else port
        self._log = directory / f"log-{self.port}"
        arguments = [part.replace("{port}", str(self.port)) for part in command[1:]]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [users.scripts / command[0], *arguments],
                cwd=directory,
                env={**users.environ(), "PYTHONUNBUFFERED": "1", **variables},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def printed(self) -> str:
        """All that it has printed so far."""
        return self._log.read_text()

    def wait_until_open(self) -> Program:
        """Wait until it listens on its port."""
        wait_for(lambda: is_open(self.port) or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.printed
        return self

    def type_in(self, line: str) -> None:
        """Type a line into its terminal."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Ask for a path; return status and body."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def wait_for_answer(self, path: str, expected: tuple[int, str]) -> None:
        """Wait until a path is answered like that; it may be closed meanwhile, to start anew."""

        def is_answered() -> bool:
            try:
                return self.get(path) == expected
            except (OSError, http.client.HTTPException):
                return False

        wait_for(is_answered, 30)

    @contextmanager
    def asking(self, path: str) -> Iterator[Future[tuple[int, str]]]:
        """Ask for a path in a thread, while the block goes on."""
        with ThreadPoolExecutor(1) as thread:
            yield thread.submit(self.get, path)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
