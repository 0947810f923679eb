"""Contexts nest as Flask's do, and what they hold ends with them."""

from __future__ import annotations

import contextvars
import io
import threading
from typing import Any

import pytest

from kolben import (
    Flask,
    Request,
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    request_tearing_down,
    session,
)
from kolben.core.context import AppContext
from kolben.core.current import current, find_context
from kolben.globals import app_ctx, request_ctx
from kolben.sessions import SecureCookieSession
from tests.wires import MakeClient


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "k"
    return app


def test_a_request_in_a_context_of_its_app_shares_g(app: Flask) -> None:
    with app.app_context() as outer:
        g.a = 1
        with app.test_request_context() as inner:
            assert g.a == 1
            assert app_ctx._get_current_object() is outer  # type: ignore[attr-defined]
            assert inner.app_context is outer
            g.b = 2
        assert g.b == 2


def test_a_request_in_a_context_of_another_app_has_its_own_g(app: Flask) -> None:
    other = Flask("other")
    with other.app_context():
        g.a = 1
        with app.test_request_context():
            assert "a" not in g
            assert current_app.name == app.name
        assert current_app.name == "other"


def test_a_context_in_a_request_has_its_own_g_and_the_request(app: Flask) -> None:
    with app.test_request_context("/x"):
        g.a = 1
        session["s"] = 1
        with app.app_context():
            assert "a" not in g
            assert request.path == "/x"
            assert session["s"] == 1
            assert has_request_context()
        assert g.a == 1


def test_a_context_made_once_can_be_pushed_again(app: Flask) -> None:
    context = app.app_context()
    for _ in range(2):
        with context, app.test_request_context("/x"):
            assert request.path == "/x"
        assert not has_app_context()
    with app.test_request_context("/y"), context:
        assert request.path == "/y"
    with context, pytest.raises(RuntimeError):
        request.path  # noqa: B018  # reading raises


def test_pushing_an_active_context_again_tears_nothing_down(app: Flask) -> None:
    ended: list[str] = []
    app.teardown_request(lambda error: ended.append("request"))
    app.teardown_appcontext(lambda error: ended.append("app"))
    with app.test_request_context() as context:
        with app_ctx, request_ctx:
            assert find_context() is context
        assert ended == []
    assert ended == ["request", "app"]


def test_the_request_is_over_when_the_app_is_torn_down(app: Flask) -> None:
    seen: list[Any] = []

    @app.teardown_appcontext
    def look(error: BaseException | None) -> None:
        seen.append((has_request_context(), has_app_context(), g.a, error))

    with app.test_request_context() as context:
        g.a = 1
    assert seen == [(False, True, 1, None)]
    assert context.request.path == "/"


def test_the_session_is_over_with_the_request(app: Flask) -> None:
    seen: list[Any] = []

    @app.teardown_appcontext
    def look(error: BaseException | None) -> None:
        with pytest.raises(RuntimeError, match="outside of request context") as caught:
            session.get("a")
        seen.append(caught.value)

    with app.test_request_context() as context:
        assert not context._session.accessed
        assert session.get("a") is None
        assert context._session.accessed
    assert 1 == len(seen)


def test_a_session_may_be_put_in_place_of_the_requests(app: Flask) -> None:
    with app.test_request_context() as context:
        context.session = SecureCookieSession({"a": 1})
        assert session["a"] == 1


def test_a_context_of_the_app_inside_of_a_request_has_its_session(app: Flask) -> None:
    with app.test_request_context() as context, app.app_context() as inner:
        assert not context._session.accessed
        assert inner.session is context._session
        assert context._session.accessed
        assert inner.session is session._get_current_object()  # type: ignore[attr-defined]
        inner.session = SecureCookieSession({"a": 1})
        assert context.session["a"] == 1


def test_teardown_of_a_shared_context_is_the_outer_ones(app: Flask) -> None:
    ended: list[str] = []
    app.teardown_request(lambda error: ended.append("request"))
    app.teardown_appcontext(lambda error: ended.append("app"))
    with app.app_context():
        with app.test_request_context():
            pass
        assert ended == ["request"]
    assert ended == ["request", "app"]


