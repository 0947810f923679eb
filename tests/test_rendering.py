"""Templates render as Jinja's own classes render them, errors included."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.nativetypes import NativeEnvironment
from jinja2.runtime import Context as JinjaContext
from jinja2.sandbox import SandboxedEnvironment, SecurityError
from markupsafe import Markup, escape

from kolben.rendering import Context, QuickEnvironment, Template

FILES = {
    "layout": "<{% block title %}layout{% endblock %}|{% block body %}{% endblock %}>",
    "page": "{% extends 'layout' %}{% block title %}{{ super() }}:{{ name }}{% endblock %}"
    "{% block body %}{% include 'part' %}{% endblock %}",
    "part": "{{ name }}-{{ known }}-{{ item }};",
    "macros": "{% set exported = known %}{% macro show(a, b='B') %}{{ a }}{{ b }}{{ known }}"
    "{{ varargs|length }}{{ kwargs|length }}{{ caller() if caller else '' }}{% endmacro %}"
    "{% macro of_name() %}{{ name }}{% endmacro %}",
    "broken": "\n{{ 1 // 0 }}",
}


class Thing:
    """What templates look into."""

    label = "<label>"
    items = "attribute"

    def __init__(self) -> None:
        self.asked = 0

    def method(self, *args: Any, **kwargs: Any) -> str:
        return f"{args}{sorted(kwargs.items())}"

    @property
    def counted(self) -> Any:
        self.asked += 1
        raise AttributeError("counted")

    @property
    def broken(self) -> Any:
        raise LookupError("broken")

    def __getitem__(self, key: Any) -> Any:
        if key == "refused":
            raise KeyError(key)
        return f"item {key} {self.asked}"

    def __call__(self, *args: Any) -> str:
        return f"called {args}"

    def __str__(self) -> str:
        return "<thing>"

    def __html__(self) -> str:
        return "<b>"


class GivenContext:
    """A callable that asks for the context."""

    @jinja2.pass_context
    def __call__(self, context: Any, value: Any) -> str:
        return f"{context['name']}{value}"

    @jinja2.pass_environment
    def method(self, environment: Any, value: Any) -> str:
        return f"{environment.trim_blocks}{value}"


@jinja2.pass_context
def with_context(context: Any, value: Any = "", **kwargs: Any) -> str:
    return f"{context['name']}{context.get('x')}{value}{kwargs}"


@jinja2.pass_eval_context
def with_evaluation(evaluation: Any, value: Any) -> str:
    return f"{evaluation.autoescape}{value}"


def stop(*args: Any) -> Any:
    raise StopIteration


KNOWN: dict[str, Any] = {
    "known": "<global>",
    "with_context": with_context,
    "with_evaluation": with_evaluation,
    "given_context": GivenContext(),
    "stop": stop,
    "plain": lambda *args, **kwargs: f"{args}{sorted(kwargs.items())}",
}


def environment_of(kind: type[Any], **options: Any) -> Any:
    """Make an environment with the same files and globals, whatever its class."""
    options.setdefault("autoescape", True)
    environment = kind(loader=jinja2.DictLoader(FILES), **options)
    environment.globals.update(KNOWN)
    return environment


def variables() -> dict[str, Any]:
    return {
        "name": "<name>",
        "thing": Thing(),
        "mapping": {"a": "<a>", "items": "hidden", "dict": {"b": 1}, 1: "one"},
        "own": type("Own", (dict,), {"label": "own label"})(label="item", x="own x"),
        "numbers": [1, 2, 3],
        "safe": Markup("<i>"),
        "text": "a & b",
    }


def outcome(render: Callable[[], Any]) -> Any:
    """Return what rendering gives, or what it raises and where."""
    try:
        return render()
    except Exception as error:  # noqa: BLE001  # whatever it is
        frames = [
            (frame.name, frame.lineno if frame.filename.startswith("<") else 0)
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        return type(error), str(error), frames


SOURCES = """
{{ name }}{{ safe }}{{ thing }}{{ 1 }}{{ 1.5 }}{{ none }}{{ missing }}{{ text|upper }}{{ numbers }}
{{ mapping.a }}{{ mapping['a'] }}{{ mapping.dict.b }}{{ mapping.missing }}{{ mapping.a.upper() }}
{{ mapping.items() }}{{ mapping.keys()|list }}{{ mapping.get('a') }}{{ mapping.__class__ }}
{{ mapping.missing.more }}
{{ own.label }}{{ own.x }}{{ own.missing }}
{{ thing.label }}{{ thing.items }}{{ thing.other }}{{ thing.refused }}{{ thing.counted }}
{{ thing.broken }}
{{ missing.attribute }}
{{ none.attribute }}{{ numbers.attribute }}{{ numbers[9] }}{{ text.attribute }}
{{ thing(1) }}{{ thing.method(1, self=2, obj=3, called=4) }}{{ thing.method(*numbers, **own) }}
{{ with_context() }}{{ with_context('v', k=1) }}{{ with_evaluation(1) }}{{ given_context(2) }}
{{ given_context.method(3) }}{{ range(3)|list }}{{ dict(a=1) }}{{ text.replace('a', 'b') }}
{{ plain(1, a=2) }}{{ stop() }}{{ stop(1).attribute is defined }}{{ numbers.count(1) }}
{{ missing() }}
{{ none() }}
{{ thing.missing() }}
{{ stop().attribute }}
{% for n in numbers %}{% set x = n %}{{ loop.index }}{{ with_context(x) }}{{ plain(n) }}{% endfor %}
{% for n in numbers recursive %}{{ loop.cycle('a', '<') }}{{ loop.last }}{% endfor %}
{% macro m(a) %}<{{ a }}{{ caller() }}>{% endmacro %}{% call m(name) %}{{ a }}{% endcall %}
{% macro m(a, b=a) %}<{{ a }}{{ b }}{{ varargs }}>{% endmacro %}{{ m(name) }}{{ m(1, 2, 3) }}
{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}
{% macro m() %}{{ with_context() }}{% endmacro %}{% set x = 'set' %}{{ m() }}{{ with_context() }}
{% from 'macros' import show, exported %}{{ show(name) }}{{ show(1, 2, 3, c=4) }}{{ exported }}
{% from 'macros' import of_name with context %}{{ of_name() }}
{% from 'macros' import of_name %}{{ of_name() }}{% from 'macros' import show %}{{ show(1) }}
{% import 'macros' as m %}{{ m.show(name) }}{{ m.exported }}{% call m.show(1) %}c{% endcall %}
{% from 'macros' import missing %}{{ missing }}{{ missing() }}
{% include 'part' %}{% for item in numbers %}{% include 'part' %}{% endfor %}
{% include 'part' without context %}{% include ['none', 'part'] %}
{% include 'none' ignore missing %}
{% include 'none' %}
{% extends 'page' %}{% block title %}{{ super() }}{{ super.super() }}{% endblock %}
{% extends 'page' %}{% block body %}{{ self.title() }}{{ with_context() }}{% endblock %}
{% extends 'page' %}{% block other %}{{ super() }}{% endblock %}{% block body %}{% endblock %}
{% extends 'none' %}
{% autoescape false %}{{ name }}{{ safe }}{{ with_evaluation(1) }}{% endautoescape %}{{ name }}
{% autoescape numbers %}{{ name }}{% endautoescape %}{% filter upper %}{{ name }}{% endfilter %}
{% set x %}<{{ name }}>{% endset %}{{ x }}{{ name ~ safe }}{{ [name, safe]|join('<') }}
{% with x = name, name = 2 %}{{ x }}{{ name }}{{ with_context() }}{% endwith %}{{ name|e|e }}
{% set ns = namespace(a=1) %}{% set ns.a = name %}{{ ns.a }}{{ cycler(1, '<').next() }}{{ known }}
{{ numbers|map('string')|list }}{{ [mapping]|map(attribute='a')|list }}{{ [own]|sum('y', 0) }}
{{ name is defined }}{{ 'x' is sameas 'x' }}{{ numbers|tojson }}{{ lipsum|string|length > 5 }}
{% include 'broken' %}
{{ 1 // 0 }}
""".strip().splitlines()


@pytest.mark.parametrize("options", [{}, {"undefined": jinja2.StrictUndefined}, {"autoescape": 0}])
@pytest.mark.parametrize("source", [*SOURCES, *FILES.values()])
def test_it_renders_as_jinja_does(source: str, options: dict[str, Any]) -> None:
    quick, plain = (
        environment_of(kind, **options) for kind in (QuickEnvironment, jinja2.Environment)
    )
    for _ in range(2):
        expected = outcome(lambda: plain.from_string(source).render(variables()))
        assert outcome(lambda: quick.from_string(source).render(variables())) == expected
        expected = outcome(lambda: list(plain.from_string(source).generate(**variables())))
        assert outcome(lambda: list(quick.from_string(source).generate(**variables()))) == expected


@pytest.mark.parametrize("name", FILES)
def test_files_render_as_jinja_does(name: str) -> None:
    quick, plain = map(environment_of, (QuickEnvironment, jinja2.Environment))
    for _ in range(3):
        expected = outcome(lambda: plain.get_template(name).render(variables()))
        assert outcome(lambda: quick.get_template(name).render(variables())) == expected


@given(st.lists(st.sampled_from(SOURCES[:13] + SOURCES[18:40]), max_size=4), st.booleans())
def test_what_is_made_of_such_parts_renders_as_well(parts: list[str], escapes: bool) -> None:
    source = "".join(part for part in parts if "extends" not in part)
    kinds = (QuickEnvironment, jinja2.Environment)
    quick, plain = (environment_of(kind, autoescape=escapes) for kind in kinds)
    expected = outcome(lambda: plain.from_string(source).render(variables()))
    assert outcome(lambda: quick.from_string(source).render(variables())) == expected


@pytest.mark.parametrize(
    "value",
    ["<a>", "", Markup("<a>"), Thing(), 1, None, type("Text", (str,), {})("<"), jinja2.Undefined()],
)
def test_a_value_is_escaped_as_markupsafe_does(value: Any) -> None:
    template = environment_of(QuickEnvironment).from_string("{{ value }}")
    pieces = list(template.generate(value=value))
    assert pieces == [escape(value)]
    assert all(type(piece) is Markup for piece in pieces)


def test_an_attribute_that_raises_is_asked_for_once() -> None:
    thing = Thing()
    template = environment_of(QuickEnvironment).from_string("{{ thing.counted }}")
    assert template.render(thing=thing) == "item counted 1"


# Variables


def test_globals_of_a_template_come_before_those_of_the_environment() -> None:
    environment = environment_of(QuickEnvironment)
    template = environment.from_string("{{ known }}{{ late }}", globals={"known": "own"})
    assert template.render() == "own"
    environment.globals["late"] = "<late>"
    assert template.render() == "own&lt;late&gt;"
    assert template.render(known=1, late=2) == "12"


@pytest.mark.parametrize("globals_", [{"name": "global"}, None])
def test_a_module_that_lacks_globals_of_its_importer_is_made_with_them(globals_: Any) -> None:
    source = "{% from 'macros' import of_name %}{{ of_name() }}"
    rendered = []
    for kind in (QuickEnvironment, jinja2.Environment):
        environment = environment_of(kind)
        plain = environment.from_string(source)
        with_more = environment.from_string(source, globals=globals_)
        rendered.append([one.render() for one in (plain, with_more, plain, with_more)])
    assert rendered[0] == rendered[1]


def test_globals_may_be_any_mapping() -> None:
    class Mine(dict[str, Any]):
        pass

    environment = environment_of(QuickEnvironment)
    environment.globals = Mine(name="mine")
    assert environment.from_string("{{ name }}").render() == "mine"


@pytest.mark.parametrize("kind", [QuickEnvironment, jinja2.Environment])
def test_names_are_texts(kind: type[Any]) -> None:
    with pytest.raises(TypeError, match="keywords must be strings"):
        environment_of(kind).from_string("").render({1: 2})


def test_new_context_is_jinjas() -> None:
    quick, plain = map(environment_of, (QuickEnvironment, jinja2.Environment))
    for arguments in (
        {},
        {"vars": {"a": 1}},
        {"vars": {"a": 1}, "shared": True},
        {"vars": {"a": 1}, "locals": {"b": 2}},
        {"vars": {"a": 1}, "shared": True, "locals": {"b": 2}},
    ):
        template, jinjas = (e.get_template("page") for e in (quick, plain))
        context, expected = template.new_context(**arguments), jinjas.new_context(**arguments)
        assert type(context) is Context
        assert vars(context).keys() == vars(expected).keys()
        for name in ("exported_vars", "globals_keys", "name", "vars"):
            assert getattr(context, name) == getattr(expected, name)
        assert context.parent.keys() == expected.parent.keys()
        assert list(context.parent) == list(expected.parent)
        assert context.blocks.keys() == expected.blocks.keys()
        assert context.eval_ctx.autoescape == expected.eval_ctx.autoescape
        assert context.eval_ctx.volatile is expected.eval_ctx.volatile


def test_a_context_class_of_ones_own_is_used() -> None:
    class Own(JinjaContext):
        def resolve_or_missing(self, key: str) -> Any:
            return f"own {key}"

    environment = environment_of(QuickEnvironment)
    environment.context_class = Own
    assert environment.from_string("{{ a }}").render() == "own a"


# Classes that are mixed in


class Sandbox(QuickEnvironment, SandboxedEnvironment):
    """A sandbox, named last."""


class SandboxFirst(SandboxedEnvironment, QuickEnvironment):
    """A sandbox, named first."""


class DeepSandbox(Sandbox):
    """A sandbox by inheritance, with a call of what is above."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return super().getattr(obj, attribute)


@pytest.mark.parametrize("kind", [Sandbox, SandboxFirst, DeepSandbox])
@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ thing.method.__func__.__globals__ }}",
        "{{ mapping.__class__ }}",
        "{{ range(999999999) }}",
    ],
)
def test_a_sandbox_stays_one(kind: type[Any], source: str) -> None:
    expected = outcome(
        lambda: environment_of(SandboxedEnvironment).from_string(source).render(variables())
    )
    got = outcome(lambda: environment_of(kind).from_string(source).render(variables()))
    assert got[:2] == expected[:2]
    assert expected == "" or expected[0] in {SecurityError, OverflowError}
    assert environment_of(kind).from_string("{{ mapping.a }}").render(variables()) == "&lt;a&gt;"


