"""A form has bounded parts and fields, takes linear time, and is whole or refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from werkzeug.exceptions import HTTPException

from kolben import Flask
from kolben.core.fields import MAX_FIELDS, unquote_field
from tests.security.growth import FORM_BYTES, MULTIPART_BYTES, QUERY_BYTES, assert_linear
from tests.security.ways import EnvironWay, Server, Way, call, make_environ

B = b"bound"
KIND = "multipart/form-data; boundary=bound"
URLENCODED = "application/x-www-form-urlencoded"
END = b"\r\n--bound--\r\n"


def field(name: bytes, value: bytes = b"v") -> bytes:
    """Write a part that is no file."""
    return (
        b'--bound\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value + b"\r\n"
    )


def file(name: bytes, filename: bytes, content: bytes = b"c") -> bytes:
    """Write a part that is a file; the name of the file is written as it is."""
    head = b'--bound\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n\r\n'
    return head % (name, filename) + content + b"\r\n"


def whole(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--bound--\r\n"


def test_fields_and_files_arrive(way: Way) -> None:
    answer = way.post(
        "/form", whole(field(b"a", b"1"), file(b"f", b"n.txt"), field(b"a", b"2")), KIND
    )
    assert answer.json == {
        "fields": [["a", "1"], ["a", "2"]],
        "files": [["f", "n.txt", 1]],
    }


# Too much.

MEBIBYTE = 2**20
TOO_MUCH = {
    "1,001 parts": whole(*(field(b"a") for _ in range(1_001))),
    "100,000 parts": whole(*(field(b"a", b"") for _ in range(100_000))),
    "1,001 files": whole(*(file(b"a", b"b") for _ in range(1_001))),
    "a million header lines": b"--bound\r\n" + b"a:\r\n" * 1_000_000 + b"\r\n\r\n" + END,
    "a header of 8 MiB": b"--bound\r\nX-A: " + b"x" * (8 * MEBIBYTE) + b"\r\n\r\n" + END,
    "a field of 8 MiB": whole(field(b"a", b"x" * (8 * MEBIBYTE))),
    "a field of line breaks": whole(field(b"a", b"\r\n" * (4 * MEBIBYTE))),
    "a preamble of 8 MiB": b"x" * (8 * MEBIBYTE) + whole(field(b"a")),
    "an epilogue of 8 MiB": whole(field(b"a")) + b"x" * (8 * MEBIBYTE),
    "no boundary in 8 MiB": b"\r\n--boun" * MEBIBYTE,
}


@pytest.mark.parametrize("body", TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much_of_a_multipart_body_is_a_413(way: Way, body: bytes) -> None:
    assert way.post("/form-size", body, KIND).status == 413


def test_as_many_parts_as_are_allowed_arrive(way: Way) -> None:
    body = whole(*(field(b"a") for _ in range(1_000)))
    assert way.post("/form-size", body, KIND).text == "1000"


def test_limits_of_parts_and_memory_are_the_apps(app: Flask, environ_way: EnvironWay) -> None:
    before = dict(app.config)
    try:
        app.config.update(MAX_FORM_PARTS=2, MAX_FORM_MEMORY_SIZE=1_000)
        fields = [field(b"a")] * 3
        assert environ_way.post("/form-size", whole(*fields[:2]), KIND).text == "2"
        assert environ_way.post("/form-size", whole(*fields), KIND).status == 413
        assert environ_way.post("/form-size", whole(field(b"a", b"x" * 999)), KIND).status == 413
    finally:
        app.config.update(before)


TOO_MANY_FIELDS = {
    "one too many": b"a=&" * MAX_FIELDS + b"a=",
    "a million": b"a=&" * 1_000_000,
    "half a million distinct": b"&".join(b"%x=" % number for number in range(500_000)),
    "a million separators": b"&" * 1_000_000,
}


@pytest.mark.parametrize("body", TOO_MANY_FIELDS.values(), ids=TOO_MANY_FIELDS)
def test_too_many_fields_of_a_form_are_a_413(way: Way, body: bytes) -> None:
    assert way.post_form("/form-size", body).status == 413


def test_as_many_fields_as_are_allowed_arrive(way: Way) -> None:
    assert way.post_form("/form-size", b"&".join([b"a="] * MAX_FIELDS)).text == str(MAX_FIELDS)


def test_too_many_fields_of_a_query_are_a_413(way: Way) -> None:
    query = "a&" * (MAX_FIELDS + 1)
    for target in ("/query", "/guarded"):
        assert way.ask(f"{target}?{query}").status == 413


def test_large_files_do_not_stay_in_memory(server: Server) -> None:
    kind, pid = KIND, server.pid()
    server.post("/form", whole(file(b"f", b"small")), kind)
    before = server.peak_memory_bytes()
    # Our own body is 32 MiB; the app reads each file whole, one after the other.
    body = whole(*(file(b"f", b"large", b"x" * (4 * MEBIBYTE)) for _ in range(8)))
    assert [size for _, _, size in server.post("/form", body, kind).json["files"]] == [
        4 * MEBIBYTE
    ] * 8
    assert server.pid() == pid
    if server.name == "development":  # Granian keeps what it has received of a body itself
        assert server.peak_memory_bytes() - before < 24 * MEBIBYTE


# Linear time.


def multipart(
    make_body: Callable[[int], bytes],
) -> Callable[[Flask], Callable[[int], Callable[[], object]]]:
    def bound(app: Flask) -> Callable[[int], Callable[[], object]]:
        def make(size: int) -> Callable[[], object]:
            body = make_body(size)
            headers = [("Host", "h"), ("Content-Type", KIND), ("Content-Length", str(len(body)))]

            def work() -> None:
                environ = make_environ("/form", "POST", headers, body)
                with app.request_context(environ) as context:
                    context.request.max_form_memory_size = None
                    with suppress(HTTPException):
                        list(context.request.form)

            return work

        return make

    return bound


SHAPES: dict[str, Callable[[int], bytes]] = {
    "a return and filler": lambda n: whole(file(b"f", b"n", b"\r" + b"x" * n)),
    "returns": lambda n: whole(file(b"f", b"n", b"\r" * n)),
    "line feeds": lambda n: whole(file(b"f", b"n", b"\n" * n)),
    "line breaks": lambda n: whole(file(b"f", b"n", b"\r\n" * (n // 2))),
    "beginnings of boundaries": lambda n: whole(file(b"f", b"n", b"\r\n--b" * (n // 5))),
    "almost boundaries": lambda n: whole(file(b"f", b"n", b"\r\n--boun" * (n // 8))),
    "boundaries with more": lambda n: whole(file(b"f", b"n", b"\r\n--boundx" * (n // 9))),
    "boundaries without break": lambda n: whole(file(b"f", b"n", b"--bound" * (n // 7))),
    "a boundary and spaces": lambda n: whole(file(b"f", b"n", b"\r\n--bound" + b" " * n)),
    "boundaries and tabs": lambda n: whole(file(b"f", b"n", b"\r\n--bound\t\t\tx" * (n // 13))),
    "hyphens": lambda n: whole(file(b"f", b"n", b"-" * n)),
    "a preamble": lambda n: b"x" * n + whole(field(b"a")),
    "a preamble of returns": lambda n: b"\r" * n + whole(field(b"a")),
    "a preamble of boundaries": lambda n: b"--boundx" * (n // 8) + whole(field(b"a")),
    "an epilogue": lambda n: whole(field(b"a")) + b"x" * n,
    "an epilogue of boundaries": lambda n: whole(field(b"a")) + b"\r\n--bound\r\n" * (n // 11),
    "no end": lambda n: file(b"f", b"n", b"x" * n)[:-2],
    "header lines": lambda n: b"--bound\r\n" + b"a:\r\n" * (n // 4) + b"\r\n\r\n" + END,
    "a header folded": lambda n: b"--bound\r\nX: " + b"\r\n y" * (n // 4) + b"\r\n\r\n" + END,
    "a header without end": lambda n: b"--bound\r\nX: " + b"x" * n,
    "header semicolons": lambda n: whole(file(b"f", b"n" + b'";' * (n // 16))),
    "header quotes": lambda n: whole(file(b"f", b'\\"' * (n // 16))),
    "header backslashes": lambda n: whole(file(b"f", b"\\" * (n // 8))),
    "header continuations": lambda n: whole(
        file(b"f", b'";' + b";".join(b"filename*%d=a" % i for i in range(n // 200)))
    ),
    "base64 and spaces": lambda n: whole(
        b"--bound\r\nContent-Disposition: form-data; name=a; filename=b\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b"YQ== " * (n // 5) + b"\r\n"
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.slow
def test_a_multipart_body_takes_linear_time(app: Flask, shape: Callable[[int], bytes]) -> None:
    assert_linear(multipart(shape)(app), MULTIPART_BYTES)


FORMS: dict[str, Callable[[int], bytes]] = {
    "percent signs": lambda n: b"%" * n,
    "broken escapes": lambda n: b"%zz" * (n // 3),
    "half escapes": lambda n: b"%4" * (n // 2),
    "escapes": lambda n: b"%41" * (n // 3),
    "escapes of no UTF-8": lambda n: b"%ff" * (n // 3),
    "escapes of half a character": lambda n: b"%e2%82a" * (n // 7),
    "mixed escapes": lambda n: b"%41x%zz" * (n // 7),
    "plus signs": lambda n: b"+" * n,
    "equals signs": lambda n: b"=" * n,
    "semicolons": lambda n: b"a=1;" * (n // 4),
    "one long name": lambda n: b"a" * n,
    "one long value": lambda n: b"a=" + b"b" * n,
    "separators": lambda n: b"&" * n,
    "characters beyond ASCII": lambda n: "\u20ac".encode() * (n // 3),
}


@pytest.mark.parametrize("shape", FORMS.values(), ids=FORMS)
@pytest.mark.slow
def test_a_form_takes_linear_time(app: Flask, shape: Callable[[int], bytes]) -> None:
    def make(size: int) -> Callable[[], object]:
        body = shape(size)
        headers = [("Host", "h"), ("Content-Type", URLENCODED), ("Content-Length", str(len(body)))]

        def work() -> None:
            call(app, make_environ("/form-size", "POST", headers, body))

        return work

    assert_linear(make, FORM_BYTES)


@pytest.mark.slow
@pytest.mark.parametrize("shape", FORMS.values(), ids=FORMS)
def test_no_field_costs_more_than_a_few_calls_for_each_escape(
    shape: Callable[[int], bytes],
) -> None:
    """Linear time may be long: the library's unquote takes 20 times as long for bare signs."""
    text = shape(2 * MEBIBYTE).decode()
    one_call_s = least_s(lambda: re.sub("...", lambda match: match[0], text, flags=re.DOTALL))
    assert least_s(lambda: unquote_field(text)) < 3 * max(one_call_s, 0.1)


