"""Templates: where they are found, what they know, and what is escaped."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2.utils import LRUCache
from markupsafe import Markup

from kolben import (
    Blueprint,
    Flask,
    before_render_template,
    flash,
    g,
    get_template_attribute,
    render_template,
    render_template_string,
    session,
    stream_template,
    stream_template_string,
    template_rendered,
)
from kolben.rendering import QuickEnvironment, TemplateCache
from kolben.templating import (
    DispatchingJinjaLoader,
    Environment,
)
from tests.wires import MakeClient


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    folder = tmp_path / "templates"
    folder.mkdir()
    for name, source in {
        "hello.html": "<p>{{ name }}",
        "hello.txt": "{{ name }}",
        "layout.html": "[{% block body %}{% endblock %}]",
        "page.html": "{% extends 'layout.html' %}{% block body %}{{ name }}{% endblock %}",
        "_macros.html": "{% macro link(to) %}<a {{ to }}>{{ g.user }}{% endmacro %}",
        "user.html": "{% from '_macros.html' import link %}{{ link(name) }}",
    }.items():
        (folder / name).write_text(source)
    app = Flask("test_templating", root_path=os.fspath(tmp_path))
    app.config.update(TESTING=True, SECRET_KEY="a key")
    return app


@pytest.fixture
def in_request(app: Flask) -> Iterator[Any]:
    with app.test_request_context("/?q=1") as context:
        yield context


@pytest.fixture
def in_app(app: Flask) -> Iterator[Any]:
    with app.app_context() as context:
        yield context


# Rendering


@pytest.mark.usefixtures("in_app")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hello.html", "<p>&lt;i&gt;"),
        ("hello.txt", "<i>"),
        ("page.html", "[&lt;i&gt;]"),
        (["missing.html", "hello.txt", "hello.html"], "<i>"),
    ],
)
def test_a_template_is_rendered_by_each_way(
    app: Flask, name: str | list[str], expected: str
) -> None:
    assert render_template(name, name="<i>") == expected  # type: ignore[arg-type]  # list of names
    assert "".join(stream_template(name, name="<i>")) == expected  # type: ignore[arg-type]
    template = app.jinja_env.get_or_select_template(name)  # type: ignore[arg-type]
    assert render_template(template, name="<i>") == expected


@pytest.mark.usefixtures("in_app")
def test_strings_are_escaped() -> None:
    source = "<p>{{ name }}{{ safe }}"
    expected = "<p>&lt;i&gt;<b>"
    assert render_template_string(source, name="<i>", safe=Markup("<b>")) == expected
    pieces = list(stream_template_string(source, name="<i>", safe=Markup("<b>")))
    assert "".join(pieces) == expected
    assert len(pieces) > 1


@pytest.mark.parametrize(
    ("filename", "escaped"),
    [
        (None, True), ("a.html", True), ("a.htm", True), ("a.xml", True), ("a.xhtml", True),
        ("a.svg", True), ("a.txt", False), ("a.js", False), ("html", False),
    ],
)  # fmt: skip
def test_autoescape_follows_the_name(app: Flask, filename: str | None, escaped: bool) -> None:
    assert app.jinja_env.autoescape(filename) is escaped  # type: ignore[operator]  # a function


@pytest.mark.usefixtures("in_app")
def test_a_missing_template_is_named() -> None:
    with pytest.raises(jinja2.TemplateNotFound, match=r"missing\.html"):
        render_template("missing.html")


@pytest.mark.parametrize("render", [render_template, stream_template])
def test_it_needs_an_app(render: Any) -> None:
    with pytest.raises(RuntimeError, match="application context"):
        render("hello.html")


# What templates know


@pytest.mark.usefixtures("in_request")
def test_in_a_request_templates_know_it(app: Flask) -> None:
    g.user = "zoe"
    session["a"] = "b"
    app.config["MOTTO"] = "Go"
    source = "{{ request.args.q }} {{ g.user }} {{ session.a }} {{ config.MOTTO }}"
    assert render_template_string(source) == "1 zoe b Go"


@pytest.mark.usefixtures("in_app")
def test_outside_of_a_request_they_know_g_and_the_config(app: Flask) -> None:
    g.user = "zoe"
    source = "{{ g.user }} {{ config.DEBUG }} {{ 'session' if session else 'none' }}"
    assert render_template_string(source) == "zoe False none"


@pytest.mark.usefixtures("in_request")
def test_they_build_urls_and_show_messages(app: Flask) -> None:
    app.add_url_rule("/x/<int:n>", "x")
    flash("<Saved>")
    source = "{{ url_for('x', n=1) }} {{ get_flashed_messages()[0] }}"
    assert render_template_string(source) == "/x/1 &lt;Saved&gt;"


@pytest.mark.usefixtures("in_request")
def test_imported_macros_know_the_globals() -> None:
    g.user = "zoe"
    assert render_template("user.html", name="here") == "<a here>zoe"
    assert get_template_attribute("_macros.html", "link")("there") == "<a there>zoe"


@pytest.mark.parametrize("touches", [True, False])
def test_only_a_template_that_uses_the_session_varies_by_cookie(app: Flask, touches: bool) -> None:
    source = "{{ session.a }}" if touches else "{{ request.path }}"
    app.add_url_rule("/", view_func=lambda: render_template_string(source), endpoint="index")
    assert ("cookie" in app.test_client().get("/").vary) is touches


# Signals


@pytest.mark.usefixtures("in_app")
@pytest.mark.parametrize(
    "render",
    [
        lambda: render_template("hello.txt", name="n"),
        lambda: "".join(stream_template("hello.txt", name="n")),
        lambda: render_template_string("{{ name }}", name="n"),
        lambda: "".join(stream_template_string("{{ name }}", name="n")),
    ],
)
def test_signals_are_sent_before_and_after(app: Flask, render: Any) -> None:
    heard: list[Any] = []

    def before(sender: Flask, template: Any, context: dict[str, Any]) -> None:
        heard.append(("before", sender, template.name, context["name"]))
        context["name"] = "changed"

    def after(sender: Flask, template: Any, context: dict[str, Any]) -> None:
        heard.append(("after", sender, template.name, context["name"]))

    with before_render_template.connected_to(before), template_rendered.connected_to(after):
        assert render() == "changed"
    name = heard[0][2]
    assert name in {"hello.txt", None}
    assert heard == [("before", app, name, "n"), ("after", app, name, "changed")]


# Streams


def test_a_stream_keeps_the_request(app: Flask, wire: MakeClient) -> None:
    app.add_url_rule(
        "/", view_func=lambda: stream_template_string("{{ request.path }}"), endpoint="index"
    )
    assert wire(app).get("/").text == "/"


def test_a_stream_ends_with_the_context_of_the_app(app: Flask) -> None:
    with app.app_context():
        assert list(stream_template("hello.txt", name="a")) == ["a"]


# The environment


def test_the_environment_is_made_of_the_apps_options(app: Flask) -> None:
    app.jinja_options = {"trim_blocks": True, "autoescape": False, "auto_reload": True}
    environment = app.jinja_env
    assert type(environment) is Environment
    assert environment.app is app
    assert (environment.trim_blocks, environment.autoescape) == (True, False)
    assert environment.auto_reload is True
    assert isinstance(environment.loader, DispatchingJinjaLoader)


@pytest.mark.parametrize(
    ("debug", "setting", "expected"),
    [
        (False, None, False), (True, None, True), (False, True, True), (True, False, False),
        (False, False, False), (True, True, True),
    ],
)  # fmt: skip
def test_templates_are_reloaded_as_configured_or_in_debug_mode(
    app: Flask, debug: bool, setting: bool | None, expected: bool
) -> None:
    app.config.update(DEBUG=debug, TEMPLATES_AUTO_RELOAD=setting)
    assert app.jinja_env.auto_reload is expected


def test_debug_mode_turned_on_later_reloads_too(app: Flask) -> None:
    assert app.jinja_env.auto_reload is False
    app.debug = True
    assert app.jinja_env.auto_reload is True


def test_tojson_is_the_apps(app: Flask) -> None:
    with app.app_context():
        text = render_template_string("{{ a|tojson }}", a={"b": "</script>", "a": "é"})
    assert text == '{"a": "\\u00e9", "b": "\\u003c/script\\u003e"}'


def test_a_loader_of_ones_own(app: Flask) -> None:
    class Own(Flask):
        def create_global_jinja_loader(self) -> Any:
            return jinja2.DictLoader({"a.html": "own"})

    with Own(__name__).app_context():
        assert render_template("a.html") == "own"


def test_a_loader_among_the_options(app: Flask) -> None:
    app.jinja_options = {"loader": jinja2.DictLoader({"a.html": "optional"})}
    with app.app_context():
        assert render_template("a.html") == "optional"


def test_the_apps_folder_comes_before_the_blueprints(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "hello.txt").write_text("blueprint")
    (tmp_path / "other" / "only.txt").write_text("only here")
    app.register_blueprint(
        Blueprint("b", __name__, template_folder="other", root_path=os.fspath(tmp_path))
    )
    with app.app_context():
        assert render_template("hello.txt", name="app") == "app"
        assert render_template("only.txt") == "only here"
    names = app.jinja_env.list_templates()
    assert {"hello.txt", "only.txt", "page.html"} <= set(names)
    assert len(names) == len(set(names))


# Templates that are kept


class Counting(jinja2.DictLoader):
    """A loader that counts."""

    def __init__(self, mapping: dict[str, str]) -> None:
        super().__init__(mapping)
        self.loaded: list[str] = []

    def get_source(self, environment: Any, template: str) -> Any:
        self.loaded.append(template)
        return super().get_source(environment, template)


@pytest.fixture
def loader() -> Counting:
    return Counting({str(number): f"{number}" for number in range(9)})


@pytest.fixture
def environment(loader: Counting) -> QuickEnvironment:
    environment = QuickEnvironment(loader=loader, auto_reload=False, cache_size=3)
    assert type(environment.cache) is TemplateCache
    return environment


def load(environment: QuickEnvironment, names: str) -> list[str]:
    return [environment.get_template(name).render() for name in names]


def test_a_template_is_loaded_once(environment: QuickEnvironment, loader: Counting) -> None:
    assert load(environment, "0000") == ["0"] * 4
    assert environment.get_template("0") is environment.get_template("0")
    assert loader.loaded == ["0"]
    with pytest.raises(jinja2.TemplateNotFound):
        environment.get_template("missing")


@pytest.mark.parametrize(
    "forget",
    [
        lambda environment: environment.cache.clear(),
        lambda environment: [operator.delitem(environment.cache, key) for key in environment.cache],
        lambda environment: setattr(environment, "cache", LRUCache(5)),
        lambda environment: setattr(environment, "cache", {}),
        lambda environment: setattr(environment, "cache", None),
    ],
    ids=["clear", "delete", "another", "dict", "none"],
)
def test_a_template_that_is_forgotten_is_loaded_anew(
    environment: QuickEnvironment, loader: Counting, forget: Callable[[Any], Any]
) -> None:
    load(environment, "111")
    loader.mapping["1"] = "new"  # type: ignore[index]  # it is a dict
    assert load(environment, "1") == ["1"]
    forget(environment)
    assert load(environment, "111") == ["new"] * 3


def test_another_loader_has_other_templates(environment: QuickEnvironment) -> None:
    load(environment, "111")
    environment.loader = jinja2.DictLoader({"1": "other"})
    assert load(environment, "111") == ["other"] * 3


def test_what_others_put_into_the_cache_is_found(environment: QuickEnvironment) -> None:
    load(environment, "111")
    assert environment.cache is not None
    (key,) = environment.cache
    environment.cache[key] = environment.from_string("put")
    assert load(environment, "11") == ["put", "put"]


def test_only_so_many_are_kept(environment: QuickEnvironment, loader: Counting) -> None:
    for names in ("00123012301230123", "45450000"):
        assert load(environment, names) == list(names)
        assert environment.cache is not None
        assert len(environment.cache) == 3
    assert loader.loaded.count("0") > 1


def test_a_template_is_reloaded_where_that_is_asked_for(
    environment: QuickEnvironment, loader: Counting
) -> None:
    load(environment, "111")
    loader.mapping["1"] = "new"  # type: ignore[index]  # it is a dict
    assert load(environment, "1") == ["1"]
    environment.auto_reload = True
    assert load(environment, "11") == ["new", "new"]


def test_names_may_be_relative_to_the_parent() -> None:
    class Relative(QuickEnvironment):
        def join_path(self, template: str, parent: str) -> str:
            return f"{parent[0]}/{template}"

    files = {"a/x": "{% include 'y' %}", "a/y": "in a", "b/x": "{% include 'y' %}", "b/y": "in b"}
    environment = Relative(loader=jinja2.DictLoader(files), auto_reload=False)
    for _ in range(3):
        assert environment.get_template("a/x").render() == "in a"
        assert environment.get_template("b/x").render() == "in b"


def test_globals_given_to_a_loaded_template_stay(environment: QuickEnvironment) -> None:
    load(environment, "111")
    first = environment.get_template("1")
    assert environment.get_template("1", globals={"a": 1}) is first
    assert first.globals["a"] == 1
    assert environment.get_template(first) is first


def test_an_overlay_has_a_cache_of_its_own(environment: QuickEnvironment) -> None:
    load(environment, "111")
    overlay = environment.overlay(autoescape=True)
    assert overlay.get_template("1") is not environment.get_template("1")
    assert type(overlay.cache) is TemplateCache
    assert overlay.cache is not environment.cache


def test_a_filled_cache_is_left_as_it_is(environment: QuickEnvironment) -> None:
    load(environment, "1")
    filled: LRUCache = LRUCache(5)
    assert environment.cache is not None
    for key in environment.cache:
        filled[key] = "kept"
    environment.cache = filled
    assert environment.get_template("1") == "kept"


def test_who_loads_in_another_way_is_asked_each_time(loader: Counting) -> None:
    class Own(QuickEnvironment):
        def _load_template(self, name: Any, globals: Any) -> Any:  # noqa: A002  # Jinja's name
            return self.from_string(f"own {name}")

    assert load(Own(loader=loader), "11") == ["own 1", "own 1"]


# Async


@pytest.fixture
def async_app(app: Flask) -> Flask:
    app.jinja_options = {"enable_async": True}

    async def double(value: int) -> int:
        return value * 2

    app.jinja_env.globals["double"] = double
    return app


@pytest.mark.parametrize(
    "render",
    [
        lambda: render_template_string("{{ double(n) }}", n=2),
        lambda: "".join(stream_template_string("{{ double(n) }}", n=2)),
    ],
)
def test_an_async_environment_waits_for_what_templates_call(async_app: Flask, render: Any) -> None:
    with async_app.app_context():
        assert [render(), render()] == ["4", "4"]
