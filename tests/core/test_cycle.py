"""The cycle runs hooks, view and hooks in Flask's order: on each entry, plain or async, by steps or
not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kolben import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    appcontext_tearing_down,
    g,
    request,
    request_finished,
    request_started,
    request_tearing_down,
    session,
)
from kolben.sessions import SecureCookieSessionInterface
from tests.kinds import Written, left_plain, made_async
from tests.wires import MakeClient


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


def test_hooks_run_in_order(
    app: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    said: list[str] = []
    blueprint = Blueprint("bp", __name__)
    for owner, name in ((app, "app"), (blueprint, "bp")):
        owner.url_value_preprocessor(hooked(note(said, f"{name} values")))
        owner.before_request(hooked(note(said, f"{name} before")))
        owner.after_request(hooked(note_after(said, f"{name} after")))
        owner.teardown_request(hooked(note(said, f"{name} teardown")))
    app.teardown_appcontext(hooked(note(said, "app context")))

    @blueprint.get("/")
    @written
    def view() -> str:
        after_this_request(hooked(note_after(said, "this")))
        said.append("view")
        return ""

    app.register_blueprint(blueprint)
    assert wire(app).get("/").status == 200
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


def test_plain_and_async_hooks_keep_their_order(
    app: Flask, wire: MakeClient, written: Written
) -> None:
    said: list[str] = []
    for number in range(6):
        kind = made_async if number % 3 == 1 else left_plain
        app.before_request(kind(note(said, f"before {number}")))
        app.after_request(kind(note_after(said, f"after {number}")))
        app.teardown_request(kind(note(said, f"teardown {number}")))
    app.add_url_rule("/", "view", written(lambda: ""))
    wire(app).get("/")
    assert said == [
        *(f"before {number}" for number in range(6)),
        *(f"after {number}" for number in reversed(range(6))),
        *(f"teardown {number}" for number in reversed(range(6))),
    ]


def test_a_before_hook_answers_instead_of_the_view(
    app: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    app.before_request(hooked(lambda: None))
    app.before_request(hooked(lambda: ("early", 202)))
    app.before_request(hooked(lambda: pytest.fail("a later hook ran")))
    app.add_url_rule("/", "view", written(lambda: pytest.fail("the view ran")))
    response = wire(app).get("/")
    assert (response.status, response.text) == (202, "early")


def test_hooks_of_an_unknown_path_are_the_apps(
    app: Flask, wire: MakeClient, hooked: Written
) -> None:
    seen: list[Any] = []
    app.url_value_preprocessor(hooked(lambda endpoint, values: seen.append((endpoint, values))))
    app.before_request(hooked(lambda: seen.append(request.routing_exception)))
    assert wire(app).get("/nothing").status == 404
    assert seen[0] == (None, None)
    assert seen[1].code == 404


def test_a_preprocessor_changes_the_values(
    app: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    @app.url_value_preprocessor
    @hooked
    def take_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
        assert values is not None
        g.language = values.pop("language")

    app.add_url_rule("/<language>/<word>", "view", written(lambda word: f"{g.language} {word}"))
    assert wire(app).get("/de/Kolben").text == "de Kolben"


def test_hooks_and_view_share_g(
    app: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    seen: list[str] = []

    @app.before_request
    @hooked
    def before() -> None:
        g.said = ["before"]

    @app.after_request
    @hooked
    def after(response: Response) -> Response:
        response.headers["X-Said"] = " ".join([*g.said, "after"])
        return response

    @app.teardown_request
    @hooked
    def teardown(error: BaseException | None) -> None:
        seen.extend(g.said)

    @app.get("/")
    @written
    def view() -> str:
        g.said.append("view")

        @after_this_request
        @hooked
        def this(response: Response) -> Response:
            g.said.append("this")
            return response

        return "awaited"

    response = wire(app).get("/")
    assert (response.text, response.headers["X-Said"]) == ("awaited", "before view this after")
    assert seen == ["before", "view", "this"]


@pytest.mark.parametrize("returned", [None, "text"])
@pytest.mark.parametrize("which", ["app", "this"])
def test_an_after_hook_that_returns_no_response_is_named(
    app: Flask,
    wire: MakeClient,
    written: Written,
    hooked: Written,
    returned: Any,
    which: str,
) -> None:
    app.testing = True

    @hooked
    def bad_hook(response: Response) -> Any:
        return returned

    @app.get("/")
    @written
    def view() -> str:
        if which == "this":
            after_this_request(bad_hook)
        return ""

    if which == "app":
        app.after_request(bad_hook)
    with pytest.raises(TypeError, match="bad_hook' returned"):
        wire(app).get("/")


def test_another_rule_that_a_hook_puts_in_place_is_called(
    app: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    app.add_url_rule("/old", "old", written(lambda: "old"))
    app.add_url_rule("/plain", "plain", lambda: "plain")
    app.add_url_rule("/async", "async", made_async(lambda: "async"))

    @app.before_request
    @hooked
    def rewrite() -> None:
        [rule] = [rule for rule in app.url_map.iter_rules() if rule.endpoint in request.args]
        request.url_rule = rule

    client = wire(app)
    assert [client.get(f"/old?{kind}").text for kind in ("plain", "async")] == ["plain", "async"]


def test_options_are_answered_without_the_view(
    app: Flask, wire: MakeClient, written: Written
) -> None:
    app.add_url_rule("/<int:n>", "view", written(lambda n: ""), methods=["GET", "PUT"])
    response = wire(app).open("/1", method="OPTIONS")
    assert sorted(response.headers["Allow"].split(", ")) == ["GET", "HEAD", "OPTIONS", "PUT"]
    assert response.body == b""


def test_an_endpoint_without_function_is_an_error(app: Flask, wire: MakeClient) -> None:
    app.testing = True
    app.add_url_rule("/", "nobody")
    with pytest.raises(KeyError, match="nobody"):
        wire(app).get("/")


def test_signals_frame_the_request(
    app: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    said: list[Any] = []
    app.before_request(hooked(lambda: said.append("before")))
    app.add_url_rule("/", "view", written(lambda: ("", 201)))
    receivers = {
        request_started: hooked(lambda sender, **rest: said.append("started")),
        request_finished: hooked(
            lambda sender, response, **rest: said.append(response.status_code)
        ),
        request_tearing_down: hooked(lambda sender, exc, **rest: said.append(exc)),
        appcontext_tearing_down: hooked(lambda sender, exc, **rest: said.append("app")),
    }
    for signal, receiver in receivers.items():
        signal.connect(receiver, app)
    wire(app).get("/")
    assert said == ["started", "before", 201, None, "app"]


# Sessions.


class Blocking(SecureCookieSessionInterface):
    """An interface of the user's, which may wait for a store: here for the same cookie."""

    def open_session(self, app: Any, request: Any) -> Any:
        assert not is_on_a_loop()
        return super().open_session(app, request)

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        assert not is_on_a_loop()
        super().save_session(app, session, response)


