"""The request cycle: hooks, view, response, hooks again.

`run` is the whole of it for an app that overrides none of its steps. `full_dispatch` and the
functions after it are the same steps one by one, for apps that override some.
"""

from __future__ import annotations

import sys
from typing import Any

from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.core.context import BEING_HANDLED, RequestContext
from kolben.core.current import the_request_context
from kolben.core.hooks import Hooks
from kolben.core.plan import Plan
from kolben.core.returns import make_response
from kolben.signals import (
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)
from kolben.typing import App, Request, Response


def run(app: App, context: RequestContext, plan: Plan) -> Response:
    """Answer a matched request whose context is active; raise what no handler answers."""
    request = context.request
    hooks = plan.hooks
    try:
        if request_started.receivers:
            request_started.send(app, _async_wrapper=app.ensure_sync)
        answer = None
        if hooks.before or hooks.url_values:
            answer = run_before(hooks, request)
        if answer is None:
            answer = call_view(app, context, plan)
    except Exception as error:
        answer = app.handle_user_exception(error)
    response = run_after(app, context, make_response(app, answer))
    if request_finished.receivers:
        request_finished.send(app, _async_wrapper=app.ensure_sync, response=response)
    return response


def run_before(hooks: Hooks, request: Request) -> Any:
    """Run what comes before the view; what a hook returns is the answer, if it isn't None."""
    for preprocess in hooks.url_values:
        preprocess(request.endpoint, request.view_args)
    for hook in hooks.before:
        answer = hook()
        if answer is not None:
            return answer
    return None


def call_view(app: App, context: RequestContext, plan: Plan) -> Any:
    """Call the view with the values of the path; it raises for a request that has no rule."""
    request = context.request
    rule = request.url_rule
    if rule is not plan.rule and rule is not None and request.routing_exception is None:
        plan = app.engine.plan_for(rule)  # a hook put another rule in its place
    arguments = request.view_args
    return plan.view(**arguments) if arguments else plan.view()


def run_after(app: App, context: RequestContext, response: Response) -> Response:
    """Run what comes after the view, the request's own functions first; save the session."""
    for function in context._after_request_functions:
        response = _checked(app.ensure_sync(function)(response), function)
    for hook in _hooks(app, context).after:
        response = _checked(hook(response), hook)
    _save_session(app, context, response)
    return response


def _checked(response: Any, hook: Any) -> Response:
    """Return what a hook returned; TypeError, which names the hook, if that is no response."""
    if isinstance(response, WerkzeugResponse):
        return response  # type: ignore[return-value]  # FLASK: of whatever class
    name = getattr(hook, "__qualname__", repr(hook))
    raise TypeError(
        f"The after_request function {name!r} returned {response!r:.80}. Return the response that"
        " it was given, or another one."
    )


def _hooks(app: App, context: RequestContext) -> Hooks:
    """Return the hooks of a request; the app's own alone if it was never matched."""
    plan = context.plan
    return app.engine.hooks_for(()) if plan is None else plan.hooks


def _save_session(app: App, context: RequestContext, response: Response) -> None:
    """Save the session, unless it was never opened and has not to be refreshed."""
    interface = app.session_interface
    if (
        "_session" not in context.__dict__
        and app.engine.opens_session_late
        and not _refreshes_session(app, context.request)
    ):
        return
    session = context._session
    if not interface.is_null_session(session):
        interface.save_session(app, session, response)


def _refreshes_session(app: App, request: Request) -> bool:
    """Say whether a session that nobody touched may have to be sent again."""
    return (
        "HTTP_COOKIE" in request.environ
        and app.config["SESSION_REFRESH_EACH_REQUEST"]
        and app.session_interface.get_cookie_name(app) in request.cookies
    )


# The steps.


def full_dispatch(app: App) -> Response:
    """Run all steps through the app's methods; raise what no handler answers."""
    if not app._got_first_request:
        app._got_first_request = True
    try:
        if request_started.receivers:
            request_started.send(app, _async_wrapper=app.ensure_sync)
        answer = app.preprocess_request()
        if answer is None:
            answer = app.dispatch_request()
    except Exception as error:
        answer = app.handle_user_exception(error)
    return app.finalize_request(answer)


def preprocess(app: App) -> Any:
    """Run the current request's url_value_preprocessor and before_request functions."""
    context = the_request_context()
    return run_before(_hooks(app, context), context.request)


def dispatch(app: App) -> Any:
    """Call the current request's view."""
    context = the_request_context()
    plan = context.plan
    if plan is None:
        context.match_request()
        plan = context.plan
        assert plan is not None
    return call_view(app, context, plan)


def finalize(app: App, answer: Any, from_error_handler: bool) -> Response:
    """Make the response and run what comes after the view.

    from_error_handler: errors in the hooks are logged, as the response is one already.
    """
    response = app.make_response(answer)
    try:
        response = app.process_response(response)
        if request_finished.receivers:
            request_finished.send(app, _async_wrapper=app.ensure_sync, response=response)
    except Exception:
        if not from_error_handler:
            raise
        app.logger.exception(
            "A hook failed after an error was answered; the answer is sent as it is."
        )
    return response


def process_response(app: App, response: Response) -> Response:
    """Run the current request's after_request functions and save its session."""
    return run_after(app, the_request_context(), response)


def tear_down_request(app: App, exc: BaseException | None) -> None:
    """Run the current request's teardown_request functions."""
    for hook in _hooks(app, the_request_context()).teardown:
        hook(exc)
    if request_tearing_down.receivers:
        request_tearing_down.send(app, _async_wrapper=app.ensure_sync, exc=exc)


def tear_down_app(app: App, exc: BaseException | None) -> None:
    """Run the app's teardown_appcontext functions, the last registered first."""
    for function in reversed(app.teardown_appcontext_funcs):
        app.ensure_sync(function)(exc)
    if appcontext_tearing_down.receivers:
        appcontext_tearing_down.send(app, _async_wrapper=app.ensure_sync, exc=exc)


def being_handled(exc: Any) -> BaseException | None:
    """Return `exc`; for the stand-in of "not given", the exception being handled."""
    return sys.exc_info()[1] if exc is BEING_HANDLED else exc
