"""An app is set up: name, folders, configuration, templates, rules, and what replaces its parts."""

from __future__ import annotations

import gc
import logging
import sys
import types
import weakref
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from werkzeug.exceptions import Aborter, HTTPException
from werkzeug.routing import Map, Rule

from kolben import Blueprint, Config, Flask, Request, abort, g, render_template_string, request
from kolben.core.hooks import HookTable, WatchedDict
from tests.interpreters import counts_references
from tests.wires import MakeClient

# Names.

MAINS: dict[str, tuple[str | None, str]] = {
    "a script": ("/somewhere/shop.py", "shop"),
    "no file": (None, "__main__"),
}


@pytest.mark.parametrize(("file", "name"), MAINS.values(), ids=MAINS)
def test_a_script_gives_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str | None, name: str
) -> None:
    main = types.ModuleType("__main__")
    if file is not None:
        main.__file__ = file
    monkeypatch.setitem(sys.modules, "__main__", main)
    app = Flask("__main__", root_path=str(tmp_path), instance_path=str(tmp_path))
    assert (app.import_name, app.name, app.cli.name) == ("__main__", name, name)


def test_else_the_module_does(app: Flask) -> None:
    assert app.name == "app"
    app.name = "other"
    assert app.name == "other"


def test_the_logger_is_named_as_the_app(app: Flask) -> None:
    app.name = "shop"
    assert app.logger is logging.getLogger("shop")
    assert app.logger is app.logger


# Configuration.


def test_configuration_begins_with_the_defaults(app: Flask) -> None:
    assert {**Flask.default_config, "DEBUG": False, "TESTING": True} == app.config
    assert app.config["PERMANENT_SESSION_LIFETIME"] == timedelta(days=31)


def test_defaults_may_be_overridden(tmp_path: Path) -> None:
    class Own(Flask):
        class config_class(Config):
            pass

        default_config = {**Flask.default_config, "TESTING": True, "OWN": 1}

    app = Own("own", root_path=str(tmp_path))
    assert type(app.config) is Own.config_class
    assert (app.testing, app.config["OWN"]) == (True, 1)
    assert not Flask("other").testing


