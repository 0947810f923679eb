"""One line for each request, in which a client can write nothing but printable text.

SECURITY: no header of a request is in it, and no value of a query parameter that may be a secret.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO, Any
from urllib.parse import unquote_plus

from kolben.logging import escape
from kolben.server.exchanges import ServedExchange

FORMATS = ("text", "json")

# Parts of the names of parameters whose values give access to something.
_SECRET = re.compile(
    r"token|passw|passphrase|pwd|secret|signature|credential|session|authoriz|jwt"
    r"|(?:^|[^a-z])(?:key|sig|auth|otp)(?:$|[^a-z])|(?:api|access|private)\W?key"
    r"|^(?:code|state|nonce|pin)$",
    re.IGNORECASE,
)
_HIDDEN = "***"


def access_log(stream: IO[str], form: str = "text") -> Callable[[ServedExchange], None]:
    """Return a function that writes a line to a stream for an exchange that is over.

    form: "text" or "json".
    """
    write_as = format_json if form == "json" else format_text

    def log(exchange: ServedExchange) -> None:
        # Whole and at once, so that lines of several threads and workers don't mix.
        stream.write(write_as(exchange, time.time() - (exchange.duration_s or 0)) + "\n")
        stream.flush()

    return log


def format_text(exchange: ServedExchange, began: float) -> str:
    """Return the line of an exchange: peer, time, request line, status, milliseconds, and more.

    The rest is the bytes of the body, the route, the request's id and the trace's, each `-` where
    there is none. The status of a WebSocket that was open is `101/` and why it was closed.
    began: in seconds since the epoch.
    """
    moment = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(began))
    query = exchange.query
    target = f"{exchange.path}?{hide_secrets(query)}" if query else exchange.path
    request = escape(f"{exchange.method} {target} {exchange.protocol}")
    size = "-" if exchange.sent_bytes is None else exchange.sent_bytes
    code = exchange.close_code
    status = exchange.status if code is None else f"{exchange.status}/{code}"
    route = escape(exchange.route or "-").replace(" ", r"\x20")
    return (
        f'{escape(exchange.peer)} [{moment}] "{request}" {status} {_ms(exchange):.1f} ms'
        f" {size} B {route} {exchange.id} {exchange.trace_id or '-'}"
    )


def format_json(exchange: ServedExchange, began: float) -> str:
    """Return the line of an exchange as a JSON object in ASCII."""
    endpoint: Any = exchange.endpoint
    closed = {} if exchange.close_code is None else {"close_code": exchange.close_code}
    return json.dumps(
        {
            "time": datetime.fromtimestamp(began, UTC).isoformat(timespec="milliseconds"),
            "peer": exchange.peer,
            "method": exchange.method,
            "path": exchange.path,
            "query": hide_secrets(exchange.query),
            "protocol": exchange.protocol,
            "status": exchange.status,
            **closed,
            "duration_ms": round(_ms(exchange), 3),
            "bytes": exchange.sent_bytes,
            "route": exchange.route,
            "endpoint": None if endpoint is None else str(endpoint),
            "request_id": exchange.id,
            "trace_id": exchange.trace_id,
        }
    )


def hide_secrets(query: str) -> str:
    """Return a query string with `***` for each value that may give access to something.

    `page=2&access_token=abc` -> `page=2&access_token=***`. Names are read as a view would.
    """
    return "&".join(_hide(field) for field in query.split("&"))


def _hide(field: str) -> str:
    name, equals, value = field.partition("=")
    if value and _SECRET.search(unquote_plus(name)):
        return f"{name}{equals}{_HIDDEN}"
    return field


def _ms(exchange: ServedExchange) -> float:
    return (exchange.duration_s or 0) * 1000
