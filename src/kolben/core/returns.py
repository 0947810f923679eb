"""What a view may return, made into a Response."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator
from typing import Any

from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.core.async_body import AsyncBody
from kolben.core.current import find_context
from kolben.core.response import content_type_for, is_plain, plain_response
from kolben.typing import App, Response

ACCEPTED = (
    "a string, bytes, a dict, a list, a generator or iterator, plain or async, a Response, a WSGI"
    " callable, or a tuple (body, status), (body, headers) or (body, status, headers)"
)

# The Content-Type header of each response class that is plain; None for one that is not.
_content_types: dict[type[WerkzeugResponse], tuple[str, str] | None] = {}


def _default_content_type(response_class: type[WerkzeugResponse]) -> tuple[str, str] | None:
    """Return the default Content-Type header of a plain class, None for another class."""
    value = content_type_for(response_class.default_mimetype)
    header = ("Content-Type", value) if value and is_plain(response_class) else None
    _content_types[response_class] = header
    return header


def make_response(app: App, answer: Any) -> Response:
    """Make what a view returned into an instance of the app's response class.

    Raises TypeError, which names the view and says what may be returned, for anything else.
    """
    response_class = app.response_class
    kind = type(answer)
    if kind is str:
        header = _content_types.get(response_class) or _default_content_type(response_class)
        if header is not None:
            return plain_response(response_class, answer.encode(), header)
    elif kind is response_class:
        return answer  # type: ignore[no-any-return]  # its type was just looked at
    status: Any = None
    headers: Any = None
    if isinstance(answer, tuple):
        answer, status, headers = _unpack(answer)
    response, status, headers = _body_to_response(app, answer, status, headers)
    if status is not None:
        if isinstance(status, (str, bytes, bytearray)):
            response.status = status  # type: ignore[assignment]  # bytes as Flask takes them
        else:
            response.status_code = status
    if headers:
        response.headers.update(headers)
    return response


def _unpack(answer: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Split a tuple into body, status and headers, in the forms documented."""
    if len(answer) == 3:
        return answer
    if len(answer) == 2:
        body, second = answer
        if isinstance(second, (dict, list, tuple)) or hasattr(second, "to_wsgi_list"):
            return body, None, second
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
    if isinstance(body, (str, bytes, bytearray, Iterator)):
        # Given to the class, so that it can decide on its default headers.
        content: Any = body
        return response_class(content, status=status, headers=headers), None, None
    if isinstance(body, (dict, list)):
        return app.json.response(body), status, headers
    if isinstance(body, AsyncIterable):
        awaited: Any = AsyncBody(app, body)
        return response_class(awaited, status=status, headers=headers), None, None
    if isinstance(body, HTTPException):
        page = _page_of(body, response_class)
        if page is not None:
            return page, status, headers
        # PERF: not through a WSGI call that is thrown away: 12 us instead of 27 us
        # (benchmarks/shortcuts.py).
        body = body.get_response(_environ())
    if isinstance(body, WerkzeugResponse) or callable(body):
        try:
            kept: Any = body  # a response, or a callable that force_type calls
            response: Any = response_class.force_type(kept, _environ())
            return response, status, headers
        except TypeError as error:
            raise TypeError(f"{error}\n{_complaint(body)}") from error
    raise TypeError(_complaint(body))


def _page_of(error: HTTPException, response_class: type[Response]) -> Response | None:
    """Make the page of an error that says nothing but its class; None for another one."""
    kind = type(error)
    # One that was given a description, a response or headers has more in its dict.
    if default_exceptions.get(error.code or 0) is not kind or vars(error) != _BARE:
        return None
    if not is_plain(response_class):
        return None
    page = _pages.get(kind)
    if page is None or page[0] is not kind.description:
        page = _pages[kind] = (
            kind.description,
            error.get_body().encode(),
            error.get_response().status,
            error.get_headers()[0],
        )
    _, body, status, content_type = page
    response = plain_response(response_class, body, content_type)
    response.status = status
    return response


# PERF: the pages of Werkzeug's own errors, which never differ: 2 us instead of 12 us
# (benchmarks/shortcuts.py).
_pages: dict[type[HTTPException], tuple[str | None, bytes, str, tuple[str, str]]] = {}
_BARE = {"response": None}


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
