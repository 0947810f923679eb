"""A request that comes over ASGI or RSGI, up to its answer; what both entries share.

Rule: the view of a plan that is not `on_loop` never runs on the event loop, nor does its app's
middleware.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from functools import partial
from itertools import chain
from typing import IO, Any, cast

from werkzeug.exceptions import HTTPException

from kolben.core.body_stream import read_length
from kolben.core.context import RequestContext
from kolben.core.current import current
from kolben.core.exchange import KEY, find_exchange, join_exchange, watchers
from kolben.core.outgoing import UNUSUAL, check_status, inspect_headers
from kolben.core.plan import Plan
from kolben.entry.bodies import ClientGone, OpenBody, lower, read_body
from kolben.entry.disconnects import ClientLeaves, run_watched
from kolben.entry.late_body import (
    BodyMissing,
    ComingBody,
    may_refuse,
    may_refuse_whole,
    waiting_plan,
)
from kolben.entry.live_body import LiveBody
from kolben.entry.outgoing import drop
from kolben.entry.refusals import TooMuch
from kolben.entry.respond import respond, respond_async
from kolben.entry.scopes import ASGISource, Glance, RSGISource
from kolben.entry.sendable import unusual_of
from kolben.entry.threads import has_room, run_in_thread
from kolben.typing import App, Outgoing, WSGIEnvironment

Source = ASGISource | RSGISource


async def answer(
    app: App,
    source: Source,
    line: tuple[str, str],
    glance: Glance,
    open_body: OpenBody,
    client_leaves: ClientLeaves,
) -> Outgoing | None:
    """Return the answer to a request; None if its client went away.

    line: method and path, below the app's root and decoded. glance: what was seen of the headers.
    open_body: begins to read the body. client_leaves: waits for the end of the client, once the
    body is read. Raises Refused for a request that the app does not see.
    """
    if is_called_as_wsgi(app):
        return await _answer_as_wsgi(app, source, glance, open_body)
    context = make_context(app, source, line, glance)
    plan = context.plan
    length = glance[2]
    if length is not None:
        if plan is None or not plan.on_loop:
            _check_room()
        if plan is not None and plan.streams_body:
            return await _answer_live(context, source, line, open_body, client_leaves)
        limit = partial(_limit, context)
        coming = ComingBody(open_body, length, limit, is_asked=source.is_asked())
        with coming.place(limit(), is_worth=may_refuse(plan)) as is_late:
            if is_late:
                source.set_body(cast("IO[bytes]", coming))
                return await _answer_late(context, source, line, glance, coming, client_leaves)
        try:
            source.set_body(await read_body(open_body, length, limit()), length)
        except ClientGone:
            return None
    return await _respond(context, line[0] == "HEAD", client_leaves)


def is_called_as_wsgi(app: App) -> bool:
    """Say whether an app's steps or entry are overridden, so that all of it must be called."""
    engine = app.engine
    return engine.by_steps or engine.is_wrapped


def make_context(app: App, source: Source, line: tuple[str, str], glance: Glance) -> RequestContext:
    """Make the context of a request, and match it; line and glance as in answer()."""
    kind = app.request_class
    request = kind.of(source) if app.engine.request_is_own else kind(source.environ())
    if watchers:
        join_exchange(source.scope, request)
    context = RequestContext(app, {}, request)
    host, context.has_cookie, _ = glance
    _match(context, *line, host)
    return context


async def _answer_late(
    context: RequestContext,
    source: Source,
    line: tuple[str, str],
    glance: Glance,
    coming: ComingBody,
    client_leaves: ClientLeaves,
) -> Outgoing | None:
    """Answer a request whose body is received when something reads it."""
    is_head = line[0] == "HEAD"

    async def client_leaves_then() -> None:
        await coming.has_ended()
        await client_leaves()

    if context.plan is not None:
        context.plan = waiting_plan(context.plan, coming)
    try:
        return await _respond(context, is_head, client_leaves_then)
    except BodyMissing:
        # What has run was cut off, as where a client goes away. It begins again.
        try:
            await coming.receive()
        except HTTPException:
            return None
    again = make_context(context.app, source, line, glance)
    return await _respond(again, is_head, client_leaves_then)