def test_the_error_is_handed_to_teardown(app: Flask) -> None:
    seen: list[Any] = []
    app.teardown_appcontext(seen.append)
    error = ValueError()
    with pytest.raises(ValueError), app.app_context():  # noqa: PT011  # it is this one
        raise error
    context = app.app_context()
    context.push()
    try:
        raise error
    except ValueError:
        context.pop()
    context.push()
    context.pop(None)
    assert seen == [error, error, None]


def test_the_context_is_left_though_teardown_fails(app: Flask) -> None:
    @app.teardown_appcontext
    def fail(error: BaseException | None) -> None:
        raise ValueError("teardown")

    with pytest.raises(ValueError, match="teardown"), app.app_context():
        pass
    with pytest.raises(ValueError, match="teardown"), app.test_request_context() as context:
        pass
    assert not has_app_context()
    assert context.request.path == "/"


def test_popping_the_wrong_context_is_an_error(app: Flask) -> None:
    def pop_in_the_wrong_order() -> None:
        outer, inner = app.app_context(), app.app_context()
        outer.push()
        inner.push()
        with pytest.raises(AssertionError, match="Popped wrong context"):
            outer.pop()
        assert find_context() is None

    contextvars.copy_context().run(pop_in_the_wrong_order)


def test_popping_what_is_not_pushed_is_an_error(app: Flask) -> None:
    with pytest.raises(AssertionError, match="not pushed"):
        app.app_context().pop()


def test_a_failing_push_in_a_with_statement_leaves_nothing(app: Flask) -> None:
    class Failing(type(app.session_interface)):  # type: ignore[misc]  # a class all the same
        def open_session(self, app: Any, request: Any) -> Any:
            raise ValueError("no session")

    app.session_interface = Failing()
    with pytest.raises(ValueError, match="no session"), app.test_request_context():
        pass
    assert not has_app_context()


def test_a_push_that_fails_before_anything_is_left_alone(app: Flask) -> None:
    class Broken(AppContext):
        def push(self) -> None:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), Broken(app):
        pass


def test_a_custom_session_interface_opens_at_push(app: Flask) -> None:
    opened: list[str] = []

    class Noting(type(app.session_interface)):  # type: ignore[misc]  # a class all the same
        def open_session(self, app: Any, request: Any) -> Any:
            opened.append(request.path)
            return super().open_session(app, request)

    with app.test_request_context("/late"):
        assert opened == []
    app.session_interface = Noting()
    with app.test_request_context("/early"):
        assert opened == ["/early"]
    app.add_url_rule("/view", "view", lambda: str(opened))
    assert app.test_client().get("/view").text == "['/early', '/view']"


def test_the_session_can_be_replaced_and_copied(app: Flask) -> None:
    with app.test_request_context() as context:
        context.session["a"] = 1
        copied = context.copy()
        assert copied.session is context.session
        other = app.session_interface.make_null_session(app)
        context.session = other
        assert context._session is other


def test_touching_the_session_marks_it_as_accessed(app: Flask) -> None:
    with app.test_request_context() as context:
        assert not context._session.accessed
        len(session)
        assert context._session.accessed


def test_signals(app: Flask, wire: MakeClient) -> None:
    said: list[str] = []
    signals = {
        "pushed": appcontext_pushed,
        "popped": appcontext_popped,
        "app ends": appcontext_tearing_down,
        "request ends": request_tearing_down,
    }
    app.add_url_rule("/", "view", lambda: "")
    receivers = [
        (signal, lambda sender, _name=name, **rest: said.append(_name))
        for name, signal in signals.items()
    ]
    for signal, receiver in receivers:
        signal.connect(receiver, app)
    wire(app).get("/")
    assert said == ["pushed", "request ends", "app ends", "popped"]
    said.clear()
    with app.app_context():
        wire(app).get("/")
    assert said == ["pushed", "request ends", "app ends", "popped"]


def test_files_are_closed_with_the_request(app: Flask, wire: MakeClient) -> None:
    kept: list[Any] = []

    @app.post("/")
    def upload() -> str:
        kept.append(request.files["f"])
        return ""

    wire(app).post("/", data={"f": (io.BytesIO(b"x"), "n")})
    assert kept[0].stream.closed


