"""A url_map compiled: find the plan for a method and a path.

Compiled from the states of Werkzeug's own matcher, so that both agree on every order and
weight. What is neither a plain match nor a plain miss (a redirect, a WebSocket) is None here,
and Werkzeug's MapAdapter decides it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from threading import RLock
from typing import Any

from werkzeug.routing import (
    BaseConverter,
    IntegerConverter,
    Map,
    Rule,
    RuleFactory,
    ValidationError,
)
from werkzeug.routing.matcher import State

from kolben.core.plan import Plan

# The settings of a map that decide what matches.
_MATCHING_SETTINGS = frozenset(
    {
        "converters",
        "default_subdomain",
        "host_matching",
        "merge_slashes",
        "redirect_defaults",
        "strict_slashes",
    }
)

MakePlan = Callable[[Rule], Plan]
Match = tuple[Plan, dict[str, Any]]
# The methods that other rules for the path take: none is a 404, some are a 405.
Miss = frozenset[str]
_NO_METHODS: Miss = frozenset()
# Says whether a part of a path is a value, by being true or false.
Test = Callable[[str], object]


class RuleMap(Map):
    """A map that calls `tell` after each change."""

    tell: Callable[[], None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Held while rules are added or compiled, as one thread may do each.
        self.changing = RLock()
        super().__init__(*args, **kwargs)

    def add(self, rulefactory: RuleFactory) -> None:
        """Add a rule, or the rules of a factory."""
        with self.changing:
            super().add(rulefactory)
        if self.tell is not None:  # not under the lock: whoever is told may wait for a compiler
            self.tell()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in _MATCHING_SETTINGS and self.tell is not None:
            self.tell()


class Leaf:
    """A rule at its place in the tree, with its plan and the converters of its values."""

    __slots__ = (
        "converters",
        "defaults",
        "is_plain",
        "methods",
        "only_name",
        "only_to_python",
        "plan",
        "strict_slashes",
    )

    def __init__(self, rule: Rule, plan: Plan, is_plain: bool) -> None:
        self.plan = plan
        self.is_plain = is_plain
        self.methods = rule.methods
        self.strict_slashes = rule.strict_slashes
        self.converters = [(name, _to_python(conv)) for name, conv in rule._converters.items()]
        self.defaults = rule.defaults
        # The only value, if there is but one: its name, and what converts it, if anything does.
        self.only_name: str | None = None
        self.only_to_python: Callable[[str], Any] | None = None
        if len(rule._converters) == 1 and not rule.defaults:
            ((self.only_name, converter),) = rule._converters.items()
            if not _is_identity(converter):
                self.only_to_python = _to_python(converter)

    def arguments(self, values: Sequence[str]) -> dict[str, Any] | None:
        """Convert the values of a path; None if a converter refuses one."""
        name = self.only_name
        try:
            if name is not None:
                to_python = self.only_to_python
                return {name: values[0] if to_python is None else to_python(values[0])}
            arguments: dict[str, Any] = {}
            for (name, to_python), value in zip(self.converters, values, strict=True):
                arguments[name] = to_python(value)
        except ValidationError:
            return None
        if self.defaults:
            arguments.update(self.defaults)
        return arguments


def _is_identity(converter: BaseConverter) -> bool:
    """Say whether a converter leaves the value as it is."""
    return type(converter).to_python is BaseConverter.to_python


def _to_python(converter: BaseConverter) -> Callable[[str], Any]:
    """Return what converts a value: for a plain integer a shorter way to the same."""
    if type(converter) is IntegerConverter and vars(converter).keys() >= _BOUNDS:
        bounds = (converter.fixed_digits, converter.min, converter.max)
        if bounds in ((0, None, None), (None, None, None)):
            return _to_integer
    return converter.to_python


_BOUNDS = {"fixed_digits", "min", "max"}


def _to_integer(value: str) -> int:
    """Convert digits; ValidationError for more of them than int() takes."""
    try:
        return int(value)
    except ValueError as error:
        raise ValidationError from error


class Branch:
    """A pattern for one part of a path, or for all that is left of it."""

    __slots__ = ("final", "groups", "match", "node", "suffixed", "takes_whole")

    def __init__(self, content: str, final: bool, suffixed: bool, node: Node) -> None:
        pattern = re.compile(content)
        self.match = pattern.match
        self.final = final
        self.suffixed = suffixed
        self.node = node
        # The named groups of converters, and not those inside their patterns.
        self.groups = tuple(filter(_is_value, pattern.groupindex))
        # PERF: says whether a part is the value, in a call of C, where the pattern is one of the
        # usual two: 0.04 us instead of 0.5 us (benchmarks/shortcuts.py).
        self.takes_whole = None if final else _whole_part_test(content)


class Node:
    """A place in the tree: where the next part of a path can lead."""

    __slots__ = ("branches", "by_method", "leaves", "static")

    def __init__(self) -> None:
        self.static: dict[str, Node] = {}
        self.branches: list[Branch] = []
        self.leaves: list[Leaf] = []
        # The leaves that are found straight: each the first to take its method, and plain.
        self.by_method: dict[str, Leaf] = {}

    def note_methods(self) -> None:
        """Fill by_method from the leaves."""
        for leaf in self.leaves:
            if leaf.methods is None or not leaf.is_plain:
                break  # what follows must not be found before this one
            for method in leaf.methods:
                self.by_method.setdefault(method, leaf)

    def leaf_for(self, method: str) -> Leaf | None:
        """Return the first rule that ends here and takes the method."""
        for leaf in self.leaves:
            if leaf.methods is None or method in leaf.methods:
                return leaf
        return None


class Tail:
    """A value at the end of a path: what takes it, and what stands there as well.

    test: says whether a part is the value. static: parts that are none. by_method: as Node has it.
    """

    __slots__ = ("by_method", "static", "test")

    def __init__(self, test: Test, static: dict[str, Node], node: Node) -> None:
        self.test = test
        self.static = static
        self.by_method = node.by_method


class Router:
    """Finds plans. Never changes: a changed url_map gets a new router."""

    __slots__ = ("_decides", "_exact", "_root", "_tails")

    def __init__(self, url_map: Map, make_plan: MakePlan) -> None:
        """Compile the rules of a map as it is now."""
        with url_map.changing if isinstance(url_map, RuleMap) else nullcontext():
            self._compile(url_map, make_plan)

    def _compile(self, url_map: Map, make_plan: MakePlan) -> None:
        url_map.update()
        self._exact: dict[str, dict[str, Plan]] = {}
        # Where one value may end a path that has none before, by what is before it.
        self._tails: dict[str, Tail] = {}
        self._root = Node()
        top = url_map._matcher._root
        # The first part of each path is a domain, and an empty one unless the app matches
        # hosts or subdomains. If it does, nothing is found here and Werkzeug decides.
        state = top.static.get(url_map.default_subdomain)
        # A map of another class does not tell of changes: its matches are never kept.
        is_plain = not top.dynamic and not url_map.host_matching and isinstance(url_map, RuleMap)
        self._decides = is_plain
        if state is not None and is_plain:
            self._root = _copy(state, url_map, make_plan)
            self._remember(self._root, [])

    def _remember(self, node: Node, parts: list[str]) -> None:
        """Put the rules without values where one dict look-up finds them, and what leads there."""
        if len(node.branches) == 1 and not any(found.branches for found in self._on_way(parts)):
            (branch,) = node.branches
            if branch.takes_whole is not None:
                self._tails["/".join(parts)] = Tail(branch.takes_whole, node.static, branch.node)
        for leaf in node.leaves:
            if leaf.methods is None or leaf.defaults or not leaf.is_plain:
                break  # what follows must not be found before this one
            plans = self._exact.setdefault("/".join(parts), {})
            for method in leaf.methods:
                plan = leaf.plan.options if method == "OPTIONS" else leaf.plan
                plans.setdefault(method, plan)
        for part, child in node.static.items():
            self._remember(child, [*parts, part])

    def find(self, method: str, path: str) -> Match | Miss | None:
        """Find the plan for a request line and the values of its path; None: ask Werkzeug.

        method: upper case. path: decoded, without query, as PEP 3333's PATH_INFO.
        """
        plans = self._exact.get(path)
        if plans is not None:
            plan = plans.get(method)
            if plan is not None:
                return plan, {}
        if not self._decides or path[:1] != "/" or "//" in path:
            return None
        # PERF: most paths need no way back, and many have one value, at their end: 0.4 us instead
        # of 3.3 us (benchmarks/shortcuts.py).
        head, _, tail = path.rpartition("/")
        last = self._tails.get(head)
        if last is not None and last.test(tail) and tail not in last.static:
            leaf = last.by_method.get(method)
            if leaf is not None and method != "OPTIONS":
                arguments = leaf.arguments((tail,))
                if arguments is not None:
                    return leaf.plan, arguments
        parts = path.split("/")
        return _walk_straight(self._root, parts, method) or self._search(method, parts)

    def _on_way(self, parts: list[str]) -> Iterator[Node]:
        """Yield the nodes above the one that parts without values lead to."""
        node = self._root
        for part in parts:
            yield node
            node = node.static[part]

    def _search(self, method: str, parts: list[str]) -> Match | Miss | None:
        """Try every way that the parts of a path can lead."""
        # PERF: what is in no app mostly goes wrong where there is one way: 0.2 us instead of 0.7 us
        # (benchmarks/shortcuts.py).
        if _leads_nowhere(self._root, parts):
            return _NO_METHODS
        try:
            found = _walk(self._root, parts, 0, method, [])
            if found is None:
                # A method in lower case is one that Werkzeug takes for the other.
                upper = method.isupper()
                return frozenset(_methods_at(self._root, parts, 0)) if upper else None
        except _NeedsWerkzeug:
            return None
        leaf, values = found
        arguments = leaf.arguments(values)
        if arguments is None:
            return None
        return leaf.plan.options if method == "OPTIONS" else leaf.plan, arguments


class _NeedsWerkzeug(Exception):
    """The path leads to a rule that only Werkzeug's adapter can answer for."""


