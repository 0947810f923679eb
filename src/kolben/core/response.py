"""The response: a Werkzeug response with a fast way in and out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache, partial
from http import HTTPStatus
from time import time
from typing import Any, Self, TypeVar

from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.http import HTTP_STATUS_CODES, http_date, parse_etags, unquote_etag
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.core.async_body import AsyncBody, is_async_only
from kolben.core.client_headers import with_possible_dates
from kolben.core.cookies import cookie_header
from kolben.core.current import find_context, the_app
from kolben.core.kept import kept
from kolben.core.response_headers import KNOWN_HEADERS, Headers

R = TypeVar("R", bound="WerkzeugResponse")
Body = str | bytes | Iterable[str] | Iterable[bytes] | AsyncIterable[str] | AsyncIterable[bytes]


class _CurrentJSON:
    """`loads` and `dumps` of the current app, or of the standard library outside of one."""

    @staticmethod
    def _module() -> Any:
        context = find_context()
        return json if context is None else context.app.json

    def loads(self, text: str | bytes, **options: Any) -> Any:
        return self._module().loads(text, **options)

    def dumps(self, value: Any, **options: Any) -> Any:
        return self._module().dumps(value, **options)


class Response(WerkzeugResponse):
    """What the app answers; `text/html` unless said otherwise."""

    default_mimetype: str | None = "text/html"
    json_module: Any = _CurrentJSON()

    # What a plain_response() has without setting it.
    _status = "200 OK"
    _status_code = 200
    direct_passthrough = False
    autocorrect_location_header = False

    def __init__(
        self,
        response: Body | None = None,
        status: int | str | HTTPStatus | None = None,
        headers: Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        """Make a response as Werkzeug does; of an async iterator as well."""
        body: Any = response
        if is_async_only(body):
            context = find_context()
            body = AsyncBody(None if context is None else context.app, body)
        super().__init__(body, status, headers, mimetype, content_type, direct_passthrough)

    @property
    def max_cookie_size(self) -> int:  # type: ignore[override]  # the app's configuration decides
        """The size in bytes above which a cookie is warned of: MAX_COOKIE_SIZE, or 4093."""
        context = find_context()
        if context is None:
            return super().max_cookie_size
        return context.app.config["MAX_COOKIE_SIZE"]  # type: ignore[no-any-return]  # any type

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: timedelta | int | None = None,
        expires: str | datetime | float | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Have the client keep a cookie.

        max_age: in seconds; without it and `expires`, the cookie ends with the browser.
        domain: the cookie is sent to its subdomains too. samesite: Strict, Lax or None.
        Raises ValueError for a name or attribute in which another one begins.
        """
        header = cookie_header(
            key,
            value,
            max_age,
            expires,
            path,
            domain,
            secure,
            httponly,
            samesite,
            partitioned,
            self.max_cookie_size,
        )
        headers = self.headers
        if type(headers) in KNOWN_HEADERS:
            # PERF: what is known to be a name and a value: 0.2 us instead of 0.6 us
            # (benchmarks/shortcuts.py).
            headers._list.append(("Set-Cookie", header))
        else:
            headers.add("Set-Cookie", header)

    def call_after_send(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run a function, plain or async, when this response is closed.

        That is when the server has taken all of it, or its client went away before. In the
        background, as app.add_background_task() does; RuntimeError outside of an app.
        """
        self.call_on_close(partial(the_app().add_background_task, func, *args, **kwargs))

    def make_conditional(
        self,
        request_or_environ: Any,
        accept_ranges: bool | str = False,
        complete_length: int | None = None,
    ) -> Self:
        """Answer If-None-Match, If-Modified-Since and Range (RFC 9110 §13, §14).

        complete_length: in bytes; without it Range is not answered. Raises
        RequestedRangeNotSatisfiable (416).
        """
        environ = getattr(request_or_environ, "environ", request_or_environ)
        if self._compare_tag(environ, accept_ranges):
            return self
        super().make_conditional(with_possible_dates(environ), accept_ranges, complete_length)  # type: ignore[arg-type]  # only read
        return self

    def _compare_tag(self, environ: Mapping[str, Any], accept_ranges: bool | str) -> bool:
        """Answer If-None-Match by the response's ETag; say whether there is no more to answer.

        RFC 9110 §13.1.3: who sends both wants no look at the date.
        """
        # PERF: no header is read that was not sent: 2.2 us instead of 7.4 us
        # (benchmarks/shortcuts.py).
        wanted = environ.get("HTTP_IF_NONE_MATCH")
        if (
            not wanted
            or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}
            or "HTTP_RANGE" in environ
            or "HTTP_IF_MATCH" in environ
            or "Content-Length" not in self.headers
        ):
            return False
        tag, _ = unquote_etag(self.headers.get("ETag"))
        if not tag:
            return False
        is_known = wanted == f'"{tag}"' and '"' not in tag
        if not is_known:
            tags = parse_etags(wanted)
            if not tags:
                return False
            is_known = tags.contains_weak(tag)
        if "Date" not in self.headers:
            self.headers.add("Date", _date_of(int(time())))
        if accept_ranges:
            self.accept_ranges = "bytes" if accept_ranges is True else accept_ranges
        if is_known:
            self.status_code = 304
        return True


@lru_cache(maxsize=2)
def _date_of(second: int) -> str:
    return http_date(second)


def content_type_for(mimetype: str | None) -> str | None:
    """Return the Content-Type for a default mimetype: text gets `; charset=utf-8`."""
    return WerkzeugResponse(mimetype=mimetype).headers.get("Content-Type") if mimetype else None


# What of a response class decides what plain_response() and set_code() set.
_PARTS = ("__init__", "set_data", "status", "status_code", "_clean_status")


@kept
def is_plain(response_class: type[WerkzeugResponse]) -> bool:
    """Say whether plain_response() makes of this class what calling it would."""
    return (
        issubclass(response_class, Response)
        and response_class.__new__ is object.__new__
        and response_class.default_status == 200
        and response_class.automatically_set_content_length
        and all(getattr(response_class, part) is getattr(Response, part) for part in _PARTS)
    )


@kept
def plain_header(
    response_class: type[WerkzeugResponse], mimetype: str | None
) -> tuple[str, str] | None:
    """Return the Content-Type header that a plain class gives a mimetype; None: it is not plain."""
    value = content_type_for(mimetype)
    return ("Content-Type", value) if value and is_plain(response_class) else None


_new = object.__new__

# The Content-Length headers of small bodies that were sent, by their sizes in bytes.
_lengths: dict[int, tuple[str, str]] = {}
_MOST_KNOWN_BYTES = 4096
known_length = _lengths.get


def length_header(size: int) -> tuple[str, str]:
    """Return the Content-Length header for a body of `size` bytes, which known_length() lacks."""
    # PERF: kept for the next one: 0.06 us instead of 0.1 us (benchmarks/shortcuts.py).
    header = ("Content-Length", str(size))
    if size < _MOST_KNOWN_BYTES:
        _lengths[size] = header
    return header


def plain_response(response_class: type[R], body: bytes, content_type: tuple[str, str]) -> R:
    """Make a 200 response of a class that is_plain, from the bytes of its body.

    content_type: the header's name and value.
    """
    # PERF: set what __init__ would, without its questions: 0.4 us instead of 3.9 us
    # (benchmarks/shortcuts.py).
    response = _new(response_class)
    headers = _new(Headers)
    size = len(body)
    headers._list = [content_type, known_length(size) or length_header(size)]
    response.headers = headers
    response._on_close = []
    response.response = [body]
    return response


def add_first(response: WerkzeugResponse, headers: Any) -> None:
    """Put headers before those of a plain_response(): what its class does with `headers`.

    A type among them takes the place of the default one, a length among them is corrected.
    """
    own = headers if isinstance(headers, WerkzeugHeaders) else Headers(headers)
    content_type, length = response.headers._list
    names = {name.lower() for name, _ in own._list}
    if "content-type" not in names:
        own._list.append(content_type)
    if "content-length" in names:
        own.set(*length)
    else:
        own._list.append(length)
    response.headers = own


@lru_cache(maxsize=128)
def _status_line(code: int, name: str) -> str:
    return f"{code} {name.upper()}"


def set_code(response: WerkzeugResponse, code: int) -> None:
    """Set the status of a response of a class that is_plain to a number."""
    name = HTTP_STATUS_CODES.get(code)
    if name is None:
        response.status_code = code
    else:
        # PERF: without Werkzeug's questions what it is: 0.2 us instead of 0.4 us
        # (benchmarks/shortcuts.py).
        response._status = _status_line(code, name)
        response._status_code = code
