"""The end of a request: its teardown functions run, and its context is left.

Rule: whatever happened before, no context is active afterwards that was not before the request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from kolben.core.context import AppContext, RequestContext
from kolben.core.current import current, find_context
from kolben.core.cycle import tear_down_app_async, tear_down_request_async
from kolben.typing import App

# Runs a coroutine to its end, also if the task that waits for it is cancelled meanwhile.
Unbroken = Callable[[Coroutine[Any, Any, None]], Awaitable[None]]


def leave(app: App, context: RequestContext, failure: BaseException | None) -> None:
    """End a request: pop its context, and so run its teardown functions.

    failure: what went wrong in it; None if nothing did. Nothing is torn down while a stream
    holds the context.
    """
    environ = context.request.__dict__.get("environ", {})
    preserve = environ.get("werkzeug.debug.preserve_context")
    if preserve is not None:
        context.keeps_g = True
        preserve(context)
    if find_context() is not context:
        pop_leaked(app, context)
    context.pop(None if failure is not None and app.should_ignore_error(failure) else failure)


async def leave_async(
    app: App, context: RequestContext, failure: BaseException | None, unbroken: Unbroken
) -> None:
    """End a request on the event loop, in the task that began it; or a copy of its context."""
    if find_context() is not context:
        pop_leaked(app, context)
    plan = context.plan
    if failure is None and not (plan and plan.hooks.teardown) and context.end_quietly():
        return
    if failure is not None and app.should_ignore_error(failure):
        failure = None
    if app.engine.by_steps:
        await app.ensure_async(context.pop)(failure)
        return
    try:
        if context.is_last_push():
            context.is_torn_down = True  # whatever comes of it
            await unbroken(_tear_down_async(app, context, failure))
    finally:
        context.pop(failure)


async def _tear_down_async(app: App, context: RequestContext, exc: BaseException | None) -> None:
    """Run a request's teardown functions, then those of its app."""
    request = context.request
    try:
        await tear_down_request_async(app, context, exc)
    finally:
        if context.end_request():
            try:
                await tear_down_app_async(app, exc)
            finally:
                context.is_over = False
                context.request = request  # pyright: ignore[reportAttributeAccessIssue]


async def release_async(context: RequestContext, hold: object, exc: BaseException | None) -> None:
    """End a hold() of a context on the event loop; see AppContext.release()."""
    app = context.app
    if app.engine.by_steps:
        await app.ensure_async(context.release)(hold, exc)
    elif context.let_go(hold):
        exc, context._failure = exc or context._failure, None
        token = current.set(context)
        try:
            await _tear_down_async(app, context, exc)
        finally:
            current.reset(token)
            context._announce_popped(is_last=True)


def take_out(context: AppContext, exc: BaseException | None = None) -> None:
    """Pop a context wherever it stands among the active ones; those above it stay active.

    Raises what its teardown functions raise, when that is done.
    """
    above: list[AppContext] = []
    active = find_context()
    while active is not None and active is not context:
        above.append(active)
        active._leave()
        active = find_context()
    _inherit(context, above[::-1])
    if active is None:  # it was pushed in another thread or task
        current.set(context)
    try:
        context.pop(exc)
    finally:
        if active is None:
            current.set(None)
        for other in reversed(above):
            other._tokens = (*other._tokens, current.set(other))


def _inherit(context: AppContext, above: list[AppContext]) -> None:
    """Give those above a context what they have of it: the request around it, and its `g`."""
    heir: RequestContext | None = None
    for other in above:
        if other._outer_request is context:
            if other.request_context is context:  # what it shows as its request
                other.__dict__.pop("request", None)
            other._outer_request = context._outer_request
        if isinstance(other, RequestContext) and other._owner is context:
            if heir is None:
                other.__dict__["g"] = context.g
            other._owner = heir
            heir = heir or other


def pop_leaked(app: App, context: RequestContext) -> None:
    """Pop the contexts that a view pushed and left behind."""
    active = find_context()
    while active is not None and active is not context:
        app.logger.warning(
            "%r was pushed during %r and never popped. Use it in a with statement.",
            active,
            context,
        )
        try:
            active.pop()
        except Exception:  # what it leaves behind must not keep the request's own
            app.logger.exception("%r could not be torn down.", active)
        active = find_context()
