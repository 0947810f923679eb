"""JSON in and out: get_json in every form, jsonify, providers, types, order, errors."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json as stdlib_json
import uuid
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

from flask import Flask, Request, Response, json, jsonify, request
from flask.json.provider import DefaultJSONProvider, JSONProvider
from markupsafe import Markup

from conformance.differential.ask import Ask, ask, post, post_json

app = Flask("json")
pretty = Flask("pretty")
pretty.json.compact = False
unsorted = Flask("unsorted")
unsorted.json.sort_keys = False
unicode_app = Flask("unicode")
unicode_app.json.ensure_ascii = False
typed = Flask("typed")
typed.json.mimetype = "application/vnd.api+json"
debugging = Flask("debugging")
debugging.debug = True


@dataclasses.dataclass
class Point:
    """A dataclass, which jsonify knows."""

    x: int
    when: dt.date
    inner: Any = None


class HasHtml:
    """An object that knows its HTML."""

    def __html__(self) -> str:
        return "<i>html</i>"


class Colour(enum.Enum):
    """An enum, which jsonify does not know."""

    RED = "red"


class Number(enum.IntEnum):
    """An enum that is a number."""

    ONE = 1


Pair = namedtuple("Pair", "a b")
UTC = dt.UTC
PLUS_TWO = dt.timezone(dt.timedelta(hours=2))

#: Values for jsonify, by name.
VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "int": 5,
    "big-int": 2**70,
    "float": 1.1,
    "nan": float("nan"),
    "infinity": float("inf"),
    "text": "h\u00e9 \u2028 </script> & ' \"",
    "lone-surrogate": "\ud800",
    "empty-dict": {},
    "order": {"z": 1, "a": {"y": 1, "b": 2}, "m": []},
    "ordered-dict": OrderedDict([("z", 1), ("a", 2)]),
    "defaultdict": defaultdict(int, x=1),
    "keys-int": {3: 1, 1: 2, 20: 3},
    "keys-mixed": {"1": 1, 2: 2},
    "keys-none": {None: 1},
    "keys-bool": {True: 1, False: 2},
    "keys-tuple": {(1, 2): 3},
    "tuple": (1, 2),
    "namedtuple": Pair(1, 2),
    "set": {1},
    "frozenset": frozenset([1]),
    "bytes": b"bytes",
    "date": dt.date(2020, 2, 29),
    "datetime": dt.datetime(2020, 2, 29, 12, 30, 1, 999),
    "datetime-utc": dt.datetime(2020, 2, 29, 12, 30, 1, tzinfo=UTC),
    "datetime-zone": dt.datetime(2020, 2, 29, 12, 30, 1, tzinfo=PLUS_TWO),
    "time": dt.time(1, 2),
    "timedelta": dt.timedelta(1),
    "decimal": decimal.Decimal("1.10"),
    "decimal-nan": decimal.Decimal("NaN"),
    "uuid": uuid.UUID(int=9),
    "dataclass": Point(1, dt.date(2020, 1, 1), Point(2, dt.date(2020, 1, 2))),
    "dataclass-class": Point,
    "markup": Markup("<b>"),
    "html": HasHtml(),
    "enum": Colour.RED,
    "int-enum": Number.ONE,
    "object": object(),
    "generator": (x for x in ()),
    "complex": 1j,
    "nested": {"list": [{"deep": [uuid.UUID(int=1), {"d": decimal.Decimal(1)}]}]},
}


def add(target: Flask) -> None:
    """Give an app the views."""
    target.add_url_rule("/value/<name>", "value", lambda name: jsonify(VALUES[name]))
    target.add_url_rule("/return/<name>", "return", lambda name: {"v": VALUES[name]})
    target.add_url_rule("/read", "read", read, methods=["GET", "POST", "PUT", "DELETE"])
    target.add_url_rule("/property", "property", read_property, methods=["GET", "POST"])
    target.add_url_rule("/mixed", "mixed", read_mixed, methods=["POST"])
    target.add_url_rule("/call/<name>", "call", call)


def read() -> Response:
    """Read with the arguments that the query names."""
    options = {name: True for name in ("force", "silent") if name in request.args}
    if "uncached" in request.args:
        options["cache"] = False
    values = [request.get_json(**options) for _ in range(2)]
    same = values[0] is values[1]
    data = request.get_data().decode("latin-1")
    told = {"value": ascii(values[0]), "same": same, "data": data, "is": request.is_json}
    return Response(stdlib_json.dumps(told), mimetype="application/json")


def read_property() -> str:
    return ascii(request.json)


def read_mixed() -> Response:
    """Read silently, then loudly, as people do."""
    silent = request.get_json(silent=True)
    try:
        loud = ascii(request.get_json())
    except Exception as error:  # noqa: BLE001  its type is the answer
        loud = type(error).__name__
    told = {"silent": ascii(silent), "loud": loud, "form": len(request.form)}
    return Response(stdlib_json.dumps(told), mimetype="application/json")


CALLS: dict[str, Any] = {
    "nothing": lambda: jsonify(),
    "positional": lambda: jsonify(1, 2),
    "keywords": lambda: jsonify(b=1, a=2),
    "both": lambda: jsonify(1, a=2),
    "list": lambda: jsonify([3, 1]),
    "list-spread": lambda: jsonify(*[3, 1]),
    "none": lambda: jsonify(None),
    "dumps": lambda: json.dumps({"b": uuid.UUID(int=1), "a": dt.date(2020, 1, 1)}),
    "dumps-options": lambda: json.dumps({"b": 1, "a": "\u00e9"}, indent=1, ensure_ascii=False),
    "dumps-unsorted": lambda: json.dumps({"b": 1, "a": 2}, sort_keys=False),
    "dumps-default": lambda: json.dumps({"o": object()}, default=lambda o: "own default"),
    "dumps-cls": lambda: json.dumps({"a": 1}, cls=stdlib_json.JSONEncoder),
    "loads": lambda: json.dumps(json.loads('{"a": [1, 2.5, null]}')),
    "loads-bytes": lambda: json.dumps(json.loads(b'{"a": 1}')),
    "loads-decimal": lambda: type(json.loads("1.5", parse_float=decimal.Decimal)).__name__,
    "app-json": lambda: app.json.dumps({"a": 1}) + app.json.response(b=2).get_data(as_text=True),
}


def call(name: str) -> Any:
    return CALLS[name]()


class UpperProvider(JSONProvider):
    """A provider of an app's own, which changes all it writes and reads."""

    def dumps(self, obj: Any, **more: Any) -> str:
        return stdlib_json.dumps(obj, default=lambda o: type(o).__name__).upper()

    def loads(self, s: str | bytes, **more: Any) -> Any:
        return {"read": stdlib_json.loads(s)}