def least_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.parametrize("shape", FORMS.values(), ids=FORMS)
def test_a_query_takes_linear_time(app: Flask, shape: Callable[[int], bytes]) -> None:
    def make(size: int) -> Callable[[], object]:
        environ = make_environ("/query", headers=[("Host", "h")])
        environ["QUERY_STRING"] = shape(size).decode("latin-1")
        return lambda: call(app, environ.copy())

    assert_linear(make, QUERY_BYTES)


# Broken.

BROKEN = {
    "no end": field(b"a"),
    "cut in a header": b"--bound\r\nContent-Disposition: form-data; na",
    "cut after the headers": b'--bound\r\nContent-Disposition: form-data; name="a"\r\n\r\n',
    "cut in the boundary": field(b"a") + b"--bou",
    "only a boundary": b"--bound\r\n",
    "another boundary": whole(field(b"a")).replace(b"bound", b"other"),
    "no disposition": b"--bound\r\nX-A: b\r\n\r\nc" + END,
    "no name": b"--bound\r\nContent-Disposition: form-data\r\n\r\nc" + END,
    "no name of a file": b'--bound\r\nContent-Disposition: form-data; filename="x"\r\n\r\nc' + END,
    "a header in no UTF-8": b'--bound\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nc'
    + END,
    "a header with a return": b'--bound\r\nContent-Disposition: form-data; name="a\rb"\r\n\r\nc'
    + END,
    "text": b"just text",
    "a NUL": b"\0",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_broken_multipart_body_is_a_400(way: Way, body: bytes) -> None:
    assert way.post("/form", body, KIND).status == 400


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=other",
        'multipart/form-data; boundary="',
        "multipart/form-data; boundary=" + "x" * 4000,
        "multipart/form-data; boundary*=utf-8''%ff",
        "multipart/form-data; bound=bound",
    ],
)
def test_a_multipart_body_without_its_boundary_is_a_400(way: Way, kind: str) -> None:
    assert way.post("/form", whole(field(b"a")), kind).status == 400


