"""The request cycle of an app that overrides none of its steps: hooks, view, hooks again.

What waits has a twin named `..._async`, for the event loop; tests/core/test_twins.py holds that the
two differ by the waiting alone.
"""

from __future__ import annotations

from typing import Any

from kolben.core.context import RequestContext
from kolben.core.errors import answer_error, answer_error_async
from kolben.core.hooks import Hooks, checked_response
from kolben.core.plan import Plan
from kolben.core.returns import make_response, page_of
from kolben.signals import (
    announce,
    announce_async,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)
from kolben.typing import App, Outgoing, Request, Response


def run(app: App, context: RequestContext, plan: Plan) -> Response | Outgoing:
    """Answer a matched request whose context is active; raise what no handler answers."""
    hooks = plan.hooks
    answer = None
    try:
        if request_started.receivers:
            announce(request_started, app)
        if hooks.come_before:
            answer = run_before(hooks, context.request)
            plan = plan_now(app, context.request, plan)
        if answer is None:
            arguments = context.request.view_args
            answer = plan.view(**arguments) if arguments else plan.view()
    except Exception as error:
        answer = answer_error(app, error)
    # None where someone may look at the response before it is sent, or add to it.
    # PERF: asked here, not in a function: 0.10 us instead of 0.13 us (benchmarks/shortcuts.py).
    page = (
        None
        if hooks.after or context.is_watched or context.has_cookie or request_finished.receivers
        else page_of(app, answer)
    )
    if page is not None:
        return page
    response = run_after(app, context, make_response(app, answer))
    if request_finished.receivers:
        announce(request_finished, app, response=response)
    return response


async def run_async(app: App, context: RequestContext, plan: Plan) -> Response | Outgoing:
    """Answer a matched request whose context is active; raise what no handler answers."""
    hooks = plan.hooks
    answer = None
    try:
        if request_started.receivers:
            await announce_async(request_started, app)
        if hooks.come_before:
            answer = await run_before_async(hooks, context.request)
            plan = plan_now(app, context.request, plan)
        if answer is None:
            arguments = context.request.view_args
            answer = await (plan.view_async(**arguments) if arguments else plan.view_async())
    except Exception as error:
        answer = await answer_error_async(app, error)
    # None where someone may look at the response before it is sent, or add to it.
    # PERF: asked here, not in a function: 0.10 us instead of 0.13 us (benchmarks/shortcuts.py).
    page = (
        None
        if hooks.after or context.is_watched or context.has_cookie or request_finished.receivers
        else page_of(app, answer)
    )
    if page is not None:
        return page
    response = await run_after_async(app, context, make_response(app, answer))
    if request_finished.receivers:
        await announce_async(request_finished, app, response=response)
    return response


def plan_now(app: App, request: Request, plan: Plan) -> Plan:
    """Return the plan of a request's rule, where a hook may have put another in its place."""
    rule = request.url_rule
    if rule is plan.rule or rule is None or request.routing_exception is not None:
        return plan
    return app.engine.plan_for(rule)


def run_before(hooks: Hooks, request: Request) -> Any:
    """Run what comes before the view; what a hook returns is the answer, if it isn't None."""
    for preprocess in hooks.url_values:
        preprocess(request.endpoint, request.view_args)
    for hook in hooks.before:
        answer = hook()
        if answer is not None:
            return answer
    return None


async def run_before_async(hooks: Hooks, request: Request) -> Any:
    """Run what comes before the view; what a hook returns is the answer, if it isn't None."""
    for preprocess in hooks.url_values_async:
        await preprocess(request.endpoint, request.view_args)
    for hook in hooks.before_async:
        answer = await hook()
        if answer is not None:
            return answer
    return None


def run_after(app: App, context: RequestContext, response: Response) -> Response:
    """Run what comes after the view, the request's own functions first; save the session."""
    for function in context._after_request_functions if context.is_watched else ():
        response = checked_response(app.ensure_sync(function)(response), function)
    for hook in hooks_of(app, context).after:
        response = checked_response(hook(response), hook)
    if _keeps_session(app, context):
        save_session(app, context, response)
    return response


async def run_after_async(app: App, context: RequestContext, response: Response) -> Response:
    """Run what comes after the view, the request's own functions first; save the session."""
    for function in context._after_request_functions if context.is_watched else ():
        response = checked_response(await app.ensure_async(function)(response), function)
    for hook in hooks_of(app, context).after_async:
        response = checked_response(await hook(response), hook)
    if _keeps_session(app, context):
        await save_session_async(app, context, response)
    return response


def hooks_of(app: App, context: RequestContext) -> Hooks:
    """Return the hooks of a request; the app's own alone if it was never matched."""
    plan = context.plan
    return app.engine.hooks_for(()) if plan is None else plan.hooks


def _keeps_session(app: App, context: RequestContext) -> bool:
    """Say whether the session was opened, or has to be sent again though nobody touched it."""
    if context.has_session or not app.engine.opens_session_late:
        return True
    if not context.has_cookie:
        return False
    interface: Any = app.session_interface  # the built-in one
    return bool(interface._may_refresh(app, context.request))


def save_session(app: App, context: RequestContext, response: Response) -> None:
    """Write a request's session into its response or store."""
    session = context._session
    interface = app.session_interface
    if not interface.is_null_session(session):
        interface.save_session(app, session, response)


async def save_session_async(app: App, context: RequestContext, response: Response) -> None:
    """Write a request's session into its response; one of another kind in a thread, as a store
    may have to be waited for.
    """
    if app.engine.opens_session_late:
        save_session(app, context, response)
    else:
        await app.ensure_async(save_session)(app, context, response)


def tear_down_request(app: App, context: RequestContext, exc: BaseException | None) -> None:
    """Run a request's teardown_request functions."""
    for hook in hooks_of(app, context).teardown:
        hook(exc)
    if request_tearing_down.receivers:
        announce(request_tearing_down, app, exc=exc)


async def tear_down_request_async(
    app: App, context: RequestContext, exc: BaseException | None
) -> None:
    """Run a request's teardown_request functions."""
    for hook in hooks_of(app, context).teardown_async:
        await hook(exc)
    if request_tearing_down.receivers:
        await announce_async(request_tearing_down, app, exc=exc)


def tear_down_app(app: App, exc: BaseException | None) -> None:
    """Run the app's teardown_appcontext functions, the last registered first."""
    for function in reversed(app.teardown_appcontext_funcs):
        app.ensure_sync(function)(exc)
    if appcontext_tearing_down.receivers:
        announce(appcontext_tearing_down, app, exc=exc)


async def tear_down_app_async(app: App, exc: BaseException | None) -> None:
    """Run the app's teardown_appcontext functions, the last registered first."""
    for function in reversed(app.teardown_appcontext_funcs):
        await app.ensure_async(function)(exc)
    if appcontext_tearing_down.receivers:
        await announce_async(appcontext_tearing_down, app, exc=exc)
