"""What a view may return, made into a Response."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator, Mapping
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.core.async_body import AsyncBody
from kolben.core.current import find_context
from kolben.core.pages import error_page
from kolben.core.response import (
    add_first,
    is_plain,
    known_length,
    length_header,
    plain_header,
    plain_response,
    set_code,
)
from kolben.typing import App, Outgoing, Page, Response

ACCEPTED = (
    "a string, bytes, a mapping, a list, a generator or iterator, plain or async, a Response, a"
    " WSGI callable, or a tuple (body, status), (body, headers) or (body, status, headers)"
)


def make_response(app: App, answer: Any) -> Response:
    """Make what a view returned into an instance of the app's response class.

    Raises TypeError, which names the view and says what may be returned, for anything else.
    """
    response_class = app.response_class
    kind = type(answer)
    if kind is str or kind is bytes:
        header = plain_header(response_class, response_class.default_mimetype)
        if header is not None:
            body = answer.encode() if kind is str else answer
            return plain_response(response_class, body, header)
    elif kind is dict or kind is list:
        return app.json.response(answer)
    elif kind is response_class:
        return answer  # type: ignore[no-any-return]  # its type was just looked at
    if isinstance(answer, tuple):
        return _from_parts(app, *_unpack(answer))
    return _body_to_response(app, answer, None, None)[0]


def _from_parts(app: App, body: Any, status: Any, headers: Any) -> Response:
    """Make the response for a body with a status, headers or both."""
    kind = type(body)
    response_class = app.response_class
    if (kind is str or kind is bytes) and plain_header(
        response_class, response_class.default_mimetype
    ):
        response = make_response(app, body)
        if headers is not None:
            add_first(response, headers)
            headers = None
    elif kind is dict or kind is list:
        response = app.json.response(body)
    else:
        response, status, headers = _body_to_response(app, body, status, headers)
    if status is not None:
        _set_status(response, status)
    if headers:
        response.headers.update(headers)
    return response


def _set_status(response: Response, status: Any) -> None:
    if isinstance(status, (str, bytes, bytearray)):
        response.status = status  # type: ignore[assignment]  # bytes as Flask takes them
    elif type(status) is int and is_plain(type(response)):
        set_code(response, status)
    else:
        response.status_code = status


def page_of(app: App, answer: Any) -> Outgoing | None:
    """Return what is sent for an answer whose response nobody looks at; None: make one."""
    # PERF: not made and looked at: 0.2 us instead of 1.4 us (benchmarks/shortcuts.py).
    header = app.engine.text_header
    if header is None:
        return None
    kind = type(answer)
    if kind is str:
        body = answer.encode()
    elif kind is dict or kind is list:
        make_page = getattr(app.json, "_page", None)  # any object may be put there
        page: Page | None = None if make_page is None else make_page(app, answer)
        if page is None:
            return None
        body, header = page
    else:
        return None
    size = len(body)
    return [body], "200 OK", [header, known_length(size) or length_header(size)]


def _unpack(answer: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Split a tuple into body, status and headers, in the forms documented."""
    if len(answer) == 3:
        return answer
    if len(answer) == 2:
        body, second = answer
        if isinstance(second, (dict, list, tuple)) or hasattr(second, "to_wsgi_list"):
            return body, None, second
        # Most are numbers, of which nothing costly need be asked.
        if type(second) is not int and isinstance(second, Mapping):
            return body, None, dict(second)
        return body, second, None
    raise TypeError(
        f"The view function for {_view_name()} did not return a valid response: it returned a"
        f" tuple of {len(answer)} items. The tuple must have the form (body, status), (body,"
        " headers) or (body, status, headers)."
    )


def _body_to_response(app: App, body: Any, status: Any, headers: Any) -> tuple[Response, Any, Any]:
    """Make the response for a body; also what of status and headers is still to be set."""
    response_class = app.response_class
    if isinstance(body, response_class):
        return body, status, headers
    if isinstance(body, HTTPException):
        page = error_page(body, response_class)
        if page is not None:
            return page, status, headers
        # PERF: not through a WSGI call that is thrown away: 12 us instead of 27 us
        # (benchmarks/shortcuts.py).
        body = body.get_response(_environ())
    elif isinstance(body, (str, bytes, bytearray, Iterator)):
        # Given to the class, so that it can decide on its default headers.
        content: Any = body
        return response_class(content, status=status, headers=headers), None, None
    if isinstance(body, Mapping) and not callable(body):  # else it is an app
        body = body if isinstance(body, dict) else dict(body)
    if isinstance(body, (dict, list)):
        return app.json.response(body), status, headers
    if isinstance(body, AsyncIterable):
        awaited: Any = AsyncBody(app, body)
        return response_class(awaited, status=status, headers=headers), None, None
    if isinstance(body, WerkzeugResponse) or callable(body):
        try:
            kept: Any = body  # a response, or a callable that force_type calls
            response: Any = response_class.force_type(kept, _environ())
            return response, status, headers
        except TypeError as error:
            raise TypeError(f"{error}\n{_complaint(body)}") from error
    raise TypeError(_complaint(body))


def _environ() -> Any:
    """Return the environ of the current request, None outside of one."""
    context = find_context()
    found = None if context is None else context.request_context
    return None if found is None else found.request.environ


def _complaint(body: Any) -> str:
    """Say which view returned what, and what it may return."""
    name = _view_name()
    if body is None:
        return (
            f"The view function for {name} did not return a valid response: it returned None"
            " or ended without a return statement. Return a response, or '' for an empty one."
        )
    return (
        f"The view function for {name} did not return a valid response: it was a"
        f" {type(body).__name__}. Return {ACCEPTED}."
    )


def _view_name() -> str:
    """Name the endpoint of the current request for an error message."""
    context = find_context()
    found = None if context is None else context.request_context
    return "?" if found is None else repr(found.request.endpoint)
