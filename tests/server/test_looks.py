"""Whatever an app's code does when it is looked at, the look ends with a result or a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from werkzeug.local import LocalProxy
from werkzeug.routing import BaseConverter

from kolben import Flask, current_app, g
from kolben.server.facts import collect_facts
from kolben.server.looks import SHOWN, Looks
from kolben.server.static_mounts import choose_mounts
from kolben.server.watching import find_route
from tests.running import Server


def fail(error: BaseException) -> Any:
    raise error


def test_a_look_is_in_a_context_of_its_own() -> None:
    looks = Looks(Flask("shop"))

    def look() -> str:
        assert "seen" not in g
        g.seen = True
        return current_app.import_name

    assert ["shop", "shop"] == [looks.at("It", look, "", "all") for _ in range(2)]
    assert [] == looks.failed


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("no engine.\nSee the manual."), "RuntimeError: no engine"),
        (KeyError("url"), "KeyError: 'url'"),
        (ValueError(), "ValueError"),
        (ValueError("word " * 100), "ValueError: " + "word " * ((SHOWN - 2) // 5) + "…"),
    ],
    ids=["lines", "key", "empty", "long"],
)
def test_a_look_that_fails_is_one_line_however_often(error: Exception, said: str) -> None:
    looks = Looks(Flask("shop"))
    for _ in range(2):
        assert 7 == looks.at("The extension 'pay'", lambda: fail(error), 7, "its pools")
    assert [
        f"The extension 'pay' cannot be looked at: {said}. Left out: its pools."
    ] == looks.failed


def test_a_context_that_ends_badly_does_not_take_what_was_seen() -> None:
    app = Flask("shop")
    app.teardown_appcontext(lambda _: g.connection.close())
    looks = Looks(app)
    assert 1 == looks.at("It", lambda: 1, 0, "all")
    (line,) = looks.failed
    assert line.startswith("The end of an app context failed: AttributeError: ")
    assert line.endswith(" Nothing is left out.")


def test_of_several_things_those_that_fail_are_missing() -> None:
    looks = Looks(Flask("shop"))
    assert [10, 5] == looks.at_each("A number", [1, 0, 2], lambda number: 10 // number, "it")
    (line,) = looks.failed
    assert line.startswith("A number (builtins.int) cannot be looked at: ZeroDivisionError: ")


class Moody:
    """Something of the user's that answers no question outside of a request."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError(f"no {name} here")


class MoodyApp(Flask):
    """An app of the user's with properties that fail."""

    @property
    def debug(self) -> bool:  # type: ignore[override]
        return bool(fail(LookupError("no debug mode")))

    @property
    def secret_key(self) -> str:  # type: ignore[override]
        return str(fail(LookupError("no key")))


@pytest.fixture
def moody() -> Flask:
    app = MoodyApp("shop")
    app.config["MAX_CONTENT_LENGTH"] = "16 MB"
    app.extensions["sqlalchemy"] = Moody()
    app.view_functions["moody"] = LocalProxy(lambda: fail(LookupError("no view")))
    app.wsgi_app = Moody()  # type: ignore[method-assign, assignment]
    return app


def test_each_part_of_the_facts_is_looked_at_by_itself(moody: Flask) -> None:
    facts = collect_facts(moody, "shop:app", b"", ask=True)
    assert [
        "Middleware of the app",
        "The debug mode",
        "The secret key",
        "The extension 'sqlalchemy' (tests.server.test_looks.Moody)",
        "A view",
        "The setting MAX_CONTENT_LENGTH",
    ] == [line.partition(" cannot be looked at: ")[0] for line in facts.left_out]
    assert (False, None, 0, ()) == (facts.debug, facts.key, facts.async_views, facts.middleware)


def test_a_mount_whose_rule_cannot_be_looked_at_stays_with_the_app() -> None:
    app = Flask("shop", static_folder=".", static_url_path="/static")
    app.before_request(partial(fail, RuntimeError()))
    _, (said,) = choose_mounts(app, [("/static", "folder")])
    assert "the before_request function 'functools.partial' applies to it" in said
    app.url_map.bind = partial(fail, LookupError("no rule"))  # type: ignore[method-assign, assignment]
    mounts, (line,) = choose_mounts(app, [("/static", "folder")])
    assert [] == mounts
    assert "Left out: --static-mount /static, which the app itself serves." in line


def test_the_route_of_a_request_is_found_where_its_converter_needs_the_app() -> None:
    app = Flask("shop")
    app.config["CITIES"] = {"bonn"}

    class City(BaseConverter):
        def to_python(self, value: str) -> str:
            return value if value in current_app.config["CITIES"] else fail(ValueError())

    app.url_map.converters["city"] = City
    app.add_url_rule("/in/<city:name>", "city", lambda name: name)
    assert "/in/<city:name>" == find_route(app, "GET", "/in/bonn")


BROKEN = """
from flask import Flask
class Extension:
    @property
    def engines(self):
        raise RuntimeError("not now")
app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.extensions["sqlalchemy"] = Extension()
app.get("/")(lambda: "served")
"""
LINE = (
    "The extension 'sqlalchemy' (served.Extension) cannot be looked at: RuntimeError: not now."
    " Left out: the names of its binds."
)


@pytest.mark.slow
def test_explain_and_doctor_tell_of_it_and_go_on(
    explain: Callable[..., str], kolben: Callable[..., str]
) -> None:
    assert LINE in json.loads(explain(BROKEN, "--json"))["warnings"]
    found = json.loads(kolben(BROKEN, "doctor", "--json"))["findings"]
    assert [("warning", LINE)] == [
        (one["verdict"], one["reason"]) for one in found if one["check"] == "extensions"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("interface", ["rsgi", "asgi", "wsgi"])
def test_the_server_tells_of_it_and_serves(serve: Callable[..., Server], interface: str) -> None:
    server = serve(BROKEN, "--interface", interface)
    assert (200, b"served") == server.get("/")
    assert f"Warning: {LINE}\n" == server.err
