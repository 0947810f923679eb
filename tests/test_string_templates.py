"""Templates given as strings: compiled once, and never stale."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import nodes
from jinja2.ext import Extension
from markupsafe import Markup

from kolben import Flask, render_template_string
from kolben.string_templates import LONGEST_SOURCE, MOST_SOURCES, StringTemplates
from kolben.templating import Environment


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


def is_kept(app: Flask, source: str) -> bool:
    """Say whether a source is compiled once, and render it as from_string would."""
    environment = app.jinja_env
    first = environment.template_of(source)
    return first is environment.template_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "text",
        "{{ name }}",
        "{{ name|upper }}",
        "{{ 'a'|upper }}",
        "{% if x is defined %}1{% endif %}",
        "{% for i in range(3) %}{{ loop.index }}{% endfor %}",
        "{% set x = [1, 2] %}{{ x.append(3) or x }}",
        "{% extends 'layout.html' %}",
        "{{ name|tojson }}",
    ],
)
def test_a_source_is_compiled_once(app: Flask, source: str) -> None:
    assert is_kept(app, source)


def test_equal_sources_are_one_template(app: Flask) -> None:
    source = "{{ name }}"
    other = " ".join(source.split(" "))
    assert source is not other
    assert app.jinja_env.template_of(source) is app.jinja_env.template_of(other)


@given(
    parts=st.lists(
        st.sampled_from(
            [
                "{{ a }}", "{{ b|upper }}", "{{ 'x'|e }}", "{{ a|safe }}", "{{ 1 + 2 }}", "<&>",
                "{% set n = 1 %}", "{{ n }}", "{{ missing }}", "{{ [1, a]|join('<') }}",
                "{% if a == '<' %}yes{% else %}no{% endif %}", "{{ a ~ '<' }}", "\n", "{# c #}",
                "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(a) }}",
                "{% autoescape false %}{{ a }}{% endautoescape %}",
            ]
        )
    ),
    a=st.text(max_size=5),
)  # fmt: skip
def test_renders_what_from_string_renders(parts: list[str], a: str) -> None:
    app = Flask(__name__)
    source = "".join(parts)
    plain = app.jinja_env.from_string(source)
    for _ in range(2):
        template = app.jinja_env.template_of(source)
        assert template.render(a=a, b="b") == plain.render(a=a, b="b")


# What changes the outcome makes a template anew.


def set_option(name: str, value: Any) -> Callable[[Environment], None]:
    return lambda environment: setattr(environment, name, value)


@pytest.mark.parametrize(
    ("source", "before", "change", "after"),
    [
        pytest.param(
            "{{ a|upper }}", "&lt;A&gt;",
            lambda e: e.filters.__setitem__("upper", lambda value: "mine"), "mine", id="filter",
        ),
        pytest.param(
            "{{ a|upper }}", "&lt;A&gt;",
            lambda e: e.filters.update(upper=jinja2.pass_context(lambda c, value: c["a"] * 2)),
            "&lt;a&gt;&lt;a&gt;", id="filter that is called another way",
        ),
        pytest.param(
            "{{ 'a'|upper }}", "A",
            lambda e: e.filters.update(upper=lambda value: "mine"), "mine", id="filter, folded",
        ),
        pytest.param(
            "{{ 1 is odd }}", "True", lambda e: e.tests.update(odd=lambda value: "mine"), "mine",
            id="test",
        ),
        pytest.param("{{ a }}", "&lt;a&gt;", set_option("autoescape", False), "<a>", id="escape"),
        pytest.param(
            "{{ a }}", "&lt;a&gt;", set_option("autoescape", lambda name: False), "<a>",
            id="autoescape as a function",
        ),
        pytest.param(
            "[[ a ]]{{ a }}", "[[ a ]]&lt;a&gt;",
            lambda e: (
                setattr(e, "variable_start_string", "[["), setattr(e, "variable_end_string", "]]")
            ),
            "&lt;a&gt;{{ a }}", id="syntax",
        ),
        pytest.param(
            "{% if a %}\nx{% endif %}", "\nx", set_option("trim_blocks", True), "x", id="blocks"
        ),
        pytest.param(
            "{{ 'one two three'|truncate(11) }}", "one two three",
            lambda e: e.policies.__setitem__("truncate.leeway", 0), "one two...", id="policy",
        ),
        pytest.param(
            "{{ a }}", "&lt;a&gt;", set_option("finalize", lambda value: f"f{value}"),
            "f&lt;a&gt;", id="finalize",
        ),
        pytest.param(
            "{{ missing }}", "", set_option("undefined", jinja2.DebugUndefined),
            "{{ missing }}", id="undefined",
        ),
        pytest.param(
            "{{ x }}", "", lambda e: e.globals.update(x="new"), "new", id="global"
        ),
        pytest.param(
            "{{ x }}", "", set_option("globals", {"x": "new"}), "new", id="other globals"
        ),
        pytest.param(
            "{{ a|upper }}", "&lt;A&gt;", set_option("filters", {"upper": lambda value: "mine"}),
            "mine", id="other filters",
        ),
    ],
)  # fmt: skip
def test_a_change_of_the_environment_is_seen(
    app: Flask, source: str, before: str, change: Callable[[Environment], Any], after: str
) -> None:
    environment = app.jinja_env
    environment.template_of("another")
    assert environment.template_of(source).render(a="<a>") == before
    change(environment)
    assert environment.template_of(source).render(a="<a>") == after
    assert environment.from_string(source).render(a="<a>") == after


def test_a_filter_added_later_is_found(app: Flask) -> None:
    with pytest.raises(jinja2.TemplateAssertionError, match="No filter named 'late'"):
        app.jinja_env.template_of("{{ a|late }}")
    app.add_template_filter(lambda value: "late", "late")
    assert app.jinja_env.template_of("{{ a|late }}").render() == "late"


def test_a_filter_taken_away_is_missed(app: Flask) -> None:
    app.jinja_env.template_of("{{ a|upper }}")
    del app.jinja_env.filters["upper"]
    with pytest.raises(jinja2.TemplateAssertionError):
        app.jinja_env.template_of("{{ a|upper }}")


def test_tables_put_in_later_may_change_unseen(app: Flask) -> None:
    filters: dict[str, Any] = {"f": lambda value: "one"}
    app.jinja_env.filters = filters
    assert app.jinja_env.template_of("{{ a|f }}").render() == "one"
    filters["f"] = jinja2.pass_environment(lambda environment, value: "two")
    assert app.jinja_env.template_of("{{ a|f }}").render() == "two"


def test_autoescape_may_answer_differently_each_time(app: Flask) -> None:
    answers = itertools.cycle([True, True, True, False, False, False])
    app.jinja_env.autoescape = lambda name: next(answers)
    # Asked for the key, while compiling and at rendering.
    assert [app.jinja_env.template_of("{{ a }}").render(a="<") for _ in range(2)] == ["&lt;", "<"]


# What runs the user's code while compiling is compiled each time.


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a'|count }}",
        "{{ 'a'|upper|count }}",
        "{{ ('a', 'b')|count }}",
        "{{ ('a' or b)|count }}",
        "{{ ('a' if true else b)|count }}",
        "{{ (1 == 2 == b)|count }}",
        "{% if 1 is counted %}{% endif %}",
        "{% set x = 'a'|count %}",
    ],
)
def test_a_users_filter_on_a_constant_runs_at_each_rendering(app: Flask, source: str) -> None:
    calls: list[Any] = []
    app.jinja_env.filters["count"] = app.jinja_env.tests["counted"] = calls.append
    seen = []
    for _ in range(3):
        app.jinja_env.template_of(source).render()
        seen.append(len(calls))
    assert seen[0] < seen[1] < seen[2]


@pytest.mark.parametrize("source", ["{{ b|count }}", "{{ 'a'|count(b) }}", "{{ b.c[0]|count }}"])
def test_a_users_filter_on_a_variable_is_no_hindrance(app: Flask, source: str) -> None:
    app.jinja_env.filters["count"] = lambda *args: len(args)
    assert is_kept(app, source)


def test_tojson_of_a_constant_follows_the_provider(app: Flask) -> None:
    source = "{{ 'é'|tojson }}"
    assert app.jinja_env.template_of(source).render() == '"\\u00e9"'
    app.json.ensure_ascii = False
    assert app.jinja_env.template_of(source).render() == '"é"'


class Clock(Extension):
    """A tag that is worked out while compiling."""

    tags = {"ticks"}
    ticks = itertools.count()

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Output([nodes.TemplateData(str(next(self.ticks)))]).set_lineno(line)


class Prefix(Extension):
    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return f"{next(Clock.ticks)}{source}"


def test_an_extensions_tag_is_compiled_each_time(app: Flask) -> None:
    app.jinja_env.add_extension(Clock)
    source = "{% ticks %}"
    assert app.jinja_env.template_of(source).render() != app.jinja_env.template_of(source).render()
    assert is_kept(app, "no such tag")


def test_an_extension_that_changes_sources_has_all_compiled_each_time(app: Flask) -> None:
    assert is_kept(app, "a")
    app.jinja_env.add_extension(Prefix)
    assert not is_kept(app, "a")


@pytest.mark.parametrize("name", ["jinja2.ext.do", "jinja2.ext.loopcontrols", "jinja2.ext.i18n"])
def test_jinjas_own_extensions_are_no_hindrance(app: Flask, name: str) -> None:
    app.jinja_env.add_extension(name)
    assert is_kept(app, "{% do x %}" if name.endswith("do") else "{{ x }}")


def test_an_environment_that_compiles_its_own_way_is_left_to_it() -> None:
    class Shouting(Environment):
        def from_string(self, source: Any, *args: Any, **kwargs: Any) -> jinja2.Template:
            return super().from_string(str(source).upper(), *args, **kwargs)

    class Shouter(Flask):
        jinja_environment = Shouting

    with Shouter(__name__).app_context():
        assert render_template_string("loud") == "LOUD"


def test_an_environment_that_is_not_ours_is_left_to_itself() -> None:
    class Foreign(jinja2.Environment):
        def __init__(self, app: Any, **options: Any) -> None:
            super().__init__(**options)

    class Other(Flask):
        jinja_environment = Foreign  # type: ignore[assignment]  # as users do

    with Other(__name__).app_context():
        assert render_template_string("{{ 1 + 1 }}") == "2"


def test_an_overlay_has_templates_of_its_own(app: Flask) -> None:
    app.jinja_env.template_of("[{{ a }}]")
    overlay = app.jinja_env.overlay(variable_start_string="[", variable_end_string="]")
    assert overlay.template_of("[ a ]").render(a=1) == "1"
    assert app.jinja_env.template_of("[ a ]").render(a=1) == "[ a ]"


def test_an_overlay_sees_changes_of_what_it_shares(app: Flask) -> None:
    overlay = app.jinja_env.overlay()
    assert overlay.template_of("{{ a|upper }}").render(a="a") == "A"
    app.jinja_env.filters["upper"] = jinja2.pass_environment(lambda environment, value: "mine")
    assert overlay.template_of("{{ a|upper }}").render(a="a") == "mine"


def test_a_table_that_grows_in_place_is_still_watched(app: Flask) -> None:
    app.jinja_env.filters |= {"late": lambda value: "one"}
    assert is_kept(app, "{{ a|late }}")
    app.jinja_env.filters |= {"late": jinja2.pass_environment(lambda e, value: "two")}
    assert app.jinja_env.template_of("{{ a|late }}").render() == "two"


# Bounds


def test_only_so_many_sources_are_kept(app: Flask) -> None:
    first = app.jinja_env.template_of("0")
    for number in range(1, MOST_SOURCES + 1):
        app.jinja_env.template_of(str(number))
    assert app.jinja_env.template_of("0") is not first
    assert is_kept(app, "0")


def test_long_sources_are_not_kept(app: Flask) -> None:
    assert is_kept(app, "a" * LONGEST_SOURCE)
    assert not is_kept(app, "a" * (LONGEST_SOURCE + 1))


@pytest.mark.parametrize("source", [Markup("{{ a }}"), nodes.Template([])])
def test_what_is_no_plain_string_is_compiled_as_jinja_does(source: Any) -> None:
    environment = jinja2.Environment()
    templates = StringTemplates(environment)
    assert templates.get(source) is not templates.get(source)


# Errors


def test_a_syntax_error_has_its_source(app: Flask) -> None:
    for source in (
        "{% if %}",
        "{{ a|nothing }}",
        "{% block a %}{% endblock %}{% block a %}{% endblock %}",
    ):
        for _ in range(2):
            with pytest.raises(jinja2.TemplateSyntaxError) as raised:
                app.jinja_env.template_of(source)
            assert raised.value.source == source


def test_a_runtime_error_names_the_line(app: Flask) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError) as raised:
            app.jinja_env.template_of("\n\n{{ 1 / a }}").render(a=0)
        frame = raised.traceback[-1]
        assert (frame.path, frame.lineno) == ("<template>", 2)
