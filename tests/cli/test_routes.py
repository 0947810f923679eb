"""`routes`: one row for each rule, in the order asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from kolben import Flask
from kolben.cli import FlaskGroup


@pytest.fixture
def show() -> Callable[..., list[str]]:
    """Return the lines that `routes` prints for an app."""

    def run(app: Flask, *args: str) -> list[str]:
        result = CliRunner().invoke(FlaskGroup(create_app=lambda: app), ["routes", *args])
        assert 0 == result.exit_code
        return result.output.splitlines()

    return run


@pytest.fixture
def shop() -> Flask:
    app = Flask("shop")
    app.add_url_rule("/post/<int:x>", methods=["GET", "POST"], endpoint="yyy")
    app.add_url_rule("/zzz", methods=["POST"], endpoint="aaa")
    return app


def test_the_table_has_titles_and_columns(shop: Flask, show: Callable[..., list[str]]) -> None:
    assert [
        "Endpoint  Methods    Rule",
        "--------  ---------  -----------------------",
        "aaa       POST       /zzz",
        "static    GET        /static/<path:filename>",
        "yyy       GET, POST  /post/<int:x>",
    ] == show(shop)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("endpoint", "aaa static yyy"),
        ("methods", "static yyy aaa"),
        ("rule", "yyy static aaa"),
        ("domain", "static yyy aaa"),
    ],
)
def test_rows_come_in_the_order_asked_for(
    order: str, expected: str, shop: Flask, show: Callable[..., list[str]]
) -> None:
    assert expected == " ".join(line.split()[0] for line in show(shop, "-s", order)[2:])


def test_match_is_the_order_in_which_rules_are_tried(
    shop: Flask, show: Callable[..., list[str]]
) -> None:
    tried = [rule.endpoint for rule in shop.url_map.iter_rules()]
    assert tried == [line.split()[0] for line in show(shop, "--sort", "match")[2:]]


def test_automatic_methods_are_shown_when_asked_for(
    shop: Flask, show: Callable[..., list[str]]
) -> None:
    assert not any("OPTIONS" in line for line in show(shop))
    assert any("GET, HEAD, OPTIONS, POST" in line for line in show(shop, "--all-methods"))


def test_no_routes_are_no_table(show: Callable[..., list[str]]) -> None:
    assert ["No routes were registered."] == show(Flask("empty", static_folder=None))


def test_subdomains_have_a_column_where_there_are_any(show: Callable[..., list[str]]) -> None:
    app = Flask("shop", static_folder=None)
    app.add_url_rule("/b", endpoint="b", subdomain="b")
    app.add_url_rule("/a", endpoint="a")
    assert [
        "Endpoint  Methods  Subdomain  Rule",
        "--------  -------  ---------  ----",
        "a         GET                 /a",
        "b         GET      b          /b",
    ] == show(app, "--sort", "domain")


def test_hosts_have_a_column_where_they_are_matched(show: Callable[..., list[str]]) -> None:
    app = Flask("shop", static_folder=None, host_matching=True)
    app.add_url_rule("/b", endpoint="b", host="b.example")
    app.add_url_rule("/a", endpoint="a")
    lines = show(app)
    assert ["Endpoint", "Methods", "Host", "Rule"] == lines[0].split()
    assert ["b", "GET", "b.example", "/b"] == lines[3].split()


def test_match_says_which_rule_answers(shop: Flask, show: Callable[..., list[str]]) -> None:
    lines = show(shop, "--match", "POST", "/post/7")
    assert "POST /post/7: answered by the endpoint 'yyy' with {'x': 7}" == lines[0]
    assert "* /post/<int:x>            answers: endpoint 'yyy'" in lines


def test_a_websocket_is_said_to_be_one(show: Callable[..., list[str]]) -> None:
    app = Flask("chat", static_folder=None)

    async def view() -> None: ...

    app.add_websocket("/ws", "view", view)
    assert "view      WebSocket  /ws" == show(app)[-1]
