"""The same app on every server: requests kept apart, clients that go away, an orderly end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import find_free_port, is_open, wait_for
from tests.server.http_load import Reader, Writer, fetch, run, state_of
from tests.user_environment import user_environment

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "programs" / "async_app.py"
PACKAGES = ("uvicorn==0.51.0", "hypercorn==0.18.0", "gunicorn[gevent]>=25")

KOLBEN = "-m kolben --app async_app serve --port {port} --interface"
SERVERS = {
    "kolben rsgi": f"{KOLBEN} rsgi",
    "kolben asgi": f"{KOLBEN} asgi",
    "kolben wsgi": f"{KOLBEN} wsgi --threads 8",
    "granian rsgi": "-m granian --interface rsgi --port {port} async_app:app",
    "granian asgi": "-m granian --interface asgi --port {port} async_app:app",
    "uvicorn": "-m uvicorn --port {port} async_app:app",
    "uvicorn asgi_app": "-m uvicorn --port {port} async_app:app.asgi_app",
    "hypercorn": "-m hypercorn --bind 127.0.0.1:{port} async_app:app",
    "hypercorn wsgi": "-m hypercorn --bind 127.0.0.1:{port} wsgi:async_app:app",
    "gunicorn asgi": "-m gunicorn --worker-class asgi --bind 127.0.0.1:{port} async_app:app",
    "gunicorn gevent": "-m gunicorn --worker-class gevent --bind 127.0.0.1:{port} async_app:app",
}


class Running:
    """A server process with the app."""

    def __init__(self, name: str, folder: Path) -> None:
        shutil.copy(PROGRAM, folder)
        self.folder = folder
        self.port = find_free_port()
        ours = name.startswith(("kolben", "granian"))
        words = SERVERS[name].format(port=self.port).split()
        others = None if ours else user_environment("async-servers", PACKAGES)
        command = [sys.executable, *words] if others is None else others.command(*words)
        self.log = folder / "log.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder), "KOLBEN_THREADS": "8"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(lambda: is_open(self.port) or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.log.read_text()
        wait_for(lambda: "begin" in self.life or self._answers(), 30)

    def _answers(self) -> bool:
        return asyncio.run(run(self.port, 1, [0], read("/"))) == [(200, b"plain")]

    @property
    def life(self) -> str:
        """What the app's hooks of its beginning and end have written."""
        file = self.folder / "life.txt"
        return file.read_text() if file.exists() else ""

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Running]]:
    begun: list[Running] = []

    def start_server(name: str) -> Running:
        begun.append(Running(name, tmp_path))
        return begun[-1]

    yield start_server
    for server in begun:
        server.stop()


def read(path: str) -> Callable[[Reader, Writer, int], Any]:
    async def use(reader: Reader, writer: Writer, number: int) -> tuple[int, bytes]:
        return await fetch(reader, writer, path)

    return use


@pytest.mark.parametrize("name", SERVERS)
def test_the_app_answers_and_its_hooks_run_once(name: str, start: Callable[[str], Running]) -> None:
    server = start(name)
    for path, text in (("/", b"plain"), ("/async", b"async")):
        assert asyncio.run(run(server.port, 2, range(20), read(path))) == [(200, text)] * 20
    server.stop()
    pid = server.life.split()[1]
    assert server.life == f"begin {pid}\nend {pid}\n"
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("name", ["kolben rsgi", "kolben asgi", "uvicorn"])
def test_a_thousand_requests_wait_at_the_same_time(
    name: str, start: Callable[[str], Running]
) -> None:
    server = start(name)
    began = time.monotonic()
    answers = asyncio.run(run(server.port, 1000, range(1000), read("/wait")))
    took_s = time.monotonic() - began
    assert answers == [(200, b"waited")] * 1000
    # One after the other they would take 100 s; benchmarks/concurrency.py has the figure.
    assert took_s < 20


