"""What a cycle answers, made into what a server takes: body, status and headers.

Rule: what must not go out (kolben.core.outgoing) is an error here, before the server has seen any.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from werkzeug.http import is_entity_header
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import ClosingIterator

from kolben.core.async_body import AsyncBody, SentBody, is_async_only
from kolben.core.current import the_app
from kolben.core.engine import WAYS_OUT
from kolben.core.outgoing import (
    ADDRESS,
    LENGTH,
    LOCATION,
    UNUSUAL,
    UnusualHeaders,
    check_status,
    inspect_headers,
)
from kolben.core.response_headers import KNOWN_HEADERS
from kolben.entry.streams import Stream, failure_logger
from kolben.typing import Outgoing, Request, Response

_is_plain: dict[type, bool] = {}


def outgoing(answer: Response | Outgoing, request: Request, is_head: bool) -> Outgoing:
    """Return body, status and headers of an answer to a request.

    is_head: the client asked for the headers alone. Raises ValueError, which names the view, for
    what must not go out.
    """
    if type(answer) is tuple:
        return ([], *answer[1:]) if is_head else answer
    response: Any = answer
    try:
        found = _straight(response, request, is_head)
        if found is None:
            body, status, headers = _as_werkzeug(response, request, is_head)
            if inspect_headers(headers) & UNUSUAL:
                headers = _unusual(headers, request)
            found = body, status, headers
        # PERF: no look at what most are, nor at what others need: 0.6 us instead of 0.7 us
        # (benchmarks/shortcuts.py).
        if response._status != "200 OK":
            check_status(response._status, response._status_code)
    except ValueError as error:
        response.close()
        raise ValueError(
            f"The response of the view {request.endpoint!r} can't be sent: {error}"
        ) from error
    return found


def _straight(response: Response, request: Request, is_head: bool) -> Outgoing | None:
    """Return what Werkzeug would for a buffered response without anything special; else None."""
    code = response._status_code
    if (
        not _is_as_it_is(response)
        or type(response.headers) not in KNOWN_HEADERS  # some assign a dict or a list
        or code < 200
    ):
        return None
    body: Any = response.response
    headers: list[tuple[str, str]] = response.headers._list
    found = inspect_headers(headers)
    if found == LENGTH and code == 200 and not is_head:
        return body, response._status, headers
    if found & LOCATION or (found & ADDRESS and response.autocorrect_location_header):
        return None
    if code == 304:
        headers = [pair for pair in headers if _is_of_unchanged(pair[0])]
    elif code == 204:
        headers = [pair for pair in headers if pair[0].lower() != "content-length"]
    elif not found & LENGTH:
        headers = [*headers, ("Content-Length", str(sum(map(len, body))))]
    if found & UNUSUAL:
        headers = _unusual(headers, request)
    return [] if is_head or code in {204, 304} else body, response._status, headers


def _unusual(headers: list[tuple[str, str]], request: Request) -> UnusualHeaders:
    """Say of headers whose they are, for the entry that cannot send all of them."""
    return UnusualHeaders(headers, request.endpoint, the_app().logger)


def _is_as_it_is(response: Response) -> bool:
    """Say whether a response's body goes out as it is, and nothing is to be done afterwards."""
    kind = type(response)
    plain = _is_plain.get(kind)
    if plain is None:
        plain = _is_plain[kind] = _all_plain(kind)
    body = response.response
    if not plain or type(body) is not list or response._on_close:
        return False
    # PERF: not all(), which makes a generator for mostly one part: 0.2 us instead of 0.3 us
    # (benchmarks/shortcuts.py).
    for part in body:  # noqa: SIM110
        if type(part) is not bytes:
            return False
    return True


# PERF: a 304 goes out like any other answer: 2 us instead of 11 us (benchmarks/shortcuts.py).
@lru_cache(maxsize=256)
def _is_of_unchanged(name: str) -> bool:
    """Say whether a 304 carries a header: not if it is of the content that is not sent."""
    return not is_entity_header(name) or name.lower() in {"expires", "content-location"}


def _all_plain(kind: type[WerkzeugResponse]) -> bool:
    """Say whether responses of a class go out as Werkzeug's do."""
    return kind.automatically_set_content_length and all(
        getattr(kind, way) is getattr(WerkzeugResponse, way) for way in WAYS_OUT
    )


def _as_werkzeug(response: Response, request: Request, is_head: bool) -> Outgoing:
    """Call the response as the WSGI app it is."""
    started: list[Any] = []
    held: Any = response.response
    if is_async_only(held):  # assigned to a response that was there
        held = response.response = AsyncBody(None, held)
    if isinstance(held, AsyncBody) and held.app is None:
        held.app = the_app()  # which is not current any more when it is sent

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started[:] = [status, headers]
        return None

    body = response(request.environ, start)
    status, headers = started
    is_empty = is_head or response._status_code in (204, 304)
    if _is_as_it_is(response):
        body = [] if is_empty else held
    elif isinstance(body, ClosingIterator) and not is_empty:
        tell = failure_logger(the_app(), request)
        stream = Stream(iter(body), body.close, tell)
        body = SentBody(held, stream, body.close, tell) if isinstance(held, AsyncBody) else stream
    return body, status, headers


def drop(found: Outgoing | None) -> None:
    """Close the body of what will not be sent, if there is any."""
    close: Callable[[], None] | None = None if found is None else getattr(found[0], "close", None)
    if close is not None:
        close()
