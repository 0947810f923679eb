"""Templates: where they are found, what they know, and what is escaped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from markupsafe import Markup, escape

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
from kolben.globals import request_ctx
from kolben.templating import (
    DispatchingJinjaLoader,
    Environment,
    _default_template_ctx_processor,
)


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


def test_without_an_app_there_is_nothing_to_know() -> None:
    assert _default_template_ctx_processor() == {}


@pytest.mark.parametrize("touches", [True, False])
def test_only_a_template_that_uses_the_session_varies_by_cookie(app: Flask, touches: bool) -> None:
    source = "{{ session.a }}" if touches else "{{ request.path }}"
    app.add_url_rule("/", view_func=lambda: render_template_string(source), endpoint="index")
    assert ("cookie" in app.test_client().get("/").vary) is touches


@pytest.mark.usefixtures("in_request")
def test_a_context_is_made_of_its_own_the_processors_and_the_defaults(app: Flask) -> None:
    app.context_processor(lambda: {"a": "app", "b": "app", "g": "app"})
    context = {"b": "own"}
    app.update_template_context(context)
    assert context == {"a": "app", "b": "own", "g": "app", "request": request_ctx.request}
    assert not request_ctx._session.accessed


def test_blueprints_add_to_the_context_from_the_outermost_on(app: Flask) -> None:
    outer, inner, other = (Blueprint(name, __name__) for name in ("outer", "inner", "other"))
    for number, part in enumerate((app, outer, inner, other)):
        values = {name: str(number) for name in "abcd"[number:]}
        part.context_processor(lambda values=values: values)  # type: ignore[misc]

    @inner.get("/")
    def index() -> str:
        return render_template_string("{{ a }}{{ b }}{{ c }}{{ d }}")

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(other)
    assert app.test_client().get("/").text == "0122"


@pytest.mark.parametrize("blueprints_own", [True, False])
def test_defaults_come_first_whoever_adds_more(app: Flask, blueprints_own: bool) -> None:
    blueprint, other = Blueprint("own", __name__), Blueprint("other", __name__)
    (blueprint if blueprints_own else app).context_processor(lambda: {"g": "changed", "a": "given"})
    for part in (blueprint, other):
        part.add_url_rule(
            f"/{part.name}", "index", lambda: render_template_string("{{ a }} {{ g }}")
        )
        app.register_blueprint(part)
    g_itself = f"<flask.g of {app.name!r}>"
    own = "given changed" if blueprints_own else f"given {escape(g_itself)}"
    client = app.test_client()
    assert client.get("/own").text == own
    assert client.get("/other").text == (f" {escape(g_itself)}" if blueprints_own else own)


def test_the_defaults_are_there_without_a_processor(app: Flask) -> None:
    app.register_blueprint(Blueprint("any", __name__))
    app.template_context_processors.clear()
    with app.test_request_context():
        context: dict[str, Any] = {}
        app.update_template_context(context)
        assert context == {}


def test_a_processor_may_be_async(app: Flask) -> None:
    @app.context_processor
    async def give() -> dict[str, str]:
        return {"a": "given"}

    with app.app_context():
        assert render_template_string("{{ a }}") == "given"


def test_processors_may_be_added_after_a_rendering(app: Flask) -> None:
    with app.app_context():
        assert render_template_string("{{ a }}") == ""
        app.template_context_processors[None].append(lambda: {"a": "late"})
        assert render_template_string("{{ a }}") == "late"


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


def test_a_stream_keeps_the_request(app: Flask) -> None:
    app.add_url_rule(
        "/", view_func=lambda: stream_template_string("{{ request.path }}"), endpoint="index"
    )
    assert app.test_client().get("/").text == "/"


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