def test_native_types_stay_native() -> None:
    class Native(QuickEnvironment, NativeEnvironment):
        pass

    assert Native().from_string("{{ [1, 2] }}").render() == [1, 2]
    assert Native.template_class is NativeEnvironment.template_class
    assert Native.context_class is JinjaContext


def test_a_class_of_ones_own_keeps_its_choices() -> None:
    class Own(QuickEnvironment, NativeEnvironment):
        template_class = jinja2.Template

    assert Own.template_class is jinja2.Template

    class Under(QuickEnvironment):
        pass

    assert Under.template_class is Template
    assert Under.context_class is Context


# Async


def test_an_async_environment_renders_as_jinjas() -> None:
    async def later(value: Any) -> Any:
        return f"<{value}>"

    source = (
        "{{ later(1) }}{% from 'macros' import show %}{{ show(later(2)) }}{% include 'part' %}"
        "{% for n in [1, 2] %}{{ later(n) }}{{ mapping.a }}{% endfor %}{{ with_context(later(3)) }}"
    )
    kinds = (QuickEnvironment, jinja2.Environment)
    quick, plain = (environment_of(kind, enable_async=True) for kind in kinds)
    given = {**variables(), "later": later}
    assert quick.from_string(source).render(given) == plain.from_string(source).render(given)
    assert list(quick.from_string(source).generate(given)) == list(
        plain.from_string(source).generate(given)
    )
