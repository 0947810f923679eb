"""The WebSocket of a view: what came with its handshake, and messages in and out.

Rule: it waits for its connection alone, which an entry gives it; how that waits is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

from werkzeug.datastructures import Headers, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest

from kolben.core.context import RequestContext
from kolben.core.cycle import _keeps_session, save_session_async
from kolben.core.handshake import may_be_sent, read_subprotocols
from kolben.core.outgoing import inspect_headers
from kolben.typing import App, Request

Message = str | bytes
HeaderPairs = list[tuple[str, str]]

_LONGEST_REASON_BYTES = 123


class WebSocketClosed(Exception):
    """The connection has ended, by whichever side.

    code: why (RFC 6455 §7.4.1); 1005 if none was given, 1006 if the connection was lost.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"The WebSocket is closed: {self.code} {self.reason}".rstrip()


class Connection(Protocol):
    """What an entry gives: the connection of one WebSocket.

    accept, receive and send raise WebSocketClosed once it has ended; ended: why, else None.
    lacks: what the server can't do at the handshake, by the name of its argument to accept().
    loop: the event loop that it is on. when_over: called when all is over. post: sends without
    waiting, and says whether it tries.
    """

    when_over: list[Callable[[], object]]

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def is_accepted(self) -> bool: ...
    @property
    def ended(self) -> WebSocketClosed | None: ...
    @property
    def lacks(self) -> frozenset[str]: ...
    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None: ...
    async def receive(self) -> Message: ...
    async def send(self, message: Message) -> None: ...
    def post(self, message: Message) -> bool: ...
    async def close(self, code: int, reason: str) -> None: ...