def _copy(state: State, url_map: Map, make_plan: MakePlan) -> Node:
    """Copy a state of Werkzeug's matcher, and all below it."""
    node = Node()
    for rule in state.rules:
        node.leaves.append(Leaf(rule, make_plan(rule), _is_plain(rule, url_map)))
    for part, child in state.static.items():
        node.static[part] = _copy(child, url_map, make_plan)
    for rule_part, child in state.dynamic:
        below = _copy(child, url_map, make_plan)
        branch = Branch(rule_part.content, rule_part.final, rule_part.suffixed, below)
        node.branches.append(branch)
    node.note_methods()
    return node


# What a value without a converter compiles to, and one with `int`: what says whether a part is one.
_WHOLE_PARTS: dict[str, Test] = {r"[^/]{1,}": str.__len__, r"\d+": str.isdecimal}
_one_value = re.compile(r"\(\?P<__werkzeug_\d+>(.*)\)\\Z").fullmatch


def _whole_part_test(content: str) -> Test | None:
    """Return what says whether a part is a pattern's only value; None: only the pattern does."""
    found = _one_value(content)
    return _WHOLE_PARTS.get(found[1]) if found else None


def _is_plain(rule: Rule, url_map: Map) -> bool:
    """Say whether a match of this rule is the whole answer."""
    if rule.websocket or rule.redirect_to is not None:
        return False
    if not url_map.redirect_defaults:
        return True
    # A rule with defaults may have another rule of its endpoint redirect to it.
    endpoint_has_defaults = any(
        other.defaults for other in url_map._rules_by_endpoint.get(rule.endpoint, ())
    )
    return not (rule.alias or endpoint_has_defaults)


