"""What the short ways through a whole request save; benchmarks/shortcuts.py runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

from werkzeug.datastructures import EnvironHeaders
from werkzeug.datastructures import Headers as WerkzeugHeaders

from kolben import Flask
from kolben.core.context import RequestContext
from kolben.core.environ_headers import headers_of
from kolben.core.globals_namespace import _AppCtxGlobals
from kolben.core.hooks import Hooks
from kolben.core.response_headers import Headers
from kolben.core.returns import make_response, page_of
from kolben.entry.outgoing import outgoing
from kolben.server.granian_wsgi import base_environ, connect
from kolben.signals import request_finished

Call = Callable[[], Any]

# What Granian says of a request.
SCOPE = {
    "HTTP_HOST": "localhost:8000",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "REMOTE_ADDR": "127.0.0.1",
    "REQUEST_METHOD": "GET",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.input": BytesIO(),
    "wsgi.url_scheme": "http",
}


class Unsent:
    """Granian's answer of WSGI, which goes nowhere."""

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        """Take an answer that is whole."""

    def response_iter(self, status: int, headers: Any, body: Any) -> None:
        """Take an answer that is a stream."""


class Calling:
    """A `g` with methods of its own that set and delete."""

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        del self.__dict__[name]


def set_token(namespace: Any) -> None:
    """Set an attribute."""
    namespace.token = "t"


def request_headers() -> Iterator[tuple[str, Call, Call]]:
    """Yield the ways to read a header of a request."""
    environ = {"HTTP_HOST": "localhost", "HTTP_X_TOKEN": "t"}
    ours, theirs = headers_of(environ), EnvironHeaders(environ)
    yield "a request header", lambda: ours["X-Token"], lambda: theirs["X-Token"]
    yield "a header that is not there", lambda: ours.get("X-Not"), lambda: theirs.get("X-Not")


def cycle() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for requests from end to end."""
    app = Flask(__name__)
    app.add_url_rule("/", "hello", lambda: "Hello, world!")
    with app.test_request_context() as context:
        request: Any = context.request
        yield (
            "a text that nobody looks at",
            lambda: page_of(app, "text"),
            lambda: outgoing(make_response(app, "text"), request, is_head=False),
        )
        hooks = app.engine.hooks_for(())

        def is_seen(context: RequestContext, hooks: Hooks) -> bool:
            heard = request_finished.receivers
            return bool(hooks.after or context.is_watched or context.has_cookie or heard)

        yield (
            "whether a response is looked at",
            lambda: (
                hooks.after
                or context.is_watched
                or context.has_cookie
                or request_finished.receivers
            ),
            lambda: is_seen(context, hooks),
        )
        page = page_of(app, "text")
        assert page is not None
        yield (
            "a page that is ready to go",
            lambda: page if type(page) is tuple else None,
            lambda: outgoing(page, request, is_head=False),
        )
        usual, other = make_response(app, "text"), make_response(app, ("text", 201))
        yield (
            "a usual response",
            lambda: outgoing(usual, request, is_head=False),
            lambda: outgoing(other, request, is_head=False),
        )
    pairs = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "4")]

    def set_header(kind: type[WerkzeugHeaders]) -> Call:
        def set_it() -> None:
            headers = kind()
            headers._list = [*pairs]
            headers["X-Seen"] = "t"

        return set_it

    yield "a header set", set_header(Headers), set_header(WerkzeugHeaders)
    yield from request_headers()
    yield "an attribute of g", partial(set_token, _AppCtxGlobals()), partial(set_token, Calling())
    base = base_environ(multiprocess=False, multithread=True)
    ours = connect(app, base)

    def wrapper(environ: Any, start_response: Any) -> Any:
        return app(environ, start_response)

    wrapped = connect(wrapper, base)
    answer = Unsent()
    yield (
        "a request over WSGI at once",
        lambda: ours(answer, dict(SCOPE)),
        lambda: wrapped(answer, dict(SCOPE)),
    )
