"""Which rule answers a request, and why each other one does not.

Rule: whether a rule matches is asked of Werkzeug, never worked out here; only the reason is ours.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, MapAdapter, RequestRedirect, Rule

_is_variable = re.compile(r"<(?:[^>:]+:)?([^>]+)>")


def explain_match(url_map: Map, method: str, url: str, server_name: str | None) -> list[str]:
    """Return lines: what comes of a request, then what each rule says to it.

    url: a path, or a whole URL, whose host then counts. server_name: the app's SERVER_NAME.
    """
    host, path = _split_url(url, server_name)
    method = method.upper()
    said, winner = _answer(_bind(url_map, host, server_name), method, path)
    rules = list(url_map.iter_rules())
    width = max((len(rule.rule) for rule in rules), default=0)
    lines = [f"{method} {path}: {said}", ""]
    for rule in rules:
        if rule is winner:
            lines.append(f"* {rule.rule:<{width}}  answers: endpoint {rule.endpoint!r}")
            continue
        reason = _ask(rule, url_map, method, path, host, server_name)
        if reason is None:
            reason = f"matches too, but {winner.rule} goes before it" if winner else "matches"
        lines.append(f"  {rule.rule:<{width}}  {reason}")
    return lines


def _answer(adapter: MapAdapter, method: str, path: str) -> tuple[str, Rule | None]:
    """Say what comes of a request as a whole, and by which rule."""
    try:
        rule, arguments = adapter.match(path, method, return_rule=True)
    except RequestRedirect as redirect:
        return f"308, a redirect to {redirect.new_url}", None
    except MethodNotAllowed as error:
        return f"405, the methods are {', '.join(sorted(error.valid_methods or ()))}", None
    except NotFound:
        return "404, no rule matches", None
    shown = f" with {arguments}" if arguments else ""
    return f"answered by the endpoint {rule.endpoint!r}{shown}", rule


def _ask(
    rule: Rule, url_map: Map, method: str, path: str, host: str, server_name: str | None
) -> str | None:
    """Return why a rule alone does not answer a request; None if it does."""
    if rule.build_only:
        return "is there for url_for alone (build_only)"
    alone = Map(
        [rule.empty()],
        host_matching=url_map.host_matching,
        default_subdomain=url_map.default_subdomain,
        strict_slashes=url_map.strict_slashes,
        merge_slashes=url_map.merge_slashes,
        converters=url_map.converters,
    )
    try:
        _bind(alone, host, server_name).match(path, method)
    except RequestRedirect as redirect:
        return f"redirects to {redirect.new_url}"
    except MethodNotAllowed:
        return f"matches, but not for {method}: {', '.join(sorted(rule.methods or ()))}"
    except NotFound:
        domain = rule.host if url_map.host_matching else rule.subdomain
        return _find_difference(rule, path) or (
            f"is for the {'host' if url_map.host_matching else 'subdomain'} {domain!r}, not {host}"
            if domain
            else "does not fit"
        )
    return None


def _find_difference(rule: Rule, path: str) -> str | None:
    """Say where a path first differs from a rule; None: nowhere that can be told."""
    given, wanted = _split_path(path), _split_path(rule.rule)
    for part, value in zip(wanted, given, strict=False):
        difference = _compare(rule, part, value)
        if difference is not None:
            return difference
    if len(given) > len(wanted):
        return f"has no part for {'/'.join(given[len(wanted) :])!r}"
    if len(given) < len(wanted):
        return f"{'/'.join(wanted[len(given) :])!r} is missing"
    if path.endswith("/") != rule.rule.endswith("/"):
        return "differs in the slash at the end"
    return None


def _compare(rule: Rule, part: str, value: str) -> str | None:
    """Say how a part of a path differs from a part of a rule; None if it fits."""
    names = _is_variable.findall(part)
    if not names:
        return None if part == value else f"{value!r} is not {part!r}"
    if not all(rule._converters[name].part_isolating for name in names):
        # Takes any number of parts: what follows cannot be compared one by one.
        return f"what begins with {value!r} does not fit {part} and the rest"
    return None if _fits(rule, part, value) else f"{value!r} does not fit {part}"


def _fits(rule: Rule, part: str, value: str) -> bool:
    """Say whether a part of a rule, with variables in it, takes a part of a path."""
    pieces = _is_variable.split(part)
    # Text and the names of variables take turns.
    pattern = "".join(
        f"(?:{rule._converters[piece].regex})" if turn % 2 else re.escape(piece)
        for turn, piece in enumerate(pieces)
    )
    return re.fullmatch(pattern, value) is not None


def _split_path(path: str) -> list[str]:
    return path.strip("/").split("/") if path.strip("/") else []


def _split_url(url: str, server_name: str | None) -> tuple[str, str]:
    """Return host and decoded path of a URL or a path."""
    parts = urlsplit(url)
    path = unquote(parts.path) or "/"
    return parts.netloc or server_name or "localhost", path if path.startswith("/") else f"/{path}"


def _bind(url_map: Map, host: str, server_name: str | None) -> MapAdapter:
    """Bind rules to a host, as an app does with a request to it."""
    if url_map.host_matching or server_name is None or not host.endswith(f".{server_name}"):
        return url_map.bind(host)
    return url_map.bind(server_name, subdomain=host.removesuffix(f".{server_name}"))