def test_a_request_class_with_its_own_close_is_closed(app: Flask, wire: MakeClient) -> None:
    closed: list[str] = []

    class Closing(Request):
        def close(self) -> None:
            closed.append(self.path)
            super().close()

    app.add_url_rule("/", "view", lambda: "")
    wire(app).get("/")
    app.request_class = Closing
    wire(app).get("/")
    assert closed == ["/"]


def test_a_copied_context_in_a_thread_has_its_own_g(app: Flask) -> None:
    seen: list[Any] = []
    with app.test_request_context("/t"):
        g.a = 1
        copied = request_ctx.copy()

        def work() -> None:
            with copied:
                seen.append((request.path, "a" in g))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [("/t", False)]


def test_a_copy_used_again_has_a_new_g(app: Flask) -> None:
    with app.test_request_context():
        copied = request_ctx.copy()
    seen: list[bool] = []
    for _ in range(2):
        with copied:
            seen.append("a" in g)
            g.a = 1
    assert seen == [False, False]


def test_a_context_kept_to_be_looked_at_keeps_its_g(app: Flask) -> None:
    @app.get("/")
    def view() -> str:
        g.a = 1
        return ""

    with app.test_client() as client:
        client.get("/")
        assert g.a == 1


def test_contexts_show_what_they_are(app: Flask) -> None:
    assert f"of {app.name}>" in repr(app.app_context())
    assert "'http://localhost/x' [GET]" in repr(app.test_request_context("/x"))


def test_without_a_server_name_there_is_no_adapter_outside_of_a_request(app: Flask) -> None:
    assert app.app_context().url_adapter is None
    app.config["SERVER_NAME"] = "example.com"
    adapter = app.app_context().url_adapter
    assert adapter is not None
    assert adapter.server_name == "example.com"


def test_a_refused_host_is_the_routing_exception(app: Flask) -> None:
    context = app.test_request_context("/", base_url="http://a b/")
    assert context.url_adapter is None
    assert context.request.routing_exception is not None
    assert context.request.routing_exception.code == 400


def test_a_context_may_be_popped_where_it_was_not_pushed(app: Flask) -> None:
    """A thread's variables are taken over by the task that waits for it, but no token of its."""
    outer, inner = app.app_context(), app.app_context()
    other = contextvars.copy_context()
    other.run(outer.push)
    other.run(inner.push)
    token = current.set(other[current])
    try:
        inner.pop()
        assert find_context() is outer
        outer.pop()
        assert find_context() is None
    finally:
        current.reset(token)


def test_an_entry_begins_a_request_that_it_has_matched_or_not(app: Flask) -> None:
    app.add_url_rule("/ä", "view", lambda: "")
    matched = app.test_request_context("/ä")
    matched.match_request()
    plan = matched.plan
    for context in (matched, app.test_request_context("/ä", headers={"Cookie": "a=1"})):
        assert context.begin(app.engine) is plan
        assert request.url_rule is not None
        assert context.end_quietly()
    assert find_context() is None


@pytest.mark.parametrize("fails", [False, True])
def test_a_request_ends_quietly_with_its_teardown_functions(app: Flask, fails: bool) -> None:
    told: list[Any] = []

    @app.teardown_request
    def tear_down(error: BaseException | None) -> None:
        told.append(error)
        if fails:
            raise ValueError("in the teardown")

    context = app.test_request_context()
    environ = context.request.environ
    environ["werkzeug.request"] = context.request
    context.begin(app.engine)
    if fails:
        with pytest.raises(ValueError, match="in the teardown"):
            context.end_quietly()
    else:
        assert context.end_quietly()
    assert (told, environ["werkzeug.request"], find_context()) == ([None], None, None)


def test_a_request_without_an_environ_ends_quietly_as_well(app: Flask) -> None:
    context = type(app.test_request_context())(app, {}, app.test_request_context().request)
    context.match_request()
    context.begin(app.engine)
    assert context.end_quietly()
    assert find_context() is None
