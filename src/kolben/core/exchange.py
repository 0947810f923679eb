"""One request and its answer, as those who watch a server see them.

Rule: what nobody asks for is not worked out; and where nobody watches, there is no exchange.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from kolben.core.ids import choose_id, read_trace_id
from kolben.core.lazy import lazy
from kolben.typing import Request


class Exchange(ABC):
    """A request from its arrival to its answer; a server makes one of a class of its own.

    request: what the app made of it; None until it is matched, and for what never reaches the app.
    status: 500 until an answer begins, as that is what a server makes of an exception.
    sent_bytes: of the body; None if not known. duration_s: None until it is over.
    is_socket: it is a WebSocket, from its handshake to its end. at_open: called when the handshake
    is accepted, which makes the status 101. close_code: why it ended, if it was accepted.
    """

    is_socket = False
    at_open: Callable[[Any], object] | None = None
    close_code: int | None = None
    request: Request | None = None
    status = 500
    sent_bytes: int | None = None
    duration_s: float | None = None
    error: BaseException | None = None
    # What a tracer keeps of it.
    span: Any = None

    def __init__(self, scope: Any) -> None:
        self.scope = scope
        self.clock = time.perf_counter()

    def enter(self) -> None:
        """Let the app's request find this exchange by its scope; scopes that are dicts hold it."""
        self.scope[KEY] = self

    def leave(self) -> None:
        """Let it be found no more, and break the circles that it is part of."""
        self.scope.pop(KEY, None)
        self.request = None

    def note_open(self) -> None:
        """Note that the handshake of a WebSocket is accepted."""
        self.status = 101
        if self.at_open is not None:
            self.at_open(self)

    @abstractmethod
    def header(self, name: str) -> str | None:
        """Return a header of the request, whose name is given in lower case; None without it."""

    @lazy
    def id(self) -> str:
        """The request's id: its X-Request-ID, or one of our own."""
        return choose_id(self.header("x-request-id"))

    @lazy
    def trace_id(self) -> str | None:
        """The trace that the request belongs to; None if it came without a `traceparent`."""
        return read_trace_id(self.header("traceparent"))

    @property
    def route(self) -> str | None:
        """The rule that matched, as it was registered: `/users/<int:id>`."""
        rule = None if self.request is None else self.request.url_rule
        return None if rule is None else rule.rule

    @property
    def endpoint(self) -> str | None:
        """The endpoint that matched."""
        return None if self.request is None else self.request.endpoint


# Where an environ, and an ASGI scope, has the exchange.
KEY = "kolben.exchange"
# RSGI's scopes hold nothing of ours: their exchanges by the identity of the scope, while it lives.
of_scopes: dict[int, Exchange] = {}

# Those that watch, in this process. PERF: that nobody does costs a request 3 ns this way
# (benchmarks/watching.py).
watchers: list[object] = []


def find_exchange(scope: Any) -> Exchange | None:
    """Return the exchange of an environ or a scope; None if nobody watches it."""
    found: Exchange | None = scope.get(KEY) if type(scope) is dict else of_scopes.get(id(scope))
    return found


def join_exchange(scope: Any, request: Request) -> None:
    """Tell the exchange of a scope of the request that an app has made of it, and the other way.

    scope: or environ; that of the request's own source goes before it.
    """
    source: Any = getattr(request, "_source", None)
    exchange = find_exchange(scope if source is None else source.scope)
    # What is over is left alone: the two would keep each other.
    if exchange is not None and exchange.duration_s is None:
        exchange.request = request
        request.exchange = exchange
