"""A JSON body is JSON by its type and its text, or a 4xx."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from kolben import Flask
from tests.security.growth import JSON_BYTES, assert_linear
from tests.security.ways import EnvironWay, Way, call, make_environ

JSON = "application/json"

BROKEN = {
    "nested lists": b"[" * 100_000,
    "nested and closed": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested a little": b"[" * 20_000 + b"]" * 20_000,
    "100,000 digits": b"1" * 100_000,
    "5,000 digits": b"-" + b"1" * 5_000,
    "no UTF-8": b'"\xff"',
    "half a character": b'"\xe2\x82"',
    "a surrogate in bytes": b'"\xed\xa0\x80"',
    "a NUL at the end": b"{}\0",
    "a NUL inside": b'"a\0b"',
    "only a NUL": b"\0",
    "a control character": b'"a\nb"',
    "nothing": b"",
    "spaces": b"  ",
    "no end": b'{"a": [1, 2',
    "two values": b"1 2",
    "a trailing comma": b"[1,]",
    "single quotes": b"{'a': 1}",
    "a comment": b"1 // one",
    "a byte order mark": b"\xef\xbb\xbf{",
    "half of UTF-16": b"\xff\xfe{",
    "a bad escape": b'"\\x41"',
    "half an escape": b'"\\u12"',
    "a bare word": b"undefined",
    "a leading zero": b"01",
    "hexadecimal": b"0x10",
    "a million spaces": b" " * 1_000_000 + b"x",
    "a million quotes": b'"' * 1_000_000,
    "a million backslashes": b'"' + b"\\" * 1_000_001 + b'"',
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_broken_json_is_a_400(way: Way, body: bytes) -> None:
    assert way.post("/json", body, JSON).status == 400
    assert way.post("/json-silent", body, JSON).text == "true\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-32-be"])
def test_json_in_an_older_encoding_is_read_or_a_400(way: Way, encoding: str) -> None:
    answer = way.post("/json", '{"a": 1}'.encode(encoding), JSON)
    assert (answer.status, answer.text) in {(200, '"dict"\n'), (400, answer.text)}


OTHER_TYPES = [
    "text/plain",
    "",
    "text/html",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "application/jsonp",
    "application/json-seq",
    "text/json",
    "application/jso",
    "application",
    "application/",
    "/json",
    "text/plain; application/json",
    "text/plain, application/json",
    "image/json+xml",
]


@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_json_of_another_type_is_a_415(way: Way, kind: str) -> None:
    """A form of a foreign page can send these types without asking (CSRF)."""
    # Over WSGI Granian tells an empty type not from one that it cannot read, which is a 400.
    assert way.post("/json", b'{"a": 1}', kind).status in ({415} if kind else {400, 415})


def test_json_without_a_type_is_a_415(environ_way: EnvironWay) -> None:
    assert environ_way.ask("/json", "POST", body=b"{}").status == 415


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/problem+json",
        "application/json;x=\xff",
    ],
)
def test_json_of_its_type_is_read(environ_way: EnvironWay, kind: str) -> None:
    assert environ_way.post("/json", b'{"a": 1}', kind).text == '"dict"\n'


@pytest.mark.parametrize("charset", ["utf-7", "bogus", "rot13", "\xff", "", "zlib_codec", "utf-16"])
def test_the_charset_of_a_type_decides_nothing(environ_way: EnvironWay, charset: str) -> None:
    answer = environ_way.post("/json", b'"+ADw-"', f"application/json; charset={charset}")
    assert (answer.status, answer.text) == (200, '"str"\n')


CONSTANTS = [b"NaN", b"Infinity", b"-Infinity", b'{"a": [NaN]}']


@pytest.fixture
def strict(app: Flask) -> Iterator[EnvironWay]:
    """The app, which takes JSON by the letter."""
    app.json.strict = True  # type: ignore[attr-defined]  # the default provider's
    yield EnvironWay(app)
    app.json.strict = False  # type: ignore[attr-defined]  # as above


@pytest.mark.parametrize("body", CONSTANTS)
def test_no_constant_of_javascript_is_json_in_strict_mode(strict: EnvironWay, body: bytes) -> None:
    assert strict.post("/json", body, JSON).status == 400


def test_what_is_json_is_read_in_strict_mode(strict: EnvironWay) -> None:
    assert strict.post("/json", b'{"a": [1, 1.5, null]}', JSON).text == '"dict"\n'


def test_no_text_of_the_body_is_in_the_answer(way: Way) -> None:
    answer = way.post("/json", b"<script>alert(1)</script>", JSON)
    assert answer.status == 400
    assert "script" not in answer.text


SHAPES: dict[str, Callable[[int], bytes]] = {
    "a list of numbers": lambda n: b"[" + b"1," * (n // 2) + b"1]",
    "a long text": lambda n: b'"' + b"x" * n + b'"',
    "escapes": lambda n: b'"' + b"\\u0041" * (n // 6) + b'"',
    "spaces": lambda n: b" " * n + b"1",
    "keys": lambda n: b"{" + b",".join(b'"%d":1' % i for i in range(n // 10)) + b"}",
    "one key": lambda n: b"{" + b",".join([b'"a":1'] * (n // 6)) + b"}",
    "strings without end": lambda n: b'["' * (n // 2),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_json_takes_linear_time(app: Flask, shape: Callable[[int], bytes]) -> None:
    def make(size: int) -> Callable[[], object]:
        body = shape(size)
        headers = [("Host", "h"), ("Content-Type", JSON), ("Content-Length", str(len(body)))]
        return lambda: call(app, make_environ("/json-silent", "POST", headers, body))

    assert_linear(make, JSON_BYTES)


def test_the_deepest_json_that_is_read_is_deep_enough(way: Way) -> None:
    """RFC 8259 §9 allows a limit; ours is the interpreter's, less what runs already."""
    body = json.dumps(json.loads("[" * 400 + "]" * 400)).encode()
    assert way.post("/json", body, JSON).text == '"list"\n'
