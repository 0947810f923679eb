"""What an open WebSocket costs, and a broadcast to all of them: one worker, 1,000 sockets.

    python -m benchmarks.sockets [--sockets 1000] [--broadcasts 50] [--json FILE]

For each interface of `kolben serve`, and for Granian with a bare app of its own as the floor:
memory of the worker per open socket (resident set, after less before), its CPU time for each
message that a broadcast delivers, and how long until the last client has it. The clients are in
another process, on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from kolben.entry import raw_socket

KOLBEN = """\
from kolben import Flask, rooms, websocket

app = Flask(__name__)

@app.get("/")
def index():
    return "plain"

@app.websocket("/room")
async def room():
    await rooms.join("all")
    async for message in websocket:
        await rooms.broadcast("all", message)
"""
BARE = """\
import asyncio

members = set()

async def app(scope, protocol):
    if scope.proto == "http":
        protocol.response_str(200, [], "plain")
        return
    transport = await protocol.accept()
    members.add(transport)
    try:
        while (message := await transport.receive()).kind:
            for one in members:
                asyncio.ensure_future(one.send_str(message.data))
    except RuntimeError:
        pass
    members.discard(transport)
"""
SUBJECTS = {
    "Kolben, RSGI": (KOLBEN, "-m kolben --app served serve --interface rsgi --port {port}"),
    "Kolben, ASGI": (KOLBEN, "-m kolben --app served serve --interface asgi --port {port}"),
    "Granian alone": (BARE, "-m granian --interface rsgi --port {port} served:app"),
}
MESSAGE = b"x" * 100
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(source: str, command: str, port: int) -> Iterator[int]:
    """Run a server; give the process id of its worker."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "served.py").write_text(source)
        words = command.format(port=port).split()
        process = subprocess.Popen([sys.executable, *words], cwd=folder, stdout=subprocess.DEVNULL)
        try:
            yield wait_for_worker(process.pid, port)
        finally:
            process.terminate()
            process.wait(30)


def wait_for_worker(parent: int, port: int) -> int:
    """Return the process that answers; RuntimeError if none does."""
    for _ in range(300):
        time.sleep(0.1)
        try:
            asyncio.run(fetch(port))
        except OSError:
            continue
        found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return max(map(int, found), key=resident_bytes)
    raise RuntimeError(f"Nothing answers on port {port}.")


async def fetch(port: int) -> None:
    """Send a plain request, so that all that is loaded late is loaded."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"plain" in await reader.read()
    writer.close()


def resident_bytes(process: int) -> int:
    """Return the memory of a process."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def cpu_s(process: int) -> float:
    """Return the CPU time of a process, all its threads together."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


class Client(asyncio.Protocol):
    """A WebSocket that counts bytes: cheaper than one that reads messages."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals = arrivals
        self.is_open = asyncio.get_running_loop().create_future()
        self.received = 0

    def connection_made(self, transport: Any) -> None:
        """Send the handshake."""
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            "GET /room HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Count a message, after the answer to the handshake."""
        if not self.is_open.done():
            assert data.startswith(b"HTTP/1.1 101"), data
            self.is_open.set_result(None)
            return
        self.received += len(data)
        if self.received >= len(MESSAGE) + 2:
            self.received -= len(MESSAGE) + 2
            self.arrivals.note()

    def send(self) -> None:
        """Send a message, with a mask of zero."""
        self.transport.write(bytes([0x81, 0x80 | len(MESSAGE)]) + bytes(4) + MESSAGE)


class Arrivals:
    """Counts how many clients have got the message that is on its way."""

    def __init__(self) -> None:
        self.all_there: asyncio.Future[None] | None = None
        self.missing = 0

    def expect(self, count: int) -> asyncio.Future[None]:
        """Begin to count; the future is done when that many have come."""
        self.missing = count
        self.all_there = asyncio.get_running_loop().create_future()
        return self.all_there

    def note(self) -> None:
        """Count one."""
        self.missing -= 1
        if not self.missing and self.all_there is not None:
            self.all_there.set_result(None)


