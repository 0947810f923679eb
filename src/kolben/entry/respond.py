"""The whole of a request: its context entered, the cycle run, the context left.

`respond` is for WSGI and for the threads of the other entries, `respond_async` for event loops.
A start_response is given a list and no subclass of it, as PEP 3333 demands.
"""

from __future__ import annotations

import sys
from typing import Any

from kolben.core import cycle
from kolben.core.context import RequestContext
from kolben.core.ending import leave, leave_async
from kolben.entry.awaitable import in_thread, unbroken
from kolben.entry.forked_child import end_child
from kolben.entry.outgoing import drop, outgoing
from kolben.typing import App, Outgoing, Response, StartResponse


def respond(
    app: App, context: RequestContext, is_head: bool, start_response: StartResponse | None = None
) -> Outgoing:
    """Run a request's cycle in its context; WSGI's start_response is called while it is current."""
    engine = app.engine
    failure: BaseException | None = None
    found: Outgoing | None = None
    answer: Response | Outgoing | None = None
    try:
        try:
            if engine.by_steps:
                context.push()
                answer = app.full_dispatch_request()
            else:
                answer = cycle.run(app, context, context.begin(engine))
            # PERF: without a call for what is ready to go: 0.05 us instead of 0.09 us
            # (benchmarks/shortcuts.py).
            if type(answer) is tuple and not is_head:
                found = answer
            else:
                found = outgoing(answer, context.request, is_head)
        except Exception as error:
            failure = _unless_taken(error, answer)
            found = outgoing(answer := app.handle_exception(error), context.request, is_head)
        if context._holds:
            _end_streams(context, answer, found, is_head)
        if start_response is not None:
            start_response(found[1], found[2] if type(found[2]) is list else list(found[2]))
    except BaseException as error:
        failure = _give_up(context, found, failure, error)
        found = None
        raise
    finally:
        try:
            if failure is not None or not context.end_quietly():
                leave(app, context, failure)
        except BaseException:
            drop(found)
            raise
    return found  # pyright: ignore[reportReturnType]  # it is None only where something is raised


def _give_up(
    context: RequestContext,
    found: Outgoing | None,
    failure: BaseException | None,
    error: BaseException,
) -> BaseException | None:
    """Drop an answer that is not sent; return what its request failed of."""
    end_child(error)
    drop(found)
    context.drop_holds()
    if found is not None:
        return failure  # start_response failed, not the request
    is_taken = failure is None and isinstance(error, StopIteration)
    return None if is_taken else error


def _unless_taken(error: Exception, answer: object) -> Exception:
    """Return an error; raise it if a response says by it that it has taken the connection.

    FLASK: gunicorn expects a StopIteration then, which Flask-Sock's responses raise.
    """
    if answer is not None and isinstance(error, StopIteration):
        raise error
    return error


async def respond_async(app: App, context: RequestContext, is_head: bool) -> Outgoing:
    """Run a request's cycle in its context, which has been matched; on the event loop."""
    failure: BaseException | None = None
    found: Outgoing | None = None
    answer: Response | Outgoing
    try:
        try:
            plan = context.begin(app.engine, opens_session=False)
            if not app.engine.opens_session_late:
                await app.ensure_async(context.open_session)()  # a store may have to be waited for
            answer = await cycle.run_async(app, context, plan)
            found = outgoing(answer, context.request, is_head)
        except Exception as error:
            failure = error
            answer = await app.ensure_async(app.handle_exception)(error)
            found = outgoing(answer, context.request, is_head)
        if context._holds:
            _end_streams(context, answer, found, is_head)
    except BaseException:
        failure = end_child(sys.exc_info()[1])
        context.drop_holds()
        raise
    finally:
        try:
            await leave_async(app, context, failure, unbroken)
        except BaseException:
            await unbroken(in_thread(drop)(found))
            raise
    assert found is not None  # else something was raised
    return found


def _end_streams(context: RequestContext, answer: Any, found: Outgoing, is_head: bool) -> None:
    """Let the teardown wait for no stream that is not sent: not for one that was thrown away."""
    body, status, _ = found
    if is_head or type(body) is list or status[:3] in {"204", "304"}:
        context.drop_holds()
    else:
        answer.call_on_close(context.drop_holds)
