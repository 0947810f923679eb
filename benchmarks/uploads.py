"""What it costs to read multipart bodies: Kolben's parser, Werkzeug's, and those of libraries.

    python -m benchmarks.uploads [--rounds N] [--memory]

All in one process, in turns, each as its users call it: the body comes from a stream, files go to a
temporary file as in Flask. "Kolben, body there": as over RSGI and ASGI, where a long body is in a
file before it is parsed; to write that file is part of receiving it, and not counted. Figures are
milliseconds of CPU time, the best of all rounds. Clients choose a boundary for each body, so what
is compiled for one is forgotten before the next. "no parser" reads, searches and writes the bytes
and does no more, so nothing that does all three is faster. A library is measured if this Python has
it; tests/core/test_multipart.py lists bodies of which each of them finds other parts than Werkzeug
in a third. --memory: by how much 100 MiB raise the memory of a process.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from werkzeug.formparser import FormDataParser, default_stream_factory
from werkzeug.wsgi import get_input_stream

from kolben.core.body import SPOOLED_BYTES, BoundedFormParser
from kolben.core.body_file import open_body_file
from kolben.core.body_stream import open_body
from kolben.entry.bodies import MEMORY_BYTES

MEBIBYTE = 2**20
PIECE_BYTES = 65_536
BOUNDARY = "----WebKitFormBoundaryZ3hLw0pQ8sXv2KdT"
HEAD = b'--%b\r\nContent-Disposition: form-data; name="%b"'
BATCH_S = 0.1

# What parses a stream of so many bytes; and what makes the stream of a body.
Parse = Callable[[Any, int], Any]
Open = Callable[[bytes], Any]


def fields(count: int) -> bytes:
    """Write a form of so many short fields."""
    name = b"field-%d"
    parts = (HEAD % (BOUNDARY.encode(), name % n) + b"\r\n\r\nvalue\r\n" for n in range(count))
    return b"".join(parts) + b"--%b--\r\n" % BOUNDARY.encode()


def upload(content: bytes) -> bytes:
    """Write a form of one file."""
    head = HEAD % (BOUNDARY.encode(), b"file") + b'; filename="piston.bin"\r\n'
    end = b"\r\n--%b--\r\n" % BOUNDARY.encode()
    return head + b"Content-Type: application/octet-stream\r\n\r\n" + content + end


def lines(size: int) -> bytes:
    """Write text of so many bytes."""
    line = b"The piston goes up and down, and the crank goes round.\r\n"
    return (line * (size // len(line) + 1))[:size]


BODIES: dict[str, Callable[[], bytes]] = {
    "file of 100 MiB": lambda: upload(os.urandom(100 * MEBIBYTE)),
    "text of 100 MiB": lambda: upload(lines(100 * MEBIBYTE)),
    "file of 1 MiB": lambda: upload(os.urandom(MEBIBYTE)),
    "file of 100 kB": lambda: upload(os.urandom(100_000)),
    "file of 1 kB": lambda: upload(os.urandom(1_000)),
    "1 field": lambda: fields(1),
    "20 fields": lambda: fields(20),
    "1,000 fields": lambda: fields(1_000),
}


# The sides.


def parse_with_werkzeug(stream: Any, size: int) -> Any:
    """Parse as Flask does."""
    environ = {"wsgi.input": stream, "CONTENT_LENGTH": str(size)}
    parser = FormDataParser(max_form_memory_size=500_000, max_form_parts=1_000, silent=False)
    options = {"boundary": BOUNDARY}
    return parser.parse(get_input_stream(environ), "multipart/form-data", size, options)


def parse_with_kolben(stream: Any, size: int) -> Any:
    """Parse as Kolben does."""
    environ = {"wsgi.input": stream, "CONTENT_LENGTH": str(size)}
    parser = BoundedFormParser(max_form_memory_size=500_000, max_form_parts=1_000)
    options = {"boundary": BOUNDARY}
    return parser.parse(open_body(environ, None), "multipart/form-data", size, options)


def parse_with_python_multipart(stream: Any, size: int) -> Any:
    """Parse as Starlette does."""
    from python_multipart.multipart import (  # type: ignore[import-not-found,unused-ignore]  # optional
        MultipartParser,
        parse_options_header,
    )

    found: list[Any] = []
    headers: dict[bytes, bytes] = {}
    name = b""
    out: Any = None

    def begin_header(data: bytes, start: int, end: int) -> None:
        nonlocal name
        name = data[start:end].lower()

    def keep_header(data: bytes, start: int, end: int) -> None:
        headers[name] = data[start:end]

    def begin_data() -> None:
        nonlocal out
        options = parse_options_header(headers[b"content-disposition"])[1]
        is_file = b"filename" in options
        out = default_stream_factory(None, None, None) if is_file else io.BytesIO()
        found.append((options, out))

    def keep_data(data: bytes, start: int, end: int) -> None:
        out.write(data[start:end])

    callbacks: Any = {
        "on_header_field": begin_header,
        "on_header_value": keep_header,
        "on_headers_finished": begin_data,
        "on_part_data": keep_data,
    }
    parser = MultipartParser(BOUNDARY.encode(), callbacks)
    while piece := stream.read(PIECE_BYTES):
        parser.write(piece)
    parser.finalize()
    return found


def parse_with_multipart(stream: Any, size: int) -> Any:
    """Parse as Bottle does."""
    from multipart import MultipartParser  # type: ignore[import-not-found,unused-ignore]  # optional

    parser = MultipartParser(
        stream, BOUNDARY, size, disk_limit=2**40, part_limit=1_000,
        spool_limit=SPOOLED_BYTES, memory_limit=8 * MEBIBYTE,
    )  # fmt: skip
    return list(parser)


def parse_nothing(stream: Any, size: int) -> Any:
    """Read, search and write the bytes, which every parser has to."""
    end = f"--{BOUNDARY}--".encode()
    file: Any = default_stream_factory(None, None, None)
    while piece := stream.read(PIECE_BYTES):
        piece.find(end)
        file.write(piece)
    return file


def open_written(body: bytes) -> Any:
    """Return the stream of a body that has come over an event loop."""
    if len(body) <= MEMORY_BYTES:
        return io.BytesIO(body)
    file = open_body_file()
    file.write(body)
    file.seek(0)
    return file


SIDES: dict[str, tuple[str, Parse, Open]] = {
    "Werkzeug": ("werkzeug", parse_with_werkzeug, io.BytesIO),
    "Kolben": ("kolben", parse_with_kolben, io.BytesIO),
    "Kolben, body there": ("kolben", parse_with_kolben, open_written),
    "python-multipart": ("python_multipart", parse_with_python_multipart, io.BytesIO),
    "multipart": ("multipart", parse_with_multipart, io.BytesIO),
    "no parser": ("io", parse_nothing, io.BytesIO),
}


def is_there(module: str) -> bool:
    """Say whether this Python has a module."""
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


# Time.


def measure_ms(parse: Parse, open_stream: Open, body: bytes, count: int) -> float:
    """Return the CPU time of one call, out of several."""
    spent = 0.0
    for _ in range(count):
        re.purge()
        with open_stream(body) as stream:
            begin = time.process_time()
            result = parse(stream, len(body))
            spent += time.process_time() - begin
            del result  # a file on disk takes time to be removed, whoever wrote it
    return spent / count * 1e3


def compare(rounds: int) -> None:
    """Print a line for each body."""
    sides = {name: (parse, make) for name, (of, parse, make) in SIDES.items() if is_there(of)}
    print(f"{'ms, and times as fast as Werkzeug':34}" + "".join(f"{name:>24}" for name in sides))
    for what, make in BODIES.items():
        body = make()
        begin = time.process_time()
        parse_with_werkzeug(io.BytesIO(body), len(body))
        count = max(1, min(200, int(BATCH_S / (time.process_time() - begin + 1e-6))))
        times: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(rounds):
            for name in list(sides)[:: 1 if number % 2 else -1]:
                times[name].append(measure_ms(*sides[name], body, count))
        best = {name: min(one) for name, one in times.items()}
        cells = [f"{best[name]:.3f} ({best['Werkzeug'] / best[name]:5.1f} x)" for name in sides]
        print(f"{what:34}" + "".join(f"{cell:>24}" for cell in cells), flush=True)


# Memory.


class Made:
    """The body of a file of zeros, made as it is read."""

    def __init__(self, size: int) -> None:
        head, end = upload(b"|").split(b"|")
        self._waiting = head
        self._left = size
        self._end = end
        self.size = len(head) + size + len(end)

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        while len(self._waiting) < size and (self._left or self._end):
            zeros = min(self._left, PIECE_BYTES)
            self._left -= zeros
            self._waiting += bytes(zeros)
            if not self._left:
                self._waiting, self._end = self._waiting + self._end, b""
        piece, self._waiting = self._waiting[:size], self._waiting[size:]
        return piece


def show_growth(name: str) -> None:
    """Parse 1 MiB, then 100 MiB; print by how much that raised the memory of this process."""
    parse = SIDES[name][1]
    peaks = []
    for size in (MEBIBYTE, 100 * MEBIBYTE):
        stream = Made(size)
        parse(stream, stream.size)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(f"{name:20}{peaks[1] - peaks[0]:8,} KiB", flush=True)


def main() -> None:
    """Read the arguments; measure time, or memory in a process for each side."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        show_growth(arguments.side)
    elif arguments.memory:
        for name, (module, *_) in SIDES.items():
            if is_there(module):
                command = [sys.executable, "-m", "benchmarks.uploads", "--side", name]
                subprocess.run(command, check=True)
    else:
        compare(arguments.rounds)


if __name__ == "__main__":
    main()