async def open_sockets(port: int, count: int, arrivals: Arrivals) -> list[Client]:
    """Open WebSockets, some at a time, as a server's queue of new connections is short."""
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    while len(clients) < count:
        batch = []
        for _ in range(min(50, count - len(clients))):
            _, client = await loop.create_connection(lambda: Client(arrivals), "127.0.0.1", port)
            batch.append(client)
        await asyncio.gather(*(client.is_open for client in batch))
        clients += batch
    return clients


async def measure(worker: int, port: int, sockets: int, broadcasts: int) -> dict[str, float]:
    """Open sockets and broadcast to them."""
    arrivals = Arrivals()
    # A few first: what is made once is no cost of each.
    first = await open_sockets(port, 20, arrivals)
    await broadcast(first, arrivals)
    before = resident_bytes(worker)
    clients = await open_sockets(port, sockets - len(first), arrivals)
    await asyncio.sleep(1)
    per_socket = (resident_bytes(worker) - before) / len(clients)
    clients += first
    await broadcast(clients, arrivals)
    cpu, took = cpu_s(worker), []
    for _ in range(broadcasts):
        took.append(await broadcast(clients, arrivals))  # noqa: PERF401  # one after the other
    cpu = cpu_s(worker) - cpu
    for client in clients:
        client.transport.close()
    return {
        "kib_per_socket": round(per_socket / 1024, 1),
        "cpu_us_per_message": round(cpu / broadcasts / sockets * 1e6, 1),
        "ms_until_the_last_median": round(statistics.median(took) * 1000, 1),
        "ms_until_the_last_most": round(max(took) * 1000, 1),
    }


async def broadcast(clients: list[Client], arrivals: Arrivals) -> float:
    """Have one client broadcast a message; return how long until the last has it."""
    there = arrivals.expect(len(clients))
    began = time.perf_counter()
    clients[0].send()
    async with asyncio.timeout(30):
        await there
    return time.perf_counter() - began


def find_connections(descriptors: int) -> tuple[float, float]:
    """Return how many ms it takes to find a new connection among others, and all of them."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def connect() -> raw_socket.Ends:
            client = stack.enter_context(socket.create_connection(listener.getsockname()))
            server = stack.enter_context(listener.accept()[0])
            found = raw_socket.parse_ends(
                "{}:{}".format(*client.getsockname()), "{}:{}".format(*server.getsockname())
            )
            assert found is not None
            return found

        for _ in range(descriptors // 2):
            connect()
        among_all, new = [], []
        for _ in range(20):
            began = time.perf_counter()
            raw_socket._descriptors.clear()
            raw_socket._inodes.clear()
            raw_socket._look_again()
            among_all.append(time.perf_counter() - began)
            ends = connect()
            began = time.perf_counter()
            raw_socket.cut_off(ends)
            new.append(time.perf_counter() - began)
    return statistics.median(new) * 1000, statistics.median(among_all) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--broadcasts", type=int, default=50)
    parser.add_argument("--port", type=int, default=18_650)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, options.sockets * 2), hard), hard))
    results = {}
    print(f"{options.sockets} sockets, one worker, {options.broadcasts} broadcasts of 100 bytes\n")
    for number, (name, (source, command)) in enumerate(SUBJECTS.items()):
        port = options.port + number
        with serving(source, command, port) as worker:
            row = asyncio.run(measure(worker, port, options.sockets, options.broadcasts))
        results[name] = row
        print(
            f"{name:14} {row['kib_per_socket']:7} KiB a socket"
            f" {row['cpu_us_per_message']:7} us of CPU a message"
            f" {row['ms_until_the_last_median']:7} ms until the last has it (most:"
            f" {row['ms_until_the_last_most']})"
        )
    new, among_all = find_connections(options.sockets)
    print(
        f"\nThe connection to write a close code to is found among {options.sockets} descriptors in"
        f" {new:.2f} ms; by a look at all of them in {among_all:.2f} ms."
    )
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
