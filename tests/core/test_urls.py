"""URLs are built from endpoints, in a request and outside of one."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.routing import BuildError

from kolben import Blueprint, Flask, url_for


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: "")
    app.add_url_rule("/user/<name>", "user", lambda name: "", methods=["GET"])
    app.add_url_rule("/user/<name>", "user", app.view_functions["user"], methods=["POST"])
    blueprint = Blueprint("bp", __name__, url_prefix="/bp")
    blueprint.add_url_rule("/", "index", lambda: url_for(".other"))
    blueprint.add_url_rule("/other", "other", lambda: "")
    app.register_blueprint(blueprint)
    return app


@pytest.mark.parametrize(
    ("endpoint", "values", "url"),
    [
        ("index", {}, "/"),
        ("user", {"name": "ä b"}, "/user/%C3%A4%20b"),
        ("user", {"name": "x", "q": ["1", "2"]}, "/user/x?q=1&q=2"),
        ("user", {"name": "x", "_anchor": "a b/€"}, "/user/x#a%20b/%E2%82%AC"),
        ("index", {"_anchor": "a!$&'()*+,/:;=?@~-_.1"}, "/#a!$&'()*+,/:;=?@~-_.1"),
        ("index", {"_anchor": ""}, "/#"),
        ("index", {"_anchor": b"a b"}, "/#a%20b"),
        ("index", {"_external": True}, "http://localhost/"),
        ("index", {"_scheme": "https"}, "https://localhost/"),
        ("index", {"_scheme": ""}, "//localhost/"),
        ("user", {"name": "x", "_method": "POST"}, "/user/x"),
        (".index", {}, "/"),
        ("static", {"filename": "a/b.css"}, "/static/a/b.css"),
    ],
)
def test_in_a_request(app: Flask, endpoint: str, values: dict[str, Any], url: str) -> None:
    with app.test_request_context():
        assert url_for(endpoint, **values) == url


def test_a_dot_means_the_blueprint_of_the_request(app: Flask) -> None:
    assert app.test_client().get("/bp/").text == "/bp/other"


def test_outside_of_a_request_it_is_external(app: Flask) -> None:
    app.config.update(
        SERVER_NAME="example.com", APPLICATION_ROOT="/root", PREFERRED_URL_SCHEME="https"
    )
    with app.app_context():
        assert url_for("index") == "https://example.com/root/"
        assert url_for("index", _external=False) == "/root/"
    assert app.url_for("index") == "https://example.com/root/"


def test_outside_of_a_request_a_name_is_needed(app: Flask) -> None:
    with app.app_context(), pytest.raises(RuntimeError, match="SERVER_NAME"):
        url_for("index")


def test_in_a_request_whose_host_is_refused_no_url_is_built(app: Flask) -> None:
    with (
        app.test_request_context(headers={"Host": "a b"}),
        pytest.raises(RuntimeError, match="SERVER_NAME"),
    ):
        url_for("index")


def test_a_scheme_needs_an_external_url(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(ValueError, match="_external"):
        url_for("index", _scheme="https", _external=False)


def test_an_unknown_endpoint_names_the_nearest(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(BuildError, match="'user'"):
        url_for("uesr", name="x")


def test_build_error_handlers_are_asked_in_turn(app: Flask) -> None:
    asked: list[Any] = []

    def give_up(error: Exception, endpoint: str, values: dict[str, Any]) -> Any:
        asked.append((endpoint, values))
        return None

    def fail(error: Exception, endpoint: str, values: dict[str, Any]) -> str:
        assert isinstance(error, BuildError)
        raise BuildError("another", {}, None, error.adapter)

    def build(error: Exception, endpoint: str, values: dict[str, Any]) -> str:
        assert isinstance(error, BuildError)
        assert error.endpoint == "another"
        return "/built"

    app.url_build_error_handlers += [give_up, fail, build]
    with app.test_request_context():
        assert url_for("nothing", a=1, _anchor="x") == "/built"
        app.url_build_error_handlers.pop()
        with pytest.raises(BuildError, match="another"):
            url_for("nothing")
    given = {"a": 1, "_anchor": "x", "_method": None, "_scheme": None, "_external": False}
    assert asked[0] == ("nothing", given)


def test_defaults_are_injected_from_the_outside_in(app: Flask) -> None:
    order: list[str] = []

    def giving(name: str) -> Any:
        def inject(endpoint: str, values: dict[str, Any]) -> None:
            order.append(name)
            values.setdefault("by", name)

        return inject

    app.url_defaults(giving("app"))
    app.url_default_functions["bp"].append(giving("bp"))
    app.url_default_functions["bp.other"].append(giving("no blueprint of it"))
    with app.test_request_context():
        assert url_for("bp.other") == "/bp/other?by=app"
    assert order == ["app", "bp"]


def test_a_blueprint_has_no_defaults_for_an_endpoint_of_the_app(app: Flask) -> None:
    app.url_default_functions["bp"].append(lambda endpoint, values: values.update(by="bp"))
    with app.test_request_context():
        assert url_for("index") == "/"
        assert url_for("bp.index") == "/bp/?by=bp"


def test_without_a_context_one_adapter_is_made() -> None:
    made: list[Any] = []

    class Counting(Flask):
        def create_url_adapter(self, request: Any) -> Any:
            made.append(super().create_url_adapter(request))
            return made[-1]

    app = Counting(__name__)
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/<any(a, b):name>", "letter")
    for _ in range(2):  # with an engine and without
        made.clear()
        assert app.url_for("letter", name="a", tags=["1", "2"]) == (
            "http://example.com/a?tags=1&tags=2"
        )
        assert len(made) == 1
        assert app.engine is not None
    assert app.url_for("letter", name="b") == "http://example.com/b"


def test_another_apps_urls_are_those_of_the_requests_app(app: Flask) -> None:
    other = Flask("other")
    other.add_url_rule("/other", "index")
    assert other.engine is not None
    with app.test_request_context():
        assert other.url_for("index") == "/"
