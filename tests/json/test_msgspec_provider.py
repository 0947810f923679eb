"""What msgspec writes and reads is what the default provider does, but for what is documented."""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
import math
from collections import OrderedDict, UserDict, defaultdict, namedtuple
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from kolben import Flask, Response, jsonify
from kolben.json.msgspec_provider import MsgspecProvider
from kolben.json.provider import DefaultJSONProvider
from tests.fresh_interpreter import Interpreter

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.json = MsgspecProvider(app)
    return app


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "never asked"


class Whole(int):
    pass


class Real(float):
    pass


class Colour(enum.IntEnum):
    RED = 1


class Page:
    def __html__(self) -> str:
        return "<p>"


Point = namedtuple("Point", "x y")  # noqa: PYI024  # among what users pass


@dataclasses.dataclass
class Pair:
    right: int = 2
    left: tuple[int, ...] = (1,)


SAME = [
    {"b": 1, "a": {"d": [True, None], "c": 'é\u2028\x7f/<>"\\\b'}},
    [],
    {},
    "text",
    7,
    2**70,
    -0.0,
    0.1,
    5e-324,
    (1, 2),
    Point(1, 2),
    OrderedDict(b=1, a=2),
    defaultdict(int, a=1),
    Text("é"),
    [Whole(3), Real(1.5), Colour.RED],
    {Text("key"): Text("value")},
    Markup("<b>"),
    Decimal("1.50"),
    Decimal("1E+2"),
    UUID(int=5),
    Page(),
    Pair(),
    [Pair(left=(1, 2)), {"of": Pair()}],
    {1: 2, 3: 4},
    {None: 1},
    {True: 1},
    {1.5: [1]},
    "\ud800",
    ["é", "\ud800"],
]


@pytest.mark.parametrize("value", SAME, ids=ascii)
@pytest.mark.parametrize("sort_keys", [True, False])
def test_a_response_says_what_the_default_providers_says(
    app: Flask, value: Any, sort_keys: bool
) -> None:
    ours: Any = app.json
    theirs = DefaultJSONProvider(app)
    ours.sort_keys = theirs.sort_keys = sort_keys
    if not sort_keys:
        assert list(json.loads(ours.response({"b": 1, "a": 2}).data)) == ["b", "a"]
    assert json.loads(ours.response(value).data) == json.loads(theirs.response(value).data)
    assert json.loads(ours.dumps(value)) == json.loads(theirs.dumps(value))
    assert json.loads(ours.dumps(value, indent=2)) == json.loads(theirs.dumps(value))


@given(VALUES)
def test_a_text_has_the_default_providers_value_and_order(value: Any) -> None:
    app = Flask(__name__)
    text = MsgspecProvider(app).dumps(value)
    expected = DefaultJSONProvider(app).dumps(value)
    read: Any = {"object_pairs_hook": list}
    assert json.loads(text, **read) == json.loads(expected, **read)


DIFFERENT = [
    (datetime(2020, 1, 1, tzinfo=UTC), '"2020-01-01T00:00:00Z"'),
    (datetime(2020, 1, 1), '"2020-01-01T00:00:00"'),
    (date(2020, 1, 2), '"2020-01-02"'),
    (time(1, 2), '"01:02:00"'),
    (timedelta(days=1), '"P1D"'),
    ({2, 1}, "[1,2]"),
    (b"bytes", f'"{base64.b64encode(b"bytes").decode()}"'),
    (enum.Enum("Shape", {"ROUND": "o"})["ROUND"], '"o"'),
    (msgspec.defstruct("Struct", [("b", int), ("a", int)])(1, 2), '{"a":2,"b":1}'),
    (math.nan, "null"),
    (-math.inf, "null"),
    (1e16, "1e16"),
]


@pytest.mark.parametrize(("value", "text"), DIFFERENT, ids=repr)
def test_what_is_documented_is_written_in_its_own_way(app: Flask, value: Any, text: str) -> None:
    assert app.json.dumps(value) == text
    assert app.json.response(value).data == f"{text}\n".encode()


@pytest.mark.parametrize(("value", "text"), DIFFERENT[:-3], ids=repr)
@pytest.mark.parametrize("option", ["ensure_ascii", "strict", "indent", "a key", "debug"])
def test_a_value_is_written_alike_whatever_the_options(
    app: Flask, value: Any, text: str, option: str
) -> None:
    provider: Any = app.json
    options = {"indent": 3} if option == "indent" else {}
    value = {None: value} if option == "a key" else value
    expected = {"null": json.loads(text)} if option == "a key" else json.loads(text)
    if option == "debug":
        app.debug = True
    elif hasattr(provider, option):
        setattr(provider, option, True)
    assert json.loads(provider.dumps(value, **options)) == expected
    assert json.loads(provider.response(value).data) == expected


def test_options_are_those_of_the_default_provider(app: Flask) -> None:
    provider: Any = app.json
    value = {"b": "é", "a": 1}
    assert provider.response(value).data == '{"a":1,"b":"é"}\n'.encode()
    provider.ensure_ascii = True
    assert provider.response(value).data == b'{"a":1,"b":"\\u00e9"}\n'
    provider.ensure_ascii = False
    provider.compact = False
    assert provider.response(value).data == '{\n  "a": 1,\n  "b": "é"\n}\n'.encode()
    provider.compact = None
    provider.mimetype = "application/problem+json"
    response = provider.response(value)
    assert (response.mimetype, response.data) == (
        "application/problem+json",
        '{"a":1,"b":"é"}\n'.encode(),
    )
    provider.strict = True
    assert provider.response(value).data == '{"a":1,"b":"é"}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        provider.dumps(math.nan)


