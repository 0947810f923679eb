"""Multipart bodies: odd names, headers, bounds and broken ones."""

from __future__ import annotations

import io
from typing import Any

from flask import Flask, Response, json, request
from werkzeug.utils import secure_filename

from conformance.differential.ask import Ask, field_part, file_part, multipart, post

app = Flask("uploads", static_folder=None)
debugging = Flask("debugging", static_folder=None)
debugging.debug = True


def show() -> Response:
    """Show every field and file, and what a view would save."""
    files = []
    for name, storage in request.files.items(multi=True):
        target = io.BytesIO()
        storage.save(target)
        files.append({
            "field": ascii(name),
            "name": ascii(storage.name),
            "filename": ascii(storage.filename),
            "secure": secure_filename(storage.filename or ""),
            "type": [storage.content_type, storage.mimetype, storage.mimetype_params],
            "length": storage.content_length,
            "headers": [[k, ascii(v)] for k, v in storage.headers],
            "data": ascii(target.getvalue()) if target.tell() < 100 else target.tell(),
            "true": bool(storage),
        })  # fmt: skip
    fields = [[ascii(k), ascii(v)] for k, v in request.form.items(multi=True)]
    return Response(json.dumps({"files": files, "fields": fields}), mimetype="application/json")


def first(field: str) -> Any:
    """Read one file as a tutorial does."""
    storage = request.files[field]
    return {"first": storage.read(3).decode("latin-1"), "position": storage.stream.tell()}


def lines(field: str) -> list[str]:
    return [line.decode("latin-1") for line in request.files[field]]


def missing_from_form(field: str) -> str:
    return request.form[field]


for _app in (app, debugging):
    _app.add_url_rule("/show", "show", show, methods=["POST", "PUT"])
    _app.add_url_rule("/first/<field>", "first", first, methods=["POST"])
    _app.add_url_rule("/lines/<field>", "lines", lines, methods=["POST"])
    _app.add_url_rule("/form/<field>", "form", missing_from_form, methods=["POST"])

APPS = {"main": app, "debugging": debugging}

#: File names, as they stand in a Content-Disposition.
NAMES: dict[str, bytes] = {
    "plain": b'filename="a.txt"',
    "empty": b'filename=""',
    "unquoted": b"filename=a.txt",
    "space": b'filename="a b.txt"',
    "quotes": b'filename="a\\"b.txt"',
    "percent quotes": b'filename="a%22b.txt"',
    "backslash": b'filename="C:\\dir\\a.txt"',
    "traversal": b'filename="../../etc/passwd"',
    "absolute": b'filename="/etc/passwd"',
    "nul": b'filename="a\x00b.txt"',
    "control": b'filename="a\x01\x7fb.txt"',
    "tab": b'filename="a\tb.txt"',
    "utf8": 'filename="\u00fc\u20ac.txt"'.encode(),
    "latin1": b'filename="\xfc.txt"',
    "star": b"filename*=UTF-8''%e2%82%ac.txt",
    "star latin1": b"filename*=ISO-8859-1'de'%fc.txt",
    "star broken": b"filename*=UTF-8''%ff.txt",
    "star unknown charset": b"filename*=KLINGON''a.txt",
    "star and plain": b"filename=\"plain.txt\"; filename*=UTF-8''star.txt",
    "continued": b'filename*0="a"; filename*1="b.txt"',
    "twice": b'filename="one.txt"; filename="two.txt"',
    "semicolon": b'filename="a;b.txt"',
    "unclosed": b'filename="a.txt',
    "no value": b"filename",
    "upper": b'FILENAME="a.txt"',
    "dots": b'filename=".."',
    "device": b'filename="CON.txt"',
    "long": b'filename="' + b"x" * 300 + b'.txt"',
    "encoded word": b'filename="=?utf-8?q?=C3=BC?=.txt"',
}

#: Whole parts, odd in their headers.
PARTS: dict[str, tuple[bytes, ...]] = {
    "none": (),
    "field": (field_part("a", b"1"),),
    "field twice": (field_part("a", b"1"), field_part("a", b"2")),
    "field empty": (field_part("a", b""),),
    "field utf8": (field_part("\u00fc", "\u20ac".encode()),),
    "field latin1": (field_part("a", b"\xfc"),),
    "field charset": (
        b'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=latin-1\r\n\r\n\xfc',
    ),
    "field unknown charset": (
        b'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=x-odd\r\n\r\n\xfc',
    ),
    "field newlines": (field_part("a", b"1\r\n2\n3\r"),),
    "field with boundary": (field_part("a", b"\r\n-cut\r\n--cu\r\n--cutter"),),
    "field dashes": (field_part("a", b"--"),),
    "no name": (b"Content-Disposition: form-data\r\n\r\n1",),
    "empty name": (field_part("", b"1"),),
    "no disposition": (b"Content-Type: text/plain\r\n\r\n1",),
    "other disposition": (b'Content-Disposition: attachment; name="a"\r\n\r\n1',),
    "no headers": (b"\r\n1",),
    "no empty line": (b'Content-Disposition: form-data; name="a"',),
    "broken header": (b"Content-Disposition form-data\r\n\r\n1",),
    "header folded": (b'Content-Disposition: form-data;\r\n name="a"\r\n\r\n1',),
    "header twice": (b'Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"\r\n\r\n1',),
    "header lower": (b'content-disposition: form-data; name="a"\r\n\r\n1',),
    "transfer base64": (b'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==',),
    "own headers": (b'Content-Disposition: form-data; name="f"; filename="a"\r\nX-Own: 1\r\nContent-Length: 99\r\n\r\nab',),
    "no type": (b'Content-Disposition: form-data; name="f"; filename="a.png"\r\n\r\nab',),
    "mixed": (
        b'Content-Disposition: form-data; name="f"\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n'
        b'--in\r\nContent-Disposition: attachment; filename="a"\r\n\r\n1\r\n--in--',
    ),
    "file binary": (file_part(b'name="f"; filename="a.bin"', bytes(range(256)), b"application/x"),),
    "file empty": (file_part(b'name="f"; filename="a"', b""),),
    "files twice": (
        file_part(b'name="f"; filename="1"', b"one"), file_part(b'name="f"; filename="2"', b"two"),
    ),
    "file without name": (file_part(b'filename="1"', b"one"),),
    "file type parameters": (file_part(b'name="f"; filename="1"', b"x", b"text/x; charset=latin-1; a=b"),),
    "big file": (file_part(b'name="f"; filename="big"', b"0123456789" * 60_000),),
    "charset field": (field_part("_charset_", b"latin-1"), field_part("a", b"\xfc")),
}  # fmt: skip

