"""Whatever bytes a client sends, the answer is no 5xx, and the next request is as ever."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kolben import Flask
from tests.security.ways import EnvironWay, Server, call, make_environ

REST = b"\r\nHost: a\r\nConnection: close\r\n\r\n"
# Requests that are none, or bend the rules of RFC 9112.
LINES = {
    "nothing": b"\r\n\r\n",
    "blank lines first": b"\r\n\r\nGET / HTTP/1.1" + REST,
    "no version": b"GET /\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: a\r\n\r\n",
    "only a method": b"GET\r\n\r\n",
    "one letter": b"G\r\n\r\n",
    "a lower method": b"get / HTTP/1.1" + REST,
    "a method in no ASCII": b"G\xffT / HTTP/1.1" + REST,
    "a long method": b"X" * 9_000 + b" / HTTP/1.1" + REST,
    "a version of 0.9": b"GET / HTTP/0.9\r\n\r\n",
    "a version of 2": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "a version of 9.9": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "a version of letters": b"GET / HTTP/a.b\r\nHost: a\r\n\r\n",
    "another protocol": b"GET / XTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/2 itself": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a handshake of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    + b"\0" * 60
    + b"\r\n\r\n",
    "two spaces": b"GET  /  HTTP/1.1" + REST,
    "a tab": b"GET\t/\tHTTP/1.1" + REST,
    "line feeds": b"GET / HTTP/1.1\nHost: a\nConnection: close\n\n",
    "returns": b"GET / HTTP/1.1\rHost: a\r\r",
    "NULs": b"\0" * 1000 + b"\r\n\r\n",
    "an asterisk": b"GET * HTTP/1.1" + REST,
    "OPTIONS of all": b"OPTIONS * HTTP/1.1" + REST,
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nConnection: close\r\n\r\n",
    "a whole URL": b"GET http://a/ HTTP/1.1" + REST,
    "a URL with a user": b"GET http://u@a/ HTTP/1.1" + REST,
    "a URL without a host": b"GET http:///x HTTP/1.1" + REST,
    "a URL of another scheme": b"GET javascript://a/ HTTP/1.1" + REST,
    "a URL with a broken host": b"GET http://[::1/ HTTP/1.1" + REST,
    "no slash": b"GET x HTTP/1.1" + REST,
    "a bracket": b"GET //[ HTTP/1.1" + REST,
    "a path in raw bytes": b"GET /path/\xff\xfe HTTP/1.1" + REST,
    "a path with a NUL": b"GET /path/\0 HTTP/1.1" + REST,
    "a path with an escape": b"GET /path/\x1b HTTP/1.1" + REST,
    "a query in raw bytes": b"GET /query?a=\xff HTTP/1.1" + REST,
    "a redirect in raw bytes": b"GET /slash?\xff HTTP/1.1" + REST,
    "a redirect with an escape": b"GET /slash?\x1b HTTP/1.1" + REST,
    "a fragment": b"GET /#a HTTP/1.1" + REST,
    "a long path": b"GET /" + b"a" * 70_000 + b" HTTP/1.1" + REST,
    "a long query": b"GET /query?" + b"a" * 60_000 + b" HTTP/1.1" + REST,
}
HEADERS = {
    "no Host": b"",
    "a NUL": b"Host: a\r\nX-A: a\0b",
    "an escape": b"Host: a\r\nX-A: a\x1bb",
    "a return": b"Host: a\r\nX-A: a\rb",
    "a folded line": b"Host: a\r\nX-A: a\r\n b",
    "a folded first line": b" Host: a",
    "no ASCII": b"Host: a\r\nX-A: \xff\xfe",
    "a name in no ASCII": b"Host: a\r\nX\xff: a",
    "a name with a NUL": b"Host: a\r\nX\0: a",
    "a name with a space": b"Host: a\r\nX A: a",
    "a space before the colon": b"Host: a\r\nX-A : a",
    "no name": b"Host: a\r\n: a",
    "no colon": b"Host: a\r\nX-A",
    "only a colon": b"Host: a\r\n:",
    "two hosts": b"Host: a\r\nHost: b",
    "an underscore": b"Host: a\r\nX_Forwarded_For: 6.6.6.6\r\nSCRIPT_NAME: /x\r\nContent_Length: 5",
    "a long value": b"Host: a\r\nX-A: " + b"a" * 60_000,
    "a hundred": b"Host: a\r\n" + b"\r\n".join(b"X-%d: a" % number for number in range(90)),
    "thousands": b"Host: a\r\n" + b"\r\n".join(b"X-%d: a" % number for number in range(5_000)),
    "the same thousands": b"Host: a\r\n" + b"\r\n".join([b"X-A: 1"] * 5_000),
    "an upgrade": b"Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade",
    "an upgrade to HTTP/2": b"Host: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk",
    "a subprotocol in no ASCII": b"Host: a\r\nSec-WebSocket-Protocol: caf\xe9",
    "an expectation": b"Host: a\r\nExpect: 200-ok",
    "a transfer of nonsense": b"Host: a\r\nTransfer-Encoding: nonsense",
    "a cookie in no ASCII": b"Host: a\r\nCookie: a=\xff; session=\xff.\xff.\xff",
    "credentials in no ASCII": b"Host: a\r\nAuthorization: Basic \xff",
    "an impossible date": b"Host: a\r\nIf-Modified-Since: Mon, 01 Jan 99999999999999 00:00:00 GMT",
}


def assert_no_server_error(server: Server, data: bytes) -> None:
    """It answers below 500 or closes, logs no traceback, and is there for the next."""
    pid = server.pid()
    server.new_output()
    raw = server.send(data, then_close=True)
    log = server.ask("/left-over").log
    if raw.startswith(b"HTTP/1."):
        status = int(raw.split(b" ", 2)[1])
        # The two that say what of HTTP the server does not do.
        assert status < 500 or status in {501, 505}, raw[:200]
    assert "Traceback" not in log
    assert server.ask("/left-over").json["g"] == []
    assert server.pid() == pid


@pytest.mark.parametrize("data", LINES.values(), ids=LINES)
def test_a_bad_request_line_is_no_server_error(server: Server, data: bytes) -> None:
    assert_no_server_error(server, data)


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize(
    "target", [b"/external", b"/cookies", b"/session/x", b"/static/ten-thousand.txt"]
)
def test_bad_headers_are_no_server_error(server: Server, target: bytes, headers: bytes) -> None:
    line = b"GET " + target + b" HTTP/1.1\r\n"
    assert_no_server_error(server, line + headers + b"\r\nConnection: close\r\n\r\n")


def test_bytes_at_random_are_no_server_error(server: Server) -> None:
    chance = random.Random(7)
    good = b"POST /form?a=b HTTP/1.1\r\nHost: a\r\nCookie: c=d\r\nContent-Length: 3\r\n\r\na=b"
    for _ in range(40):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        assert_no_server_error(server, bytes(data))


# The same without a server in between, with many more.

LATIN = st.text(st.characters(max_codepoint=0xFF), max_size=40)
LINE = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n"), max_size=40)
PLACES = (
    "/path/ /query /cookies /external /session/ /slash /static/ /int/ /left-over /private/ /form"
    " /json /short/"
).split()
NAMES = (
    "HTTP_HOST HTTP_COOKIE CONTENT_TYPE CONTENT_LENGTH HTTP_RANGE HTTP_IF_RANGE HTTP_ACCEPT"
    " HTTP_IF_MODIFIED_SINCE HTTP_IF_NONE_MATCH HTTP_AUTHORIZATION HTTP_TRANSFER_ENCODING"
    " HTTP_CONNECTION HTTP_UPGRADE SERVER_PROTOCOL"
).split()


@pytest.mark.filterwarnings("ignore:The 'session' cookie is too large")
@settings(max_examples=600, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "X"]),
    place=st.sampled_from(["", *PLACES]),
    rest=LATIN,
    query=LATIN,
    headers=st.dictionaries(st.sampled_from(NAMES), LINE, max_size=5),
    body=st.binary(max_size=60),
)
def test_no_environ_is_a_server_error(
    attacked_app: Flask,
    method: str,
    place: str,
    rest: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    environ = make_environ("/", method, [("Host", "h"), ("Content-Length", str(len(body)))], body)
    environ.update(PATH_INFO=place + rest, QUERY_STRING=query)
    environ.update(headers)
    answer = call(attacked_app, environ)
    assert answer.status < 500
    for name, value in answer.headers:
        assert name.isascii() and name.isprintable()
        value.encode("latin-1")
        assert not {"\r", "\n", "\0"} & set(value)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(["/json", "/form", "/form-size", "/body"]))
def test_no_body_is_a_server_error(attacked_app: Flask, body: bytes, target: str) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="a"'
    for kind in (
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
    ):
        for given_body in (body, head + body, head + b"\r\n\r\n" + body + b"\r\n--b--\r\n"):
            assert EnvironWay(attacked_app).post(target, given_body, kind).status < 500


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | LATIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LATIN, inner, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_any_json_is_read(attacked_app: Flask, value: object) -> None:
    answer = EnvironWay(attacked_app).post("/json", json.dumps(value).encode(), "application/json")
    assert (answer.status, answer.json) == (200, type(value).__name__)
