"""A blueprint's registrations are played on each app, under the name it is registered by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from werkzeug.exceptions import Forbidden, NotFound

from kolben import Blueprint, Flask, abort, render_template_string, request, url_for
from kolben.blueprints import BlueprintSetupState
from kolben.commands import AppGroup
from tests.wires import MakeClient


def blueprint(name: str = "part", **options: Any) -> Blueprint:
    """Make a blueprint with one view that says where it is."""
    made = Blueprint(name, __name__, **options)
    made.add_url_rule("/page", "page", lambda **values: f"{request.endpoint} {values}")
    return made


def rules(app: Flask) -> dict[str, str]:
    """Return the app's URLs by endpoint."""
    return {
        rule.endpoint: rule.rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"
    }


def note(said: list[str], word: str) -> Callable[..., Any]:
    """Make a hook that notes that it ran and gives back what it was given first."""

    def hook(*args: Any) -> Any:
        said.append(word)
        return args[0] if args else None

    return hook


# Names and prefixes.


@pytest.mark.parametrize(
    ("name", "why"), [("", "needs a name"), ("a.b", "has a dot")], ids=["empty", "dotted"]
)
def test_a_name_is_needed_and_has_no_dot(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Blueprint(name, __name__)


PREFIXES: dict[str, tuple[str | None, str, str]] = {
    "none": (None, "/page", "/page"),
    "joined": ("/shop", "/page", "/shop/page"),
    "a slash at its end": ("/shop/", "/page", "/shop/page"),
    "a rule without slash": ("/shop", "page", "/shop/page"),
    "an empty rule": ("/shop", "", "/shop"),
    "the root": ("/", "/page", "/page"),
    "with a value": ("/<int:shop>", "/<page>", "/<int:shop>/<page>"),
}


@pytest.mark.parametrize(("prefix", "rule", "expected"), PREFIXES.values(), ids=PREFIXES)
@pytest.mark.parametrize("where", ["made", "registered"])
def test_a_prefix_stands_before_each_rule(
    app: Flask, where: str, prefix: str | None, rule: str, expected: str
) -> None:
    options = {"url_prefix": prefix}
    part = Blueprint("part", __name__, **(options if where == "made" else {}))
    part.add_url_rule(rule, "view", lambda: "")
    app.register_blueprint(part, **(options if where == "registered" else {}))
    assert rules(app) == {"part.view": expected}


OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "prefix": ({"url_prefix": "/a"}, {"url_prefix": "/b"}, "/b/page"),
    "an empty prefix": ({"url_prefix": "/a"}, {"url_prefix": ""}, "/page"),
    "no prefix given": ({"url_prefix": "/a"}, {"url_prefix": None}, "/a/page"),
}


@pytest.mark.parametrize(("made", "registered", "expected"), OPTIONS.values(), ids=OPTIONS)
def test_what_is_registered_goes_before_what_was_made(
    app: Flask, made: dict[str, Any], registered: dict[str, Any], expected: str
) -> None:
    app.register_blueprint(blueprint(**made), **registered)
    assert rules(app) == {"part.page": expected}


def test_the_name_it_is_registered_by_is_that_of_its_endpoints(
    app: Flask, wire: MakeClient
) -> None:
    part = blueprint()
    app.register_blueprint(part, url_prefix="/a")
    app.register_blueprint(part, url_prefix="/b", name="other")
    client = wire(app)
    assert client.get("/a/page").text == "part.page {}"
    assert client.get("/b/page").text == "other.page {}"
    assert app.blueprints == {"part": part, "other": part}
    assert list(app.iter_blueprints()) == [part, part]


def test_a_name_is_taken_once(app: Flask) -> None:
    part = blueprint()
    app.register_blueprint(part)
    with pytest.raises(ValueError, match=r"There is this blueprint under the name 'part'.*name="):
        app.register_blueprint(part)
    with pytest.raises(ValueError, match="There is a different blueprint under the name 'part'"):
        app.register_blueprint(blueprint())
    app.register_blueprint(blueprint(), name="free")


def test_defaults_of_the_values_of_urls(app: Flask, wire: MakeClient) -> None:
    part = Blueprint("part", __name__, url_defaults={"a": 1, "b": 1, "c": 1})
    part.add_url_rule("/", "view", lambda **values: values, defaults={"c": 3})
    app.register_blueprint(part, url_defaults={"b": 2, "c": 2})
    assert wire(app).get("/").json == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("registered", [None, "api"])