def _walk_straight(node: Node, parts: list[str], method: str) -> Match | None:
    """Follow the parts of a path by the first way at each, as _walk() does; None at a dead end."""
    values: list[str] = []
    for part in parts:
        child = node.static.get(part)
        if child is not None:
            node = child
            continue
        for branch in node.branches:
            if branch.takes_whole is not None:
                if branch.takes_whole(part):
                    values.append(part)
                    break
            elif branch.final:
                return None
            else:
                match = branch.match(part)
                if match is not None:
                    values += map(match.group, branch.groups)
                    break
        else:
            return None
        node = branch.node
    leaf = node.by_method.get(method)
    if leaf is None:
        return None
    arguments = leaf.arguments(values)
    if arguments is None:
        return None
    return leaf.plan.options if method == "OPTIONS" else leaf.plan, arguments


def _leads_nowhere(node: Node, parts: list[str]) -> bool:
    """Say whether it is sure, before any value, that no rule has these parts."""
    for part in parts:
        if node.branches:
            return False
        child = node.static.get(part)
        if child is None:
            return part != ""  # else it may be the slash after a rule that needs none
        node = child
    return False


def _walk(
    node: Node, parts: list[str], at: int, method: str, values: list[str]
) -> tuple[Leaf, list[str]] | None:
    """Follow the parts of a path from `at` on, as Werkzeug's matcher does.

    Raises _NeedsWerkzeug where a slash is missing or a rule is not plain.
    """
    if at == len(parts):
        return _end(node, method, values)
    part = parts[at]
    child = node.static.get(part)
    if child is not None:
        found = _walk(child, parts, at + 1, method, values)
        if found is not None:
            return found
    for branch in node.branches:
        found = _follow(branch, parts, at, method, values)
        if found is not None:
            return found
    if part == "" and at == len(parts) - 1:
        for leaf in node.leaves:
            if not leaf.strict_slashes and (leaf.methods is None or method in leaf.methods):
                return _chosen(leaf, values)
    return None


