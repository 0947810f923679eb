"""What the short ways of multipart bodies and of files save; benchmarks/shortcuts.py runs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from tempfile import NamedTemporaryFile
from typing import Any

from werkzeug.test import create_environ
from werkzeug.utils import send_file as werkzeug_send_file

from kolben import Flask, Response, send_file
from kolben.core.body_stream import PIECE_BYTES, open_body
from kolben.core.multipart import _AFTER, _BREAK, MultipartReader
from kolben.entry.outgoing import _as_werkzeug, outgoing
from kolben.files import _read_part

Call = Callable[[], Any]

HEAD = b'Content-Disposition: form-data; name="title"\r\n\r\nvalue\r\n--bound\r\n'


def uploads() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for multipart bodies."""

    def read_head(head: bytes) -> None:
        reader = MultipartReader(b"bound")
        list(reader.feed(b"--bound\r\n" + head))

    def read_with_expression() -> None:
        re.purge()
        re.compile(_BREAK + b"--bound" + _AFTER)
        read_head(HEAD)

    folded = HEAD.replace(b" name", b"\r\n name")
    yield "a part with a plain head", lambda: read_head(HEAD), lambda: read_head(folded)
    odd = HEAD.replace(b"\r\n--bound\r\n", b"\n--bound\n")
    yield "a boundary with CRLF around it", lambda: read_head(HEAD), lambda: read_head(odd)
    yield "no expression for a boundary", lambda: read_head(HEAD), read_with_expression
    content = bytes(PIECE_BYTES)

    def read_piece(as_stream: bool) -> None:
        environ = {"wsgi.input": BytesIO(content), "CONTENT_LENGTH": str(PIECE_BYTES)}
        body: Any = open_body(environ, None)
        (body.read if as_stream else body.raw.read_piece)(PIECE_BYTES)

    yield "a piece of 64 KiB, not copied", lambda: read_piece(False), lambda: read_piece(True)


def files() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for a small file."""
    with NamedTemporaryFile(suffix=".txt") as file:
        file.write(bytes(500))
        file.flush()
        path = file.name
        environ = create_environ("/")

        def read_file() -> None:
            with open(path, "rb") as opened:
                opened.read()

        def send_by_werkzeug() -> None:
            werkzeug_send_file(path, environ, response_class=Response).close()

        yield "a small file read at once", lambda: _read_part(path, 0, 500), read_file
        with Flask(__name__).test_request_context():
            yield "a file that was sent before", lambda: send_file(path), send_by_werkzeug
            known = {"If-None-Match": send_file(path).headers["ETag"]}
        with Flask(__name__).test_request_context(headers=known) as context:
            answer: Any = send_file(path)
            yield (
                "a 304 that goes out as a list",
                lambda: outgoing(answer, context.request, is_head=False),
                lambda: _as_werkzeug(answer, context.request, is_head=False),
            )
