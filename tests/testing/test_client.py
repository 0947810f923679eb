"""The client sends what is asked for, keeps cookies and sessions, and leaves the last context."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
import werkzeug.test
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben import (
    Flask,
    Response,
    appcontext_popped,
    appcontext_pushed,
    g,
    has_app_context,
    has_request_context,
    redirect,
    request,
    session,
)
from kolben.json.provider import DefaultJSONProvider
from kolben.sessions import SessionInterface, SessionMixin
from kolben.testing import EnvironBuilder, FlaskClient


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app that says what was asked of it."""
    app.secret_key = "k"
    app.add_url_rule("/<path:path>", "echo", _echo, methods=["GET", "POST"])
    app.add_url_rule("/", "root", _echo, methods=["GET", "POST"], defaults={"path": ""})
    return app


def _echo(path: str) -> str:
    g.path = path
    return f"{request.method} {request.url}"


# EnvironBuilder.

URLS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "nothing": ({}, {}, "http://localhost/"),
    "a path": ({}, {"path": "/a"}, "http://localhost/a"),
    "a path and a query": ({}, {"path": "/a?b=1"}, "http://localhost/a?b=1"),
    "a query of its own": ({}, {"path": "/a", "query_string": {"b": 1}}, "http://localhost/a?b=1"),
    "a URL": ({}, {"path": "https://example.com/a?b=1"}, "https://example.com/a?b=1"),
    "a base": ({}, {"path": "/a", "base_url": "http://b.c/d/"}, "http://b.c/d/a"),
    "a subdomain": ({}, {"path": "/a", "subdomain": "s"}, "http://s.localhost/a"),
    "a scheme": ({}, {"path": "/a", "url_scheme": "https"}, "https://localhost/a"),
    "the configured name": ({"SERVER_NAME": "b.c:81"}, {"path": "/a"}, "http://b.c:81/a"),
    "a subdomain of it": (
        {"SERVER_NAME": "b.c"},
        {"path": "/a", "subdomain": "s"},
        "http://s.b.c/a",
    ),
    "the configured root": ({"APPLICATION_ROOT": "/d"}, {"path": "/a"}, "http://localhost/d/a"),
    "the configured scheme": (
        {"PREFERRED_URL_SCHEME": "https"},
        {"path": "/a"},
        "https://localhost/a",
    ),
}


@pytest.mark.parametrize(("config", "options", "url"), URLS.values(), ids=URLS)
def test_what_is_not_given_is_configured(
    app: Flask, config: dict[str, Any], options: dict[str, Any], url: str
) -> None:
    app.config.update(config)
    builder = EnvironBuilder(app, **options)
    assert builder.get_request().url == url
    assert builder.app is app
    builder.close()


@pytest.mark.parametrize("extra", [{"subdomain": "s"}, {"url_scheme": "https"}])
def test_a_base_url_goes_alone(app: Flask, extra: dict[str, str]) -> None:
    with pytest.raises(AssertionError, match="base_url has a host and a scheme"):
        EnvironBuilder(app, base_url="http://b.c/", **extra)


