"""A handshake is judged as RFC 6455 has it, and its origin before any code of the app's runs."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException
from werkzeug.routing import Map, RequestRedirect, Rule, WebsocketMismatch
from werkzeug.test import create_environ

from kolben import Request
from kolben.core import handshake
from kolben.core.source import EnvironSource

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
RIGHT = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


def judge(method: str = "GET", version: str = "1.1", **changed: str | None) -> None:
    """Judge a handshake that is right but for what is given; None leaves a header out."""
    headers = {**RIGHT, **{name.replace("_", "-"): value for name, value in changed.items()}}
    present = {name: value for name, value in headers.items() if value is not None}
    handshake.check_handshake(method, version, Headers(present))


def test_a_right_handshake_is_taken() -> None:
    judge()
    judge(Upgrade="WebSocket", Connection="upgrade")


@pytest.mark.parametrize("version", ["2", "2.0", "3"])
def test_from_http_2_on_there_are_no_such_headers(version: str) -> None:
    judge("CONNECT", version, Upgrade=None, Connection=None, Sec_WebSocket_Key=None)


WRONG: dict[str, dict[str, Any]] = {
    "POST": {"method": "POST"},
    "HTTP/1.0": {"version": "1.0"},
    "HTTP/1.0 as Granian says it": {"version": "1"},
    "no upgrade": {"Upgrade": None},
    "another upgrade": {"Upgrade": "h2c"},
    "no connection": {"Connection": None},
    "another connection": {"Connection": "keep-alive"},
    "no key": {"Sec_WebSocket_Key": None},
    "a short key": {"Sec_WebSocket_Key": "dGhlIHNhbXBsZQ=="},
    "a long key": {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZSBvbmU="},
    "no base64": {"Sec_WebSocket_Key": "!" * 22 + "=="},
    "base64 with more in it": {"Sec_WebSocket_Key": KEY[:10] + " " + KEY[10:]},
    "no ASCII": {"Sec_WebSocket_Key": "é" * 24},
    "two keys": {"Sec_WebSocket_Key": f"{KEY},{KEY}"},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_a_wrong_handshake_is_a_400(changed: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        judge(**changed)


@pytest.mark.parametrize("version", ["8", "13, 8", None])
def test_another_version_is_told_the_right_one(version: str | None) -> None:
    with pytest.raises(handshake.OtherVersion) as caught:
        judge(Sec_WebSocket_Version=version)
    response = caught.value.get_response()
    assert 426 == response.status_code
    assert ["13"] == response.headers.getlist("Sec-WebSocket-Version")
    assert ["websocket"] == response.headers.getlist("Upgrade")


ORIGINS: dict[str, tuple[str | None, str, Any]] = {
    "none": (None, "a.example", None),
    "the same host": ("https://a.example", "a.example", None),
    "in other letters": ("https://A.example", "a.EXAMPLE", None),
    "the same port": ("http://a.example:5000", "a.example:5000", None),
    "a port that goes without saying": ("http://a.example", "a.example:80", None),
    "the other one": ("https://a.example:443", "a.example:443", None),
    "an address": ("http://[::1]:5000", "[::1]:5000", None),
    "any": ("https://evil.example", "a.example", "*"),
    "null, where any may": ("null", "a.example", ["*"]),
    "a listed one": ("https://b.example", "a.example", ["https://b.example/"]),
    "the only one": ("https://b.example", "a.example", "https://B.example"),
    "the same host, where others are listed": ("http://a.example", "a.example", ["https://b"]),
}
FOREIGN: dict[str, tuple[str, str, Any]] = {
    "another host": ("https://evil.example", "a.example", None),
    "another port": ("http://a.example:1", "a.example", None),
    "a subdomain": ("http://b.a.example", "a.example", None),
    "one that begins alike": ("http://a.example.evil.example", "a.example", None),
    "null": ("null", "a.example", None),
    "nothing": ("", "", None),
    "no URL": ("http://[", "a.example", None),
    "another kind of page": ("file://a.example", "a.example", None),
    "two": ("http://a.example,http://evil.example", "a.example", None),
    "a name before the host": ("http://a.example@evil.example", "a.example", None),
    "one that is not listed": ("https://c.example", "a.example", ["https://b.example"]),
}


def headers_of(origin: str | None, host: str) -> Headers:
    headers = Headers({"Host": host})
    if origin is not None:
        headers["Origin"] = origin
    return headers


@pytest.mark.parametrize(("origin", "host", "allowed"), ORIGINS.values(), ids=ORIGINS)
def test_pages_of_the_same_host_may_open_it(origin: str, host: str, allowed: Any) -> None:
    handshake.check_origin(headers_of(origin, host), allowed)


@pytest.mark.parametrize(("origin", "host", "allowed"), FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_page_may_not(origin: str, host: str, allowed: Any) -> None:
    with pytest.raises(Forbidden):
        handshake.check_origin(headers_of(origin, host), allowed)


def test_subprotocols_are_listed_once_and_in_order() -> None:
    assert ["chat.v2", "chat"] == handshake.read_subprotocols(" chat.v2,chat ,, chat, no token,é")
    assert [] == handshake.read_subprotocols(None)


CODES = {200: 1000, 302: 1000, 400: 1007, 401: 1008, 404: 1008, 413: 1009, 422: 1007, 429: 1008}


@pytest.mark.parametrize(("status", "code"), {**CODES, 500: 1011, 503: 1013, 504: 1011}.items())
def test_a_status_has_a_close_code_that_can_be_sent(status: int, code: int) -> None:
    assert code == handshake.close_code_for(status)
    assert handshake.may_be_sent(code)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])
def test_other_close_codes_can_not_be_sent(code: int) -> None:
    assert not handshake.may_be_sent(code)


@pytest.mark.parametrize("code", [3000, 4999])
def test_an_apps_own_close_codes_can_be_sent(code: int) -> None:
    assert handshake.may_be_sent(code)


# Which rule answers which request.


def rule_of(path: str = "/ws", is_socket: bool = True, **options: Any) -> Rule:
    rule = Rule(path, endpoint="ws", websocket=True, **options)
    vars(rule)["is_socket"] = is_socket
    return rule


def request_of(**environ: Any) -> Request:
    return Request({**create_environ(), **environ})


def test_over_wsgi_a_rule_of_ours_is_refused() -> None:
    refusal = handshake.refusal_over_wsgi(rule_of(), request_of(), None)
    assert isinstance(refusal, handshake.NoWebSocketsHere)
    assert 400 == refusal.code
    assert "kolben serve --interface asgi" in (refusal.description or "")


def test_over_wsgi_a_rule_of_an_extension_is_left_to_it() -> None:
    theirs = rule_of(is_socket=False)
    assert handshake.refusal_over_wsgi(theirs, request_of(), None) is None
    evil = request_of(HTTP_ORIGIN="https://evil.example")
    assert handshake.refusal_over_wsgi(theirs, evil, None) is None


def test_where_there_is_no_socket_to_take_an_extension_is_refused() -> None:
    theirs = rule_of(is_socket=False)
    granian = request_of(SERVER_SOFTWARE="Granian")
    of_scope = Request.of(EnvironSource(create_environ()))
    for asked in (granian, of_scope):
        refusal = handshake.refusal_over_wsgi(theirs, asked, None)
        assert isinstance(refusal, handshake.NoWebSocketsHere)


def test_the_origin_counts_where_the_socket_is_ours() -> None:
    theirs = rule_of(is_socket=False)
    evil = {"HTTP_ORIGIN": "https://evil.example", handshake.OUR_SOCKET: True}
    refusal = handshake.refusal_over_wsgi(theirs, request_of(**evil), None)
    assert refusal is not None and 403 == refusal.code
    named = ["https://evil.example"]
    assert handshake.refusal_over_wsgi(theirs, request_of(**evil), named) is None


def mismatch(rule: Rule) -> HTTPException:
    """Return what is made of a plain request's mismatch with a rule for WebSockets."""
    adapter = Map([rule]).bind("a.example", path_info="/ws")
    with pytest.raises(WebsocketMismatch) as caught:
        adapter.match()
    return handshake.refusal_of_mismatch(caught.value, adapter)


def test_a_mismatch_says_what_the_rule_is_for() -> None:
    assert isinstance(mismatch(rule_of()), handshake.NotAWebSocket)


@pytest.mark.parametrize(
    "rule",
    [rule_of(is_socket=False), rule_of(redirect_to="/elsewhere")],
    ids=["an extension's", "a redirect"],
)
def test_another_mismatch_stays_what_it_is(rule: Rule) -> None:
    assert type(mismatch(rule)) is WebsocketMismatch


def test_another_error_stays_what_it_is() -> None:
    error = RequestRedirect("/there")
    assert handshake.refusal_of_mismatch(error, Map().bind("a.example")) is error
