"""The handshake of a WebSocket, judged before any code of the app's runs (RFC 6455 §4.2.1).

Rule: what is refused is an HTTPException, and what is right says nothing.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException
from werkzeug.routing import MapAdapter, Rule, WebsocketMismatch

from kolben.typing import Request

_KEY_BYTES = 16
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
ANY_ORIGIN = "*"

# Where Werkzeug's server puts the client's socket into the environ, and extensions look for it.
ENVIRON_SOCKET = "werkzeug.socket"
# What the environ of a handshake has besides if that socket is one that the entry made.
OUR_SOCKET = "kolben.socket"
# The SERVER_SOFTWARE of the WSGI server that gives no socket.
GRANIAN = "Granian"

NOT_SERVED = (
    "WebSockets are not served here: WSGI has none, and some servers leave them out. Serve the"
    " app with `kolben serve --interface asgi` or `--interface rsgi`, or with another ASGI server."
)


class OtherVersion(HTTPException):
    """Another version of the protocol than the one there is (RFC 6455 §4.4)."""

    code = 426
    description = "This version of the WebSocket protocol is not spoken here; 13 is."

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the headers, which name the version."""
        version = ("Sec-WebSocket-Version", "13")
        return [*super().get_headers(*args, **kwargs), ("Upgrade", "websocket"), version]


class NotAWebSocket(WebsocketMismatch):
    """A plain request for what is a WebSocket."""

    description = "This address speaks WebSocket: open one."


class NoWebSocketsHere(BadRequest):
    """An upgrade that arrived as a plain request: the server has no WebSockets, or not for us."""

    description = NOT_SERVED


def check_handshake(method: str, version: str, headers: Headers) -> None:
    """Raise BadRequest (400) or OtherVersion (426) for a handshake that is none.

    version: of HTTP; from 2 on there is no Upgrade and no key (RFC 8441). headers: those that
    came twice joined by a comma.
    """
    if version[:1] in {"2", "3"}:
        return
    if method != "GET" or version != "1.1":
        raise BadRequest("A WebSocket begins with a GET request over HTTP/1.1.")
    if not (
        _names(headers.get("Upgrade"), "websocket") and _names(headers.get("Connection"), "upgrade")
    ):
        raise BadRequest("The headers Upgrade and Connection ask for no WebSocket.")
    if headers.get("Sec-WebSocket-Version") != "13":
        raise OtherVersion
    if not _is_key(headers.get("Sec-WebSocket-Key", "")):
        raise BadRequest("Sec-WebSocket-Key has to be there once: 16 bytes in base64.")


def _names(value: str | None, token: str) -> bool:
    """Say whether a header with a list has a token in it."""
    return value is not None and token in (part.strip().lower() for part in value.split(","))


def _is_key(text: str) -> bool:
    """Say whether a text is a key."""
    try:
        return len(a2b_base64(text, strict_mode=True)) == _KEY_BYTES
    except (Error, ValueError):
        return False


def check_origin(headers: Headers, allowed: str | Collection[str] | None) -> None:
    """Raise Forbidden (403) for a page of another site, whose visitor's cookies came along.

    allowed: further origins, or ANY_ORIGIN. Programs other than browsers send no Origin.
    """
    origin = headers.get("Origin")
    if origin is None:
        return
    known = (allowed,) if isinstance(allowed, str) else allowed or ()
    if ANY_ORIGIN in known or _authority(origin) == _bare_host(headers.get("Host", "")):
        return
    # SECURITY: WebSockets know no same-origin policy; this check is all of it (CSWSH).
    if origin.lower() not in {one.lower().rstrip("/") for one in known}:
        raise Forbidden("A page of this origin may not open the WebSocket: see WEBSOCKET_ORIGINS.")


def _authority(origin: str) -> str | None:
    """Return host and port of an origin, as a Host header has them; None if it has none."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or not parts.netloc:
        return None
    return parts.netloc.lower().removesuffix(default)


def _bare_host(host: str) -> str:
    """Return a Host header without a port that goes without saying."""
    host = host.lower()
    for port in _DEFAULT_PORTS.values():
        if host.endswith(port):
            return host.removesuffix(port)
    return host


def read_subprotocols(value: str | None) -> list[str]:
    """List the subprotocols that a client asks for, the one that it likes best first."""
    names = (part.strip() for part in (value or "").split(","))
    return list(dict.fromkeys(name for name in names if _is_token(name)))


def close_code_for(status: int) -> int:
    """Return the close code (RFC 6455 §7.4.1) for what would be an HTTP status."""
    if status < 400:
        return 1000
    if status in _CLOSE_CODES:
        return _CLOSE_CODES[status]
    return 1008 if status < 500 else 1011


# Bad data; too big; try again later.
_CLOSE_CODES = {400: 1007, 413: 1009, 422: 1007, 503: 1013}


def may_be_sent(code: int) -> bool:
    """Say whether a close code may stand in a frame: others only say what was not there."""
    return code in _SENDABLE or 3000 <= code <= 4999


_SENDABLE = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


def refusal_over_wsgi(
    rule: Rule, request: Request, origins: str | Collection[str] | None
) -> HTTPException | None:
    """Return why an upgrade that came as WSGI has it can't have a rule; None if it can.

    A rule that is not ours is an extension's, which takes the socket out of the environ. origins:
    as check_origin() takes them, for sockets that are in the end of our own making.
    """
    if getattr(rule, "is_socket", False):
        return NoWebSocketsHere()
    environ = request.environ
    if OUR_SOCKET in environ:
        try:
            check_origin(request.headers, origins)
        except Forbidden as error:
            return error
    elif request._source is not None or environ.get("SERVER_SOFTWARE") == GRANIAN:
        return NoWebSocketsHere()
    return None


def refusal_of_mismatch(error: HTTPException, adapter: MapAdapter) -> HTTPException:
    """Return what a request gets that only a rule for WebSockets would have answered."""
    if not isinstance(error, WebsocketMismatch):
        return error
    try:
        rule, _ = adapter.match(return_rule=True, websocket=True)
    except HTTPException:
        return error
    return NotAWebSocket() if getattr(rule, "is_socket", False) else error
