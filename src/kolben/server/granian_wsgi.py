"""Between Granian's WSGI side and the app: the environ as PEP 3333 wants it, and safe answers.

Rule: nothing that would end a worker process reaches Granian.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from werkzeug.wsgi import FileWrapper

from kolben.core.handshake import NOT_SERVED
from kolben.core.outgoing import UNUSUAL, UnusualHeaders, inspect_headers
from kolben.entry import wsgi
from kolben.entry.bodies import lower
from kolben.entry.refusals import (
    Refused,
    UnreadableHeader,
    check_coding,
    check_line,
    closing,
)
from kolben.entry.scopes import add_target, quote_path
from kolben.entry.sendable import sendable, unusual_of
from kolben.entry.streams import FAILED, FLUSH_S
from kolben.server.granian_input import open_body
from kolben.typing import WSGIApplication

Headers = list[tuple[str, str]]

# Status lines found good, so that the usual one is parsed once. Bounded, as an app
# may put anything into them.
_known: dict[str, int] = {}
_MOST_KNOWN = 256
# The headers of requests that HTTP allows to be empty, and Host, which is looked at by itself.
_MAY_BE_EMPTY = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "host",
        "referer",
        "te",
        "via",
    }
)


class Answer(Protocol):
    """The two ways in which Granian takes an answer."""

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Send it at once."""

    def response_iter(self, status: int, headers: Headers, body: Iterator[bytes]) -> None:
        """Send it piece by piece, and close the body after the last."""


Handler = Callable[[Answer, dict[str, Any]], int]