def test_a_subdomain_is_matched(registered: str | None) -> None:
    app = Flask(__name__, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    app.register_blueprint(blueprint(subdomain="shop"), subdomain=registered)
    client = app.test_client()
    found = [client.get("/page", subdomain=name).status_code for name in ("shop", "api", None)]
    assert found == ([404, 200, 404] if registered else [200, 404, 404])


def test_an_endpoint_and_a_view_have_no_dot() -> None:
    part = blueprint()
    with pytest.raises(ValueError, match=r"endpoint 'a\.b' has a dot"):
        part.add_url_rule("/", "a.b", lambda: "")

    def view() -> str:
        return ""

    view.__name__ = "a.b"
    with pytest.raises(ValueError, match=r"name of .* has a dot"):
        part.add_url_rule("/", view_func=view)


def test_a_view_may_be_without_a_name(app: Flask, wire: MakeClient) -> None:
    class Callable_:
        def __call__(self) -> str:
            return "called"

    part = Blueprint("part", __name__)
    part.add_url_rule("/", "view", Callable_())
    app.register_blueprint(part)
    assert wire(app).get("/").text == "called"


def test_options_is_answered_by_the_view_if_it_says_so(app: Flask, wire: MakeClient) -> None:
    part = Blueprint("part", __name__)
    part.add_url_rule("/auto", "a", lambda: "view")
    part.add_url_rule("/own", "b", lambda: "view", False, methods=["GET", "OPTIONS"])
    app.register_blueprint(part)
    client = wire(app)
    assert [client.options(path).text for path in ("/auto", "/own")] == ["", "view"]


# Blueprints in blueprints.

NESTED: dict[str, tuple[Any, Any, Any, str]] = {
    "both": ("/a", "/b", None, "/a/b/page"),
    "slashes": ("/a/", "/b/", None, "/a/b/page"),
    "the outer alone": ("/a", None, None, "/a/page"),
    "the inner alone": (None, "/b", None, "/b/page"),
    "none": (None, None, None, "/page"),
    "given when nested": ("/a", "/b", "/c", "/a/c/page"),
}


@pytest.mark.parametrize(("outer", "inner", "given", "expected"), NESTED.values(), ids=NESTED)
def test_prefixes_of_nested_blueprints_are_joined(
    app: Flask, outer: str | None, inner: str | None, given: str | None, expected: str
) -> None:
    parent = Blueprint("parent", __name__, url_prefix=outer)
    options = {} if given is None else {"url_prefix": given}
    parent.register_blueprint(blueprint("child", url_prefix=inner), **options)
    app.register_blueprint(parent)
    assert rules(app) == {"parent.child.page": expected}
    assert list(app.blueprints) == ["parent", "parent.child"]


SUBDOMAINS: dict[str, tuple[Any, Any, Any, str]] = {
    "both": ("a", "b", None, "b.a"),
    "the outer alone": ("a", None, None, "a"),
    "the inner alone": (None, "b", None, "b"),
    "given when nested": ("a", "b", "c", "c.a"),
}


@pytest.mark.parametrize(
    ("outer", "inner", "given", "expected"), SUBDOMAINS.values(), ids=SUBDOMAINS
)
def test_subdomains_of_nested_blueprints_are_joined(
    outer: str | None, inner: str | None, given: str | None, expected: str
) -> None:
    app = Flask(__name__, subdomain_matching=True, static_folder=None)
    parent = Blueprint("parent", __name__, subdomain=outer)
    options = {} if given is None else {"subdomain": given}
    parent.register_blueprint(blueprint("child", subdomain=inner), **options)
    app.register_blueprint(parent)
    assert [rule.subdomain for rule in app.url_map.iter_rules()] == [expected]


def test_a_nested_blueprint_may_have_another_name_in_each_place(app: Flask) -> None:
    child, parent = blueprint("child"), Blueprint("parent", __name__)
    parent.register_blueprint(child, url_prefix="/a")
    parent.register_blueprint(child, url_prefix="/b", name="again")
    app.register_blueprint(parent, name="top")
    assert rules(app) == {"top.child.page": "/a/page", "top.again.page": "/b/page"}


def test_a_blueprint_is_not_nested_in_itself() -> None:
    part = blueprint()
    with pytest.raises(ValueError, match="<Blueprint 'part'> can't be nested in itself"):
        part.register_blueprint(part)


def test_hooks_of_nested_blueprints_run_from_outside_in_and_back(
    app: Flask, wire: MakeClient
) -> None:
    said: list[str] = []
    grandchild, child, parent = (blueprint(name) for name in ("grandchild", "child", "parent"))
    for owner in (app, parent, child, grandchild):
        owner.before_request(lambda name=owner.name: said.append(f"before {name}"))
        owner.after_request(note(said, f"after {owner.name}"))
        owner.teardown_request(note(said, f"teardown {owner.name}"))
    child.register_blueprint(grandchild, url_prefix="/grandchild")
    parent.register_blueprint(child, url_prefix="/child")
    app.register_blueprint(parent)
    wire(app).get("/child/grandchild/page")
    names = ["app", "parent", "child", "grandchild"]
    assert said == [
        *(f"before {name}" for name in names),
        *(f"after {name}" for name in reversed(names)),
        *(f"teardown {name}" for name in reversed(names)),
    ]


def test_the_handler_that_is_nearest_answers(app: Flask, wire: MakeClient) -> None:
    child, parent = Blueprint("child", __name__), Blueprint("parent", __name__)
    child.get("/inner")(lambda: abort(403))
    parent.get("/outer")(lambda: abort(403))
    child.errorhandler(Forbidden)(lambda error: "child")
    parent.errorhandler(403)(lambda error: "parent")
    child.errorhandler(404)(lambda error: "never asked, as no blueprint is matched")
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    client = wire(app)
    assert [client.get(path).text for path in ("/inner", "/outer")] == ["child", "parent"]
    assert client.get("/nowhere").status == 404


# What is recorded.


def test_recorded_functions_run_at_each_registration(app: Flask) -> None:
    part, seen = blueprint(), []
    part.record(lambda state: seen.append(("each", state.name, state.first_registration)))
    part.record_once(lambda state: seen.append(("once", state.name, state.first_registration)))
    app.register_blueprint(part)
    app.register_blueprint(part, name="again")
    other = Flask("other")
    other.register_blueprint(part, name="elsewhere")
    assert seen == [
        ("each", "part", True),
        ("once", "part", True),
        ("each", "again", False),
        ("each", "elsewhere", True),
        ("once", "elsewhere", True),
    ]


def test_a_recorded_function_knows_of_the_registration(app: Flask) -> None:
    part, states = blueprint(url_prefix="/shop", subdomain="s"), []
    part.record(states.append)
    app.register_blueprint(part, name="other", extra=1)
    (state,) = states
    assert isinstance(state, BlueprintSetupState)
    assert (state.app, state.blueprint) == (app, part)
    assert (state.name, state.name_prefix) == ("other", "")
    assert (state.url_prefix, state.subdomain) == ("/shop", "s")
    assert state.options == {"name": "other", "extra": 1}
    state.add_url_rule("/late", "late", lambda: "late")
    assert rules(app)["other.late"] == "/shop/late"


def test_a_subclass_may_make_another_state(app: Flask) -> None:
    class Versioned(BlueprintSetupState):
        def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
            super().add_url_rule(f"/v1{rule}", *args, **options)

    class Part(Blueprint):
        def make_setup_state(self, app: Any, options: Any, first_registration: bool = False) -> Any:
            return Versioned(self, app, options, first_registration)

    part = Part("part", __name__)
    part.get("/")(lambda: "")
    part.add_url_rule("/page", "page", lambda: "")
    app.register_blueprint(part)
    assert rules(app)["part.page"] == "/v1/page"


def test_views_for_endpoints_are_the_apps(app: Flask, wire: MakeClient) -> None:
    part = Blueprint("part", __name__)
    part.endpoint("joined")(lambda: "found")
    app.register_blueprint(part)
    app.add_url_rule("/", endpoint="joined")
    assert wire(app).get("/").text == "found"


LATE: dict[str, Callable[[Blueprint], Any]] = {
    "route": lambda part: part.route("/"),
    "before_request": lambda part: part.before_request(lambda: None),
    "record": lambda part: part.record(lambda state: None),
    "register_blueprint": lambda part: part.register_blueprint(blueprint("child")),
    "app_errorhandler": lambda part: part.app_errorhandler(404),
}


@pytest.mark.parametrize("method", LATE)
def test_nothing_is_set_up_after_it_was_registered(app: Flask, method: str) -> None:
    part = blueprint()
    app.register_blueprint(part)
    with pytest.raises(AssertionError, match=f"'{method}' was called on <Blueprint 'part'> after"):
        LATE[method](part)


# Of the whole app.


def test_app_hooks_run_for_each_request_and_once(app: Flask, wire: MakeClient) -> None:
    part, said = blueprint(), []
    part.before_app_request(lambda: said.append("before"))
    part.after_app_request(note(said, "after"))
    part.teardown_app_request(note(said, "teardown"))
    part.app_url_value_preprocessor(lambda endpoint, values: said.append(f"values {endpoint}"))
    app.register_blueprint(part)
    app.register_blueprint(part, name="again")
    app.get("/")(lambda: "")
    wire(app).get("/nowhere")
    assert said == ["values None", "before", "after", "teardown"]


def test_app_url_defaults_are_those_of_each_url(app: Flask) -> None:
    part = blueprint()
    part.app_url_defaults(lambda endpoint, values: values.setdefault("language", "en"))
    app.register_blueprint(part)
    app.add_url_rule("/<language>/", "page", lambda language: "")
    with app.test_request_context():
        assert url_for("page") == "/en/"


def test_an_app_handler_answers_for_the_whole_app(app: Flask, wire: MakeClient) -> None:
    part = blueprint()

    @part.app_errorhandler(404)
    def handle(error: NotFound) -> tuple[str, int]:
        return "handled", 404

    app.register_blueprint(part)
    assert wire(app).get("/nowhere").text == "handled"
    assert handle(NotFound()) == ("handled", 404)


def exclaim(text: object) -> str:
    return f"{text}!"


BY_DECORATOR: dict[str, Callable[[Blueprint, str | None], Any]] = {
    "filter": lambda part, name: part.app_template_filter(name)(exclaim),
    "test": lambda part, name: part.app_template_test(name)(exclaim),
    "global": lambda part, name: part.app_template_global(name)(exclaim),
}
BY_METHOD: dict[str, Callable[[Blueprint, str | None], Any]] = {
    "filter": lambda part, name: part.add_app_template_filter(exclaim, name),
    "test": lambda part, name: part.add_app_template_test(exclaim, name),
    "global": lambda part, name: part.add_app_template_global(exclaim, name),
}
TEMPLATES = {
    "filter": ("{{ 'a'|%s }}", "a!"),
    "test": ("{{ 'a' is %s }}", "a!"),
    "global": ("{{ %s('a') }}", "a!"),
}


@pytest.mark.parametrize("name", [None, "named"])
@pytest.mark.parametrize("kind", TEMPLATES)
@pytest.mark.parametrize("way", [BY_DECORATOR, BY_METHOD], ids=["decorator", "method"])
def test_what_templates_of_the_whole_app_get(
    app: Flask, way: dict[str, Any], kind: str, name: str | None
) -> None:
    part = blueprint()
    assert way[kind](part, name) in (exclaim, None)
    app.register_blueprint(part)
    template, expected = TEMPLATES[kind]
    with app.app_context():
        assert render_template_string(template % (name or "exclaim")) == expected


def test_context_processors_of_the_app_and_of_the_blueprint(app: Flask, wire: MakeClient) -> None:
    part = blueprint()
    part.app_context_processor(lambda: {"a": "app"})
    part.context_processor(lambda: {"b": "blueprint"})
    part.get("/in")(lambda: render_template_string("{{ a }} {{ b }}"))
    app.get("/out")(lambda: render_template_string("{{ a }} {{ b }}"))
    app.register_blueprint(part)
    client = wire(app)
    assert [client.get(path).text for path in ("/in", "/out")] == ["app blueprint", "app "]


# Folders.


def test_its_static_files_and_templates(app: Flask, tmp_path: Path) -> None:
    root = tmp_path / "part"
    for name in ("files/a.txt", "pages/a.html"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(f"{{{{ 1 }}}} {name}")
    part = Blueprint(
        *("part", __name__, "files"),
        template_folder="pages",
        url_prefix="/shop",
        root_path=str(root),
    )
    part.get("/")(lambda: app.jinja_env.get_template("a.html").render())
    app.register_blueprint(part)
    client = app.test_client()
    assert client.get("/shop/").text == "1 pages/a.html"
    with client.get("/shop/files/a.txt") as found:
        assert found.text == "{{ 1 }} files/a.txt"
    with app.test_request_context():
        assert url_for("part.static", filename="a.txt") == "/shop/files/a.txt"


# Commands.

GROUPS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "its own name": ({}, {}, ["part", "greet"]),
    "another name": ({"cli_group": "other"}, {}, ["other", "greet"]),
    "no group": ({"cli_group": None}, {}, ["greet"]),
    "given when registered": ({"cli_group": "a"}, {"cli_group": "b"}, ["b", "greet"]),
    "none when registered": ({"cli_group": "a"}, {"cli_group": None}, ["greet"]),
    "the name it is registered by": ({}, {"name": "other"}, ["other", "greet"]),
}


@pytest.mark.parametrize(("made", "registered", "command"), GROUPS.values(), ids=GROUPS)
def test_its_commands_are_in_a_group(
    app: Flask, made: dict[str, Any], registered: dict[str, Any], command: list[str]
) -> None:
    part = Blueprint("part", __name__, **made)
    part.cli.command("greet")(lambda: click.echo("hello"))
    app.register_blueprint(part, **registered)
    assert app.test_cli_runner().invoke(args=command).output == "hello\n"


def test_without_commands_there_is_no_group(app: Flask) -> None:
    app.register_blueprint(blueprint())
    assert "cli" not in vars(app)
    assert app.cli.commands == {}


def test_a_group_of_a_subclass_is_asked_for_its_commands(app: Flask) -> None:
    class WithCommands(Blueprint):
        cli = AppGroup("own")

    WithCommands.cli.command("greet")(lambda: click.echo("hello"))
    app.register_blueprint(WithCommands("part", __name__, cli_group=None))
    assert ["greet"] == list(app.cli.commands)
