"""The steps of the cycle, taken one by one or not at all."""

from __future__ import annotations

from kolben import (
    Flask,
    Response,
)
from kolben.core.cycle import run


def test_the_steps_can_be_taken_one_by_one(app: Flask) -> None:
    app.add_url_rule("/<name>", "view", lambda name: f"hello {name}")
    with app.test_request_context("/you"):
        assert app.preprocess_request() is None
        answer = app.dispatch_request()
        assert answer == "hello you"
        response = app.process_response(app.make_response(answer))
        assert response.get_data(as_text=True) == "hello you"
        app.do_teardown_request()
        assert app.full_dispatch_request().data == b"hello you"
    with app.app_context():
        app.do_teardown_appcontext()


def test_a_text_that_nobody_looks_at_becomes_no_response() -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "view", lambda: "text")
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "4")]
    with app.test_request_context() as context:
        assert run(app, context, context.plan) == ([b"text"], "200 OK", headers)
    app.after_request(lambda response: response)
    with app.test_request_context() as context:
        assert isinstance(run(app, context, context.plan), Response)


def test_a_context_that_was_not_matched_is_matched_when_dispatched(app: Flask) -> None:
    app.add_url_rule("/", "view", lambda: "found")
    context = app.test_request_context("/")
    with context:
        context.plan = None
        assert app.preprocess_request() is None
        assert app.dispatch_request() == "found"
