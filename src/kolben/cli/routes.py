"""`routes`: which URL leads to which endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from kolben.cli.options import from_environment
from kolben.commands import with_appcontext
from kolben.core.current import the_app

# Werkzeug and the app answer these by themselves.
AUTOMATIC_METHODS = frozenset({"HEAD", "OPTIONS"})


@click.command("routes", short_help="Show the routes of the app.")
@click.option(
    "--sort",
    "-s",
    type=click.Choice(["endpoint", "methods", "domain", "rule", "match"]),
    default="endpoint",
    envvar=from_environment("routes", "sort"),
    help="The order of the rows; 'match' is the order in which rules are tried.",
)
@click.option(
    "--all-methods",
    is_flag=True,
    envvar=from_environment("routes", "all_methods"),
    help="Show HEAD and OPTIONS, too.",
)
@click.option(
    "--match",
    nargs=2,
    metavar="METHOD URL",
    help="Say which rule answers a request, and why each other one does not.",
)
@with_appcontext
def routes_command(sort: str, all_methods: bool, match: tuple[str, str] | None = None) -> None:
    """Show the routes of the app: endpoint, methods, domain if there are any, and rule."""
    url_map = the_app().url_map
    if match is not None:
        from kolben.dev.route_match import explain_match  # starts faster without it

        click.echo("\n".join(explain_match(url_map, *match, the_app().config["SERVER_NAME"])))
        return
    rules = list(url_map.iter_rules())
    if not rules:
        click.echo("No routes were registered.")
        return

    hidden = frozenset[str]() if all_methods else AUTOMATIC_METHODS
    columns: dict[str, Callable[[Any], str]] = {
        "endpoint": lambda rule: str(rule.endpoint),
        "methods": lambda rule: _methods_of(rule, hidden),
        "domain": lambda rule: (rule.host if url_map.host_matching else rule.subdomain) or "",
        "rule": lambda rule: rule.rule,
    }
    rows = [{key: cell(rule) for key, cell in columns.items()} for rule in rules]
    if sort != "match":
        rows.sort(key=lambda row: row[sort])

    titles = {"endpoint": "Endpoint", "methods": "Methods"}
    if any(row["domain"] for row in rows):
        titles["domain"] = "Host" if url_map.host_matching else "Subdomain"
    titles["rule"] = "Rule"
    print_table(list(titles.values()), [[row[key] for key in titles] for row in rows])


def _methods_of(rule: Any, hidden: frozenset[str]) -> str:
    """List the methods that a rule takes; for a WebSocket say that it is one."""
    if getattr(rule, "is_socket", False):
        return "WebSocket"
    return ", ".join(sorted((rule.methods or set()) - hidden))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows in columns that are as wide as their widest cell."""
    table = [list(titles), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, ["-" * width for width in widths])
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())
