"""One line for each request, in which a client can write nothing but printable text."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, Any

from kolben.logging import escape
from kolben.server.granian_wsgi import Answer, Handler


def log_requests(handle: Handler, stream: IO[str]) -> Handler:
    """Wrap a handler so that it writes a line to a stream when a request has been answered."""
    write: Callable[[str], object] = stream.write

    def handle_and_log(answer: Answer, scope: dict[str, Any]) -> int:
        began = time.time()
        clock = time.perf_counter()
        # An exception leaves it so: Granian answers it with 500.
        status = 500
        try:
            status = handle(answer, scope)
        finally:
            took_ms = (time.perf_counter() - clock) * 1000
            # One write for each line, so that lines of several workers don't mix.
            write(format_line(scope, status, began, took_ms) + "\n")
            stream.flush()
        return status

    return handle_and_log


def format_line(scope: dict[str, Any], status: int, began: float, took_ms: float) -> str:
    """Return the line for a request: peer, time, request line, status, milliseconds."""
    query = scope["QUERY_STRING"]
    path = scope["PATH_INFO"].encode("latin-1").decode("utf-8", "backslashreplace")
    target = f"{path}?{query}" if query else path
    moment = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(began))
    request = f"{scope['REQUEST_METHOD']} {target} {scope['SERVER_PROTOCOL']}"
    return f'{scope["REMOTE_ADDR"]} [{moment}] "{escape(request)}" {status} {took_ms:.1f} ms'
