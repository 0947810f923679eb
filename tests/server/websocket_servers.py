"""Real servers with an app of WebSockets, and a client of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.running import find_free_port, is_open, wait_for
from tests.server.websocket_wire import TEXT, Wire, frame
from tests.user_environment import user_environment

PROGRAM = Path(__file__).parent / "programs" / "sockets_app.py"
PACKAGES = ("uvicorn==0.51.0", "hypercorn==0.18.0", "websockets==17.4")
SERVERS = {
    "kolben rsgi": "-m kolben --app sockets_app serve --interface rsgi --port {port}",
    "kolben asgi": "-m kolben --app sockets_app serve --interface asgi --port {port}",
    "kolben wsgi": "-m kolben --app sockets_app serve --interface wsgi --port {port}",
    "uvicorn": "-m uvicorn --port {port} sockets_app:app",
    "hypercorn": "-m hypercorn --bind 127.0.0.1:{port} sockets_app:app",
}
ALL = ["kolben rsgi", "kolben asgi", "uvicorn", "hypercorn"]
OURS = ["kolben rsgi", "kolben asgi"]
LIMIT = 100_000
PATIENCE_S = 20


class Running:
    """A server process with the app. kind: its name in SERVERS."""

    def __init__(self, kind: str, folder: Path, **variables: str) -> None:
        shutil.copy(PROGRAM, folder)
        self.kind = kind
        self.port = find_free_port()
        words = SERVERS[kind].format(port=self.port).split()
        if kind.startswith("kolben"):
            command = [sys.executable, *words]
        else:
            command = user_environment("socket-servers", PACKAGES).command(*words)
        self._log = folder / f"log-{self.port}.txt"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder), **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(lambda: is_open(self.port) or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.log

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def is_granian(self) -> bool:
        return self.kind in OURS

    def open(self, path: str, **options: Any) -> AbstractAsyncContextManager[ClientConnection]:
        """Open a WebSocket with a client library."""
        url = f"ws://127.0.0.1:{self.port}{path}"
        return connect(url, open_timeout=10, close_timeout=5, max_size=None, **options)

    def wire(self, path: str = "/echo", **options: Any) -> Wire:
        """Open one by hand."""
        return Wire(self.port, path, **options)

    def is_well(self) -> bool:
        """Say whether it still serves, in the same process."""
        try:
            with self.wire() as wire:
                wire.send(frame(TEXT, b"well?"))
                return wire.read() == (TEXT, b"well?") and self.process.poll() is None
        except TimeoutError:  # of a connection that a worker took with it
            return False

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def run(steps: Any) -> Any:
    """Run a coroutine, for as long as patience lasts."""

    async def limited() -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return await steps

    return asyncio.run(limited())


async def end_of(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Wait for the end; return code and reason."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed:
        return socket.close_code, socket.close_reason
