"""What slow, silent and greedy clients do to honest ones, and what large bodies do to memory.

    python -m benchmarks.hostile [--interface NAME]... [--scale SHARE] [--seconds N] [--memory]

`kolben serve` with one worker and its defaults, in a process of its own, attacked from another one:
500 clients that send a byte of their headers each second, 500 of their bodies, 500 that read no
answer, and 1,500 that connect and say nothing. Meanwhile eight honest clients ask for a short text
over connections that they keep; those that the server has closed are opened anew. They are looked
at when all of the crowd are there and have got as far as they get. Figures are milliseconds,
`failed` is requests without a 200 within two seconds. --memory: instead of that, by how much a body
of 2 GiB raises the memory of the worker, sent and received.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers.running import free_port

APP = """
from kolben import Flask, Response, request

app = Flask(__name__)
PIECE = b"x" * 65536

@app.get("/")
def home():
    return "home"

@app.post("/read")
def read():
    return str(len(request.get_data()))

@app.post("/save")
def save():
    size = 0
    while piece := request.stream.read(65536):
        size += len(piece)
    return str(size)

@app.get("/large/<int:mebibytes>")
def large(mebibytes):
    return (PIECE for _ in range(mebibytes * 16))

@app.get("/whole/<int:mebibytes>")
def whole(mebibytes):
    return Response(bytes(mebibytes * 2**20))
"""
INTERFACES = ("rsgi", "asgi", "wsgi")
MEBIBYTE = 2**20
CROWD = {"slow headers": 500, "slow bodies": 500, "slow readers": 500, "silent": 1500}
HONEST = 8
PAUSE_S = 0.02
PATIENCE_S = 2.0
# How long the server is left alone with the crowd before honest clients are looked at: 500 answers
# that nobody reads fill 500 sockets with megabytes first, which is work as any other.
SETTLING_S = 5.0
BEGINNINGS = {
    "slow headers": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "slow bodies": b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
    "slow readers": b"GET /large/8 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "silent": b"",
}


@contextmanager
def served(interface: str, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the server; give its process and port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "attacked.py").write_text(APP)
        command = [
            sys.executable,
            "-m",
            "kolben",
            "--app",
            "attacked",
            "serve",
            "--port",
            str(port),
        ]
        command += ["--interface", interface, *options]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            asyncio.run(_wait_for(port))
            yield process, port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await _ask(reader, writer)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the server does not answer")


# The crowd.


def attack(port: int, kind: str, count: int, is_there: Any) -> None:
    """Be so many clients of a kind, until this process is ended."""
    raise_file_limit()
    asyncio.run(_attack(port, kind, count, is_there))


async def _attack(port: int, kind: str, count: int, is_there: Any) -> None:
    clients = []
    for number in range(count):
        clients.append(asyncio.create_task(_be_slow(port, kind)))
        if number % 50 == 49:
            await asyncio.sleep(0.05)
    is_there.set()
    await asyncio.gather(*clients)


async def _be_slow(port: int, kind: str) -> None:
    """Connect, and again when the server has had enough of it."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            try:
                await _go_slow(reader, writer, kind)
            finally:
                writer.close()
        await asyncio.sleep(1)


async def _go_slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str) -> None:
    writer.write(BEGINNINGS[kind])
    if kind == "slow readers":
        # One that reads nothing does not see the end either.
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # sockets have it
    while not reader.at_eof():
        if kind in {"slow headers", "slow bodies"}:
            writer.write(b"x")
            await writer.drain()
        await asyncio.sleep(1)


@contextmanager
def crowd(port: int, sizes: dict[str, int]) -> Iterator[None]:
    """Have all kinds of them there at once."""
    context = multiprocessing.get_context("spawn")
    signs = [context.Event() for _ in sizes]
    processes = [
        context.Process(target=attack, args=(port, kind, count, sign), daemon=True)
        for (kind, count), sign in zip(sizes.items(), signs, strict=True)
    ]
    for process in processes:
        process.start()
    try:
        for sign in signs:
            sign.wait(60)
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


# The honest clients.


@dataclass
class Figures:
    """What honest clients saw; times in milliseconds."""

    times: list[float]
    failed: int

    @property
    def p99(self) -> float:
        """What a hundredth of the requests takes longer than."""
        return statistics.quantiles(self.times, n=100)[98] if len(self.times) > 1 else float("inf")

    def __str__(self) -> str:
        median = statistics.median(self.times) if self.times else float("inf")
        worst = max(self.times, default=float("inf"))
        return (
            f"{len(self.times):6} answered, {self.failed:3} failed;"
            f" median {median:.1f}, p99 {self.p99:.1f}, worst {worst:.1f}"
        )


