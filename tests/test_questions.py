"""The answers to the ten questions, through `flask` and through `kolben`.

Those that need processes, services or extensions are in tests/questions.
"""

from __future__ import annotations

import importlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import base64_decode, base64_encode
from werkzeug.routing import BuildError

import kolben.drop_in

XML = "<feed/>"


@pytest.fixture(params=["flask", "kolben"])
def flask(request: pytest.FixtureRequest) -> Any:
    """The package that an app imports from."""
    kolben.drop_in.install()
    return importlib.import_module(request.param)


@pytest.fixture
def app(flask: Any, tmp_path: Path) -> Any:
    app = flask.Flask("app", root_path=str(tmp_path))
    app.secret_key = "a key of the tests, longer than nothing"
    return app


def test_both_packages_are_one(flask: Any) -> None:
    assert flask is kolben


class TestContentType:
    """Question 1: all ways work, and send exactly one Content-Type."""

    def answer(self, app: Any, view: Callable[[], Any]) -> tuple[str, list[str]]:
        app.add_url_rule("/", "view", view)
        response = app.test_client().get("/")
        return response.text, response.headers.getlist("Content-Type")

    def test_mimetype(self, flask: Any, app: Any) -> None:
        got = self.answer(app, lambda: flask.Response(XML, mimetype="text/xml"))
        assert got == (XML, ["text/xml; charset=utf-8"])

    def test_headers_beside_the_body(self, app: Any) -> None:
        x = "body {}"
        got = self.answer(app, lambda: (x, 200, {"Content-Type": "text/css; charset=utf-8"}))
        assert got == (x, ["text/css; charset=utf-8"])

    def test_a_header_after_the_mimetype(self, flask: Any, app: Any) -> None:
        def view() -> Any:
            r = flask.Response(response="TEST OK", status=200, mimetype="application/xml")
            r.headers["Content-Type"] = "text/xml; charset=utf-8"
            return r

        assert self.answer(app, view) == ("TEST OK", ["text/xml; charset=utf-8"])

    def test_the_mimetype_of_a_made_response(self, app: Any) -> None:
        def view() -> Any:
            resp = app.make_response(XML)
            resp.mimetype = "text/xml"
            return resp

        assert self.answer(app, view) == (XML, ["text/xml; charset=utf-8"])

    def test_a_header_of_a_rendered_template(self, flask: Any, app: Any, tmp_path: Path) -> None:
        (tmp_path / "templates/xml").mkdir(parents=True)
        (tmp_path / "templates/xml/user.html").write_text("<user>{{ username }}</user>")

        def view() -> Any:
            resp = flask.make_response(flask.render_template("xml/user.html", username="Ryan"))
            resp.headers["Content-type"] = "text/xml; charset=utf-8"
            return resp

        assert self.answer(app, view) == ("<user>Ryan</user>", ["text/xml; charset=utf-8"])

    def test_after_this_request(self, flask: Any, app: Any) -> None:
        def view() -> Any:
            @flask.after_this_request
            def add_header(response: Any) -> Any:
                response.headers["Content-Type"] = "text/csv"
                return response

            return "a,b"

        assert self.answer(app, view) == ("a,b", ["text/csv"])

    def test_headers_in_small_letters(self, app: Any) -> None:
        headers = {"content-type": "text/plain", "location": "http://example.org/"}
        app.add_url_rule("/", "view", lambda: ("<h1>hello world</h1>", 301, headers))
        response = app.test_client().get("/")
        assert response.status_code == 301
        assert response.headers.getlist("Content-Type") == ["text/plain"]
        assert response.headers.getlist("Location") == ["http://example.org/"]

    @pytest.mark.parametrize("result", [{"a": 1}, [1, 2]], ids=str)
    @pytest.mark.parametrize("by_hand", [True, False], ids=["jsonify", "returned"])
    def test_json(self, flask: Any, app: Any, result: Any, by_hand: bool) -> None:
        _, types = self.answer(app, lambda: flask.jsonify(result) if by_hand else result)
        assert types == ["application/json"]

    def test_a_decorator(self, flask: Any, app: Any) -> None:
        def returns_xml(f: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(f)
            def decorated_function(*args: Any, **kwargs: Any) -> Any:
                return flask.Response(f(*args, **kwargs), content_type="text/xml; charset=utf-8")

            return decorated_function

        @app.route("/ajax_ddl")
        @returns_xml
        def ajax_ddl() -> str:
            return XML

        response = app.test_client().get("/ajax_ddl")
        assert response.headers.getlist("Content-Type") == ["text/xml; charset=utf-8"]

    @pytest.mark.parametrize(
        "path", ["/text", "/make_response", "/tuple", "/redirect", "/nothing-here", "/file"]
    )
    def test_the_apps_own_class_is_used_everywhere(self, flask: Any, app: Any, path: str) -> None:
        class MyResponse(app.response_class):
            default_mimetype = "text/x-mine"

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.headers["X-Class"] = "MyResponse"

        app.response_class = MyResponse
        app.add_url_rule("/text", "text", lambda: "text")
        app.add_url_rule("/make_response", "made", lambda: flask.make_response("text"))
        app.add_url_rule("/tuple", "tuple", lambda: ("text", 201))
        app.add_url_rule("/redirect", "redirect", lambda: flask.redirect("/text"))
        app.add_url_rule("/file", "file", lambda: flask.send_file(BytesIO(b"x"), "text/plain"))
        app.register_error_handler(404, lambda error: ("not here", 404))
        with app.test_client().get(path) as response:
            assert response.headers["X-Class"] == "MyResponse"
            assert path in {"/redirect", "/file"} or response.mimetype == "text/x-mine"


class TestG:
    """Question 2: g lives with the app's context."""

    def test_each_request_gets_a_fresh_one(self, flask: Any, app: Any) -> None:
        @app.route("/")
        def view() -> str:
            flask.g.seen = flask.g.get("seen", 0) + 1
            return str(flask.g.seen)

        client = app.test_client()
        assert [client.get("/").text for _ in range(3)] == ["1", "1", "1"]

    @pytest.mark.parametrize("fails", [False, True], ids=["after success", "after an error"])
    def test_it_is_there_in_teardown(self, flask: Any, app: Any, fails: bool) -> None:
        closed: list[Any] = []

        @app.teardown_appcontext
        def close(error: BaseException | None) -> None:
            connection = flask.g.pop("connection")
            connection.close()
            closed.append((connection, type(error)))

        @app.route("/")
        def view() -> str:
            flask.g.connection = sqlite3.connect(":memory:")
            if fails:
                raise ValueError
            return "well"

        assert app.test_client().get("/").status_code == (500 if fails else 200)
        ((connection, error),) = closed
        assert error is (ValueError if fails else type(None))
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("select 1")

    def test_contexts_nest(self, flask: Any, app: Any) -> None:
        with app.app_context():
            flask.g.name = "outer"
            with app.test_request_context("/path"):
                assert (flask.g.name, flask.request.path) == ("outer", "/path")
                flask.g.name = "changed in the request"
                with app.app_context():
                    assert "name" not in flask.g
                    assert flask.request.path == "/path"
            assert flask.g.name == "changed in the request"
            assert not flask.has_request_context()
        assert not flask.has_app_context()

    def test_a_request_of_another_app_has_a_g_of_its_own(self, flask: Any, app: Any) -> None:
        other = flask.Flask("other")
        with app.app_context():
            flask.g.name = "outer"
            with other.test_request_context():
                assert (flask.current_app.name, "name" in flask.g) == ("other", False)
            assert (flask.current_app.name, flask.g.name) == ("app", "outer")

    @pytest.mark.parametrize(
        ("name", "missing", "line"),
        [
            ("g", "application context", "with app.app_context():"),
            ("current_app", "application context", "with app.app_context():"),
            ("request", "request context", 'with app.test_request_context("/the/path"):'),
            ("session", "request context", 'with app.test_request_context("/the/path"):'),
        ],
    )
    def test_outside_it_says_which_what_is_missing_and_the_line_to_write(
        self, flask: Any, name: str, missing: str, line: str
    ) -> None:
        with pytest.raises(RuntimeError) as error:
            _ = getattr(flask, name).any_attribute
        said = str(error.value)
        assert said.startswith(f"Working outside of {missing}.")
        assert f"\n    {line}\n" in said
        assert f"'{name}'" in said


class TestRawBody:
    """Question 7: the raw bytes, whatever the content type."""

    def post(self, app: Any, view: Callable[[], Any], **sent: Any) -> Any:
        app.add_url_rule("/", "view", view, methods=["POST"])
        return app.test_client().post("/", **sent).json

    @pytest.mark.parametrize(
        "sent",
        [
            {"data": b"\x00\xff", "content_type": "application/octet-stream"},
            {"data": b'{"a": 1}', "content_type": "application/json"},
            {"data": b"a=1&b=2", "content_type": "application/x-www-form-urlencoded"},
            {"data": b"no type at all"},
        ],
        ids=["binary", "json", "form", "no type"],
    )
    def test_get_data_is_the_raw_body_and_is_cached(self, flask: Any, app: Any, sent: Any) -> None:
        def view() -> list[str]:
            first = flask.request.get_data()
            others = (flask.request.get_data(), flask.request.data)
            return [first.hex(), *(other.hex() for other in others)]

        assert self.post(app, view, **sent) == [sent["data"].hex()] * 3

    def test_json_and_form_work_after_it(self, flask: Any, app: Any) -> None:
        def view() -> dict[str, Any]:
            raw = flask.request.get_data(as_text=True)
            return {"raw": raw, "json": flask.request.get_json(silent=True)} | {
                "form": flask.request.form
            }

        assert self.post(app, view, json={"a": 1}) == {
            "raw": '{"a": 1}',
            "json": {"a": 1},
            "form": {},
        }
        assert app.test_client().post("/", data={"a": "1"}).json == {
            "raw": "a=1",
            "json": None,
            "form": {"a": "1"},
        }

    def test_data_is_empty_once_a_form_has_been_parsed(self, flask: Any, app: Any) -> None:
        def view() -> list[Any]:
            return [flask.request.form, flask.request.data.decode()]

        assert self.post(app, view, data={"a": "1"}) == [{"a": "1"}, ""]

    def test_the_stream_is_unparsed(self, flask: Any, app: Any) -> None:
        def view() -> list[str]:
            return [flask.request.stream.read(3).decode(), flask.request.stream.read().decode()]

        assert self.post(app, view, data={"a": "1", "b": "2"}) == ["a=1", "&b=2"]

    @pytest.mark.parametrize("first", ["get_data", "form"])
    def test_the_stream_is_empty_if_read_before(self, flask: Any, app: Any, first: str) -> None:
        def view() -> list[str]:
            if first == "form":
                _ = flask.request.form
            else:
                flask.request.get_data()
            return [flask.request.stream.read().decode()]

        assert self.post(app, view, data={"a": "1"}) == [""]

    def test_a_middleware_may_replace_the_stream(self, flask: Any, app: Any) -> None:
        class WSGICopyBody:
            def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
                self.application = application

            def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
                length = environ.get("CONTENT_LENGTH", "0")
                length = 0 if length == "" else int(length)
                body = environ["wsgi.input"].read(length)
                environ["body_copy"] = body
                environ["wsgi.input"] = BytesIO(body)
                return self.application(environ, start_response)

        def view() -> list[Any]:
            return [flask.request.environ["body_copy"].decode(), flask.request.form]

        app.wsgi_app = WSGICopyBody(app.wsgi_app)
        assert self.post(app, view, data={"a": "1"}) == ["a=1", {"a": "1"}]


# What Flask 3.1.3 with itsdangerous 2.2.0 sent for session["name"] = "Ada" and KEY.
KEY = "the key that Flask signed with"
COOKIE = "eyJuYW1lIjoiQWRhIn0.awMvvw.imte5fKmIO4cY96EEGwQdQlmDk4"


class TestSecretKey:
    """Question 8: the session's cookie and its key."""

    @pytest.fixture
    def app(self, app: Any, flask: Any) -> Any:
        app.secret_key = KEY
        # The recorded cookie stays the same, and gets older.
        app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=365_000)
        app.add_url_rule("/", "index", lambda: flask.session.get("name", "nobody"))
        return app

    def who(self, app: Any, cookie: str = COOKIE) -> str:
        client = app.test_client()
        client.set_cookie("session", cookie)
        answer: str = client.get("/").text
        return answer

    def test_without_a_key_it_says_how_to_make_one(self, app: Any, flask: Any) -> None:
        app.secret_key = None
        with app.test_request_context(), pytest.raises(RuntimeError) as error:
            flask.session["name"] = "Ada"
        command = "python -c 'import secrets; print(secrets.token_hex())'"
        assert str(error.value).endswith(command)
        code = command.partition("'")[2].rstrip("'")
        key = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        assert len(bytes.fromhex(key.decode())) == 32

    def test_a_cookie_signed_by_flask_is_valid(self, app: Any) -> None:
        assert self.who(app) == "Ada"

    def test_it_is_readable_but_tamper_proof(self, app: Any) -> None:
        content, _, rest = COOKIE.partition(".")
        assert base64_decode(content) == b'{"name":"Ada"}'
        forged = base64_encode(b'{"name":"Eva"}').decode()
        assert self.who(app, f"{forged}.{rest}") == "nobody"

    def test_a_changed_key_makes_old_cookies_invalid(self, app: Any) -> None:
        app.secret_key = "another key"
        assert self.who(app) == "nobody"

    def test_unless_the_old_one_is_a_fallback(self, app: Any) -> None:
        app.secret_key = "another key"
        app.config["SECRET_KEY_FALLBACKS"] = ["one of long ago", KEY]
        assert self.who(app) == "Ada"

    def test_a_string_of_fallbacks_is_refused(self, app: Any) -> None:
        app.config["SECRET_KEY_FALLBACKS"] = KEY
        app.testing = True
        with pytest.raises(TypeError, match="must be a list of old keys"):
            self.who(app)


