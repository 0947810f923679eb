"""docs/limits.md is true: as much as it says is taken, and more is refused as it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from kolben import Flask
from kolben.core import body, body_stream, fields, hosts, outgoing
from kolben.string_templates import MOST_SOURCES
from tests.security import growth
from tests.security.ways import EnvironWay, Server, make_environ

PAGE = (Path(__file__).parents[2] / "docs" / "limits.md").read_text("utf-8")


def number_in(row: str) -> int:
    """Return the first number of the second cell of a row."""
    found = re.search(rf"^\| {re.escape(row)} \| [^|]*?([0-9][0-9,]*)", PAGE, re.MULTILINE)
    assert found is not None, row
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ("fields of the query string", fields.MAX_FIELDS),
        ("fields of an urlencoded form", fields.MAX_FIELDS),
        ("parts of a multipart form", Flask.default_config["MAX_FORM_PARTS"]),
        ("a multipart field that is no file", Flask.default_config["MAX_FORM_MEMORY_SIZE"]),
        ("a cookie with its attributes", Flask.default_config["MAX_COOKIE_SIZE"]),
        ("digits of an `<int:…>` in a path", sys.int_info.default_max_str_digits),
        ("digits of a number in JSON", sys.int_info.default_max_str_digits),
    ],
)
def test_a_number_of_the_page_is_the_one_in_force(row: str, value: int) -> None:
    assert number_in(row) == value


def test_there_is_no_limit_of_bodies_by_itself() -> None:
    assert "| body | **no limit** |" in PAGE
    assert Flask.default_config["MAX_CONTENT_LENGTH"] is None


def test_what_is_kept_is_what_the_page_says() -> None:
    kept = {
        "hosts": hosts._MOST_KNOWN,
        "headers": outgoing._MOST_KNOWN,
        "content types": body._parse_kept.cache_info().maxsize,
        "templates": MOST_SOURCES,
    }
    assert {name: int(re.search(rf"(\d+) {name}", PAGE)[1]) for name in kept} == kept  # type: ignore[index]


@pytest.mark.parametrize("digits", [4_300, 4_301])
def test_numbers_have_so_many_digits(environ_way: EnvironWay, digits: int) -> None:
    allowed = digits <= number_in("digits of a number in JSON")
    number = "1" * digits
    assert environ_way.ask(f"/int/{number}").status == (200 if allowed else 404)
    answer = environ_way.post("/json", number.encode(), "application/json")
    assert answer.status == (200 if allowed else 400)


def test_json_is_read_as_deep_as_the_page_says(environ_way: EnvironWay) -> None:
    depth = number_in("nested lists and objects of JSON")
    text = b"[" * depth + b"]" * depth
    assert environ_way.post("/json", text, "application/json").status == 200


def request_of(kind: str, size: int) -> bytes:
    """Make a request of which one part has a size."""
    target, headers = b"/", b""
    if kind == "target":
        target = b"/?" + b"a" * (size - 2)
    elif kind == "header":
        headers = b"X-A: " + b"a" * (size - 5) + b"\r\n"
    else:
        headers = b"X-A: a\r\n" * size
    return b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%b\r\n" % (target, headers)


SERVER_LIMITS = {
    ("serve", "target"): (65_000, 66_000, b"414"),
    ("development", "target"): (65_000, 66_000, b"414"),
    ("serve", "header"): (130_000, 140_000, b"431"),
    ("development", "header"): (65_500, 66_000, b"431"),
    ("serve", "fields"): (98, 99, b"431"),
    ("development", "fields"): (97, 98, b"431"),
}


@pytest.mark.parametrize("kind", ["target", "header", "fields"])
def test_a_server_takes_as_much_as_the_page_says(server: Server, kind: str) -> None:
    taken, refused, status = SERVER_LIMITS[server.name.partition("-")[0], kind]
    assert f"{taken:,}" in PAGE
    if (server.name, kind) == ("serve-wsgi", "header"):  # where HTTP/1 alone is spoken
        refused = 200_000
        assert f"{refused:,}" in PAGE
    assert server.send(request_of(kind, taken)).split(b" ", 2)[1] == b"200"
    assert server.send(request_of(kind, refused)).split(b" ", 2)[1] == status


@pytest.mark.parametrize(("size", "is_on_disk"), [(512_000, False), (512_001, True)])
def test_a_file_is_on_disk_above_the_size_that_the_page_says(
    app: Flask, size: int, is_on_disk: bool
) -> None:
    assert "512,000 bytes" in PAGE
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    content = head + b"x" * size + b"\r\n--b--\r\n"
    headers = [
        ("Content-Type", "multipart/form-data; boundary=b"),
        ("Content-Length", str(len(content))),
    ]
    with app.request_context(make_environ("/", "POST", headers, content)) as context:
        file = context.request.files["f"]
        assert file.stream._rolled is is_on_disk  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("row", "size", "unit"),
    [
        ("the value of a header, in any attribute of `request`", growth.HEADER_BYTES, 1),
        ("`Range`", growth.RANGE_NUMBERS, 1),
        ("query string", growth.QUERY_BYTES, 2**20),
        ("urlencoded form", growth.FORM_BYTES, 2**20),
        ("multipart form", growth.MULTIPART_BYTES, 2**20),
        ("JSON", growth.JSON_BYTES, 2**20),
    ],
)
def test_growth_is_looked_at_up_to_the_size_of_the_page(row: str, size: int, unit: int) -> None:
    assert number_in(row) * unit == size


def test_bodies_are_read_in_pieces() -> None:
    assert body_stream.PIECE_BYTES < 2**20
