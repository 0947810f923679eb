"""A WebSocket from its handshake to its end; what ASGI and RSGI share.

Rule: whatever the view does, the client is answered once, and the connection is closed once.
"""

from __future__ import annotations

import asyncio
from inspect import isawaitable
from typing import Any

from werkzeug.exceptions import Forbidden, HTTPException, ServiceUnavailable

from kolben.core.context import RequestContext
from kolben.core.cycle import run_after_async, run_before_async
from kolben.core.ending import leave_async
from kolben.core.errors import answer_error_async
from kolben.core.exchange import find_exchange, join_exchange, watchers
from kolben.core.handshake import check_handshake, check_origin, close_code_for
from kolben.core.hooks import SocketHooks
from kolben.core.plan import Plan
from kolben.core.returns import make_response
from kolben.core.websocket import WebSocket, WebSocketClosed, cut_reason, save_session_at_end
from kolben.entry import extension_sockets
from kolben.entry.connection import Connection, Limits, is_ending
from kolben.entry.connection import close_all as close_all
from kolben.entry.disconnects import unbroken
from kolben.entry.outgoing import outgoing
from kolben.entry.scopes import ASGISource, RSGISource
from kolben.entry.sending import Channel
from kolben.typing import App, Outgoing, Response

Source = ASGISource | RSGISource
_SCHEMES = {"http": "ws", "https": "wss"}


async def serve(app: App, source: Source, version: str, channel: Channel) -> None:
    """Serve one WebSocket, from its handshake on.

    version: of HTTP. Raises what nothing handled, if the app propagates exceptions.
    """
    connection = Connection(channel, limits_of(app))
    if watchers:
        connection.exchange = find_exchange(source.scope)
    context = _context_of(app, source)
    try:
        try:
            refusal = _match(context, version)
            if context.plan is None:
                await extension_sockets.serve(app, source, connection)
            else:
                await _serve_own(app, context, connection, refusal)
        except BaseException as error:
            connection.shut(1001 if isinstance(error, asyncio.CancelledError) else 1011, "")
            raise
        finally:
            await connection.leave()
    except asyncio.CancelledError:
        if not connection.is_cut:
            raise
        connection.task.uncancel()


async def _serve_own(
    app: App, context: RequestContext, connection: Connection, refusal: HTTPException | None
) -> None:
    """Serve a WebSocket whose rule is ours, or none; refusal: what answers it instead."""
    context.websocket = WebSocket(context, connection)
    failure: BaseException | None = None
    try:
        failure = await _run(app, context, connection, refusal)
    except BaseException as error:
        failure = error
        connection.shut(1001 if isinstance(error, asyncio.CancelledError) else 1011, "")
        raise
    finally:
        try:
            await leave_async(app, context, failure, unbroken)
        finally:
            context.websocket = None  # no circle, which would stay for a while


def limits_of(app: App) -> Limits:
    """Return the limits that an app is configured with."""
    config, default = app.config, Limits()
    return Limits(
        config.get("WEBSOCKET_MAX_MESSAGE_SIZE", default.max_message_bytes),
        config.get("WEBSOCKET_MAX_MESSAGE_RATE", default.max_messages_per_s),
        config.get("WEBSOCKET_IDLE_TIMEOUT", default.idle_timeout_s),
        config.get("WEBSOCKET_SEND_TIMEOUT", default.send_timeout_s),
        config.get("WEBSOCKET_QUEUE_SIZE", default.queue_size),
    )


def _context_of(app: App, source: Source) -> RequestContext:
    """Make the context of a handshake."""
    kind = app.request_class
    environ = source.environ()
    request = kind.of(source) if app.engine.request_is_own else kind(environ)
    vars(request)["scheme"] = _SCHEMES.get(request.scheme, request.scheme)
    if watchers:
        join_exchange(source.scope, request)
    context = RequestContext(app, environ, request)
    context.has_cookie = "HTTP_COOKIE" in environ
    return context


def _match(context: RequestContext, version: str) -> HTTPException | None:
    """Match a handshake to a rule; return why it is refused before the app is asked.

    Without a refusal and a plan the socket is an extension's, or a middleware's.
    """
    app, request = context.app, context.request
    context.plan = app.engine.match_socket(context)
    refusal: HTTPException | None = ServiceUnavailable() if is_ending() else None
    try:
        check_handshake(request.method, version, request.headers)
        if context.plan is not None:
            check_origin(request.headers, app.config.get("WEBSOCKET_ORIGINS"))
    except HTTPException as error:
        refusal = refusal or error
    if refusal is not None and context.plan is None:
        context.plan = app.engine.unmatched_socket
    return refusal


async def _run(
    app: App, context: RequestContext, connection: Connection, refusal: HTTPException | None
) -> Exception | None:
    """Run hooks and view in the handshake's context, which is entered here, and end all.

    Return what nothing handled; raise it if the app propagates exceptions.
    """
    failure: Exception | None = None
    plan = context.begin(app.engine, opens_session=False)
    request = context.request
    page: Outgoing | None = None
    try:
        response = await _respond(app, context, connection, plan, refusal)
        if response is not None and not connection.is_accepted:
            page = outgoing(response, request, is_head=False)
    except Exception as error:
        failure = error
        response = await app.ensure_async(app.handle_exception)(error)
        if not connection.is_accepted:
            page = outgoing(response, request, is_head=False)
    if page is not None:
        await connection.refuse(page)
    else:
        code = 1000 if response is None else close_code_for(response.status_code)
        reason = "" if response is None or code == 1000 else response.status
        await connection.close(code, cut_reason(reason))
        await save_session_at_end(app, context)
    return failure


async def _respond(
    app: App,
    context: RequestContext,
    connection: Connection,
    plan: Plan,
    refusal: HTTPException | None,
) -> Response | None:
    """Run hooks and view; return what answers the handshake, or says why an open socket closes.

    None: the socket was open, and nothing is wrong.
    """
    answer: Any = None
    has_failed = False
    try:
        if refusal is not None:
            raise refusal
        if not app.engine.opens_session_late:
            await app.ensure_async(context.open_session)()  # a store may have to be waited for
        answer = await run_before_async(plan.hooks, context.request)
        if answer is None:
            answer = await _call(context, plan)
    except WebSocketClosed:
        pass  # the view has ended as its connection has
    except Exception as error:
        has_failed = True
        answer = await answer_error_async(app, error)
    response: Response | None = None
    if not connection.is_accepted:
        response = make_response(app, Forbidden() if answer is None else answer)
        response = await run_after_async(app, context, response)
    elif has_failed and answer is not None:
        response = make_response(app, answer)
    hooks = plan.hooks
    assert isinstance(hooks, SocketHooks)
    for hook in hooks.closing:
        response = await hook(response) or response
    return response


async def _call(context: RequestContext, plan: Plan) -> Any:
    """Call the view, and await what it returns.

    Around a coroutine function there may be a plain one, such as a decorator's: to that the app's
    ensure_sync() gives the coroutine function itself, and what it returns is awaited here.
    """
    context.gives_coroutines = True
    try:
        waiting = plan.view(**(context.request.view_args or {}))
    finally:
        context.gives_coroutines = False
    if not isawaitable(waiting):
        raise TypeError(
            f"The view of the WebSocket {context.request.endpoint!r} is no coroutine function."
            " Define it with async def."
        )
    return await waiting