def test_json_is_written_as_the_app_does(app: Flask) -> None:
    class Sorted(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return super().dumps({**obj, "by": "the app"}, **kwargs)

    app.json = Sorted(app)
    app.post("/json", endpoint="json")(lambda: request.json)
    assert app.test_client().post("/json", json={"a": 1}).json == {"a": 1, "by": "the app"}


# What a request is made of.


def made_of(app: Flask, kind: str) -> Any:
    """Return what a request can be made of, instead of a path."""
    builder = EnvironBuilder(app, "/a?b=1", method="POST", data={"c": "1"})
    try:
        match kind:
            case "environ":
                return builder.get_environ()
            case "request":
                return builder.get_request(WerkzeugRequest)
    finally:
        if kind != "builder":
            builder.close()
    return builder


@pytest.mark.parametrize("kind", ["builder", "environ", "request"])
def test_a_request_is_sent_as_it_is(app: Flask, kind: str) -> None:
    given = made_of(app, kind)
    client = app.test_client()
    response = client.open(given)
    assert response.text == "POST http://localhost/a?b=1"
    assert response.request.environ["REMOTE_ADDR"] == "127.0.0.1"


def test_what_was_given_is_not_changed(app: Flask) -> None:
    builder = werkzeug.test.EnvironBuilder("/a", environ_base={"own": "1"})
    before = builder.environ_base
    app.test_client().open(builder)
    assert builder.environ_base is before and before == {"own": "1"}
    sent = builder.get_request(WerkzeugRequest)
    app.test_client().open(sent)
    assert "HTTP_USER_AGENT" not in sent.environ


def test_a_builder_of_werkzeugs_without_a_base(app: Flask) -> None:
    assert app.test_client().open(werkzeug.test.EnvironBuilder("/a")).status_code == 200


def test_every_request_starts_from_the_clients_environ(app: Flask) -> None:
    app.get("/who", endpoint="who")(
        lambda: [request.remote_addr, str(request.user_agent), request.environ.get("own")]
    )
    client = app.test_client()
    agent = f"Werkzeug/{importlib.metadata.version('werkzeug')}"
    assert client.get("/who").json == ["127.0.0.1", agent, None]
    client.environ_base["REMOTE_ADDR"] = "10.0.0.1"
    found = client.get("/who", environ_base={"own": "1"}, headers={"User-Agent": "me"})
    assert found.json == ["10.0.0.1", "me", "1"]


def test_uploaded_files_are_closed(app: Flask) -> None:
    app.post("/up", endpoint="up")(lambda: request.files["f"].read())
    opened = io.BytesIO(b"content")
    assert app.test_client().post("/up", data={"f": (opened, "a.txt")}).text == "content"
    assert opened.closed


def test_redirects_are_followed_to_the_last(app: Flask) -> None:
    app.get("/first", endpoint="first")(lambda: redirect("/second"))
    app.get("/second", endpoint="second")(lambda: redirect("/third"))
    with app.test_client() as client:
        assert client.get("/first").location == "/second"
        response = client.get("/first", follow_redirects=True)
        assert response.text == "GET http://localhost/third"
        assert [past.request.path for past in response.history] == ["/first", "/second"]
        assert request.path == "/third"


@pytest.mark.parametrize("buffered", [True, False])
def test_a_body_is_read_at_once_if_that_is_wanted(app: Flask, buffered: bool) -> None:
    said: list[str] = []

    def parts() -> Any:
        for word in ("a", "b"):
            said.append(word)
            yield word

    app.get("/stream", endpoint="stream")(lambda: Response(parts()))
    with app.test_client().get("/stream", buffered=buffered) as response:
        assert said == (["a", "b"] if buffered else ["a"])
        assert response.text == "ab"


def test_json_is_read_as_the_app_does(app: Flask) -> None:
    class Loud(DefaultJSONProvider):
        def loads(self, s: Any, **kwargs: Any) -> Any:
            return {"by": "the app"}

    app.get("/json", endpoint="json")(lambda: {"a": 1})
    app.json = Loud(app)
    assert app.test_client().get("/json").json == {"by": "the app"}


# The context that stays.


def test_in_a_with_block_the_last_context_stays(app: Flask) -> None:
    ended: list[str] = []
    app.teardown_request(lambda error: ended.append(request.path))
    with app.test_client() as client:
        client.get("/a")
        assert (request.path, g.path, ended) == ("/a", "a", ["/a"])
        client.get("/b")
        assert (request.path, g.path) == ("/b", "b")
        assert ended == ["/a", "/a", "/b"]
    assert ended == ["/a", "/a", "/b", "/b"]
    assert not has_request_context()


def test_without_one_no_context_stays(app: Flask) -> None:
    app.test_client().get("/a")
    assert not has_request_context()


def test_it_stays_though_the_view_failed(app: Flask) -> None:
    app.get("/fail", endpoint="fail")(lambda: 1 / 0)
    with app.test_client() as client:
        client.get("/a")
        with pytest.raises(ZeroDivisionError):
            client.get("/fail")
        assert not has_request_context()
        client.get("/b")
        assert request.path == "/b"


def test_blocks_are_not_nested(app: Flask) -> None:
    client = app.test_client()
    with client, pytest.raises(RuntimeError, match="in a with block already"):
        client.__enter__()
    with client:
        client.get("/a")
        assert request.path == "/a"


def test_two_clients_may_be_in_blocks_at_once(app: Flask) -> None:
    with app.test_client() as first:
        first.get("/a")
        with app.test_client() as second:
            second.get("/b")
            assert request.path == "/b"
        assert request.path == "/a"
    assert not has_request_context()


@pytest.fixture
def ended(app: Flask) -> list[str]:
    """Note what the teardown functions saw."""
    ended: list[str] = []
    app.teardown_request(lambda error: ended.append(request.path))
    app.teardown_appcontext(lambda error: ended.append(f"app {g.pop('path', None)}"))
    return ended


def test_blocks_may_be_used_in_turns(app: Flask, ended: list[str]) -> None:
    with app.test_client() as first:
        first.get("/a")
        with app.test_client() as second, app.test_client() as third:
            second.get("/b")
            third.get("/c")
            with app.app_context():
                assert request.path == "/c"
                first.get("/d")
                assert request.path == "/d"
            second.get("/e")
            assert request.path == "/e"
        assert request.path == "/d"
    assert not has_app_context()
    # Each request twice: when it ended, and when it was let go.
    paths = [path for path in ended if not path.startswith("app")]
    assert sorted(paths) == sorted(["/a", "/b", "/c", "/d", "/e"] * 2)


def test_blocks_may_end_in_any_order(app: Flask, ended: list[str]) -> None:
    for order in itertools.permutations(range(3)):
        ended.clear()
        clients = [app.test_client() for _ in order]
        for client, path in zip(clients, ("/a", "/b", "/c"), strict=True):
            client.__enter__()
            client.get(path)
        for place in order:
            assert request.path
            clients[place].__exit__(None, None, None)
        assert not has_app_context()
        # All share the `g` of the first, which is torn down with the last of them.
        assert ended[-1].startswith("app")


def test_what_is_shared_with_a_block_that_has_ended_stays(app: Flask) -> None:
    first, second = app.test_client(), app.test_client()
    first.__enter__()
    first.get("/a")
    with second:
        second.get("/b")
        g.kept = "kept"
        with app.app_context():
            assert request.path == "/b"
            first.__exit__(None, None, None)
            assert request.path == "/b"
        assert (request.path, g.kept) == ("/b", "kept")
    assert not has_app_context()


def test_a_context_of_the_app_above_shows_no_request_that_was_let_go(app: Flask) -> None:
    with app.test_client() as client:
        client.get("/a")
        with app.app_context():
            assert request.path == "/a"
            client.__exit__(None, None, None)
            assert not has_request_context()
            assert has_app_context()
    assert not has_app_context()


@pytest.mark.parametrize("fails", ["view", "teardown", "teardown app", "push", "popped"])
def test_nothing_stays_whatever_fails(app: Flask, fails: str) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = True
    failing: list[str] = []

    def fail(where: str) -> Any:
        if where in failing:
            raise LookupError(where)
        return "answer"

    def pushed(sender: Flask) -> None:
        fail("push")

    def popped(sender: Flask) -> None:
        fail("popped")

    app.add_url_rule("/view", "view", lambda: fail("view"))
    app.teardown_request(lambda error: fail("teardown"))
    app.teardown_appcontext(lambda error: fail("teardown app"))
    with (
        appcontext_pushed.connected_to(pushed, app),
        appcontext_popped.connected_to(popped, app),
        app.test_client() as outer,
    ):
        outer.get("/a")
        with contextlib.suppress(LookupError), app.test_client() as client:
            client.get("/b")
            failing.append(fails)
            client.get("/view")
        failing.clear()
        assert request.path == "/a"
        outer.get("/c")
        assert request.path == "/c"
    assert not has_app_context()


def test_a_context_of_another_thread_is_let_go_here(app: Flask, ended: list[str]) -> None:
    with app.test_client() as client:
        thread = threading.Thread(target=client.get, args=("/a",))
        thread.start()
        thread.join()
        with app.test_request_context("/here"):
            client.get("/b")
            assert request.path == "/b"
            client.__exit__(None, None, None)
            assert request.path == "/here"
        assert not has_app_context()


# Sessions.


def test_a_session_is_prepared_and_looked_at(app: Flask) -> None:
    @app.get("/count", endpoint="count")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    client = app.test_client()
    with client.session_transaction() as prepared:
        prepared["n"] = 41
    assert client.get("/count").text == "42"
    with client.session_transaction() as found:
        assert found["n"] == 42
    assert not has_request_context()
    assert count.__name__ == "count"


def test_a_session_may_be_of_another_host_and_path(app: Flask) -> None:
    app.config.update(SESSION_COOKIE_PATH="/shop", SERVER_NAME="example.com")
    client = app.test_client()
    with client.session_transaction("/shop/", base_url="http://example.com/") as prepared:
        prepared["a"] = 1
    cookie = client.get_cookie("session", "example.com", "/shop")
    assert cookie is not None
    assert client.get_cookie("session", "localhost", "/shop") is None


def fail_with(prepared: SessionMixin) -> None:
    """Change a session, and fail."""
    prepared["a"] = 1
    raise KeyError


def test_a_session_that_fails_to_be_prepared_is_not_saved(app: Flask) -> None:
    client = app.test_client()
    with pytest.raises(KeyError), client.session_transaction() as prepared:
        fail_with(prepared)
    with client.session_transaction() as found:
        assert "a" not in found


def test_a_session_needs_cookies(app: Flask) -> None:
    client = app.test_client(use_cookies=False)
    with pytest.raises(TypeError, match="Cookies are disabled"), client.session_transaction():
        pass


class Opening(SessionInterface):
    """Opens what it is made with."""

    def __init__(self, opens: Callable[[Flask], SessionMixin | None]) -> None:
        self.opens = opens

    def open_session(self, app: Any, request: Any) -> SessionMixin | None:
        return self.opens(app)

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        raise AssertionError("a null session is not saved")


def test_a_session_that_does_not_open_is_an_error(app: Flask) -> None:
    app.session_interface = Opening(lambda app: None)
    with (
        pytest.raises(RuntimeError, match="did not open a session"),
        app.test_client().session_transaction(),
    ):
        pass


def test_a_null_session_is_not_saved(app: Flask) -> None:
    app.session_interface = interface = Opening(lambda app: interface.make_null_session(app))
    with app.test_client().session_transaction() as found:
        assert dict(found) == {}
        assert interface.is_null_session(found)


# Subclasses.


def test_a_subclass_may_override_open(app: Flask) -> None:
    class Authorized(FlaskClient):
        def open(self, *args: Any, **kwargs: Any) -> Any:
            kwargs.setdefault("headers", {})["Authorization"] = "Bearer t"
            return super().open(*args, **kwargs)

    app.get("/who", endpoint="who")(lambda: request.headers["Authorization"])
    app.test_client_class = Authorized
    with app.test_client() as client:
        assert client.get("/who").text == "Bearer t"


def test_the_request_can_be_made_without_being_sent(app: Flask) -> None:
    """As Flask-SocketIO's client does."""
    client = app.test_client()
    made = client._request_from_builder_args(("/a",), {"query_string": "b=1"})
    assert isinstance(made, WerkzeugRequest)
    assert made.url == "http://localhost/a?b=1"