def _follow(
    branch: Branch, parts: list[str], at: int, method: str, values: list[str]
) -> tuple[Leaf, list[str]] | None:
    """Follow one branch, if its pattern takes the part (or, if final, all that is left)."""
    match = branch.match("/".join(parts[at:]) if branch.final else parts[at])
    if match is None:
        return None
    groups = [match.group(name) for name in branch.groups]
    below = values + groups if values else groups
    if not branch.final:
        return _walk(branch.node, parts, at + 1, method, below)
    if branch.suffixed and match.groups()[-1] == "/":
        return _walk(branch.node, [""], 0, method, below)
    return _end(branch.node, method, below)


def _is_value(group: str) -> bool:
    """Say whether a named group is a converter's (and not one inside its regex)."""
    return group.startswith("__werkzeug_")


def _end(node: Node, method: str, values: list[str]) -> tuple[Leaf, list[str]] | None:
    """Choose the rule where the path ends; one that wants a slash more is Werkzeug's."""
    leaf = node.leaf_for(method)
    if leaf is not None:
        return _chosen(leaf, values)
    slashed = node.static.get("")
    if slashed is not None:
        leaf = slashed.leaf_for(method)
        if leaf is not None:
            if leaf.strict_slashes:
                raise _NeedsWerkzeug
            return _chosen(leaf, values)
    return None


def _methods_at(node: Node, parts: list[str], at: int) -> Iterator[str]:
    """Yield the methods of the rules for a path that none took, as Werkzeug collects them.

    Raises _NeedsWerkzeug if one of them is not plain.
    """
    if at == len(parts):
        yield from _methods_of(node.leaves)
        return
    child = node.static.get(parts[at])
    if child is not None:
        yield from _methods_at(child, parts, at + 1)
    for branch in node.branches:
        target = "/".join(parts[at:]) if branch.final else parts[at]
        match = branch.match(target)
        if match is None:
            continue
        if not branch.final:
            yield from _methods_at(branch.node, parts, at + 1)
        elif branch.suffixed and match.groups()[-1] == "/":
            yield from _methods_at(branch.node, [""], 0)
        else:
            yield from _methods_of(branch.node.leaves)
    if parts[at] == "" and at == len(parts) - 1:
        yield from _methods_of(leaf for leaf in node.leaves if not leaf.strict_slashes)


def _methods_of(leaves: Iterable[Leaf]) -> Iterator[str]:
    """Yield the methods of plain rules."""
    for leaf in leaves:
        if not leaf.is_plain:
            raise _NeedsWerkzeug
        yield from leaf.methods or ()


def _chosen(leaf: Leaf, values: list[str]) -> tuple[Leaf, list[str]]:
    """Return a plain rule; any other is Werkzeug's."""
    if not leaf.is_plain:
        raise _NeedsWerkzeug
    return leaf, values
