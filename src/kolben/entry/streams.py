"""The body of a view that is sent piece by piece: an error in it is logged with its request.

Rule: the error goes on to the server, which alone can say that the rest is missing. No handler of
the app is asked: when a stream begins, the request is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from markupsafe import escape
from werkzeug.exceptions import ClientDisconnected, InternalServerError

from kolben.typing import App, Request

_PAGE = InternalServerError().get_body().encode()
# The answer where nothing has been sent yet: status, headers and body.
FAILED = (
    500,
    [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(_PAGE)))],
    _PAGE,
)
# How long a server has to send what it was given before the connection is broken off.
FLUSH_S = 0.05


class Stream:
    """A body as it is iterated by a server; close() ends it."""

    __slots__ = ("_next", "_tell", "close")

    def __init__(
        self,
        pieces: Iterator[bytes],
        close: Callable[[], None],
        tell: Callable[[Exception], None],
    ) -> None:
        """Take the pieces; tell: is called with what fails."""
        self._next = pieces.__next__
        self._tell = tell
        self.close = close

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> bytes:
        try:
            return self._next()
        except StopIteration:
            raise
        except Exception as error:
            self._tell(error)
            raise


def failure_logger(app: App, request: Request) -> Callable[[Exception], None]:
    """Return what logs an error in the stream of a request, with its method, path and view."""
    path, method, view = escape(request.path), escape(request.method), request.endpoint

    def tell(error: Exception) -> None:
        if isinstance(error, ClientDisconnected):
            return  # the stream reads the body of a client that is gone
        logger: Any = app.logger
        logger.error(
            "Exception on %s [%s] in the stream of the view %r", path, method, view, exc_info=error
        )

    return tell
