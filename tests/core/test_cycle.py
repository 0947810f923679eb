"""The cycle runs hooks, view and hooks in Flask's order, whether or not steps are overridden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kolben import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    g,
    request,
    request_finished,
    request_started,
    session,
)


class ByStep(Flask):
    """Overrides a step, so that the engine goes through all of them."""

    def dispatch_request(self) -> Any:
        return super().dispatch_request()


@pytest.fixture(params=[Flask, ByStep], ids=["run", "by steps"])
def app(request: pytest.FixtureRequest) -> Flask:
    app: Flask = request.param(__name__)
    app.secret_key = "k"
    assert app.engine.by_steps is (request.param is ByStep)
    return app


def note(said: list[str], word: str) -> Callable[..., None]:
    def hook(*args: Any) -> None:
        said.append(word)

    return hook


def note_after(said: list[str], word: str) -> Callable[[Response], Response]:
    def hook(response: Response) -> Response:
        said.append(word)
        return response

    return hook


def test_hooks_run_in_order(app: Flask) -> None:
    said: list[str] = []
    blueprint = Blueprint("bp", __name__)
    for owner, name in ((app, "app"), (blueprint, "bp")):
        owner.url_value_preprocessor(note(said, f"{name} values"))
        owner.before_request(note(said, f"{name} before"))
        owner.after_request(note_after(said, f"{name} after"))
        owner.teardown_request(note(said, f"{name} teardown"))
    app.teardown_appcontext(note(said, "app context"))

    @blueprint.get("/")
    def view() -> str:
        after_this_request(note_after(said, "this"))
        said.append("view")
        return ""

    app.register_blueprint(blueprint)
    assert app.test_client().get("/").status_code == 200
    assert said == [
        "app values",
        "bp values",
        "app before",
        "bp before",
        "view",
        "this",
        "bp after",
        "app after",
        "bp teardown",
        "app teardown",
        "app context",
    ]


def test_a_before_hook_answers_instead_of_the_view(app: Flask) -> None:
    app.before_request(lambda: ("early", 202))
    app.before_request(lambda: pytest.fail("a later hook ran"))
    app.add_url_rule("/", "view", lambda: pytest.fail("the view ran"))
    response = app.test_client().get("/")
    assert (response.status_code, response.text) == (202, "early")


def test_hooks_of_an_unknown_path_are_the_apps(app: Flask) -> None:
    seen: list[Any] = []
    app.url_value_preprocessor(lambda endpoint, values: seen.append((endpoint, values)))
    app.before_request(lambda: seen.append(request.routing_exception))
    assert app.test_client().get("/nothing").status_code == 404
    assert seen[0] == (None, None)
    assert seen[1].code == 404


def test_a_preprocessor_changes_the_values(app: Flask) -> None:
    @app.url_value_preprocessor
    def take_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
        assert values is not None
        g.language = values.pop("language")

    app.add_url_rule("/<language>/<word>", "view", lambda word: f"{g.language} {word}")
    assert app.test_client().get("/de/Kolben").text == "de Kolben"


def test_hooks_may_be_async(app: Flask) -> None:
    @app.before_request
    async def before() -> None:
        g.said = ["before"]

    @app.after_request
    async def after(response: Response) -> Response:
        response.headers["X-Said"] = " ".join([*g.said, "after"])
        return response

    @app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        g.said.append("teardown")

    @app.get("/")
    async def view() -> str:
        g.said.append("view")

        @after_this_request
        async def this(response: Response) -> Response:
            g.said.append("this")
            return response

        return "awaited"

    response = app.test_client().get("/")
    assert (response.text, response.headers["X-Said"]) == ("awaited", "before view this after")


@pytest.mark.parametrize("returned", [None, "text"])
@pytest.mark.parametrize("which", ["app", "this"])
def test_an_after_hook_that_returns_no_response_is_named(
    app: Flask, returned: Any, which: str
) -> None:
    app.testing = True

    def bad_hook(response: Response) -> Any:
        return returned

    @app.get("/")
    def view() -> str:
        if which == "this":
            after_this_request(bad_hook)
        return ""

    if which == "app":
        app.after_request(bad_hook)
    with pytest.raises(TypeError, match="bad_hook' returned"):
        app.test_client().get("/")


def test_another_rule_that_a_hook_puts_in_place_is_called(app: Flask) -> None:
    app.add_url_rule("/old", "old", lambda: "old")
    app.add_url_rule("/new", "new", lambda: "new")

    @app.before_request
    def rewrite() -> None:
        [rule] = [rule for rule in app.url_map.iter_rules() if rule.endpoint == "new"]
        request.url_rule = rule

    assert app.test_client().get("/old").text == "new"


def test_options_are_answered_without_the_view(app: Flask) -> None:
    app.add_url_rule("/<int:n>", "view", lambda n: "", methods=["GET", "PUT"])
    response = app.test_client().options("/1")
    assert sorted(response.allow) == ["GET", "HEAD", "OPTIONS", "PUT"]
    assert response.data == b""


def test_an_endpoint_without_function_is_an_error(app: Flask) -> None:
    app.testing = True
    app.add_url_rule("/", "nobody")
    with pytest.raises(KeyError, match="nobody"):
        app.test_client().get("/")


def test_signals_frame_the_request(app: Flask) -> None:
    said: list[Any] = []

    def started(sender: Flask, **rest: Any) -> None:
        said.append("started")

    def finished(sender: Flask, response: Response, **rest: Any) -> None:
        said.append(response.status_code)

    request_started.connect(started, app)
    request_finished.connect(finished, app)
    app.before_request(lambda: said.append("before"))
    app.add_url_rule("/", "view", lambda: ("", 201))
    app.test_client().get("/")
    assert said == ["started", "before", 201]


def test_a_session_nobody_touches_is_neither_opened_nor_sent(app: Flask) -> None:
    app.add_url_rule("/", "view", lambda: "")
    app.add_url_rule("/set", "set", lambda: str(session.setdefault("a", 1)))
    client = app.test_client()
    assert "Vary" not in client.get("/").headers
    assert "Set-Cookie" in client.get("/set").headers
    response = client.get("/")
    assert "Set-Cookie" not in response.headers
    assert "Vary" not in response.headers


@pytest.mark.parametrize("refresh", [True, False])
def test_a_permanent_session_is_refreshed_as_configured(app: Flask, refresh: bool) -> None:
    app.config["SESSION_REFRESH_EACH_REQUEST"] = refresh

    @app.get("/set")
    def set_it() -> str:
        session.permanent = True
        session["a"] = 1
        return ""

    app.add_url_rule("/", "view", lambda: "")
    client = app.test_client()
    client.get("/set")
    response = client.get("/")
    assert ("Set-Cookie" in response.headers) is refresh
    assert ("Vary" in response.headers) is refresh


def test_without_a_key_the_session_is_null_and_says_so(app: Flask) -> None:
    app.secret_key = None
    app.testing = True

    @app.get("/")
    def view() -> str:
        assert session.get("a") is None
        session["a"] = 1
        return ""

    with pytest.raises(RuntimeError, match="secret_key"):
        app.test_client().get("/")


def test_a_null_session_is_never_saved(app: Flask) -> None:
    app.secret_key = None
    app.add_url_rule("/", "view", lambda: str(session.get("a")))
    response = app.test_client().get("/")
    assert response.text == "None"
    assert "Set-Cookie" not in response.headers


def test_an_error_after_an_answered_error_is_logged(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    @app.after_request
    def fail(response: Response) -> Response:
        raise ValueError("in a hook")

    app.add_url_rule("/", "view", lambda: "")
    assert app.test_client().get("/").status_code == 500
    assert "A hook failed" in caplog.text


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


def test_a_context_that_was_not_matched_is_matched_when_dispatched(app: Flask) -> None:
    app.add_url_rule("/", "view", lambda: "found")
    context = app.test_request_context("/")
    with context:
        context.plan = None
        assert app.preprocess_request() is None
        assert app.dispatch_request() == "found"
