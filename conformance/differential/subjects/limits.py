"""Limits of a request: for the app, for one view, and at which moment they strike."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, Response, json, request

from conformance.differential.ask import Ask, ask, field_part, file_part, form, multipart, post

small = Flask("small", static_folder=None)
small.config.update(MAX_CONTENT_LENGTH=64, MAX_FORM_MEMORY_SIZE=32, MAX_FORM_PARTS=2)
unset = Flask("unset", static_folder=None)
none = Flask("none", static_folder=None)
none.config.update(MAX_CONTENT_LENGTH=None, MAX_FORM_MEMORY_SIZE=None, MAX_FORM_PARTS=None)


class ClassLimits(Request):
    """Limits as class attributes, the way they were set before Flask 3.1."""

    max_content_length = 50
    max_form_memory_size = 20
    max_form_parts = 1


by_class = Flask("by_class", static_folder=None)
by_class.request_class = ClassLimits


def read(how: str) -> Response:
    """Read the body one way, after the limits of the query have been set on the request."""
    for name in ("max_content_length", "max_form_memory_size", "max_form_parts"):
        if name in request.args:
            text = request.args[name]
            setattr(request, name, None if text == "none" else int(text))
    return tell(how)


def tell(how: str) -> Response:
    values: dict[str, Any] = {
        "nothing": lambda: "nothing",
        "data": lambda: len(request.get_data()),
        "form": lambda: [[k, len(v)] for k, v in request.form.items(multi=True)],
        "files": lambda: [[k, len(f.read())] for k, f in request.files.items(multi=True)],
        "json": lambda: request.get_json(force=True),
        "stream": lambda: len(request.stream.read()),
        "stream-part": lambda: len(request.stream.read(10)),
        "limits": lambda: [
            request.max_content_length, request.max_form_memory_size, request.max_form_parts,
        ],
        "twice": lambda: [_try(), _try()],
    }  # fmt: skip
    return Response(json.dumps(values[how]()), mimetype="application/json")


def _try() -> str:
    try:
        return str(len(request.get_data()))
    except Exception as error:  # noqa: BLE001  its type is the answer
        return type(error).__name__


for _app in (small, unset, none, by_class):
    _app.add_url_rule("/<how>", "read", read, methods=["GET", "POST"])


@small.errorhandler(413)
def too_large(error: Any) -> tuple[str, int]:
    return f"too large: {error.description[:9]}", 413


@small.before_request
def raised_for_uploads() -> None:
    if "before" in request.args:
        request.max_content_length = 10_000


APPS = {"small": small, "unset": unset, "none": none, "by_class": by_class}


def fields(count: int, size: int = 1) -> tuple[bytes, ...]:
    return tuple(field_part(f"k{number}", b"v" * size) for number in range(count))


def upload(size: int) -> bytes:
    return file_part(b'name="f"; filename="f"', b"x" * size)


REQUESTS: list[Ask] = [
    *(post(f"small {how} {size}", f"/{how}", b"x" * size, app="small")
      for how in ("nothing", "data", "stream", "stream-part", "twice") for size in (10, 64, 65)),
    *(post(f"small chunked {how} {size}", f"/{how}", b"x" * size, app="small", chunked=True)
      for how in ("nothing", "data", "stream", "stream-part", "twice") for size in (10, 64, 65)),
    *(post(f"small view limit {limit}", f"/data?max_content_length={limit}", b"x" * 100, app="small")
      for limit in ("none", "99", "100", "0")),
    *(post(f"unset view limit {limit}", f"/data?max_content_length={limit}", b"x" * 100, app="unset")
      for limit in ("none", "99", "100")),
    post("small before hook", "/data?before", b"x" * 100, app="small"),
    post("small no length", "/data", b"x" * 100, app="small", length=None),
    post("small lying length", "/data", b"x" * 100, app="small", length=10),
    form("small form", "/form", b"a=1", app="small"),
    form("small form at 32", "/form", b"a=" + b"1" * 30, app="small"),
    form("small form over 32", "/form", b"a=" + b"1" * 40, app="small"),
    form("small form over 64", "/form", b"a=" + b"1" * 80, app="small"),
    form("small form many fields", "/form", b"&".join([b"a=1"] * 12), app="small"),
    form("small form chunked", "/form", b"a=" + b"1" * 80, app="small", chunked=True),
    multipart("small parts over length", "/form", *fields(1), app="small"),
    *(multipart(f"small parts {count}", "/form?max_content_length=none", *fields(count), app="small") for count in (1, 2, 3)),
    *(multipart(f"small field of {size}", "/form?max_content_length=none", *fields(1, size), app="small") for size in (32, 33, 500)),
    multipart("small two fields of 20", "/form?max_content_length=none", *fields(2, 20), app="small"),
    multipart("small file is not memory", "/files?max_content_length=none", upload(500), app="small"),
    multipart("small view parts", "/form?max_content_length=none&max_form_parts=5", *fields(4), app="small"),
    multipart("small view memory", "/form?max_content_length=none&max_form_memory_size=600", *fields(2, 250), app="small"),
    multipart("small view none", "/form?max_content_length=none&max_form_memory_size=none&max_form_parts=none", *fields(9, 90), app="small"),
    multipart("unset parts 1000", "/form", *fields(1000), app="unset"),
    multipart("unset parts 1001", "/form", *fields(1001), app="unset"),
    multipart("unset field 500000", "/form", *fields(1, 500_000), app="unset"),
    multipart("unset field 500001", "/form", *fields(1, 500_001), app="unset"),
    form("unset urlencoded 500001", "/form", b"a=" + b"x" * 500_001, app="unset"),
    multipart("none parts 1001", "/form", *fields(1001), app="none"),
    multipart("none field 500001", "/form", *fields(1, 500_001), app="none"),
    form("none urlencoded 500001", "/form", b"a=" + b"x" * 500_001, app="none"),
    *(ask(f"limits {name}", "/limits", app=name) for name in APPS),
    ask("limits set", "/limits?max_content_length=1&max_form_parts=2&max_form_memory_size=3", app="unset"),
    post("by class data", "/data", b"x" * 51, app="by_class"),
    multipart("by class parts", "/form", *fields(2), app="by_class"),
    form("by class memory", "/form", b"a=" + b"x" * 30, app="by_class"),
    post("json over", "/json", b"[" + b"1," * 40 + b"1]", app="small"),
]  # fmt: skip
