"""Each step of the cycle can be overridden, and the others go on around it."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from kolben import Flask, Response, g, request, request_finished, request_started
from kolben.core import steps
from kolben.core.context import BEING_HANDLED
from tests.wires import MakeClient

STEPS: dict[str, Any] = {
    "full_dispatch_request": lambda own: own(),
    "preprocess_request": lambda own: own(),
    "dispatch_request": lambda own: own(),
    "finalize_request": lambda own, answer, from_error_handler=False: own(
        answer, from_error_handler
    ),
    "make_response": lambda own, answer: own(answer),
    "process_response": lambda own, response: own(response),
    "do_teardown_request": lambda own, *args: own(*args),
    "do_teardown_appcontext": lambda own, *args: own(*args),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_each_step_can_be_overridden_on_the_app(
    app: Flask, wire: MakeClient, step: str, kind: str
) -> None:
    called: list[str] = []
    own = getattr(app, step)

    def overridden(*args: Any, **kwargs: Any) -> Any:
        called.append(step)
        return STEPS[step](own, *args, **kwargs)

    setattr(app, step, overridden)

    if kind == "plain":

        @app.get("/<name>")
        def view(name: str) -> str:
            return f"hello {name}"
    else:

        @app.get("/<name>")
        async def waiting(name: str) -> str:
            return f"hello {name}"

    client = wire(app)
    assert [client.get(path).text for path in ("/a", "/b")] == ["hello a", "hello b"]
    assert called == [step] * 2


@pytest.fixture
def by_steps(app: Flask) -> Flask:
    """An app that goes by steps, and answers errors."""
    app.testing = False
    app.dispatch_request = app.dispatch_request  # type: ignore[method-assign]
    assert app.engine.by_steps
    return app


def test_signals_and_hooks_frame_the_steps(by_steps: Flask, wire: MakeClient) -> None:
    said: list[str] = []

    def started(sender: Flask, **rest: Any) -> None:
        said.append("started")

    def finished(sender: Flask, response: Response, **rest: Any) -> None:
        said.append(f"finished {response.status_code}")

    by_steps.before_request(lambda: said.append("before"))
    by_steps.add_url_rule("/", "view", lambda: "")
    with (
        request_started.connected_to(started, by_steps),
        request_finished.connected_to(finished, by_steps),
    ):
        wire(by_steps).get("/")
    assert said == ["started", "before", "finished 200"]


def test_a_before_hook_answers_instead_of_the_view(by_steps: Flask, wire: MakeClient) -> None:
    by_steps.before_request(lambda: "early")
    by_steps.add_url_rule("/", "view", lambda: pytest.fail("the view ran"))
    assert wire(by_steps).get("/").text == "early"


def test_an_error_is_answered_by_its_handler(by_steps: Flask, wire: MakeClient) -> None:
    by_steps.register_error_handler(LookupError, lambda error: (str(error), 409))

    @by_steps.get("/")
    def view() -> str:
        raise LookupError("no such thing")

    answer = wire(by_steps).get("/")
    assert (answer.status, answer.text) == (409, "no such thing")


def test_an_error_after_the_view_is_a_500_and_one_after_that_is_logged(
    by_steps: Flask, wire: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    @by_steps.after_request
    def fail(response: Response) -> Response:
        raise ValueError("in a hook")

    by_steps.add_url_rule("/", "view", lambda: "")
    assert wire(by_steps).get("/").status == 500
    assert "A hook failed after an error was answered" in caplog.text


def test_a_rule_put_in_place_by_a_hook_is_dispatched(by_steps: Flask, wire: MakeClient) -> None:
    by_steps.add_url_rule("/old/<name>", "old", lambda name: "old")
    by_steps.add_url_rule("/new/<name>", "new", lambda name: f"new {name}")

    @by_steps.before_request
    def rewrite() -> None:
        [rule] = [rule for rule in by_steps.url_map.iter_rules() if rule.endpoint == "new"]
        request.url_rule = rule

    assert wire(by_steps).get("/old/a").text == "new a"


def test_steps_can_be_taken_one_by_one(app: Flask) -> None:
    app.add_url_rule("/", "view", lambda: g.said)

    @app.before_request
    def before() -> None:
        g.said = "said before"

    context = app.test_request_context("/")
    with context:
        context.plan = None  # of a context that was made and pushed by hand
        assert steps.preprocess(app) is None
        answer = steps.dispatch(app)
        response = steps.process_response(app, app.make_response(answer))
        assert response.get_data(as_text=True) == "said before"
        assert steps.finalize(app, "other", False).data == b"other"
        assert steps.full_dispatch(app).data == b"said before"
        assert app._got_first_request


def test_who_does_not_say_which_error_means_the_one_being_handled() -> None:
    error = ValueError()
    assert steps.being_handled(BEING_HANDLED) is None
    assert steps.being_handled(error) is error
    try:
        raise error
    except ValueError:
        assert steps.being_handled(BEING_HANDLED) is error is sys.exc_info()[1]
        assert steps.being_handled(None) is None
