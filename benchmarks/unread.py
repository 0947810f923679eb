"""By how much clients that read nothing of their answers raise the memory of a worker.

    python -m benchmarks.unread [--interface NAME]... [--seconds N] [--max-unsent SIZE]...

`kolben serve` with one worker and four threads, a server for each figure; the clients are in this
process. They ask for answers of 8 MiB and read nothing: 100 over HTTP/1, and one and 20 connections
of HTTP/2 that allow any number of bytes, with 128 requests each. `whole`: the view returns the
bytes; `pieces`: it is a generator of 64 KiB each. Once without a bound (--max-unsent 0), and once
with it. Figures are MiB beyond what the worker had after one answer: at the peak, and --seconds
after all have asked, while all are still there.
"""

from __future__ import annotations

import argparse
import socket
import struct
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from benchmarks.hostile import memory_mib, raise_file_limit, served, worker_of

INTERFACES = ("rsgi", "asgi")
THREADS = 4
MEBIBYTES = 8
BOUNDS = ("0", "256m")
PATIENCE_S = 10
PAUSE_S = 0.5

# RFC 9113: a preface, frames, and the largest window that there can be.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS, WINDOW_UPDATE = 1, 4, 8
END_STREAM_AND_HEADERS = 5
INITIAL_WINDOW_SIZE = 4
WIDEST, FIRST_WINDOW = 2**31 - 1, 65535


@dataclass
class Clients:
    """So many connections, each with so many requests at once; none: HTTP/1, which has one."""

    path: str
    connections: int
    streams: int = 0

    def __str__(self) -> str:
        kind = f"HTTP/2, {self.streams} streams" if self.streams else "HTTP/1"
        return f"{self.connections:3} over {kind}, {self.path}"


CLIENTS = (
    Clients("whole", 100),
    Clients("pieces", 100),
    Clients("whole", 1, 128),
    Clients("pieces", 1, 128),
    Clients("pieces", 20, 128),
)


@dataclass
class Growth:
    """By how many MiB a worker grew."""

    peak: float
    later: float


def measure(interface: str, clients: Clients, seconds: float, *options: str) -> Growth:
    """Return by how much so many clients raise the memory of a worker."""
    path = f"/{'large' if clients.path == 'pieces' else 'whole'}/{MEBIBYTES}"
    with (
        served(interface, f"--threads={THREADS}", *options) as (process, port),
        ExitStack() as all_,
    ):
        if read_one(port, path) < MEBIBYTES * 2**20:
            raise SystemExit(f"the server does not answer {path} whole")
        worker = worker_of(process.pid)
        before = memory_mib(worker, "VmRSS")
        for _ in range(clients.connections):
            connection = all_.enter_context(connect(port))
            with suppress(OSError):  # it may have been ended by now
                connection.sendall(asked(path, clients.streams))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # The server looks at who reads nothing when it is asked for something.
            read_one(port, "/")
            time.sleep(PAUSE_S)
        return Growth(memory_mib(worker) - before, memory_mib(worker, "VmRSS") - before)


def connect(port: int) -> socket.socket:
    """Connect with a small buffer, so that the server's memory is filled and not the system's."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.settimeout(PATIENCE_S)
    connection.connect(("127.0.0.1", port))
    return connection


def read_one(port: int, path: str) -> int:
    """Read an answer whole, and return its size with its headers."""
    with connect(port) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        size = 0
        while piece := connection.recv(65536):
            size += len(piece)
    return size


def asked(path: str, streams: int) -> bytes:
    """Return what a client sends: one request over HTTP/1, or so many over HTTP/2."""
    if not streams:
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    window = struct.pack(">HI", INITIAL_WINDOW_SIZE, WIDEST)
    begin = PREFACE + frame(SETTINGS, 0, 0, window)
    begin += frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WIDEST - FIRST_WINDOW))
    pairs = {":method": "GET", ":scheme": "http", ":path": path, ":authority": "localhost"}
    block = b"".join(field(*pair) for pair in pairs.items())
    requests = (
        frame(HEADERS, END_STREAM_AND_HEADERS, 2 * number + 1, block) for number in range(streams)
    )
    return begin + b"".join(requests)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame as it is on the wire."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def field(name: str, value: str) -> bytes:
    """Return a header field as a literal that is not indexed (RFC 7541 §6.2.2)."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--interface", action="append", choices=INTERFACES)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument(
        "--max-unsent", action="append", help="the option of kolben serve; 0: no bound"
    )
    given = parser.parse_args()
    raise_file_limit()
    for interface in given.interface or INTERFACES:
        for clients in CLIENTS:
            for most in given.max_unsent or BOUNDS:
                found = measure(interface, clients, given.seconds, f"--max-unsent={most}")
                print(
                    f"{interface} {clients!s:36} --max-unsent {most:>6}:"
                    f" {found.peak:+7.0f} MiB, then {found.later:+7.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
