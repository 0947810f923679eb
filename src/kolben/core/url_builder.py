"""URLs built by what is known of an endpoint, and of the place of the app, before the values are.

Compiled from Werkzeug's rules, with their own converters. What is not known before (hosts and
subdomains, WebSockets, a choice by method, values that do not fit) is None here, and Werkzeug's
MapAdapter.build decides it, errors included.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

from werkzeug.routing import BaseConverter, IntegerConverter, Map, MapAdapter
from werkzeug.routing import Rule as WerkzeugRule

from kolben.core.router import RuleMap
from kolben.core.rule import Rule
from kolben.typing import RequestContext

Values = dict[str, Any]
Convert = Callable[[Any], str]

# What Werkzeug leaves as it is in a path and in a query, beside letters, digits and `_.-~`.
_PATH_SAFE = "!$&'()*+,/:;=@"
_QUERY_SAFE = "!$'()*,/:;?@"
_is_path = re.compile(rf"[\w.~{_PATH_SAFE}-]*", re.ASCII).fullmatch
_is_query = re.compile(rf"[\w.~{_QUERY_SAFE}-]*", re.ASCII).fullmatch

_text_to_url = BaseConverter.to_url
_number_to_url = IntegerConverter.to_url
# The methods of a rule whose work is done here.
_BUILDING = ("build", "build_compare_key", "suitable_for", "_compile_builder", "_encode_query_vars")
_KNOWN = {getattr(kind, name) for kind in (WerkzeugRule, Rule) for name in _BUILDING}
# Places that are kept. Bounded, as clients choose what stands in their Host header.
MOST_PLACES = 256


class Place:
    """Where an app is reached: what stands before its paths, up to the slash they begin with.

    external: has no scheme.
    """

    __slots__ = ("external", "relative", "scheme")

    def __init__(self, adapter: MapAdapter) -> None:
        self.scheme = adapter.url_scheme
        self.relative = f"{adapter.script_name.rstrip('/')}/"
        self.external = f"//{adapter.server_name}{adapter.script_name[:-1]}/"


def place_of_adapter(adapter: MapAdapter, url_map: Map) -> Place | None:
    """Return the place that an adapter of a map is bound to; None if it alone can build."""
    if (
        type(adapter) is MapAdapter
        and adapter.map is url_map
        and adapter.subdomain == ""
        and adapter.url_scheme in {"http", "https"}
    ):
        return Place(adapter)
    return None


class Builder:
    """Builds paths and queries of one rule."""

    __slots__ = ("arguments", "defaults", "needed", "parts", "start", "url_map")

    def __init__(self, rule: WerkzeugRule, url_map: Map) -> None:
        """Compile a rule that is_plain."""
        self.url_map = url_map
        self.defaults = dict(rule.defaults or {})
        self.arguments = frozenset(rule.arguments)
        self.needed = self.arguments - self.defaults.keys()
        self.start = ""
        # The name of each value, what makes it text, and the text that follows.
        self.parts: list[tuple[str, Convert, str]] = []
        for is_value, text in rule._trace[1:]:
            if is_value:
                self.parts.append((text, _convert(rule._converters[text]), ""))
            elif self.parts:
                name, convert, after = self.parts[-1]
                self.parts[-1] = name, convert, after + quote(text, safe=_PATH_SAFE)
            else:
                self.start += quote(text, safe=_PATH_SAFE)

    def takes(self, values: Values) -> bool:
        """Say whether there is a value for each argument, and none that is not the default's."""
        return all(values.get(name) is not None for name in self.needed) and all(
            values.get(name) is None or not (default != values[name])  # noqa: SIM202  # as Werkzeug
            for name, default in self.defaults.items()
        )

    def build(self, values: Values) -> str | None:
        """Return path and query, without the slash at their start.

        None: ask Werkzeug. Raises KeyError if a value is missing, and what converters raise.
        """
        path = self.start
        for name, convert, after in self.parts:
            value = values[name]
            if value is None:
                return None
            path += convert(value) + after
        if len(values) == len(self.needed):
            return path.lstrip("/")
        query = self._query(values)
        return None if query is None else path.lstrip("/") + query

    def _query(self, values: Values) -> str | None:
        """Return the query for the values that are no arguments, with its question mark."""
        if self.url_map.sort_parameters:
            return None
        query = ""
        for name, value in values.items():
            if name in self.arguments or value is None:
                continue
            kind = type(value)
            text = value
            if kind is str:
                if not (value.isalnum() and value.isascii()) and not _is_query(value):
                    text = quote_plus(value, safe=_QUERY_SAFE)
            elif kind is not int and kind is not bool:
                return None
            if not (name.isidentifier() and name.isascii()):
                return None
            query += f"&{name}={text}"
        return f"?{query[1:]}" if query else ""


