"""The steps of the request cycle one by one, for apps that override some of them."""

from __future__ import annotations

import sys
from typing import Any

from kolben.core.context import BEING_HANDLED
from kolben.core.current import the_request_context
from kolben.core.cycle import hooks_of, plan_now, run_after, run_before
from kolben.signals import announce, request_finished, request_started
from kolben.typing import App, Response


def full_dispatch(app: App) -> Response:
    """Run all steps through the app's methods; raise what no handler answers."""
    if not app._got_first_request:
        app._got_first_request = True
    try:
        if request_started.receivers:
            announce(request_started, app)
        answer = app.preprocess_request()
        if answer is None:
            answer = app.dispatch_request()
    except Exception as error:
        answer = app.handle_user_exception(error)
    return app.finalize_request(answer)


def preprocess(app: App) -> Any:
    """Run the current request's url_value_preprocessor and before_request functions."""
    context = the_request_context()
    return run_before(hooks_of(app, context), context.request)


def dispatch(app: App) -> Any:
    """Call the current request's view."""
    context = the_request_context()
    plan = context.plan
    if plan is None:
        context.match_request()
        plan = context.plan
        assert plan is not None
    plan = plan_now(app, context.request, plan)
    arguments = context.request.view_args
    return plan.view(**arguments) if arguments else plan.view()


def finalize(app: App, answer: Any, from_error_handler: bool) -> Response:
    """Make the response and run what comes after the view.

    from_error_handler: errors in the hooks are logged, as the response is one already.
    """
    response = app.make_response(answer)
    try:
        response = app.process_response(response)
        if request_finished.receivers:
            announce(request_finished, app, response=response)
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


def being_handled(exc: Any) -> BaseException | None:
    """Return `exc`; for the stand-in of "not given", the exception being handled."""
    return sys.exc_info()[1] if exc is BEING_HANDLED else exc