def is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.fixture(params=["built in", "custom"])
def with_sessions(request: pytest.FixtureRequest, app: Flask) -> Flask:
    """The app with the built-in session interface, and with one of the user's."""
    if request.param == "custom":
        app.session_interface = Blocking()
    return app


def test_a_session_is_kept_from_request_to_request(
    with_sessions: Flask, wire: MakeClient, written: Written
) -> None:
    app = with_sessions

    @app.get("/")
    @written
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    client = wire(app)
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]


def test_a_session_may_be_changed_after_the_view(
    with_sessions: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    app = with_sessions

    @app.after_request
    @hooked
    def after(response: Response) -> Response:
        session["seen"] = request.path
        return response

    app.add_url_rule("/", "view", written(lambda: str(session.get("seen"))))
    client = wire(app)
    assert [client.get("/").text for _ in range(2)] == ["None", "/"]


def test_a_session_nobody_touches_is_neither_opened_nor_sent(
    app: Flask, wire: MakeClient, written: Written
) -> None:
    app.add_url_rule("/", "view", written(lambda: ""))
    app.add_url_rule("/set", "set", written(lambda: str(session.setdefault("a", 1))))
    client = wire(app)
    assert "Vary" not in client.get("/").headers
    assert "Set-Cookie" in client.get("/set").headers
    response = client.get("/")
    assert "Set-Cookie" not in response.headers
    assert "Vary" not in response.headers


@pytest.mark.parametrize("refresh", [True, False])
def test_a_permanent_session_is_refreshed_as_configured(
    app: Flask, wire: MakeClient, written: Written, refresh: bool
) -> None:
    app.config["SESSION_REFRESH_EACH_REQUEST"] = refresh

    @app.get("/set")
    @written
    def set_it() -> str:
        session.permanent = True
        session["a"] = 1
        return ""

    app.add_url_rule("/", "view", written(lambda: ""))
    client = wire(app)
    client.get("/set")
    response = client.get("/")
    assert ("Set-Cookie" in response.headers) is refresh
    assert ("Vary" in response.headers) is refresh


def test_without_a_key_the_session_is_null_and_says_so(
    app: Flask, wire: MakeClient, written: Written
) -> None:
    app.secret_key = None
    app.testing = True

    @app.get("/")
    @written
    def view() -> str:
        assert session.get("a") is None
        session["a"] = 1
        return ""

    with pytest.raises(RuntimeError, match="secret_key"):
        wire(app).get("/")


def test_a_null_session_is_never_saved(
    with_sessions: Flask, wire: MakeClient, written: Written
) -> None:
    app = with_sessions
    app.secret_key = None
    app.add_url_rule("/", "view", written(lambda: str(session.get("a"))))
    response = wire(app).get("/")
    assert response.text == "None"
    assert "Set-Cookie" not in response.headers


# Errors in the cycle.


def test_an_error_is_answered_by_its_handler_and_the_hooks_go_on(
    app: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    said: list[Any] = []
    app.after_request(hooked(note_after(said, "after")))
    app.teardown_request(hooked(said.append))

    @app.errorhandler(LookupError)
    @hooked
    def handle(error: LookupError) -> tuple[str, int]:
        return f"{error} on {request.path}", 409

    @app.get("/<where>")
    @written
    def view(where: str) -> str:
        raise LookupError("no such thing")

    response = wire(app).get("/here")
    assert (response.status, response.text) == (409, "no such thing on /here")
    assert said == ["after", None]


def test_an_error_in_a_before_hook_is_answered_too(
    app: Flask, wire: MakeClient, written: Written, hooked: Written
) -> None:
    @app.before_request
    @hooked
    def before() -> None:
        raise LookupError

    app.register_error_handler(LookupError, hooked(lambda error: ("handled", 409)))
    app.add_url_rule("/", "view", written(lambda: pytest.fail("the view ran")))
    assert wire(app).get("/").text == "handled"


def test_an_unhandled_error_is_logged_answered_and_told_to_the_teardown(
    app: Flask,
    wire: MakeClient,
    written: Written,
    hooked: Written,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[Any] = []
    error = LookupError("no such thing")
    app.teardown_request(hooked(told.append))

    @app.get("/")
    @written
    def view() -> str:
        raise error

    assert wire(app).get("/").status == 500
    assert "no such thing" in caplog.text
    assert told == [error]


def test_an_error_after_an_answered_error_is_logged(
    app: Flask,
    wire: MakeClient,
    written: Written,
    hooked: Written,
    caplog: pytest.LogCaptureFixture,
) -> None:
    @app.after_request
    @hooked
    def fail(response: Response) -> Response:
        raise ValueError("in a hook")

    app.add_url_rule("/", "view", written(lambda: ""))
    assert wire(app).get("/").status == 500
    assert "A hook failed" in caplog.text


# The functions themselves.
