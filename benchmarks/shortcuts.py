"""What the short ways through the core save, each against the long way that it stands for.

    python -m benchmarks.shortcuts

Every figure beside a PERF comment in src/kolben/core comes from here: microseconds of CPU
time, the best of several batches, both ways measured in turns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.local import LocalProxy
from werkzeug.test import EnvironBuilder, create_environ
from werkzeug.wsgi import get_input_stream

from benchmarks.parts import measure
from kolben import Flask, Request, Response, request
from kolben.core import hosts
from kolben.core.body import read_small_body
from kolben.core.current import the_request
from kolben.core.response import plain_response
from kolben.core.returns import _page_of

Call = Callable[[], Any]

# kolben.core.hosts._HOST as one would first write it.
_PLAIN_LABEL = r"[a-z0-9_\x80-\U0010ffff-]{1,63}"
PLAIN_HOST = rf"((?:{_PLAIN_LABEL}\.)*{_PLAIN_LABEL}\.?|\[[a-f0-9:.]+\])(?::([1-9][0-9]{{0,4}})?)?"


def compile_anew(pattern: str, flags: int = 0) -> None:
    """Compile a pattern that has not been before."""
    re.purge()
    re.compile(pattern, flags)


def shortcuts() -> Iterator[tuple[str, Call, Call]]:
    """Yield the name of each short way, it, and the long way."""
    content_type = ("Content-Type", "text/html; charset=utf-8")
    yield (
        "plain_response instead of Response()",
        lambda: plain_response(Response, b"text", content_type),
        lambda: Response("text"),
    )

    def validate_anew() -> None:
        hosts.known_hosts.discard("localhost:5000")
        hosts.is_valid_host("localhost:5000")

    hosts.is_valid_host("localhost:5000")
    yield (
        "a host that is known",
        lambda: hosts.is_valid_host("localhost:5000"),
        validate_anew,
    )
    yield (
        "the pattern of a host compiled",
        lambda: compile_anew(hosts._HOST),
        lambda: compile_anew(PLAIN_HOST, re.IGNORECASE),
    )
    environ = create_environ("/")
    error = NotFound()
    yield (
        "an HTTP error's response, not its call",
        lambda: Response.force_type(error.get_response(environ)),
        lambda: Response.force_type(error, environ),  # type: ignore[arg-type]  # a callable
    )
    yield (
        "the page of an error that never differs",
        lambda: _page_of(error, Response),
        lambda: Response.force_type(error.get_response(environ)),
    )


def proxies() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for what needs an active request."""
    theirs: Any = LocalProxy(the_request)
    with_body = Request(EnvironBuilder(method="POST", data=b"a=b").get_environ())

    def read_small() -> bytes:
        with_body.environ["wsgi.input"].seek(0)
        small = read_small_body(with_body)
        assert small is not None
        return small.read()

    def read_stream() -> bytes:
        with_body.environ["wsgi.input"].seek(0)
        return get_input_stream(with_body.environ, max_content_length=None).read()

    yield "a small body read at once", read_small, read_stream
    yield "an attribute of `request`", lambda: request.path, lambda: theirs.path


def main() -> None:
    """Print a line for each short way."""
    with Flask(__name__).test_request_context():
        for name, short, long in (*shortcuts(), *proxies()):
            pairs = [(measure(short), measure(long)) for _ in range(3)]
            best_short, best_long = (min(side) for side in zip(*pairs, strict=True))
            print(f"{name:42}{best_short:8.2f} us instead of {best_long:6.2f} us")


if __name__ == "__main__":
    main()