@pytest.mark.parametrize(("relative", "folder"), [(False, "root"), (True, "instance")])
def test_which_folder_configuration_is_read_from(
    tmp_path: Path, relative: bool, folder: str
) -> None:
    for name in ("root", "instance"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.py").write_text(f"WHERE = {name!r}")
    app = Flask(
        "app",
        root_path=str(tmp_path / "root"),
        instance_path=str(tmp_path / "instance"),
        instance_relative_config=relative,
    )
    app.config.from_pyfile("settings.py")
    assert app.config["WHERE"] == folder


def test_attributes_that_stand_for_configuration(app: Flask) -> None:
    app.testing, app.secret_key, app.debug = False, "k", True
    app.permanent_session_lifetime = timedelta(hours=1)
    assert [app.config[key] for key in ("TESTING", "SECRET_KEY", "DEBUG")] == [False, "k", True]
    app.config["SECRET_KEY"] = b"other"
    assert app.secret_key == b"other"


@pytest.mark.parametrize(
    ("value", "lifetime"),
    [(60, timedelta(minutes=1)), (timedelta(days=2), timedelta(days=2)), (None, None)],
    ids=["seconds", "a timedelta", "none"],
)
def test_a_lifetime_may_be_in_seconds(app: Flask, value: Any, lifetime: timedelta | None) -> None:
    app.config["PERMANENT_SESSION_LIFETIME"] = value
    assert app.permanent_session_lifetime == lifetime


@pytest.mark.parametrize(("variable", "debug"), [("1", True), ("0", False)])
def test_the_environment_turns_debug_mode_on(
    monkeypatch: pytest.MonkeyPatch, variable: str, debug: bool
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", variable)
    assert Flask(__name__).debug is debug


@pytest.mark.parametrize(
    ("setting", "reloads"), [(None, True), (False, False)], ids=["unset", "set"]
)
def test_debug_mode_reloads_templates_unless_that_is_set(
    app: Flask, setting: bool | None, reloads: bool
) -> None:
    app.config["TEMPLATES_AUTO_RELOAD"] = setting
    assert not app.jinja_env.auto_reload
    app.debug = True
    assert app.jinja_env.auto_reload is reloads


# The instance folder.


def test_the_instance_folder_must_be_absolute() -> None:
    with pytest.raises(ValueError, match="'here' is relative"):
        Flask(__name__, instance_path="here")


INSTANCES = {
    "an installed one": ("env/lib/python3/site-packages", "env/var/shop-instance"),
    "a checkout": ("checkout", "checkout/instance"),
}


@pytest.mark.parametrize(("folder", "instance"), INSTANCES.values(), ids=INSTANCES)
def test_the_instance_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, instance: str
) -> None:
    package = tmp_path / folder / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.syspath_prepend(tmp_path / folder)
    assert Flask("shop").instance_path == str(tmp_path / instance)


def test_a_file_of_the_instance_folder_is_written_and_read(tmp_path: Path) -> None:
    app = Flask("app", root_path=str(tmp_path), instance_path=str(tmp_path))
    with app.open_instance_resource("text", "w", encoding="latin-1") as opened:
        opened.write("ä")
    assert (tmp_path / "text").read_bytes() == b"\xe4"
    with app.open_instance_resource("text") as opened:
        assert opened.read() == b"\xe4"


# Static files.


def test_static_files_have_a_rule_if_there_is_a_folder(app: Flask) -> None:
    assert [rule.rule for rule in app.url_map.iter_rules()] == ["/static/<path:filename>"]
    assert list(Flask("app", static_folder=None).url_map.iter_rules()) == []


def test_static_files_are_of_a_host_where_hosts_are_matched(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("static")
    app = Flask(
        *("app", "/files", str(tmp_path), "files.example.com"),
        host_matching=True,
    )
    client = app.test_client()
    with client.get("/files/a.txt", base_url="http://files.example.com") as found:
        assert found.text == "static"
    assert client.get("/files/a.txt", base_url="http://example.com").status_code == 404


@pytest.mark.parametrize(
    "options", [{"host_matching": True}, {"static_host": "example.com"}], ids=["no host", "alone"]
)
def test_a_static_host_goes_with_host_matching(options: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="static_host goes with host_matching"):
        Flask(__name__, **options)
    assert Flask(__name__, static_folder=None, **options).has_static_folder is False


@counts_references
def test_an_app_that_nobody_holds_is_gone_without_a_collection(tmp_path: Path) -> None:
    app = Flask("app", root_path=str(tmp_path))
    app.get("/")(lambda: "")
    app.before_request(lambda: None)
    gone = weakref.ref(app)
    views, hooks = app.view_functions, app.before_request_funcs
    gc.disable()
    try:
        del app
        assert gone() is None
    finally:
        gc.enable()
    # What outlives it has nobody to tell of a change.
    views["other"] = lambda: ""
    hooks[None].append(lambda: None)
    assert "other" in views


# Rules.


def test_a_view_says_what_its_rule_does_not(app: Flask) -> None:
    def view() -> str:
        return request.method

    view.methods = ["PUT"]  # type: ignore[attr-defined]
    view.required_methods = ["POST"]  # type: ignore[attr-defined]
    view.provide_automatic_options = False  # type: ignore[attr-defined]
    app.add_url_rule("/a", view_func=view)
    app.add_url_rule("/b", view_func=view, methods=["get"], provide_automatic_options=True)
    rules = {rule.rule: rule for rule in app.url_map.iter_rules("view")}
    assert rules["/a"].methods == {"PUT", "POST"}
    assert rules["/b"].methods == {"GET", "HEAD", "POST"}
    client = app.test_client()
    assert client.options("/a").status_code == 405
    assert client.options("/b").allow == {"GET", "HEAD", "POST"} and client.get("/b").text == "GET"


OPTIONS: dict[str, tuple[bool, dict[str, Any], bool]] = {
    "by default": (True, {}, True),
    "not if the view does": (True, {"methods": ["GET", "OPTIONS"]}, False),
    "not if it is configured so": (False, {}, False),
    "though it is configured so": (False, {"provide_automatic_options": True}, True),
    "not if the rule says so": (True, {"provide_automatic_options": False}, False),
}


@pytest.mark.parametrize(("configured", "options", "answers"), OPTIONS.values(), ids=OPTIONS)
def test_who_answers_options(
    app: Flask, configured: bool, options: dict[str, Any], answers: bool
) -> None:
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = configured
    app.add_url_rule("/", "view", lambda: "view", **options)
    (rule,) = app.url_map.iter_rules("view")
    assert rule.provide_automatic_options is answers  # type: ignore[attr-defined]


def test_methods_are_a_list(app: Flask) -> None:
    with pytest.raises(TypeError, match=r"Give a list: methods=\['GET'\]"):
        app.add_url_rule("/", "view", lambda: "", methods="GET")


def test_an_endpoint_has_one_view(app: Flask) -> None:
    def view() -> str:
        return ""

    app.add_url_rule("/a", "same", view)
    app.add_url_rule("/b", "same", view)
    app.add_url_rule("/c", "same")
    with pytest.raises(AssertionError, match=r"'same' has the view <function .*view"):
        app.add_url_rule("/d", "same", lambda: "")


class Meth:
    def view(self) -> str:
        return "of the instance"


def test_a_method_of_one_instance_is_the_same_view(app: Flask, wire: MakeClient) -> None:
    owner = Meth()
    app.add_url_rule("/a", "same", owner.view)
    app.add_url_rule("/b", "same", owner.view)
    assert wire(app).get("/b").text == "of the instance"


def test_rules_and_maps_may_be_of_other_classes(tmp_path: Path, wire: MakeClient) -> None:
    class OwnRule(Rule):
        pass

    class Own(Flask):
        url_rule_class = OwnRule

        class url_map_class(Map):
            pass

    app = Own("own", root_path=str(tmp_path))
    app.get("/")(lambda: "found")
    assert {type(rule) for rule in app.url_map.iter_rules()} == {OwnRule}
    assert type(app.url_map) is Own.url_map_class
    client = wire(app)
    assert client.get("/").text == "found"


# Templates.

TEMPLATES = {
    "filter": ("{{ 'a'|%s }}", "a!"),
    "test": ("{{ 'a' is %s }}", "a!"),
    "global": ("{{ %s('a') }}", "a!"),
}


def exclaim(text: object) -> str:
    return f"{text}!"


@pytest.mark.parametrize("name", [None, "named"])
@pytest.mark.parametrize("kind", TEMPLATES)
@pytest.mark.parametrize("decorator", [True, False], ids=["decorator", "method"])
def test_templates_get_filters_tests_and_globals(
    app: Flask, kind: str, name: str | None, decorator: bool
) -> None:
    if decorator:
        assert getattr(app, f"template_{kind}")(name)(exclaim) is exclaim
    else:
        getattr(app, f"add_template_{kind}")(exclaim, name)
    template, expected = TEMPLATES[kind]
    with app.app_context():
        assert render_template_string(template % (name or "exclaim")) == expected


ESCAPED = {
    **dict.fromkeys(["a.html", "a.htm", "a.xml", "a.xhtml", "a.svg", None], True),
    **dict.fromkeys(["a.txt", "a.html.txt", "a", "a.js", "a.HTML"], False),
}


@pytest.mark.parametrize(("filename", "escaped"), ESCAPED.items(), ids=map(str, ESCAPED))
def test_which_templates_are_escaped(app: Flask, filename: str | None, escaped: bool) -> None:
    assert app.select_jinja_autoescape(filename) is escaped


def test_the_template_environment_is_made_once_and_may_be_another(tmp_path: Path) -> None:
    class Own(Flask):
        class jinja_environment(Environment):
            def __init__(self, app: Any, **options: Any) -> None:
                options.setdefault("loader", app.create_global_jinja_loader())
                super().__init__(**options)

        jinja_options = {"variable_start_string": "<<", "variable_end_string": ">>"}

        def create_jinja_environment(self) -> Any:
            environment = super().create_jinja_environment()
            environment.globals["own"] = self.name
            return environment

    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.html").write_text("<< own >>")
    app = Own("own", root_path=str(tmp_path))
    assert type(app.jinja_env) is Own.jinja_environment
    assert app.jinja_env is app.jinja_env
    assert app.jinja_env.get_template("a.html").render() == "own"


# Classes of its parts.


def test_an_aborter_may_be_another(tmp_path: Path) -> None:
    class Teapot(HTTPException):
        code = 418
        description = "own"

    class Own(Flask):
        class aborter_class(Aborter):
            def __init__(self) -> None:
                super().__init__(extra={418: Teapot})

    app = Own("own", root_path=str(tmp_path))
    assert type(app.aborter) is Own.aborter_class
    with app.app_context(), pytest.raises(Teapot, match="own"):
        abort(418)


def test_g_may_be_of_another_class(tmp_path: Path) -> None:
    class Own(Flask):
        class app_ctx_globals_class:
            greeting = "hello"

    with Own("own", root_path=str(tmp_path)).app_context():
        assert g.greeting == "hello"


# When it is set up.

SETUP: dict[str, Callable[[Flask], Any]] = {
    "route": lambda app: app.route("/"),
    "add_url_rule": lambda app: app.add_url_rule("/", "x"),
    "before_request": lambda app: app.before_request(lambda: None),
    "register_blueprint": lambda app: app.register_blueprint(Blueprint("part", __name__)),
    "template_filter": lambda app: app.template_filter(),
    "teardown_appcontext": lambda app: app.teardown_appcontext(lambda error: None),
    "shell_context_processor": lambda app: app.shell_context_processor(dict),
}


@pytest.mark.parametrize("method", SETUP)
def test_nothing_is_set_up_after_the_first_request(
    app: Flask, method: str, wire: MakeClient
) -> None:
    wire(app).get("/")
    with pytest.raises(AssertionError, match=f"'{method}' was called on <Flask 'app'> after its"):
        SETUP[method](app)


def test_what_the_shell_starts_with_is_registered(app: Flask) -> None:
    @app.shell_context_processor
    def names() -> dict[str, Any]:
        return {"answer": 42}

    assert app.shell_context_processors == [names]
    assert app.make_shell_context()["answer"] == 42


def test_teardown_of_the_app_is_registered(app: Flask) -> None:
    seen: list[Any] = []

    @app.teardown_appcontext
    def end(error: BaseException | None) -> None:
        seen.append(error)

    with app.app_context():
        assert seen == []
    end(None)
    assert seen == [None, None]


def test_blueprints_are_listed_in_order(app: Flask) -> None:
    parts = [Blueprint(name, __name__) for name in ("b", "a")]
    for part in parts:
        app.register_blueprint(part)
    assert list(app.iter_blueprints()) == parts


# Attributes that an engine is made of.


def test_tables_put_in_place_of_others_still_tell(app: Flask, wire: MakeClient) -> None:
    app.get("/")(lambda: "view")
    client = wire(app)
    assert client.get("/").text == "view"
    mine = {None: [lambda: "hook"]}
    app.before_request_funcs = mine  # type: ignore[assignment]
    assert isinstance(app.before_request_funcs, HookTable)
    assert client.get("/").text == "hook"
    app.before_request_funcs = HookTable()
    assert client.get("/").text == "view"
    views = {"<lambda>": lambda: "other"}
    app.view_functions = views
    assert isinstance(app.view_functions, WatchedDict)
    assert client.get("/").text == "other"
    app.view_functions = WatchedDict({"<lambda>": lambda: "third"})
    assert client.get("/").text == "third"


def test_a_part_taken_back_is_the_classs_again(app: Flask, wire: MakeClient) -> None:
    class Loud(Request):
        greeting = "HELLO"

    app.get("/")(lambda: getattr(request, "greeting", "hello"))
    client = wire(app)
    app.request_class = Loud
    assert client.get("/").text == "HELLO"
    del app.request_class
    assert client.get("/").text == "hello"


def test_another_attribute_is_a_plain_one(app: Flask) -> None:
    engine = app.engine
    app.extra = 1  # type: ignore[attr-defined]
    del app.extra  # type: ignore[attr-defined]
    assert app.engine is engine
    with pytest.raises(AttributeError):
        del app.extra  # type: ignore[attr-defined]


def test_a_map_of_werkzeugs_own_may_be_assigned(app: Flask, wire: MakeClient) -> None:
    app.get("/")(lambda: "found")
    client = wire(app)
    assert client.get("/").text == "found"
    app.url_map = Map([Rule("/other", endpoint="<lambda>")])
    assert [client.get(path).status for path in ("/", "/other")] == [404, 200]
