"""From WSGI (PEP 3333) to the request cycle and back."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.core import cycle
from kolben.core.context import RequestContext
from kolben.core.current import find_context
from kolben.core.outgoing import LENGTH, LOCATION, check_status, inspect_headers
from kolben.typing import App, Response, StartResponse, WSGIEnvironment

Outgoing = tuple[Iterable[bytes], str, list[tuple[str, str]]]

# What of a response class decides what goes out. Overridden, the class itself is asked.
_WAYS_OUT = ("__call__", "get_app_iter", "get_wsgi_headers", "get_wsgi_response", "iter_encoded")
_is_plain: dict[type, bool] = {}


def answer(app: App, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request: the whole of `wsgi_app`."""
    engine = app.engine
    if engine.by_steps:
        context = app.request_context(environ)
    else:
        context = RequestContext(app, environ, app.request_class(environ))
    failure: BaseException | None = None
    try:
        try:
            if engine.by_steps:
                context.push()
                response = app.full_dispatch_request()
            else:
                context.begin(engine)
                response = cycle.run(app, context, context.plan or engine.unmatched)
            body, status, headers = outgoing(response, environ)
        except Exception as error:
            failure = error
            body, status, headers = outgoing(app.handle_exception(error), environ)
    except BaseException:
        failure = sys.exc_info()[1]
        raise
    finally:
        if (
            failure is not None
            or "werkzeug.debug.preserve_context" in environ
            or not context.end_quietly()
        ):
            _leave(app, context, environ, failure)
    start_response(status, headers)
    return body


def _leave(
    app: App, context: RequestContext, environ: WSGIEnvironment, failure: BaseException | None
) -> None:
    """Pop the request's context; run its teardown functions."""
    preserve = environ.get("werkzeug.debug.preserve_context")
    if preserve is not None:
        context.keeps_g = True
        preserve(context)
    if failure is not None and app.should_ignore_error(failure):
        failure = None
    if find_context() is not context:
        _pop_leaked(app, context)
    context.pop(failure)


def _pop_leaked(app: App, context: RequestContext) -> None:
    """Pop the contexts that a view pushed and left behind."""
    active = find_context()
    while active is not None and active is not context:
        app.logger.warning(
            "%r was pushed during %r and never popped. Use it in a with statement.",
            active,
            context,
        )
        active.pop()
        active = find_context()


def outgoing(response: Response, environ: WSGIEnvironment) -> Outgoing:
    """Return body, status and headers as a server takes them.

    The body is a list where the response is one. Raises ValueError, which names the view, for
    what must not go out (see kolben.core.outgoing).
    """
    try:
        found = _straight(response, environ)
        if found is None:
            found = _as_werkzeug(response, environ)
            inspect_headers(found[2])
        check_status(response._status, response._status_code)
    except ValueError as error:
        endpoint = environ["werkzeug.request"].endpoint
        raise ValueError(f"The response of the view {endpoint!r} can't be sent: {error}") from error
    return found


def _straight(response: Response, environ: WSGIEnvironment) -> Outgoing | None:
    """Return what Werkzeug would for a buffered response without anything special; else None."""
    plain = _is_plain.get(type(response))
    if plain is None:
        plain = _is_plain[type(response)] = _all_plain(type(response))
    body: Any = response.response
    if (
        not plain
        or type(body) is not list
        or type(response.headers) is not Headers  # some assign a dict or a list
        or response._on_close
        or response._status_code in (204, 304)
        or response._status_code < 200
        or environ["REQUEST_METHOD"] == "HEAD"
        or not all(type(part) is bytes for part in body)
    ):
        return None
    headers: list[tuple[str, str]] = response.headers._list
    found = inspect_headers(headers)
    if found & LOCATION:
        return None
    if not found & LENGTH:
        headers = [*headers, ("Content-Length", str(sum(map(len, body))))]
    return body, response._status, headers


def _all_plain(kind: type[WerkzeugResponse]) -> bool:
    """Say whether responses of a class go out as Werkzeug's do."""
    return kind.automatically_set_content_length and all(
        getattr(kind, way) is getattr(WerkzeugResponse, way) for way in _WAYS_OUT
    )


def _as_werkzeug(response: Response, environ: WSGIEnvironment) -> Outgoing:
    """Call the response as the WSGI app it is."""
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started[:] = [status, headers]
        return None

    body = response(environ, start)
    status, headers = started
    return body, status, headers
