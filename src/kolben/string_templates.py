"""Templates given as strings, each compiled once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jinja2 import Environment, Template, TemplateSyntaxError, nodes
from jinja2.compiler import CodeGenerator
from jinja2.filters import FILTERS
from jinja2.tests import TESTS

# More sources, or longer ones, are compiled at each use: an app that makes its sources up as it
# goes must not fill the memory with them.
MOST_SOURCES = 256
LONGEST_SOURCE = 65_536

# What makes a template out of a string. An environment that has one of its own is left to it.
MAKERS = ("from_string", "make_globals", "compile", "parse", "_parse", "_generate", "_compile")

# Expressions that may be constant though a name is in them: `1 or name`.
SHORT_CIRCUITS = (nodes.And, nodes.Or, nodes.CondExpr, nodes.Compare)


class StringTemplates:
    """The compiled templates of an environment, for as long as nothing of it changes.

    A template is compiled from its source, the environment's options, autoescape(None), the
    extensions and policies, and from how its filters and tests want to be called. Whoever
    owns this drops it when one of those changes; globals and loaders are looked up at each
    rendering. What is left is code that runs while compiling: Jinja works constant
    expressions out then, so a template in which a user's function (a filter on a constant,
    a tag of an extension, `finalize`) might be called is not kept but compiled each time.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.keeps = environment.finalize is None and _is_plain(environment)
        self._compiled = lru_cache(maxsize=MOST_SOURCES)(self._compile)

    def get(self, source: str) -> Template:
        """Return the template for a source, as environment.from_string would make it."""
        environment = self.environment
        if self.keeps and type(source) is str and len(source) <= LONGEST_SOURCE:
            autoescape = environment.autoescape
            escapes = autoescape(None) if callable(autoescape) else autoescape
            template = self._compiled(source, bool(escapes))
            if template is not None:
                return template
        return environment.from_string(source)

    def _compile(self, source: str, escapes: bool) -> Template | None:
        """Compile a source; None if it has to be compiled at each use.

        escapes: only here to be part of the key.
        """
        environment = self.environment
        if any(_is_used(extension, source) for extension in environment.iter_extensions()):
            return None
        try:
            tree = environment.parse(source)
            if any(_may_be_called(environment, node) for node in _filters_and_tests(tree)):
                return None
            return environment.from_string(tree)
        except TemplateSyntaxError:
            return None  # from_string(source) raises it again, with the source in it


def _is_plain(environment: Environment) -> bool:
    """Say whether templates of this environment are made as Jinja makes them."""
    kind = type(environment)
    return (
        kind.code_generator_class is CodeGenerator
        and all(getattr(kind, name) is getattr(Environment, name) for name in MAKERS)
        and not vars(environment).keys() & {*MAKERS, "code_generator_class"}
    )


def _is_used(extension: Any, source: str) -> bool:
    """Say whether an extension that is not Jinja's has a hand in compiling a source."""
    from jinja2.ext import Extension  # starts faster without it

    kind = type(extension)
    if kind.__module__ == "jinja2.ext":
        return False
    return (
        kind.preprocess is not Extension.preprocess
        or kind.filter_stream is not Extension.filter_stream
        or any(tag in source for tag in extension.tags)
    )


def _filters_and_tests(tree: nodes.Template) -> Iterator[Any]:
    yield from tree.find_all((nodes.Filter, nodes.Test))


def _may_be_called(environment: Environment, node: nodes.Filter | nodes.Test) -> bool:
    """Say whether Jinja may call a user's filter or test while it compiles the node."""
    if isinstance(node, nodes.Filter):
        # tojson calls the app's dumps.
        own = node.name == "tojson" or (
            environment.filters.get(node.name) is not FILTERS.get(node.name)
        )
    else:
        own = environment.tests.get(node.name) is not TESTS.get(node.name)
    return own and (
        node.find(nodes.Name) is None or any(True for _ in node.find_all(SHORT_CIRCUITS))
    )