GOOD = (
    b'--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\ndata\r\n--cut--\r\n'
)

#: Whole bodies, most of them broken.
RAW: dict[str, bytes] = {
    "good": GOOD,
    "empty": b"",
    "only end": b"--cut--\r\n",
    "no last line break": GOOD[:-2],
    "without end": GOOD.replace(b"--cut--\r\n", b""),
    "cut in the end mark": GOOD[:-5],
    "cut in a file": GOOD[: GOOD.index(b"data") + 2],
    "cut in headers": GOOD[:20],
    "bare line feeds": GOOD.replace(b"\r\n", b"\n"),
    "bare returns": GOOD.replace(b"\r\n", b"\r"),
    "preamble": b"ignored\r\n\r\n" + GOOD,
    "epilogue": GOOD + b"ignored --cut\r\n",
    "other boundary": GOOD.replace(b"--cut", b"--other"),
    "spaces after boundary": GOOD.replace(b"--cut\r\n", b"--cut \t\r\n"),
    "not multipart": b"a=1&b=2",
    "garbage": bytes(range(256)),
    "double boundary": b"--cut\r\n" + GOOD,
    "leading line break": b"\r\n" + GOOD,
}

#: Content types with odd boundaries.
TYPES: dict[str, str] = {
    "no boundary": "multipart/form-data",
    "empty boundary": "multipart/form-data; boundary=",
    "quoted boundary": 'multipart/form-data; boundary="cut"',
    "odd boundary": "multipart/form-data; boundary=\u00fc",
    "boundary with space": 'multipart/form-data; boundary="cut "',
    "boundary twice": "multipart/form-data; boundary=cut; boundary=other",
    "upper": "Multipart/Form-Data; BOUNDARY=cut",
    "mixed": "multipart/mixed; boundary=cut",
    "charset": "multipart/form-data; charset=latin-1; boundary=cut",
    "long boundary": "multipart/form-data; boundary=" + "c" * 100,
}


def raw(
    name: str, body: bytes, content_type: str = "multipart/form-data; boundary=cut", **more: Any
) -> Ask:
    target = more.pop("target", "/show")
    return post(name, target, body, headers={"Content-Type": content_type}, **more)


REQUESTS: list[Ask] = [
    *(multipart(f"name {name}", "/show", file_part(b'name="f"; ' + text, b"x")) for name, text in NAMES.items()),
    *(multipart(f"part {name}", "/show", *parts) for name, parts in PARTS.items()),
    *(raw(f"raw {name}", body) for name, body in RAW.items()),
    *(raw(f"type {name}", GOOD, kind) for name, kind in TYPES.items()),
    raw("chunked", GOOD, chunked=True),
    raw("no length", GOOD, length=None),
    raw("short length", GOOD, length=len(GOOD) - 20),
    raw("long length", GOOD, length=len(GOOD) + 20),
    raw("put", GOOD, method="PUT"),
    raw("first", GOOD, target="/first/f"),
    raw("first missing", GOOD, target="/first/missing"),
    raw("lines", GOOD, target="/lines/f"),
    raw("form field is a file", GOOD, target="/form/f"),
    raw("debug good", GOOD, app="debugging"),
    raw("debug missing file", GOOD, target="/first/missing", app="debugging",
        says=("missing", "KeyError: 'missing'")),
    post("debug file of a form without enctype", "/first/f", b"f=name.txt", app="debugging",
         headers={"Content-Type": "application/x-www-form-urlencoded"},
         says=("no file contents were transmitted", "multipart/form-data", '"name.txt"', '"f"')),
    post("debug file of another form", "/first/other", b"f=name.txt", app="debugging",
         headers={"Content-Type": "application/x-www-form-urlencoded"},
         says=("no file contents were transmitted", "KeyError", "'other'")),
    raw("debug missing field", GOOD, target="/form/missing", app="debugging",
        says=("KeyError: 'missing'", "The browser (or proxy) sent a request")),
]  # fmt: skip
