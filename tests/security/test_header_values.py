"""A header value of any shape is read in linear time, and never makes a view fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException

from kolben import Flask
from kolben.wrappers import Request
from tests.security.growth import HEADER_BYTES, assert_linear
from tests.security.ways import ASCII_ALONE, RAW, Way, make_environ

# Each attribute of a request that is made of a header, with that header.
ATTRIBUTES = {
    "accept_charsets": "Accept-Charset",
    "accept_encodings": "Accept-Encoding",
    "accept_languages": "Accept-Language",
    "accept_mimetypes": "Accept",
    "access_control_request_headers": "Access-Control-Request-Headers",
    "authorization": "Authorization",
    "cache_control": "Cache-Control",
    "content_encoding": "Content-Encoding",
    "content_length": "Content-Length",
    "content_md5": "Content-MD5",
    "cookies": "Cookie",
    "date": "Date",
    "host": "Host",
    "if_match": "If-Match",
    "if_modified_since": "If-Modified-Since",
    "if_none_match": "If-None-Match",
    "if_range": "If-Range",
    "if_unmodified_since": "If-Unmodified-Since",
    "is_json": "Content-Type",
    "max_forwards": "Max-Forwards",
    "mimetype_params": "Content-Type",
    "origin": "Origin",
    "pragma": "Pragma",
    "range": "Range",
    "referrer": "Referer",
    "user_agent": "User-Agent",
    "access_route": "X-Forwarded-For",
}

# Values that have made a parser quadratic, here or elsewhere, for a size in bytes.
SHAPES: dict[str, Callable[[int], str]] = {
    "letters": lambda n: "a" * n,
    "spaces": lambda n: " " * n + "a",
    "tabs and letters": lambda n: "\ta" * (n // 2),
    "commas": lambda n: "," * n,
    "spaces and commas": lambda n: " ," * (n // 2),
    "semicolons": lambda n: ";" * n,
    "a type and semicolons": lambda n: "a/b" + ";" * n,
    "a type and spaces": lambda n: "a/b;" + " " * n + "x",
    "parameters": lambda n: "a/b" + ";c=d" * (n // 4),
    "quotes": lambda n: '"' * n,
    "a quote without end": lambda n: 'a/b; c="' + "x" * n,
    "escaped quotes": lambda n: 'a/b; c="' + '\\"' * (n // 2),
    "backslashes": lambda n: 'a/b; c="' + "\\" * n,
    "equals signs": lambda n: "=" * n,
    "stars": lambda n: "*" * n,
    "hyphens": lambda n: "a" + "-a" * (n // 2),
    "languages": lambda n: ",".join(["en-us;q=0.5"] * (n // 12)),
    "qualities": lambda n: "a;q=" + "1" * n,
    "nothing's quality": lambda n: ";q=1," * (n // 5),
    "wildcards": lambda n: "*/*;q=0.1," * (n // 10),
    "entity tags": lambda n: 'W/"a",' * (n // 6),
    "open entity tags": lambda n: 'W/"' * (n // 3),
    "ranges": lambda n: "bytes=" + "0-," * (n // 3),
    "digits": lambda n: "1" * n,
    "cookies": lambda n: "a=b;" * (n // 4),
    "cookie quotes": lambda n: 'a="' + "\\073" * (n // 4),
    "cookie escapes": lambda n: 'a="' + "\\" * n + '"',
    "nameless cookies": lambda n: "=b;" * (n // 3),
    "continuations": lambda n: "a/b" + "".join(f";c*{i}=d" for i in range(n // 8)),
    "encoded parameters": lambda n: "a/b; c*=utf-8''" + "%ff" * (n // 3),
    "digest": lambda n: "Digest " + 'a="b",' * (n // 6),
    "basic": lambda n: "Basic " + "YTpi" * (n // 4),
    "basic with spaces": lambda n: "Basic" + " " * n + "YTpi",
    "brackets": lambda n: "(" * n,
    "dots": lambda n: "a." * (n // 2),
    "colons": lambda n: ":" * n,
    "a date with spaces": lambda n: "Mon, 01 Jan 2024" + " " * n + "00:00:00 GMT",
    "a date of digits": lambda n: f"Mon, 01 Jan {'2' * n} 00:00:00 GMT",
    "a zone of digits": lambda n: f"Mon, 01 Jan 2024 00:00:00 +{'2' * n}",
    "percent signs": lambda n: "%" * n,
    "no ASCII": lambda n: "\xff" * n,
}


def read(request: Request, attribute: str) -> None:
    """Read an attribute, and use it as a view does."""
    value: Any = getattr(request, attribute)
    for use in (str, repr, bool):
        use(value)
    if attribute.startswith("accept_"):
        value.best_match(["text/html", "application/json"])
    if attribute == "range" and value is not None:
        value.range_for_length(100)
        value.to_content_range_header(100)
    if attribute in {"cookies", "cache_control"}:
        list(value.items())


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.slow
def test_an_attribute_takes_linear_time_whatever_its_header(app: Flask, attribute: str) -> None:
    for shape in SHAPES.values():

        def make(size: int, shape: Callable[[int], str] = shape) -> Callable[[], object]:
            environ = make_environ("/", headers=[(ATTRIBUTES[attribute], shape(size))])

            def work() -> None:
                with (
                    app.request_context(environ.copy()) as context,
                    contextlib.suppress(HTTPException),
                ):
                    read(context.request, attribute)

            return work

        assert_linear(make, HEADER_BYTES)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_no_header_makes_an_attribute_raise(app: Flask, attribute: str) -> None:
    odd = ["", "\x1b", "\xff", "\xb2", "1\xb2", "a=\xff", "Basic \xff", "Basic gICA", "-1", "+1"]
    for value in [*odd, *(shape(200) for shape in SHAPES.values())]:
        environ = make_environ("/", headers=[(ATTRIBUTES[attribute], value)])
        with app.request_context(environ) as context, contextlib.suppress(HTTPException):
            read(context.request, attribute)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("way", RAW, indirect=True)
def test_a_static_file_is_served_whatever_the_headers(
    way: Way, shape: Callable[[int], str]
) -> None:
    headers = [
        (name, shape(200))
        for name in {*ATTRIBUTES.values()} - {"Host", "Content-Length", "Range", "If-Match"}
    ]
    answer = way.ask("/static/ten-thousand.txt", headers=headers)
    if way.name in ASCII_ALONE and not shape(200).isascii():
        assert answer.status == 400
        return
    assert (answer.status, len(answer.body)) in {(200, 10_000), (304, 0)}


IMPOSSIBLE = [
    "Mon, 01 Jan 99999999999999 00:00:00 GMT",
    "1 Jan 24 99999999999999999999:0 +0000",
    "1 Jan 24 0:0 +99999999999999999999999",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan -2024 00:00:00 GMT",
]


@pytest.mark.parametrize("date", IMPOSSIBLE)
@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since", "If-Range", "Date"])
def test_a_date_that_no_calendar_has_is_ignored(way: Way, name: str, date: str) -> None:
    headers = [(name, date), ("Range", "bytes=0-1")]
    assert way.ask("/static/ten-thousand.txt", headers=headers[:1]).status in {200, 304}
    assert way.ask("/ranged", headers=headers).status in {200, 206, 304}


@pytest.mark.parametrize(
    "value", ["Basic \xff", "Basic T\xe4==", "Digest \xff=\xff", "Bearer \xff"]
)
def test_credentials_in_no_ascii_are_none(way: Way, value: str) -> None:
    answer = way.ask("/credentials", headers=[("Authorization", value)])
    if way.name in ASCII_ALONE:
        assert answer.status == 400
        return
    assert answer.status == 200