class DefaultingProvider(DefaultJSONProvider):
    """The default provider with one more type."""

    @staticmethod
    def default(o: Any) -> Any:
        return "an object" if type(o) is object else DefaultJSONProvider.default(o)


class UpperFlask(Flask):
    """An app whose class names its provider."""

    json_provider_class = UpperProvider


class OwnFailure(Request):
    """A request with its own answer to broken JSON."""

    def on_json_loading_failure(self, e: ValueError | None) -> Any:
        return {"failure": type(e).__name__}


class RaisingFailure(Request):
    """A request that raises an error of the app's for broken JSON."""

    def on_json_loading_failure(self, e: ValueError | None) -> Any:
        raise LookupError("no JSON")


own_failure = Flask("own_failure")
own_failure.request_class = OwnFailure
raising = Flask("raising")
raising.request_class = RaisingFailure
upper = UpperFlask("upper")
defaulting = Flask("defaulting")
defaulting.json = DefaultingProvider(defaulting)

ALL = (
    app,
    pretty,
    unsorted,
    unicode_app,
    typed,
    debugging,
    own_failure,
    raising,
    upper,
    defaulting,
)
for _app in ALL:
    add(_app)

APPS = {one.name: one for one in ALL} | {"main": app}

#: Bodies for get_json.
BODIES: dict[str, bytes] = {
    "object": b'{"a": [1, 2.5, true, null, "x"]}',
    "list": b"[1]",
    "null": b"null",
    "number": b"5",
    "string": b'"x"',
    "empty": b"",
    "space": b"  ",
    "surrounded": b" \n[1]\t",
    "broken": b'{"a": ',
    "trailing": b"[1] x",
    "trailing-null": b"[1]\x00",
    "trailing-comma": b"[1,]",
    "single-quotes": b"{'a': 1}",
    "nan": b"[NaN, Infinity, -Infinity]",
    "utf8": '{"\u00fc": "\u20ac"}'.encode(),
    "utf8-bom": b"\xef\xbb\xbf[1]",
    "utf16": '{"a": 1}'.encode("utf-16"),
    "utf16-le": '{"a": 1}'.encode("utf-16-le"),
    "utf32": '{"a": 1}'.encode("utf-32"),
    "latin1": b'"\xfc"',
    "invalid-utf8": b'"\xff\xfe"',
    "surrogates": b'"\\ud83d\\ude00 \\ud800"',
    "duplicate-keys": b'{"a": 1, "a": 2}',
    "control": b'"a\nb"',
    "big-int": b"9" * 100,
    "too-big-int": b"9" * 5000,
    "float": b"1e400",
    "deep": b"[" * 100 + b"]" * 100,
    "too-deep": b"[" * 100_000 + b"]" * 100_000,
    "too-deep-open": b"[" * 100_000,
    "form": b"a=1&b=2",
}