@pytest.mark.parametrize(
    "body", [b"\xff", b"a=\xff", b"\xe2\x82", b"a=\xed\xa0\x80", b"\xc0\xaf=b"]
)
def test_a_form_in_no_utf8_is_a_400(way: Way, body: bytes) -> None:
    assert way.post_form("/form", body).status == 400


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"a=%", [["a", "%"]]),
        (b"a=%zz", [["a", "%zz"]]),
        (b"a=%e", [["a", "%e"]]),
        (b"a=%ff", [["a", "%FF"]]),
        (b"a=%ed%a0%80", [["a", "%ED%A0%80"]]),
        (b"a=%00", [["a", "\0"]]),
        (b"a=%0d%0a", [["a", "\r\n"]]),
        (b"a=\0", [["a", "\0"]]),
        (b"=", [["", ""]]),
        (b"=b", [["", "b"]]),
        (b"a", [["a", ""]]),
        (b"&&a=b&&", [["a", "b"]]),
        (b"a=b=c", [["a", "b=c"]]),
        (b"%61=%62", [["a", "b"]]),
        (b"%26=%3d", [["&", "="]]),
        (b"%u0041=a", [["%u0041", "a"]]),
        (b"a=%2525", [["a", "%25"]]),
    ],
)
def test_malformed_escapes_stay_as_they_are(way: Way, body: bytes, fields: list[list[str]]) -> None:
    assert way.post_form("/form", body).json["fields"] == fields
    if body.isascii() and b"\0" not in body:
        assert way.ask(f"/query?{body.decode()}").json == fields


