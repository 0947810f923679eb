"""Which handler answers which exception.

Rule: nothing here runs unless something was raised, so clarity comes before speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    HTTPException,
    InternalServerError,
    default_exceptions,
)
from werkzeug.routing import RoutingException

from kolben.core.current import the_request
from kolben.core.limits import InsufficientStorage, TooLarge
from kolben.signals import announce, got_request_exception
from kolben.typing import App, Response

Handler = Any
Spec = Mapping[str | None, Mapping[int | None, Mapping[type[Exception], Handler]]]


def class_and_code(which: type[Exception] | int) -> tuple[type[Exception], int | None]:
    """Return the class that `errorhandler(which)` is for, and its code if it is an HTTP error.

    Raises ValueError for a code that has no exception and TypeError for what is no class
    of exceptions, each with what to give instead.
    """
    exception: Any = which
    if isinstance(which, int):
        try:
            exception = default_exceptions[which]
        except KeyError:
            raise ValueError(
                f"'{which}' has no exception class of its own. Use a subclass of"
                " HTTPException that has the code."
            ) from None
    if isinstance(exception, Exception):
        raise TypeError(
            f"{exception!r} is an instance, not a class. Register the handler for its class,"
            f" {type(exception).__name__}."
        )
    if not isinstance(exception, type):
        raise TypeError(
            f"{exception!r} is neither a class of exceptions nor an HTTP error code such as 404;"
            " for several of them register the handler for each."
        )
    if not issubclass(exception, Exception):
        raise ValueError(  # noqa: TRY004  # FLASK: this kind of error
            f"'{exception.__name__}' is not a subclass of Exception. No handler gets what is"
            " raised of it."
        )
    if issubclass(exception, HTTPException):
        return exception, exception.code
    return exception, None


def find_handler(spec: Spec, error: Exception, names: Iterable[str]) -> Handler | None:
    """Find the handler for an error in a request to blueprints `names`, innermost first.

    A handler for the error's code comes before one for its class only, a blueprint's before
    the app's, a subclass's before its parents'.
    """
    kind, code = class_and_code(type(error))
    for wanted in (None,) if code is None else (code, None):
        for name in (*names, None):
            handlers = spec.get(name, {}).get(wanted)
            for parent in kind.__mro__ if handlers else ():
                handler = handlers.get(parent)  # type: ignore[union-attr]  # not None
                if handler is not None:
                    return handler
    return None


def is_trapped(app: App, error: Exception) -> bool:
    """Say whether an HTTP error goes to the debugger instead of becoming a response."""
    if app.config["TRAP_HTTP_EXCEPTIONS"]:
        return True
    if not isinstance(error, BadRequest):
        return False
    trap_bad_requests = app.config["TRAP_BAD_REQUEST_ERRORS"]
    if trap_bad_requests is None:
        return app.debug and isinstance(error, BadRequestKeyError)
    return bool(trap_bad_requests)


def answer_error(app: App, error: Exception) -> Any:
    """Return what answers an exception of a view or hook; raise it if nothing does."""
    return app.handle_user_exception(error)


async def answer_error_async(app: App, error: Exception) -> Any:
    """Return what answers an exception of a view or hook; raise it if nothing does."""
    if app.engine.overrides_errors:
        return await app.ensure_async(app.handle_user_exception)(error)
    return await answer_user_exception_async(app, error)


def answer_http_exception(app: App, error: HTTPException) -> Any:
    """Return what the error's handler returns, or the error itself as the response."""
    if _answers_itself(error):
        return error
    handler = _handler(app, error)
    return error if handler is None else handler(error)


async def answer_http_exception_async(app: App, error: HTTPException) -> Any:
    """Return what the error's handler returns, or the error itself as the response."""
    if _answers_itself(error):
        return error
    handler = _handler_async(app, error)
    return error if handler is None else await handler(error)


def _answers_itself(error: HTTPException) -> bool:
    """Say whether an error has no handler: a stand-in for a response, or a routing redirect."""
    return error.code is None or isinstance(error, RoutingException)


def answer_user_exception(app: App, error: Exception) -> Any:
    """Return what answers an exception of a view or hook; raise it if nothing does."""
    _explain(app, error)
    if isinstance(error, HTTPException) and not app.trap_http_exception(error):
        return app.handle_http_exception(error)
    handler = _handler(app, error)
    if handler is None:
        raise error
    return handler(error)


async def answer_user_exception_async(app: App, error: Exception) -> Any:
    """Return what answers an exception of a view or hook; raise it if nothing does."""
    _explain(app, error)
    if isinstance(error, HTTPException) and not app.trap_http_exception(error):
        return await answer_http_exception_async(app, error)
    handler = _handler_async(app, error)
    if handler is None:
        raise error
    return await handler(error)


def _explain(app: App, error: Exception) -> None:
    """Have the page of an error say what is missing or too large, where that may be told.

    What was too large is in the log in any case: as information, or as an error of the server's
    where the disk has no room for it.
    """
    if isinstance(error, TooLarge | InsufficientStorage):
        request = the_request()
        # SECURITY: the rule, as a path may have line breaks in it.
        route = ascii(request.path) if request.url_rule is None else request.url_rule.rule
        explanation = error.explanation(ascii(request.method)[1:-1], route)
        log = app.logger.info if isinstance(error, TooLarge) else app.logger.error
        log("%s for %s", error.code, explanation)
        if app.debug:
            error.description = explanation
    if isinstance(error, BadRequestKeyError) and (
        app.debug or app.config["TRAP_BAD_REQUEST_ERRORS"]
    ):
        error.show_exception = True


def _handler(app: App, error: Exception) -> Handler | None:
    """Find the handler for an error in the current request, to be called plainly."""
    spec = app.error_handler_spec
    # Without handlers nobody needs the names of the blueprints.
    handler = find_handler(spec, error, the_request().blueprints) if spec else None
    return None if handler is None else app.ensure_sync(handler)


def _handler_async(app: App, error: Exception) -> Handler | None:
    """Find the handler for an error in the current request, to be awaited."""
    spec = app.error_handler_spec
    handler = find_handler(spec, error, the_request().blueprints) if spec else None
    return None if handler is None else app.ensure_async(handler)


def propagates(app: App) -> bool:
    """Say whether unhandled exceptions go on to the server: as set, else if testing or debug."""
    setting = app.config["PROPAGATE_EXCEPTIONS"]
    return bool(app.testing or app.debug) if setting is None else bool(setting)


def answer_unhandled_exception(app: App, error: Exception) -> Response:
    """Log an exception that nothing handled and answer 500; raise it if the app propagates.

    A handler for InternalServerError (or 500) gets one whose original_exception is `error`.
    """
    if got_request_exception.receivers:
        announce(got_request_exception, app, exception=error)
    error.__traceback__ = _from_users_code(error.__traceback__) or error.__traceback__
    if app.debug:
        app._explain_error(error)
    if propagates(app):
        raise error
    # Not sys.exc_info(), whose traceback on PyPy stays the one that the error was caught with.
    app.log_exception((type(error), error, error.__traceback__))
    server_error = InternalServerError(original_exception=error)
    handler = _handler(app, server_error)
    answer = server_error if handler is None else handler(server_error)
    return app.finalize_request(answer, from_error_handler=True)


# The framework, and what stands between it and a coroutine on another loop.
_ON_THE_WAY = {"kolben", "concurrent"}


def _from_users_code(traceback: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback from the first frame on that is not the framework's.

    What is before that is the way through the cycle, the same for every error.
    """
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in _ON_THE_WAY:
            return traceback
        traceback = traceback.tb_next
    return None