TYPES = [
    "application/json; charset=utf-8", "application/json; charset=latin-1", "APPLICATION/JSON",
    "application/problem+json", "application/vnd.a+json; v=1", "text/json", "application/x-json",
    "text/plain", "application/x-www-form-urlencoded", "", "application/jsonx", "application/+json",
]  # fmt: skip


def typed_post(name: str, target: str, content_type: str, body: bytes, **more: Any) -> Ask:
    headers = {"Content-Type": content_type} if content_type else {}
    return post(name, target, body, headers=headers, **more)


REQUESTS: list[Ask] = [
    *(ask(f"value {name}", f"/value/{name}") for name in VALUES),
    *(ask(f"return {name}", f"/return/{name}") for name in ("order", "date", "object", "markup", "set")),
    *(ask(f"call {name}", f"/call/{name}") for name in CALLS),
    *(post_json(f"read {name}", "/read", body) for name, body in BODIES.items()),
    *(post_json(f"silent {name}", "/read?silent", body) for name, body in list(BODIES.items())[::3]),
    *(post_json(f"debug {name}", "/read", BODIES[name], app="debugging", says=("Failed to decode JSON object",))
      for name in ("broken", "empty", "object", "too-deep")),
    *(typed_post(f"type {kind}", "/read", kind, b"[1]") for kind in TYPES),
    *(typed_post(f"type forced {kind}", "/read?force", kind, b"[1]") for kind in TYPES[6:]),
    *(typed_post(f"type silent {kind}", "/read?silent", kind, b"[1]") for kind in TYPES[6:9]),
    typed_post("debug type", "/read", "text/plain", b"[1]", app="debugging"),
    post_json("uncached", "/read?uncached", b"[1]"),
    post_json("uncached broken", "/read?uncached&silent", b"[1"),
    post_json("force silent broken", "/read?force&silent", b"["),
    *(post_json(f"property {name}", "/property", BODIES[name]) for name in ("object", "broken", "null")),
    typed_post("property type", "/property", "text/plain", b"[1]"),
    ask("property get", "/property"),
    *(post_json(f"mixed {name}", "/mixed", BODIES[name]) for name in ("object", "broken", "empty")),
    typed_post("mixed form", "/mixed", "application/x-www-form-urlencoded", b"a=1"),
    typed_post("mixed text", "/mixed", "text/plain", b"[1]"),
    *(post_json(f"own failure {name}", "/read", BODIES[name], app="own_failure") for name in ("broken", "object", "empty")),
    typed_post("own failure type", "/read", "text/plain", b"[1]", app="own_failure"),
    post_json("raising broken", "/read", b"[", app="raising"),
    typed_post("raising type", "/read", "text/plain", b"[1]", app="raising"),
    post_json("chunked", "/read", b"[1]", chunked=True),
    post_json("no length", "/read", b"[1]", length=None),
    post_json("short length", "/read", b"[1, 2]", length=3),
    post_json("long length", "/read", b"[1]", length=30),
    post_json("put", "/read", b"[1]", method="PUT"),
    post_json("delete", "/read", b"[1]", method="DELETE"),
    post_json("get with body", "/read", b"[1]", method="GET"),
    *(ask(f"{one.name} {name}", f"/value/{name}", app=one.name)
      for one in (pretty, unsorted, unicode_app, typed, debugging, upper, defaulting)
      for name in ("order", "text", "date", "object", "keys-mixed")),
    *(ask(f"{one.name} return", "/return/order", app=one.name) for one in (pretty, typed, upper)),
    *(ask(f"{one.name} call {name}", f"/call/{name}", app=one.name)
      for one in (pretty, upper, debugging) for name in ("keywords", "dumps", "nothing")),
    post_json("upper read", "/read", b'{"a": 1}', app="upper"),
]  # fmt: skip