class TestEndpoint:
    """Question 10: URL -> endpoint -> view function."""

    @pytest.fixture
    def app(self, app: Any, flask: Any) -> Any:
        def give_greeting(name: str) -> str:
            return f"Hello, {name}!"

        app.add_url_rule("/greeting/<name>", "give_greeting", give_greeting)
        app.route("/hello/<name>", endpoint="say_hello")(give_greeting)
        for name, prefix in (("main", None), ("admin", "/admin")):
            blueprint = flask.Blueprint(name, __name__, url_prefix=prefix)
            blueprint.add_url_rule("/greeting", "greeting", lambda name=name: f"from {name}")
            app.register_blueprint(blueprint)
        return app

    @pytest.mark.parametrize(
        ("endpoint", "values", "url", "answer"),
        [
            ("give_greeting", {"name": "Mark"}, "/greeting/Mark", "Hello, Mark!"),
            ("say_hello", {"name": "Mark"}, "/hello/Mark", "Hello, Mark!"),
            ("main.greeting", {}, "/greeting", "from main"),
            ("admin.greeting", {}, "/admin/greeting", "from admin"),
        ],
    )
    def test_an_endpoint_leads_both_ways(
        self, flask: Any, app: Any, endpoint: str, values: Any, url: str, answer: str
    ) -> None:
        with app.test_request_context():
            assert flask.url_for(endpoint, **values) == url
        assert app.test_client().get(url).text == answer

    def test_a_wrong_one_names_the_nearest(self, flask: Any, app: Any) -> None:
        with app.test_request_context():
            with pytest.raises(BuildError, match="Did you mean 'say_hello' instead"):
                flask.url_for("say_helo", name="Mark")
            with pytest.raises(BuildError, match=r"Did you mean 'admin\.greeting' instead"):
                flask.url_for("admin.greetings")