async def ask_with_token(reader: Reader, writer: Writer, number: int) -> str | None:
    """Return what was wrong about an answer."""
    word = f"token-{number}"
    path = "/token/plain" if number % 3 == 0 else "/token/async"
    status, body = await fetch(reader, writer, path, f"X-Token: {word}")
    right = status == 200 and json.loads(body) == [[word] * 5] * 3
    return None if right else f"{path} {word}: {status} {body!r}"


# Each takes some seconds for 2,000 requests. KOLBEN_TEST_REQUESTS=10000 is the whole test.
ON_EACH_SERVER = int(os.environ.get("KOLBEN_TEST_REQUESTS", "2000"))


@pytest.mark.parametrize("name", [name for name in SERVERS if name != "hypercorn wsgi"])
def test_thousands_of_requests_are_kept_apart(name: str, start: Callable[[str], Running]) -> None:
    server = start(name)
    count = max(10_000, ON_EACH_SERVER) if name == "kolben rsgi" else ON_EACH_SERVER
    results = asyncio.run(run(server.port, 64, range(count), ask_with_token))
    assert [wrong for wrong in results if wrong] == []
    assert len(results) == count


async def leave_in_the_middle(port: int, number: int) -> None:
    """Read the beginning of a stream and go away, every other time without a word."""
    path = "/stream/plain" if number % 4 == 0 else "/stream/async"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await reader.readuntil(path.encode())
    if number % 2:  # a reset instead of a proper end
        linger = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()


@pytest.mark.parametrize("name", ["kolben rsgi", "kolben asgi", "uvicorn", "hypercorn"])
def test_clients_that_go_away_leave_nothing_behind(
    name: str, start: Callable[[str], Running]
) -> None:
    server = start(name)
    count = 1000 if name == "kolben rsgi" else 200

    async def leave(numbers: range) -> dict[str, Any]:
        for first in range(0, len(numbers), 20):
            some = numbers[first : first + 20]
            await asyncio.gather(*(leave_in_the_middle(server.port, n) for n in some))
        for _ in range(200):
            state = await state_of(server.port)
            ended = state["closed"] == state["begun"] == state["torn down"]
            if ended and state["contexts"] <= 2:
                break
            await asyncio.sleep(0.1)
        return state

    before = asyncio.run(leave(range(100)))
    after = asyncio.run(leave(range(count)))
    assert (after["begun"], after["closed"], after["torn down"]) == (count + 100,) * 3
    assert after["contexts"] <= 2  # the request's own, and a task's that is about to end
    assert after["threads"] <= before["threads"] + 8
    assert after["memory_kb"] < before["memory_kb"] + 40_000


@pytest.mark.parametrize("name", ["kolben rsgi", "kolben asgi", "kolben wsgi"])
def test_tasks_end_before_the_server_does(name: str, start: Callable[[str], Running]) -> None:
    server = start(name)
    paths = ["/job/0.3", "/job/0.6"]
    for path in paths:
        assert asyncio.run(run(server.port, 1, [0], read(path))) == [(200, b"begun")]
    server.stop()
    lines = server.life.splitlines()
    assert sorted(lines[1:-1]) == ["job 0.3", "job 0.6"]
    assert lines[-1].startswith("end")
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("name", ["kolben rsgi", "kolben asgi"])
def test_a_stop_under_load_is_quiet(name: str, start: Callable[[str], Running]) -> None:
    server = start(name)

    async def load() -> None:
        async def use(reader: Reader, writer: Writer, number: int) -> None:
            await fetch(reader, writer, "/wait")

        work = asyncio.gather(
            *(run(server.port, 1, range(1000), use) for _ in range(32)), return_exceptions=True
        )
        await asyncio.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.process.wait, 40)
        work.cancel()

    asyncio.run(load())
    assert server.process.returncode == 0
    assert "Traceback" not in server.log.read_text()
    assert server.life.splitlines()[-1].startswith("end")