class Start:
    """The start_response of one request."""

    __slots__ = ("_app", "_environ", "headers", "is_sent", "status", "written")

    def __init__(self, app: WSGIApplication, environ: dict[str, Any]) -> None:
        self._app = app
        self._environ = environ
        self.status = 0
        self.headers: Headers = []
        self.is_sent = False
        self.written: list[bytes] = []

    def __call__(
        self, status: str, headers: Headers, exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """Take status and headers; return PEP 3333's `write`.

        ValueError: the status or a header cannot be sent. Called again without `exc_info`:
        AssertionError. With it, after the headers have been sent: the error in it, which ends the
        response.
        """
        if self.is_sent and exc_info is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        if self.status and exc_info is None:
            raise AssertionError("start_response was called twice for one request.")
        self.status = _known.get(status) or check_status(status)
        if inspect_headers(headers) & UNUSUAL:
            unusual = unusual_of(self._app, self._environ, headers)
            headers = sendable(unusual, status, "1.1", as_utf8=True)
        self.headers = headers
        return self.written.append


class Stream:
    """A response that is sent piece by piece; closed exactly as often as Granian closes it."""

    __slots__ = ("_close", "_next", "is_begun")

    def __init__(self, first: list[bytes], rest: Iterator[bytes], close: Any) -> None:
        self._next = _chain(first, rest) if first else rest.__next__
        self._close = close
        self.is_begun = False

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> bytes:
        try:
            piece = self._next()
        except StopIteration:
            raise
        except Exception:
            if self.is_begun:
                time.sleep(FLUSH_S)  # else Granian may drop what it was given
            raise
        if type(piece) is not bytes:
            # SECURITY: Granian would end the body here, and it would look whole.
            raise TypeError(f"A piece of the body is {piece!r:.50}. WSGI wants bytes.")
        return piece

    def begin(self, answer: Answer) -> None:
        """Wait for the first piece, before the status is sent; answer with 500 if it fails."""
        piece = b""
        try:
            while not piece:
                piece = next(self)
        except StopIteration:
            pass
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                answer.response_bytes(*FAILED)
            raise
        rest = self._next

        def first() -> bytes:
            self._next = rest
            return piece

        self._next = first
        self.is_begun = True

    def close(self) -> None:
        """Tell the app that nothing more is wanted."""
        if self._close is not None:
            self._close()


def check_status(status: str) -> int:
    """Return the number of a status line.

    SECURITY: Granian 2.8 ends the whole worker process for a number outside 100 to 999. Those
    below 200 are refused as well: they announce an answer and cannot be one (RFC 9110 §15.2).
    """
    number = status[:3]
    is_number = len(number) == 3 and number.isdecimal() and number.isascii()
    if not is_number or status[3:4] not in ("", " ") or number < "200":
        raise ValueError(
            f"The app answered with the status {status!r}. HTTP has 200 to 999 for an answer:"
            " write, for example, '404 Not Found'."
        )
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    code = _known[status] = int(number)
    return code


def base_environ(*, multiprocess: bool, multithread: bool) -> dict[str, Any]:
    """Return what is the same in the environ of every request.

    SECURITY: Granian would copy the whole of os.environ, secrets included, into each of them.
    """
    return {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": "Granian",
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input_terminated": True,
        "wsgi.multiprocess": multiprocess,
        "wsgi.multithread": multithread,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
    }


def repair(environ: dict[str, Any]) -> None:
    """Put right what Granian says of a request in another way than PEP 3333 does.

    Raises Refused for a request that the app must not see.
    """
    check_line(environ["REQUEST_METHOD"], environ["PATH_INFO"])
    add_target(environ, quote_path(environ["PATH_INFO"], "latin-1"))
    # What is empty in most requests is these two.
    usual = (not environ["QUERY_STRING"]) + (not environ["SCRIPT_NAME"])
    if list(environ.values()).count("") > usual:
        _check_empty(environ)
    if not environ.get("HTTP_HOST", ""):
        # Granian says '' where there is no Host; the entry answers 400 where one is required.
        environ.pop("HTTP_HOST", None)
    # SECURITY: only the spellings `Content_Length` and `Content_Type` end up in these. Other
    # names with an underscore cannot be told from those with a dash by now.
    if "HTTP_CONTENT_LENGTH" in environ or "HTTP_CONTENT_TYPE" in environ:
        environ.pop("HTTP_CONTENT_LENGTH", None)
        environ.pop("HTTP_CONTENT_TYPE", None)
    protocol = environ["SERVER_PROTOCOL"]
    if protocol == "HTTP/1":
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"

    length = environ.get("CONTENT_LENGTH")
    if length:
        most = lower(None)
        if most is not None and int(length) > most:
            raise Refused(413, f"The body is above --max-body, which is {most} bytes here.")
        environ["wsgi.input"] = open_body(environ["wsgi.input"], int(length))
    elif "HTTP_TRANSFER_ENCODING" in environ or not protocol.startswith("HTTP/1"):
        check_coding(environ.get("HTTP_TRANSFER_ENCODING", "chunked"))
        environ["wsgi.input"] = open_body(environ["wsgi.input"], None)
    else:
        # RFC 9112 §6.3: neither header means that there is no body.
        environ["wsgi.input"] = io.BytesIO()


def _check_empty(environ: dict[str, Any]) -> None:
    """Raise Refused for a header that Granian cannot read: it says that it is empty.

    So are headers that the client sent without a value, which cannot be told apart.
    """
    for name, value in environ.items():
        if value == "" and (name == "CONTENT_TYPE" or name.startswith("HTTP_")):
            header = name.removeprefix("HTTP_").replace("_", "-").lower()
            if header not in _MAY_BE_EMPTY:
                raise UnreadableHeader(header)


def connect(
    app: WSGIApplication,
    base: dict[str, Any],
    adapt: Callable[[dict[str, Any]], None] | None = None,
) -> Handler:
    """Return the function that Granian calls with each request, in one of its threads.

    adapt: changes the environ before the app sees it. The function returns the status, for the
    access log.
    """
    kolben: Any = app if getattr(type(app), "wsgi_app", None) is wsgi.wsgi_app else None

    def handle(answer: Answer, scope: dict[str, Any]) -> int:
        # Granian makes a scope for each request, which is nobody else's.
        scope.update(base)
        try:
            repair(scope)
        except Refused as refused:
            return _refuse(refused, scope, answer)
        if adapt is not None:
            adapt(scope)
        if kolben is not None and not kolben.engine.is_wrapped:
            return _answer_at_once(kolben, scope, answer)
        if scope.get("HTTP_UPGRADE", "").lower() == "websocket":
            # Middleware such as Flask-SocketIO's would fail to find a socket.
            if kolben is not None:
                kolben.engine.tell_of_upgrade(NOT_SERVED)
            return _refuse(Refused(400, NOT_SERVED), scope, answer)
        return _answer(app, scope, answer)

    return handle


# PERF: without start_response, where no middleware waits for it: 3.7 us instead of 4.3 us a request
# (benchmarks/shortcuts.py).
def _answer_at_once(app: Any, environ: dict[str, Any], answer: Answer) -> int:
    """Answer a request by an app of ours; return the status."""
    body, line, headers = wsgi.respond_to(app, environ)
    status = _known.get(line) or check_status(line)
    if type(headers) is UnusualHeaders:
        headers = sendable(headers, line, "1.1", as_utf8=True)
    if status == 400:
        headers = closing(headers, environ.get("HTTP_HOST"), _version_of(environ))
    if type(body) is list:
        _send_list(answer, status, headers, body)
    else:
        stream = Stream([], iter(body), getattr(body, "close", None))
        stream.begin(answer)
        answer.response_iter(status, headers, stream)
    return status


def _answer(app: WSGIApplication, environ: dict[str, Any], answer: Answer) -> int:
    """Answer a request by any WSGI app; return the status."""
    start = Start(app, environ)
    body = app(environ, start)
    if start.status == 400:
        start.headers = closing(start.headers, environ.get("HTTP_HOST"), _version_of(environ))
    if type(body) is list and start.status and not start.written:
        _send_list(answer, start.status, start.headers, body)
    else:
        _send_stream(answer, start, body)
    return start.status


def _send_list(answer: Answer, status: int, headers: Headers, body: list[bytes]) -> None:
    """Send a whole body in one call: Granian does not come back into Python for each piece."""
    answer.response_bytes(status, headers, body[0] if len(body) == 1 else b"".join(body))


def _refuse(refused: Refused, environ: dict[str, Any], answer: Answer) -> int:
    """Answer a request that the app does not see; return the status."""
    headers = refused.headers(_version_of(environ))
    answer.response_bytes(refused.status, headers, refused.body)
    return refused.status


def _version_of(environ: dict[str, Any]) -> str:
    """Return the version of HTTP, as `1.1`."""
    return str(environ["SERVER_PROTOCOL"]).removeprefix("HTTP/")


def _send_stream(answer: Answer, start: Start, body: Iterable[bytes]) -> None:
    """Send a body that is not a list; an app may call start_response with its first piece."""
    stream = Stream(start.written, iter(body), getattr(body, "close", None))
    stream.begin(answer)
    if not start.status:
        stream.close()
        raise AssertionError("The app sent a body without calling start_response.")
    start.is_sent = True
    answer.response_iter(start.status, start.headers, stream)


def _chain(first: list[bytes], rest: Iterator[bytes]) -> Callable[[], bytes]:
    """Return a `next` that gives what was taken or written before the rest."""
    waiting = iter(first)

    def take() -> bytes:
        for piece in waiting:
            return piece
        return next(rest)

    return take