def measure(port: int, seconds: float, patience_s: float) -> Figures:
    """Ask as honest clients do, for so long."""
    return asyncio.run(_measure(port, seconds, patience_s))


async def _measure(port: int, seconds: float, patience_s: float) -> Figures:
    figures = Figures([], 0)
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_be_honest(port, until, patience_s, figures) for _ in range(HONEST)))
    return figures


async def _be_honest(port: int, until: float, patience_s: float, figures: Figures) -> None:
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while time.perf_counter() < until:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(patience_s):
                if streams is None:
                    streams = await asyncio.open_connection("127.0.0.1", port)
                await _ask(*streams)
            figures.times.append((time.perf_counter() - began) * 1000)
        except (OSError, asyncio.IncompleteReadError):
            figures.failed += 1
            if streams is not None:
                streams[1].close()
            streams = None
        await asyncio.sleep(PAUSE_S)
    if streams is not None:
        streams[1].close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Get the short text; OSError for anything else."""
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200") or await reader.readexactly(4) != b"home":
        raise OSError(head.decode("latin-1"))


def compare(
    interface: str, scale: float, seconds: float, patience_s: float = PATIENCE_S
) -> tuple[Figures, Figures]:
    """Return what honest clients see when all is quiet, and in the crowd."""
    with served(interface) as (_, port):
        measure(port, 1, patience_s)
        quiet = measure(port, seconds, patience_s)
        sizes = {kind: max(1, int(count * scale)) for kind, count in CROWD.items()}
        with crowd(port, sizes):
            time.sleep(SETTLING_S * scale)
            return quiet, measure(port, seconds, patience_s)


# Memory.


def peak_growth(interface: str, mebibytes: int) -> dict[str, float]:
    """Return by how many MiB a body raises the peak memory of the worker: sent, and received."""
    with served(interface) as (process, port):
        asyncio.run(_upload(port, 1))
        asyncio.run(_download(port, 1))
        worker = worker_of(process.pid)
        found = {}
        for name, use in {"upload": _upload, "download": _download}.items():
            before = memory_mib(worker)
            asyncio.run(use(port, mebibytes))
            found[name] = memory_mib(worker) - before
        return found


async def _upload(port: int, mebibytes: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    size = mebibytes * MEBIBYTE
    head = (
        "POST /save HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n"
    )
    writer.write(head.format(size).encode())
    for _ in range(mebibytes):
        writer.write(b"x" * MEBIBYTE)
        await writer.drain()
    answer = await reader.read()
    writer.close()
    if not answer.endswith(str(size).encode()):
        raise SystemExit(f"the upload failed: {answer[:200]!r}")


async def _download(port: int, mebibytes: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path = f"/large/{mebibytes}"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    size = 0
    # The server may run ahead of a client that has not begun to read.
    await asyncio.sleep(0.5)
    while piece := await reader.read(MEBIBYTE):
        size += len(piece)
    writer.close()
    if size < mebibytes * MEBIBYTE:
        raise SystemExit(f"the download failed after {size} bytes")


def worker_of(pid: int) -> int:
    """Return the process id of a server's only worker."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[-1])


def memory_mib(pid: int, kind: str = "VmHWM") -> float:
    """Return the memory of a process: the most that it ever had, or of another kind (VmRSS)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(kind)).split()[1]) / 1024


def raise_file_limit() -> None:
    """Allow this process as many connections as it may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--interface", action="append", choices=INTERFACES)
    parser.add_argument("--scale", type=float, default=1.0, help="the share of the crowd")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--mebibytes", type=int, default=2048)
    given = parser.parse_args()
    raise_file_limit()
    for interface in given.interface or INTERFACES:
        if given.memory:
            for name, mib in peak_growth(interface, given.mebibytes).items():
                print(f"{interface:5} {name:9} {mib:+.1f} MiB", flush=True)
        else:
            quiet, attacked = compare(interface, given.scale, given.seconds)
            print(f"{interface:5} quiet    {quiet}\n{interface:5} attacked {attacked}", flush=True)


if __name__ == "__main__":
    main()