def test_keywords_are_those_of_json_dumps(app: Flask) -> None:
    value = {"b": 1, "a": [2]}
    assert app.json.dumps(value, sort_keys=False) == '{"b": 1, "a": [2]}'
    assert app.json.dumps(value, separators=(",", ": ")) == '{"a": [2],"b": 1}'
    assert app.json.dumps({1j}, default=str) == json.dumps({1j}, default=str)
    with pytest.raises(TypeError, match="nonsense"):
        app.json.dumps(value, nonsense=True)


def test_default_is_asked_for_what_msgspec_does_not_know(app: Flask) -> None:
    provider: Any = app.json
    assert provider.dumps([Page()]) == '["<p>"]'
    provider.default = lambda o: f"a {type(o).__name__}"
    assert provider.dumps([1j, UserDict(), date(2020, 1, 1)]) == (
        '["a complex","a UserDict","2020-01-01"]'
    )


@pytest.mark.parametrize("value", [object(), [1j], {(1,): 2}, {"a": 1, 2: 3}])
def test_what_nobody_knows_is_the_default_providers_error(app: Flask, value: Any) -> None:
    with pytest.raises(TypeError) as theirs:
        DefaultJSONProvider(app).dumps(value)
    with pytest.raises(TypeError) as ours:
        app.json.dumps(value)
    assert str(ours.value) == str(theirs.value)


def test_a_circle_is_refused(app: Flask) -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(RecursionError):
        app.json.dumps(circle)


TEXTS = [
    "NaN",
    "[Infinity]",
    "1e400",
    '"\\ud800"',
    '{"a": 1, "a": 2}',
    "-0",
    "-0.0",
    " [1] \n",
    "123456789012345678901234567890",
    "",
    "[1,]",
    "[1] 2",
    "\ufeff1",
    '"\x01"',
    "1" * 5_000,
    '"é"',
    "nul",
]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
@pytest.mark.parametrize("encoding", [None, "utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
def test_a_text_is_read_as_by_the_default_provider(
    app: Flask, text: str, encoding: str | None
) -> None:
    raw: Any = text if encoding is None else text.encode(encoding)
    assert outcome(app.json, raw) == outcome(DefaultJSONProvider(app), raw)


@given(st.binary(max_size=12) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_as_by_the_default_provider(raw: bytes) -> None:
    app = Flask(__name__)
    assert outcome(MsgspecProvider(app), raw) == outcome(DefaultJSONProvider(app), raw)


@given(st.text('0123456789+-.eE"\\u[]{},: ntrf', max_size=14))
def test_any_text_is_read_as_by_the_default_provider(text: str) -> None:
    app = Flask(__name__)
    assert outcome(MsgspecProvider(app), text) == outcome(DefaultJSONProvider(app), text)


def outcome(provider: Any, text: Any) -> Any:
    try:
        return repr(provider.loads(text))
    except ValueError as error:
        return type(error), str(error)


def test_keywords_of_loads_and_strict_are_the_default_providers(app: Flask) -> None:
    assert app.json.loads('{"a": 1}', object_pairs_hook=list) == [("a", 1)]
    app.json.strict = True  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="strict"):
        app.json.loads("NaN")


def test_a_view_and_a_body_go_through_it(app: Flask) -> None:
    app.add_url_rule("/", "index", lambda: {"now": date(2020, 1, 1)})
    app.add_url_rule("/more", "more", lambda: jsonify(now=date(2020, 1, 1)))
    client = app.test_client()
    assert client.get("/").data == client.get("/more").data == b'{"now":"2020-01-01"}\n'
    app.response_class = type("Own", (Response,), {"__init__": own_init})
    assert app.json.response([1]).headers["X-Own"] == "yes"


def own_init(self: Any, *args: Any, **kwargs: Any) -> None:
    Response.__init__(self, *args, **kwargs)
    self.headers["X-Own"] = "yes"


@pytest.mark.parametrize("where", ["class", "instance"])
@pytest.mark.parametrize("name", ["dumps", "response"])
def test_what_is_overridden_is_asked(app: Flask, name: str, where: str) -> None:
    def own(*args: Any, **kwargs: Any) -> Any:
        return '"own"' if name == "dumps" else Response('"own"')

    if where == "class":
        app.json = type("Own", (MsgspecProvider,), {name: own})(app)
    else:
        setattr(app.json, name, own)
    app.add_url_rule("/", "index", lambda: [1])
    assert app.test_client().get("/").data.strip() == b'"own"'


def test_a_session_is_the_same_with_either_provider(app: Flask) -> None:
    app.secret_key = "k"
    signer: Any = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    content = {"at": datetime(2020, 1, 1, tzinfo=UTC), "of": (1, b"x", UUID(int=1)), "": None}
    with app.app_context():
        ours = signer.dumps(content)
        app.json = DefaultJSONProvider(app)
        assert signer.loads(ours) == content


def test_without_msgspec_it_says_what_to_install(python: Interpreter) -> None:
    said = python.fail(
        "import sys; sys.modules['msgspec'] = None; import kolben.json.msgspec_provider"
    )
    assert "pip install 'kolben[typed]'" in said