# One separator.


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("a=1;b=2", [["a", "1;b=2"]]),
        ("a=1&b=2", [["a", "1"], ["b", "2"]]),
        ("a=1;a=2&a=3", [["a", "1;a=2"], ["a", "3"]]),
        ("a=1%26b=2", [["a", "1&b=2"]]),
        ("a=1&amp;b=2", [["a", "1"], ["amp;b", "2"]]),
        ("a;b", [["a;b", ""]]),
    ],
)
def test_only_an_ampersand_separates(way: Way, text: str, fields: list[list[str]]) -> None:
    assert way.ask(f"/query?{text}").json == fields
    assert way.post_form("/form", text.encode()).json["fields"] == fields


# Files.

UP = [
    b"../../x",
    b"../../../../../../../../tmp/x",
    b"/etc/passwd",
    b"..",
    b".",
    b"",
    b"/",
    b"~/x",
    b"..\\\\..\\\\x",
    b"C:\\\\x",
    b"C:x",
    b"a/../../x",
    b"x\0.txt",
    b"x\0",
    b"%2e%2e%2fx",
    b"\xef\xbc\x8e\xef\xbc\x8e/x",
    b"con.txt",
    b"a::$DATA",
    b"a\tb",
    b"x" * 1_000,
    b"-rf",
    b"|id",
    b"<x>",
]


@pytest.mark.parametrize("name", UP, ids=lambda name: repr(name[:20]))
def test_a_cleaned_name_is_one_file_in_its_folder(
    way: Way, name: bytes, uploads: Path, request: pytest.FixtureRequest
) -> None:
    folder = uploads if not isinstance(way, Server) else way.uploads
    before = {path.name for path in folder.iterdir()}
    answer = way.post("/upload", whole(file(b"file", name[:200])), KIND)
    assert answer.status == 200
    (saved,) = answer.json
    assert (folder / saved).is_file()
    assert {path.name for path in folder.iterdir()} - before <= {saved}
    assert not {"/", "\\", "\0"} & set(saved)
    assert saved.strip(".")


def test_each_of_several_files_of_a_field_is_there(way: Way) -> None:
    parts = [
        file(b"file", b"a.txt", b"1"),
        file(b"file", b"b.exe", b"22"),
        file(b"other", b"c", b""),
    ]
    assert way.post("/form", whole(*parts), KIND).json["files"] == [
        ["file", "a.txt", 1],
        ["file", "b.exe", 2],
        ["other", "c", 0],
    ]


def test_a_field_that_is_a_file_and_a_text_is_both(way: Way) -> None:
    body = whole(field(b"a", b"text"), file(b"a", b"f.txt", b"123"), field(b"a", b"more"))
    assert way.post("/form", body, KIND).json == {
        "fields": [["a", "text"], ["a", "more"]],
        "files": [["a", "f.txt", 3]],
    }