class WebSocket:
    """What `websocket` stands for in a view.

    request: its handshake, a request like any other. requested_subprotocols: what the client
    asks for, the best first. subprotocol: what accept() was given of these.
    """

    __slots__ = ("_connection", "_context", "request", "requested_subprotocols", "subprotocol")

    def __init__(self, context: RequestContext, connection: Connection) -> None:
        self.request: Request = context.request
        headers = self.request.headers
        self.requested_subprotocols = read_subprotocols(headers.get("Sec-WebSocket-Protocol"))
        self.subprotocol: str | None = None
        self._context = context
        self._connection = connection

    def __repr__(self) -> str:
        ended = self._connection.ended
        state = f"closed {ended.code}" if ended else "open" if self.is_accepted else "connecting"
        return f"<{type(self).__name__} {self.path!r} {state}>"

    # What came with the handshake.

    @property
    def headers(self) -> Headers:
        """The headers of the handshake."""
        return self.request.headers

    @property
    def path(self) -> str:
        """The path below the app's root, decoded."""
        return self.request.path

    @property
    def url(self) -> str:
        """The whole URL, with `ws` or `wss` as its scheme."""
        return self.request.url

    @property
    def scheme(self) -> str:
        """`ws` or `wss`."""
        return self.request.scheme

    @property
    def host(self) -> str:
        """The host that the client asked for, with the port unless it is the usual one."""
        return self.request.host

    @property
    def origin(self) -> str | None:
        """The origin of the page that opened the socket; programs give none."""
        return self.request.origin

    @property
    def args(self) -> MultiDict[str, str]:
        """The fields of the query string."""
        return self.request.args

    @property
    def query_string(self) -> bytes:
        """What follows the question mark, undecoded."""
        return self.request.query_string

    @property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """The client's cookies."""
        return self.request.cookies

    @property
    def remote_addr(self) -> str | None:
        """The address of the peer."""
        return self.request.remote_addr

    @property
    def view_args(self) -> dict[str, Any] | None:
        """The values in the path."""
        return self.request.view_args

    @property
    def endpoint(self) -> str | None:
        """The endpoint that matched."""
        return self.request.endpoint

    @property
    def blueprint(self) -> str | None:
        """The name of the endpoint's blueprint, its parents' included."""
        return self.request.blueprint

    # Its life.

    @property
    def is_accepted(self) -> bool:
        """Whether the handshake was accepted, even if the connection has ended since."""
        return self._connection.is_accepted

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended, by whichever side."""
        return self._connection.ended is not None

    @property
    def close_code(self) -> int | None:
        """Why it ended; None while it has not."""
        ended = self._connection.ended
        return None if ended is None else ended.code

    async def accept(
        self, subprotocol: str | None = None, headers: Mapping[str, str] | Headers | None = None
    ) -> None:
        """Answer the handshake, with the session's cookie if it has changed; once is enough.

        receive() and send() do it themselves. subprotocol: one of requested_subprotocols, else
        ValueError. Raises RuntimeError where the server can't send what is given.
        """
        if self._connection.is_accepted:
            return
        if subprotocol is not None and subprotocol not in self.requested_subprotocols:
            raise ValueError(
                f"The client has not asked for the subprotocol {subprotocol!r}; choose one of"
                f" {self.requested_subprotocols} or none."
            )
        check_lacks(self._connection.lacks, subprotocol=subprotocol, headers=headers)
        pairs = list(Headers(headers or ()))
        inspect_headers(pairs)
        pairs += await self._session_headers()
        self.subprotocol = subprotocol
        await self._connection.accept(subprotocol, pairs)

    async def _session_headers(self) -> HeaderPairs:
        """Save the session; return what tells the browser."""
        app, context = self._context.app, self._context
        if not _keeps_session(app, context):
            return []
        response = app.response_class()
        was_changed = context._session.modified
        await save_session_async(app, context, response)
        if app.engine.opens_session_late:
            context._session.modified = False
        cookies = response.headers.getlist("Set-Cookie")
        if not cookies or "headers" not in self._connection.lacks:
            return [("Set-Cookie", cookie) for cookie in cookies]
        if was_changed:
            app.logger.warning(
                "The session of a WebSocket has changed, and this server sends no cookie with the"
                " handshake. Change it in a request, or serve the app with %s.",
                _cure_for("headers"),
            )
        return []

    async def receive(self) -> Message:
        """Wait for a message: str for text, bytes for binary.

        Raises WebSocketClosed when the connection has ended; what came before that is given first.
        """
        if not self._connection.is_accepted:
            await self.accept()
        return await self._connection.receive()

    async def receive_json(self, **kwargs: Any) -> Any:
        """Wait for a message and read it as JSON; BadRequest, which closes with 1007, if it isn't.

        kwargs: those of app.json.loads.
        """
        message = await self.receive()
        try:
            return self._context.app.json.loads(message, **kwargs)
        except (ValueError, RecursionError) as error:
            raise BadRequest("The message is no JSON.") from error

    async def send(self, message: Message) -> None:
        """Send a message, text for str and binary for bytes; wait until the server has taken it.

        Raises WebSocketClosed when the connection has ended.
        """
        if not isinstance(message, (str, bytes)):
            raise TypeError(
                f"A message is str or bytes, and this is {type(message).__name__}. For a dict or"
                " list there is send_json()."
            )
        if not self._connection.is_accepted:
            await self.accept()
        await self._connection.send(message)

    async def send_json(self, *args: Any, **kwargs: Any) -> None:
        """Send a value as JSON text; arguments as jsonify() takes them."""
        json = self._context.app.json
        await self.send(json.dumps(json._prepare_response_obj(args, kwargs)))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection; before accept() that is a 403, whatever the code.

        code: 1000 to 1003, 1007 to 1014, or an app's own from 3000 to 4999; else ValueError.
        reason: at most 123 bytes; what is more is cut off.
        """
        if not may_be_sent(code):
            raise ValueError(
                f"{code} can't be sent as a close code. Those of an app's own begin at 4000"
                " (RFC 6455 §7.4.2)."
            )
        await self._connection.close(code, cut_reason(reason))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        try:
            return await self.receive()
        except WebSocketClosed:
            raise StopAsyncIteration from None


async def save_session_at_end(app: App, context: RequestContext) -> None:
    """Save what became of the session after accept(), where it is kept in a store."""
    if not context.has_session:
        return
    if not app.engine.opens_session_late:
        await save_session_async(app, context, app.response_class())
    elif context._session.modified:
        app.logger.warning(
            "The session of a WebSocket was changed after accept(), when its cookie had been sent:"
            " the change is lost. Change it before accept(), or in a request."
        )


def check_lacks(lacks: frozenset[str], **given: object) -> None:
    """Raise RuntimeError for what a server can't send with a handshake; lacks: as Connection's."""
    for name, value in given.items():
        if value and name in lacks:
            raise RuntimeError(
                f"This server can't send {name} with a WebSocket's handshake. Leave {name} out,"
                f" or serve the app with {_cure_for(name)}."
            )


def _cure_for(name: str) -> str:
    """Name a server that sends a subprotocol, or headers, with the handshake."""
    granian = "`kolben serve --interface asgi`"
    return granian if name == "subprotocol" else "uvicorn or Hypercorn"


def cut_reason(reason: str) -> str:
    """Cut a reason to what a close frame has room for, between two characters."""
    return reason.encode()[:_LONGEST_REASON_BYTES].decode(errors="ignore")
