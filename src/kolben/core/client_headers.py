"""Header values that make Werkzeug raise or ponder, read as if the client had not sent them.

RFC 9110 §13.1.3: a date that is none is ignored. Each of these would be a 500 of any view that
reads the attribute, and the dates one of every static file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from werkzeug.datastructures import (
    Authorization,
    CharsetAccept,
    IfRange,
    ImmutableMultiDict,
    MIMEAccept,
)
from werkzeug.http import parse_accept_header, parse_date, parse_if_range_header
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben.core.client_cookies import cookie_line, find_cookie, parse_cookies
from kolben.core.lazy import lazy

# An entity tag that no file has: a condition with an impossible date does not hold.
_MATCHES_NOTHING = 'W/""'

_spaces = re.compile(r"[ \t]{2,}")


def read_date(value: str | None) -> datetime | None:
    """Return the date of a header; None if it is none, or one that no calendar has."""
    try:
        return parse_date(value)
    except OverflowError:
        return None


def with_possible_dates(environ: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an environ whose conditions have dates that exist: a copy, if it must change."""
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    if since is not None and read_date(since) is None:
        environ = {key: environ[key] for key in environ if key != "HTTP_IF_MODIFIED_SINCE"}
    if "HTTP_IF_RANGE" in environ and _read_if_range(environ["HTTP_IF_RANGE"]) is None:
        environ = {**environ, "HTTP_IF_RANGE": _MATCHES_NOTHING}
    return environ


def _read_if_range(value: str | None) -> IfRange | None:
    """Return the condition of a Range; None if it is no date of any calendar and no tag."""
    try:
        found = parse_if_range_header(value)
    except OverflowError:
        return None
    return None if '"' in (found.etag or "") else found


class ClientHeaders(WerkzeugRequest):
    """The attributes of a request for which a client can make up a value that does harm."""

    @lazy
    def full_path(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Path and query; what is no UTF-8 in the query is percent-encoded."""
        return f"{self.path}?{self.query_string.decode('utf-8', 'werkzeug.url_quote')}"

    @lazy
    def cookies(self) -> ImmutableMultiDict[str, str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The cookies that the client sends."""
        return self.dict_storage_class(parse_cookies(cookie_line(self)))  # type: ignore[return-value]  # as in Werkzeug

    @lazy
    def date(self) -> datetime | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """When the client made the request, as it says."""
        return read_date(self.headers.get("Date"))

    @lazy
    def if_modified_since(self) -> datetime | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The date from which on a change makes a difference to the client."""
        return read_date(self.headers.get("If-Modified-Since"))

    @lazy
    def if_unmodified_since(self) -> datetime | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The date from which on a change makes the request void."""
        return read_date(self.headers.get("If-Unmodified-Since"))

    @lazy
    def if_range(self) -> IfRange:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The date or entity tag for which alone the Range is meant."""
        return _read_if_range(self.headers.get("If-Range")) or IfRange(etag="")

    @lazy
    def accept_mimetypes(self) -> MIMEAccept:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The types that the client takes, the best first."""
        # SECURITY: Werkzeug splits at `[ \t]*;`, which is quadratic in spaces: 7.9 KB of them took
        # 0.1 s and 32 KB 1.7 s.
        value = _spaces.sub(" ", self.headers.get("Accept", ""))
        return parse_accept_header(value or None, MIMEAccept)

    @lazy
    def accept_charsets(self) -> CharsetAccept:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The charsets that the client takes, the best first."""
        value = self.headers.get("Accept-Charset", "").replace("\0", "")
        return parse_accept_header(value or None, CharsetAccept)

    @lazy
    def authorization(self) -> Authorization | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The credentials; None without any, or if they are in characters beyond ASCII."""
        try:
            return Authorization.from_header(self.headers.get("Authorization"))
        except ValueError:
            return None


_OWN_COOKIES = vars(ClientHeaders)["cookies"]


def cookie_of(request: Any, name: str) -> str | None:
    """Return the value of a request's first cookie of a name; None if there is none."""
    if "cookies" in request.__dict__ or type(request).cookies is not _OWN_COOKIES:
        return request.cookies.get(name)  # type: ignore[no-any-return]  # a str, whoever read it
    return find_cookie(cookie_line(request), name)
