"""A rule of a url_map, added sooner than Werkzeug's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule as WerkzeugRule

Build = Callable[..., tuple[str, str]]

# Names of values that no function can have as parameters.
_NO_PARAMETERS = frozenset({"False", "None", "True", "__debug__"})


class Rule(WerkzeugRule):
    """A rule whose functions that build URLs are compiled when they are first called.

    PERF: most never are: an app of 1,000 rules answers first after a quarter of Flask's time,
    instead of 1.1 times it (benchmarks/scaling.py).
    """

    def __eq__(self, other: object) -> bool:
        # FLASK: an app's own rule, and one added to its url_map as Werkzeug's, are of one class.
        if type(self) is Rule and type(other) is WerkzeugRule:
            return self._trace == other._trace
        return super().__eq__(other)

    __hash__ = None

    def _compile_builder(self, append_unknown: bool = True) -> Build:
        compile_now = super()._compile_builder
        if not self._surely_compiles():
            return compile_now(append_unknown)
        compiled: Build | None = None

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            nonlocal compiled
            if compiled is None:
                compiled = compile_now(append_unknown)
            return compiled(rule, **values)

        return build

    def _surely_compiles(self) -> bool:
        """Say whether compiling later raises nothing, so that a wrong rule is told of at once."""
        names = [text for is_value, text in self._trace if is_value]
        return (
            not self.defaults
            and len(names) == len(self._converters)
            and _NO_PARAMETERS.isdisjoint(names)
            and all(text.isascii() for _, text in self._trace)
        )