def _convert(converter: BaseConverter) -> Convert:
    """Return what makes text of a value as a converter does, sooner for what is usual."""
    to_url = converter.to_url
    own = getattr(to_url, "__func__", None)

    def convert_text(value: Any) -> str:
        # PERF: nothing to escape: 0.2 us instead of 0.4 us (benchmarks/shortcuts.py).
        return value if type(value) is str and _is_path(value) else to_url(value)

    def convert_int(value: Any) -> str:
        return str(value) if type(value) is int else to_url(value)

    if own is _text_to_url:
        return convert_text
    if own is _number_to_url and type(converter) is IntegerConverter and not converter.fixed_digits:
        return convert_int
    return to_url


def is_plain(rule: WerkzeugRule) -> bool:
    """Say whether a rule's URLs depend on its path, converters and defaults alone."""
    trace = rule._trace
    return (
        all(getattr(type(rule), name) in _KNOWN for name in _BUILDING)
        and not rule.websocket
        and trace[:1] == [(False, "|")]  # what stands before is a subdomain
        and not any(is_value and name in (rule.defaults or ()) for is_value, name in trace)
    )


class Builders:
    """The builders of a map's endpoints, each made when it is first asked for.

    A changed url_map gets new ones, with its engine.
    """

    __slots__ = ("_adapter_is_own", "_of_endpoint", "_places", "url_map")

    def __init__(self, url_map: Map, adapter_is_own: bool) -> None:
        """adapter_is_own: the app's create_url_adapter is the framework's."""
        self.url_map = url_map
        self._adapter_is_own = adapter_is_own
        # With the methods that its rules take; None where Werkzeug builds.
        self._of_endpoint: dict[str, tuple[set[str] | None, list[Builder]] | None] = {}
        self._places: dict[tuple[Any, ...], Place] = {}

    def build(
        self,
        place: Place,
        endpoint: str,
        values: Values,
        method: str | None,
        scheme: str | None,
        external: bool,
    ) -> str | None:
        """Build a URL as MapAdapter.build does; None: let that do it.

        PERF: 1.3 us instead of 4.7 us (benchmarks/shortcuts.py).
        """
        try:
            found = self._of_endpoint[endpoint]
        except KeyError:
            found = self._compile(endpoint)
        if found is None:
            return None
        methods, builders = found
        if method is not None and methods is not None and method not in methods:
            return None
        try:
            path = _build(builders, values)
        except Exception:  # noqa: BLE001  # of a value or a converter, which raises it there again
            return None
        if path is None:
            return None
        if not external:
            return place.relative + path
        if scheme is None:
            scheme = place.scheme
        return f"{scheme}:{place.external}{path}" if scheme in {"http", "https"} else None

    def _compile(self, endpoint: str) -> tuple[set[str] | None, list[Builder]] | None:
        """Make the builders of an endpoint; None if Werkzeug builds."""
        url_map = self.url_map
        # A map of another class does not tell of changes.
        if type(url_map) is not RuleMap or url_map.host_matching:
            return None
        with url_map.changing:
            url_map.update()
            rules = list(url_map._rules_by_endpoint.get(endpoint, ()))
        if not rules:
            return None  # not kept: there is no end to names that are no endpoint's
        methods = rules[0].methods
        found = None
        # Where methods differ, the request's decides.
        if all(is_plain(rule) and rule.methods == methods for rule in rules):
            found = methods, [Builder(rule, url_map) for rule in rules]
        self._of_endpoint[endpoint] = found
        return found

    def place_of(self, context: RequestContext) -> Place | None:
        """Return where a request reached the app; None if only its adapter can build."""
        made = context.__dict__
        if "url_adapter" in made:
            return place_of_adapter(made["url_adapter"], self.url_map)
        if "url_place" in made:
            return made["url_place"]  # type: ignore[no-any-return]  # put there below
        environ = context.request.environ
        config = context.app.config
        host = environ.get("HTTP_HOST")
        if (
            not host
            or not self._adapter_is_own
            or config["TRUSTED_HOSTS"] is not None
            or context.request.trusted_hosts
            or "HTTP_UPGRADE" in environ
        ):
            return None
        # All that an adapter is made from.
        scheme = environ.get("wsgi.url_scheme")
        key = (host, environ.get("SCRIPT_NAME"), scheme, config["SERVER_NAME"])
        # PERF: no adapter for each request: 0.6 us instead of 4.0 us (benchmarks/shortcuts.py).
        place = made["url_place"] = self._places.get(key) or self._find_place(context, key)
        return place

    def _find_place(self, context: RequestContext, key: tuple[Any, ...]) -> Place | None:
        """Ask a request's adapter where it reached the app, and keep the answer."""
        adapter = context.url_adapter
        place = None if adapter is None else place_of_adapter(adapter, self.url_map)
        if place is not None and place.scheme == key[2]:
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            self._places[key] = place
        return place


def _build(builders: list[Builder], values: Values) -> str | None:
    """Return path and query of the first rule that takes the values; None: ask Werkzeug."""
    first = builders[0]
    if len(builders) == 1 and not first.defaults:
        return first.build(values)
    for builder in builders:
        if builder.takes(values):
            return builder.build(values)
    return None
