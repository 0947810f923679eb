"""What the short ways of templates and URLs save: rows of benchmarks.shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import markupsafe
from jinja2 import DictLoader
from werkzeug.routing import Rule, UnicodeConverter

from kolben import Flask, current_app, url_for
from kolben.core.router import RuleMap
from kolben.core.url_builder import Builders, _convert, place_of_adapter
from kolben.rendering import _escape
from kolben.template_context import _default_template_ctx_processor, update_template_context
from kolben.templating import Environment

Call = Callable[[], Any]


def urls() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for URLs."""
    rules = RuleMap([Rule("/users/<name>", endpoint="user")])
    adapter = rules.bind("localhost")
    builders = Builders(rules, True)
    place: Any = place_of_adapter(adapter, rules)
    to_url = UnicodeConverter(rules).to_url
    convert = _convert(UnicodeConverter(rules))
    values = {"name": "piston", "page": 2}
    context = Flask(__name__).test_request_context()
    kept = context.app.engine.builders

    def find_place() -> Any:
        vars(context).pop("url_place", None)
        return kept.place_of(context)

    yield "a value with nothing to escape", lambda: convert("piston"), lambda: to_url("piston")
    yield (
        "a URL with a query",
        lambda: builders.build(place, "user", values, None, None, False),
        lambda: adapter.build("user", values),
    )
    find_place()
    vars(context).pop("url_adapter")
    yield (
        "where a request reached the app",
        find_place,
        lambda: context.app.create_url_adapter(context.request),
    )
    app: Any = current_app
    app = app._get_current_object()
    unused = dict.fromkeys(("_anchor", "_method", "_scheme", "_external"))
    yield (
        "url_for() of an app that overrides nothing",
        lambda: url_for("static", filename="a.css"),
        lambda: app.url_for("static", **unused, filename="a.css"),
    )


def templates() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for templates."""
    app: Any = current_app
    app = app._get_current_object()
    files = {"hello": "Hello", "macros": "{% macro link(to) %}{{ to }}{% endmacro %}"}
    environment = Environment(app, loader=DictLoader(files), auto_reload=False)
    given = {"name": "piston"}
    hello, macros = map(environment.get_template, files)
    context = hello.new_context(given)
    macro = macros._get_default_module(context).link  # type: ignore[attr-defined]  # its macro
    for name, method, instance, arguments in (
        ("the variables of a template", "new_context", hello, (given,)),
        ("a template that is got again", "get_template", environment, ("hello",)),
        ("a template that is imported again", "_get_default_module", macros, (context,)),
        ("an item of a dict, in a template", "getattr", environment, (given, "name")),
        ("a function that a template calls", "call", context, (_same, "/")),
        ("a macro that a template calls", "call", context, (macro, "/")),
    ):
        long = getattr(super(_quick_class(instance), instance), method)  # Jinja's own
        yield name, partial(getattr(instance, method), *arguments), partial(long, *arguments)
    yield "a text that is escaped", lambda: _escape("piston"), lambda: markupsafe.escape("piston")

    def give_default() -> None:
        values = {"name": "piston"}
        before = values.copy()
        values.update(app.ensure_sync(_default_template_ctx_processor)())
        values.update(before)

    yield (
        "what every template is given",
        lambda: update_template_context(app, {"name": "piston"}),
        give_default,
    )


def _quick_class(instance: Any) -> type:
    """Return the class of kolben.rendering that an instance is of."""
    return next(kind for kind in type(instance).__mro__ if kind.__module__ == "kolben.rendering")


def _same(value: Any) -> Any:
    """Be a function that does next to nothing."""
    return value
