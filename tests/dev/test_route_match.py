"""Which rule answers a request, and the reason of each other one."""

from __future__ import annotations

import pytest

from kolben import Flask
from kolben.dev.route_match import explain_match


def view(**arguments: object) -> str:
    return ""


@pytest.fixture
def shop() -> Flask:
    app = Flask("shop", static_folder=None)
    for rule, endpoint, methods in [
        ("/greeting/<name>", "greet", ["GET"]),
        ("/greeting/<int:number>", "greet_number", ["GET"]),
        ("/greeting/Mark", "post_mark", ["POST"]),
        ("/greeting/", "all", ["GET"]),
        ("/files/<path:file>/edit", "edit", ["GET"]),
        ("/v<int:major>-<word>/x", "mixed", ["GET"]),
        ("/closed", "closed", ["GET"]),
    ]:
        app.add_url_rule(rule, endpoint, view, methods=methods)
    app.add_url_rule("/built", "built", build_only=True)
    return app


def explain(app: Flask, method: str, url: str) -> tuple[str, dict[str, str]]:
    """Return the answer and what each rule says."""
    first, empty, *rules = explain_match(app.url_map, method, url, app.config["SERVER_NAME"])
    assert "" == empty
    said = {}
    for line in rules:
        rule, reason = line[2:].split("  ", 1)
        said[line[:2].strip() + rule] = reason.strip()
    return first, said


@pytest.mark.parametrize(
    ("method", "url", "answer"),
    [
        ("GET", "/greeting/Mark", "answered by the endpoint 'greet' with {'name': 'Mark'}"),
        ("get", "/greeting/7?q=1", "answered by the endpoint 'greet_number' with {'number': 7}"),
        ("POST", "/greeting/Mark", "answered by the endpoint 'post_mark'"),
        ("GET", "greeting/", "answered by the endpoint 'all'"),
        ("GET", "/greeting/J%C3%BCrg", "answered by the endpoint 'greet' with {'name': 'Jürg'}"),
        ("DELETE", "/greeting/Mark", "405, the methods are GET, HEAD, OPTIONS, POST"),
        ("GET", "/greeting", "308, a redirect to http://localhost/greeting/"),
        ("GET", "/nowhere", "404, no rule matches"),
        ("GET", "/built", "404, no rule matches"),
    ],
)
def test_what_comes_of_a_request_is_said(method: str, url: str, answer: str, shop: Flask) -> None:
    assert answer == explain(shop, method, url)[0].split(": ", 1)[1]


@pytest.mark.parametrize(
    ("method", "url", "rule", "reason"),
    [
        ("GET", "/greeting/Mark", "*/greeting/<name>", "answers: endpoint 'greet'"),
        ("GET", "/greeting/Mark", "/greeting/<int:number>", "'Mark' does not fit <int:number>"),
        (
            "GET",
            "/greeting/Mark",
            "/greeting/Mark",
            "matches, but not for GET: OPTIONS, POST",
        ),
        ("GET", "/greeting/Mark", "/greeting/", "has no part for 'Mark'"),
        ("GET", "/greeting/Mark", "/files/<path:file>/edit", "'greeting' is not 'files'"),
        ("GET", "/greeting/Mark", "/built", "is there for url_for alone (build_only)"),
        (
            "GET",
            "/greeting/7",
            "/greeting/<name>",
            "matches too, but /greeting/<int:number> goes before it",
        ),
        ("GET", "/greeting", "/greeting/", "redirects to http://localhost/greeting/"),
        ("GET", "/greeting", "/greeting/Mark", "'Mark' is missing"),
        ("GET", "/closed/", "/closed", "differs in the slash at the end"),
        ("GET", "/v1.2-a/x", "/v<int:major>-<word>/x", "'v1.2-a' does not fit v<int:major>-<word>"),
        ("GET", "/v1-a/x", "*/v<int:major>-<word>/x", "answers: endpoint 'mixed'"),
        (
            "GET",
            "/files/a/b",
            "/files/<path:file>/edit",
            "what begins with 'a' does not fit <path:file> and the rest",
        ),
        ("GET", "/", "/closed", "'closed' is missing"),
    ],
)
def test_why_a_rule_does_or_does_not_answer_is_said(
    method: str, url: str, rule: str, reason: str, shop: Flask
) -> None:
    assert reason == explain(shop, method, url)[1][rule]


def test_a_subdomain_counts() -> None:
    app = Flask("shop", static_folder=None)
    app.config["SERVER_NAME"] = "shop.example"
    app.add_url_rule("/", "main", view)
    app.add_url_rule("/in", "api", view, subdomain="api")
    first, said = explain(app, "GET", "/in")
    assert "404" in first
    assert "is for the subdomain 'api', not shop.example" == said["/in"]
    first, said = explain(app, "GET", "http://api.shop.example/in")
    assert "'api'" in first
    assert "*/in" in said


def test_a_host_counts() -> None:
    app = Flask("shop", static_folder=None, host_matching=True)
    app.add_url_rule("/", "api", view, host="api.example")
    assert "is for the host 'api.example', not localhost" == explain(app, "GET", "/")[1]["/"]
    assert "'api'" in explain(app, "GET", "http://api.example/")[0]
