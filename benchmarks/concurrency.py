"""How long a thousand requests take that each wait 100 ms, on one worker.

    python -m benchmarks.concurrency [--requests N] [--rounds N] [--interface rsgi|asgi]

The server is `kolben serve`; the client, in this process, opens all connections first. The shortest
possible time is 0.1 s.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APP = """
import asyncio
from kolben import Flask

app = Flask(__name__)


@app.get("/")
async def wait():
    await asyncio.sleep(0.1)
    return "waited"
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def measure(port: int, count: int) -> float:
    """Return the seconds from the first request to the last answer."""
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        assert await reader.readexactly(6) == b"waited"

    began = time.perf_counter()
    await asyncio.gather(*(ask(*pair) for pair in pairs))
    took_s = time.perf_counter() - began
    for _, writer in pairs:
        writer.close()
    return took_s


def _wait_for(port: int) -> None:
    """Wait until something listens."""
    for _ in range(300):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.05)
    raise SystemExit("The server did not start.")


def main() -> None:
    """Start the server, measure, stop it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--interface", choices=["rsgi", "asgi"], default="rsgi")
    arguments = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "waiting.py").write_text(APP)
        options = ["--port", str(port), "--interface", arguments.interface]
        server = subprocess.Popen(
            [sys.executable, "-m", "kolben", "--app", "waiting", "serve", *options],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        try:
            _wait_for(port)
            times = [
                asyncio.run(measure(port, arguments.requests)) for _ in range(arguments.rounds)
            ]
        finally:
            server.terminate()
            server.communicate()
    shown = " ".join(f"{took_s:.2f}" for took_s in times)
    print(f"{arguments.requests} requests that wait 0.1 s each: {shown} s")


if __name__ == "__main__":
    main()