async def _answer_live(
    context: RequestContext,
    source: Source,
    line: tuple[str, str],
    open_body: OpenBody,
    client_leaves: ClientLeaves,
) -> Outgoing | None:
    """Answer a request whose view reads the body as it comes."""
    live: Any = LiveBody(open_body, partial(_limit, context), lambda: read_length(source.environ()))
    source.set_body(live)

    async def client_leaves_then() -> None:
        await live.has_ended()
        await client_leaves()

    try:
        return await _respond(context, line[0] == "HEAD", client_leaves_then)
    finally:
        await live.aclose()


def _respond(
    context: RequestContext, is_head: bool, client_leaves: ClientLeaves
) -> Awaitable[Outgoing | None]:
    """Return what runs the cycle of a matched request where its plan says, to be awaited."""
    app, plan = context.app, context.plan
    if plan is None or not plan.on_loop or _wants_thread(plan):
        _check_room()
        return run_in_thread(respond, app, context, is_head, give_back=drop, make_error=TooMuch)
    return run_watched(respond_async(app, context, is_head), client_leaves)


def _wants_thread(plan: Plan) -> bool:
    """Say whether the hooks of a plan for the event loop want all of a request in one thread.

    Where no rule matches all plain ones do: there is nothing between them that waits.
    """
    hooks = plan.hooks
    return hooks.keep_thread or (plan.rule is None and hooks.block)


def _check_room() -> None:
    """Raise TooMuch where no more may wait for a thread; before a body is read, and after it."""
    if not has_room():
        raise TooMuch


def _limit(context: RequestContext) -> int | None:
    """Return how many bytes the body of a request may have; None for any number."""
    token = current.set(context)
    try:
        most: int | None = context.request.max_content_length
    finally:
        current.reset(token)
    return lower(most)


def _match(context: RequestContext, method: str, path: str, host: str | None) -> None:
    """Match a request; if a converter fails, it is left to fail where errors are answered."""
    token = current.set(context)
    try:
        context.plan = context.app.engine.match(context, method, path, host)
    except Exception:
        context.plan = None
    finally:
        current.reset(token)


async def _answer_as_wsgi(
    app: App, source: Source, glance: Glance, open_body: OpenBody
) -> Outgoing | None:
    """Call an app whose steps or entry are overridden as a WSGI server would, in a thread."""
    length = glance[2]
    _check_room()
    if length is not None:
        most = lower(app.config["MAX_CONTENT_LENGTH"])
        coming = ComingBody(open_body, length, lambda: most, is_asked=source.is_asked())
        with coming.place(most, is_worth=may_refuse_whole(app)) as is_late:
            if is_late:
                source.set_body(cast("IO[bytes]", coming))
                return await _call_in_thread(app, source)
        try:
            body = await read_body(open_body, length, most)
        except ClientGone:
            return None
        source.set_body(body)
        _check_room()
    return await _call_in_thread(app, source)


async def _call_in_thread(app: App, source: Source) -> Outgoing:
    found: Outgoing = await run_in_thread(
        call, app, environ_of(source), give_back=drop, make_error=TooMuch
    )
    return found


def environ_of(source: Source) -> WSGIEnvironment:
    """Return the environ of a request that an app is called with as a WSGI server would."""
    environ = source.environ()
    if watchers:
        environ[KEY] = find_exchange(source.scope)
    return environ


def call(app: App, environ: WSGIEnvironment) -> Outgoing:
    """Call an app as WSGI has it; return what it answers.

    Raises ValueError for what must not go out, AssertionError if it has not called start_response.
    """
    started: list[Any] = []
    written: list[bytes] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started[:] = [status, unusual_of(app, environ, headers)]
        return written.append

    body: Any = app(environ, start)
    close = getattr(body, "close", None)
    pieces: Iterator[bytes] | None = None
    try:
        if not started and type(body) is not list:
            # A generator may call start_response with its first piece.
            pieces = iter(body)
            written.append(next(pieces, b""))
        if not started:
            raise AssertionError("The app answered without calling start_response.")
        status, headers = started
        code = status[:3]
        check_status(status, int(code) if code.isdecimal() else 0)
        if not inspect_headers(headers) & UNUSUAL:
            headers = list(headers)
        if written:
            body = Resumed(written, pieces or iter(body), close)
    except BaseException:
        if close is not None:
            close()
        raise
    return body, status, headers


class Resumed:
    """A body of which the first pieces have been taken or written."""

    def __init__(self, first: list[bytes], rest: Iterator[bytes], close: Any) -> None:
        self._pieces = chain(first, rest)
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Tell the app that nothing more is wanted."""
        if self._close is not None:
            self._close()
