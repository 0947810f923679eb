"""The WSGI entry says what Werkzeug would, leaves no context, and sends nothing that breaks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import create_environ

from kolben import Flask, Request, Response, g, has_app_context, request, session
from kolben.core.current import find_context


class ByStep(Flask):
    def dispatch_request(self) -> Any:
        return super().dispatch_request()


@pytest.fixture(params=[Flask, ByStep], ids=["run", "by steps"])
def app(request: pytest.FixtureRequest) -> Iterator[Flask]:
    yield request.param(__name__)
    assert find_context() is None


def send(app: Flask, path: str = "/", method: str = "GET", **options: Any) -> Any:
    """Call the app as a server does; return the raw body object, status and headers."""
    started: list[Any] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        started[:] = [status, headers]

    body = app(create_environ(path, method=method, **options), start_response)
    return body, *started


def test_a_buffered_answer_is_a_list(app: Flask) -> None:
    """Granian takes its one-call path for lists only."""
    app.add_url_rule("/", "view", lambda: "text")
    body, status, headers = send(app)
    assert body == [b"text"]
    assert status == "200 OK"
    assert headers == [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "4")]


def test_what_is_to_be_closed_is_closed_by_the_server(app: Flask) -> None:
    closed: list[str] = []

    @app.get("/")
    def view() -> Response:
        response = Response("text")
        response.call_on_close(lambda: closed.append("closed"))
        return response

    body, *_ = send(app)
    assert closed == []
    body.close()
    assert closed == ["closed"]


@pytest.mark.parametrize("path", ["/", "/fails", "/nowhere", "/stream"])
def test_the_response_is_started_inside_of_the_request(app: Flask, path: str) -> None:
    """FLASK: a tracer reads route and session there; teardown comes later, popped last."""
    order: list[str] = []
    app.secret_key = "key"
    app.teardown_request(lambda error: order.append("teardown"))
    app.teardown_appcontext(lambda error: order.append("teardown app"))
    app.add_url_rule("/", "view", lambda: session.update(seen=1) or "text")
    app.add_url_rule("/fails", "fails", lambda: str(1 / 0))
    app.add_url_rule("/stream", "stream", lambda: iter(["text"]))

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        order.append(f"start {request.path} {request.url_rule} {dict(session)} {'g' in g}")

    app(create_environ(path), start_response)
    rule = None if path == "/nowhere" else path
    kept = {"seen": 1} if path == "/" else {}
    assert order == [f"start {path} {rule} {kept} False", "teardown", "teardown app"]


def test_an_error_of_who_starts_the_response_goes_to_the_server(app: Flask) -> None:
    """FLASK: the request itself has not failed, so teardown functions are told of nothing."""
    seen: list[Any] = []
    closed: list[str] = []
    app.teardown_request(seen.append)

    @app.get("/")
    def view() -> Response:
        response = Response(iter(["text"]))
        response.call_on_close(lambda: closed.append(request.path))
        return response

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        app(create_environ("/"), start_response)
    assert (seen, closed) == ([None], ["/"])


def test_an_error_goes_to_the_server_where_the_app_propagates(app: Flask) -> None:
    app.testing = True
    seen: list[Any] = []
    app.teardown_request(seen.append)
    error = ValueError("out")

    @app.get("/")
    def view() -> str:
        raise error

    with pytest.raises(ValueError, match="out"):
        send(app)
    assert seen == [error]
    assert not has_app_context()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_is_no_exception_goes_through(app: Flask, kind: type[BaseException]) -> None:
    seen: list[Any] = []
    app.teardown_request(seen.append)

    @app.get("/")
    def view() -> str:
        raise kind

    with pytest.raises(kind):
        send(app)
    assert isinstance(seen[0], kind)


def test_a_response_that_has_taken_the_connection_tells_the_server(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """As Flask-Sock's does under gunicorn, whose word for it is a StopIteration."""
    calls: list[Any] = []
    app.teardown_request(calls.append)

    class Taken(Response):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            raise StopIteration

    app.add_url_rule("/taken", "taken", Taken)

    @app.get("/fails")
    def fail() -> str:
        raise StopIteration

    with pytest.raises(StopIteration):
        app.wsgi_app(create_environ("/taken"), lambda status, headers: None)
    assert ([None], "") == (calls, caplog.text)
    assert 500 == app.test_client().get("/fails").status_code


def test_an_error_may_be_kept_from_teardown(app: Flask) -> None:
    seen: list[Any] = []
    app.teardown_request(seen.append)
    app.should_ignore_error = lambda error: True  # type: ignore[method-assign]

    @app.get("/")
    def view() -> str:
        raise ValueError

    assert send(app)[1].startswith("500 ")
    assert seen == [None]


def test_a_context_left_behind_by_a_view_is_popped_and_named(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []
    app.teardown_appcontext(lambda error: ended.append("app"))

    @app.get("/")
    def view() -> str:
        app.app_context().push()
        return "leaky"

    with caplog.at_level(logging.WARNING):
        body, status, _ = send(app)
    assert (body, status) == ([b"leaky"], "200 OK")
    assert ended == ["app", "app"]
    assert "never popped" in caplog.text


def test_the_context_is_handed_to_who_preserves_it(app: Flask) -> None:
    kept: list[Any] = []
    app.add_url_rule("/kept", "view", lambda: "")
    send(app, "/kept", environ_overrides={"werkzeug.debug.preserve_context": kept.append})
    [context] = kept
    assert context.request.path == "/kept"


def test_nothing_of_a_request_is_kept_alive_by_its_environ(app: Flask) -> None:
    environ = create_environ("/")
    app.add_url_rule("/", "view", lambda: "")
    app(environ, lambda status, headers, exc_info=None: None)
    assert environ["werkzeug.request"] is None


def test_the_app_can_be_wrapped_in_middleware(app: Flask) -> None:
    own = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        environ["PATH_INFO"] = "/inner"
        return own(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    app.add_url_rule("/inner", "view", lambda: "inner")
    assert send(app, "/outer")[0] == [b"inner"]


@pytest.mark.parametrize("method", ["POST", "post", "BREW"])
def test_the_method_of_a_request_is_in_upper_case(app: Flask, method: str) -> None:
    app.add_url_rule("/", "view", lambda: request.method, methods=["POST", "BREW"])
    assert send(app, method=method)[0] == [method.upper().encode()]


def test_what_replaces_the_making_of_requests_is_called(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    make = Request.__init__

    def make_and_trace(self: Request, environ: Any, *args: Any, **options: Any) -> None:
        seen.append(environ["PATH_INFO"])
        make(self, environ, *args, **options)

    monkeypatch.setattr(Request, "__init__", make_and_trace)
    app.add_url_rule("/", "view", lambda: "text")
    assert send(app)[0] == [b"text"]
    assert seen == ["/"]


def test_a_request_class_says_its_method_itself(app: Flask) -> None:
    class OwnRequest(Request):
        @property
        def method(self) -> str:  # type: ignore[override]  # a property of its own
            return f"own {self.environ['REQUEST_METHOD']}"

    app.request_class = OwnRequest
    app.add_url_rule("/", "view", lambda: request.method)
    assert send(app)[0] == [b"own GET"]
