"""The default JSON provider: the text is Flask's to the byte."""

from __future__ import annotations

import dataclasses
import gc
import io
import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from kolben import Flask, Response
from kolben.json import dumps, dumps_compact
from kolben.json.provider import DefaultJSONProvider, JSONProvider


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


@dataclasses.dataclass
class Pair:
    left: int = 1
    right: tuple[int, ...] = (1, 2)


class Page:
    def __html__(self) -> str:
        return "<p>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"b": 1, "a": "é"}, '{"a": "\\u00e9", "b": 1}', id="sorted, ascii"),
        pytest.param(Pair(), '{"left": 1, "right": [1, 2]}', id="dataclass"),
        pytest.param(Decimal("1.50"), '"1.50"', id="decimal"),
        pytest.param(UUID(int=5), '"00000000-0000-0000-0000-000000000005"', id="uuid"),
        pytest.param(Page(), '"<p>"', id="html"),
        pytest.param(Markup("<b>"), '"<b>"', id="markup"),
        pytest.param(date(1975, 1, 5), '"Sun, 05 Jan 1975 00:00:00 GMT"', id="date"),
        pytest.param(
            datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=-8))),
            '"Wed, 01 Jan 2020 08:00:00 GMT"',
            id="datetime in utc",
        ),
        pytest.param(math.nan, "NaN", id="nan"),
    ],
)
def test_dumps_writes(app: Flask, value: Any, text: str) -> None:
    assert text == app.json.dumps(value)


@pytest.mark.parametrize("value", [{1}, b"x", object(), Pair, 1j])
def test_dumps_names_the_type_that_json_does_not_have(app: Flask, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"type {type(value).__name__} is not JSON serializable"):
        app.json.dumps(value)


def test_dumps_refuses_a_circle(app: Flask) -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular"):
        app.json.dumps(circle)
    assert app.json.dumps([]) == "[]"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, '{"a": "\\u00e9", "b": [1]}'),
        ({"sort_keys": False}, '{"b": [1], "a": "\\u00e9"}'),
        ({"ensure_ascii": False}, '{"a": "é", "b": [1]}'),
        ({"indent": 1}, '{\n "a": "\\u00e9",\n "b": [\n  1\n ]\n}'),
        ({"indent": True}, '{\n "a": "\\u00e9",\n "b": [\n  1\n ]\n}'),
        ({"separators": (",", ":")}, '{"a":"\\u00e9","b":[1]}'),
        ({"cls": json.JSONEncoder}, '{"a": "\\u00e9", "b": [1]}'),
        ({"default": str}, '{"a": "\\u00e9", "b": [1]}'),
        ({"separators": [",", ":"]}, '{"a":"\\u00e9","b":[1]}'),
    ],
    ids=repr,
)
def test_keywords_of_dumps_are_those_of_the_standard_library(
    app: Flask, options: dict[str, Any], text: str
) -> None:
    assert text == app.json.dumps({"b": [1], "a": "é"}, **options)
    assert app.json.dumps({"b": 1, "a": 2}) == '{"a": 2, "b": 1}'


def test_an_unknown_keyword_is_refused(app: Flask) -> None:
    with pytest.raises(TypeError, match="nonsense"):
        app.json.dumps(1, nonsense=True)


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [
        ("sort_keys", False, '{"b": "é", "a": 1}'),
        ("ensure_ascii", True, '{"a": 1, "b": "\\u00e9"}'),
        ("default", str, '{"a": 1, "b": "é"}'),
    ],
)
def test_an_attribute_takes_effect_at_once(
    app: Flask, attribute: str, value: Any, text: str
) -> None:
    provider: Any = app.json
    provider.ensure_ascii = False
    provider.dumps({})
    setattr(provider, attribute, value)
    assert provider.dumps({"b": "é", "a": 1}) == text


def test_default_may_be_a_method_of_a_subclass(app: Flask) -> None:
    class Sets(DefaultJSONProvider):
        def default(self, o: Any) -> Any:  # type: ignore[override]  # as users write it
            return sorted(o) if isinstance(o, set) else DefaultJSONProvider.default(o)

    provider = Sets(app)
    assert provider.dumps([{2, 1}, UUID(int=0)]) == f'[[1, 2], "{UUID(int=0)}"]'


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    options=st.fixed_dictionaries(
        {}, optional={"indent": st.integers(0, 3), "separators": st.just((",", ":"))}
    ),
)
def test_dumps_equals_json_dumps(value: Any, options: dict[str, Any]) -> None:
    app = Flask(__name__)
    text = app.json.dumps(value, **options)
    assert text == json.dumps(value, sort_keys=True, **options)
    assert app.json.loads(text) == value


@pytest.mark.parametrize("text", ['{"a": 1}', b'{"a": 1}', '{"a": 1}'.encode("utf-16")])
def test_loads_reads_text_and_bytes(app: Flask, text: str | bytes) -> None:
    assert app.json.loads(text) == {"a": 1}


def test_loads_takes_the_keywords_of_the_standard_library(app: Flask) -> None:
    assert app.json.loads('{"a": 1}', object_hook=list) == ["a"]


@pytest.mark.parametrize("text", ["", "{", b"\xff", "[1]\x00", "9" * 100_000])
def test_broken_json_is_a_value_error(app: Flask, text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        app.json.loads(text)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_strict_refuses_what_is_no_json(app: Flask, text: str) -> None:
    value = app.json.loads(text)
    app.json.strict = True
    with pytest.raises(ValueError, match="strict"):
        app.json.loads(text)
    with pytest.raises(ValueError, match="not JSON compliant"):
        app.json.dumps(value)


def test_dump_and_load_use_files(app: Flask) -> None:
    file = io.StringIO()
    app.json.dump({"b": 1, "a": 2}, file)
    assert file.getvalue() == '{"a": 2, "b": 1}'
    assert app.json.load(io.BytesIO(b"[1]")) == [1]


@pytest.mark.parametrize(
    ("args", "kwargs", "body"),
    [
        ((), {}, b"null\n"),
        ((None,), {}, b"null\n"),
        ((1,), {}, b"1\n"),
        ((1, 2), {}, b"[1,2]\n"),
        ((), {"b": [1], "a": "é"}, b'{"a":"\\u00e9","b":[1]}\n'),
        (([],), {}, b"[]\n"),
    ],
)
def test_a_response_is_made_of(
    app: Flask, args: tuple[Any, ...], kwargs: dict[str, Any], body: bytes
) -> None:
    response = app.json.response(*args, **kwargs)
    assert response.data == body
    assert response.headers["Content-Type"] == "application/json"


def test_a_response_of_both_values_and_keywords_is_refused(app: Flask) -> None:
    with pytest.raises(TypeError, match=r"args or kwargs\. It was given both"):
        app.json.response(1, a=2)


INDENTED = b'{\n  "a": [\n    1\n  ]\n}\n'
COMPACT = b'{"a":[1]}\n'


@pytest.mark.parametrize(
    ("debug", "compact", "body"),
    [
        (False, None, COMPACT),
        (True, None, INDENTED),
        (False, False, INDENTED),
        (True, True, COMPACT),
    ],
)
def test_a_response_is_indented_in_debug_mode_or_as_compact_says(
    app: Flask, debug: bool, compact: bool | None, body: bytes
) -> None:
    app.debug = debug
    app.json.compact = compact
    assert app.json.response({"a": [1]}).data == body


def test_a_response_has_the_providers_mimetype(app: Flask) -> None:
    app.json.mimetype = "application/vnd.api+json"
    assert app.json.response(1).mimetype == "application/vnd.api+json"


def test_a_response_is_of_the_apps_class(app: Flask) -> None:
    class Teapot(Response):
        default_status = 418

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.headers["X-Made"] = "by __init__"

    app.response_class = Teapot
    response = app.json.response([1])
    assert (response.status_code, response.data) == (418, b"[1]\n")
    assert response.headers["X-Made"] == "by __init__"


def test_a_response_is_written_by_dumps_of_a_subclass(app: Flask) -> None:
    class Shout(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return super().dumps(obj, **kwargs).upper()

    assert Shout(app).response("a").data == b'"A"\n'


def test_a_response_is_written_by_dumps_put_on_the_provider(app: Flask) -> None:
    provider: Any = app.json
    assert provider.response(["a"]).data == b'["a"]\n'
    provider.dumps = lambda obj, **options: f"{obj} {options}"
    assert provider.response(["a"]).data == b"['a'] {'separators': (',', ':')}\n"


def test_a_default_without_a_hash_will_do(app: Flask) -> None:
    class Default:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, o: Any) -> Any:
            return "unknown"

    app.json.default = Default()  # type: ignore[attr-defined]
    assert app.json.response({1}).data == b'"unknown"\n'
    assert app.json.dumps({1}) == '"unknown"'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, '{"a":"\\u00e9","b":[1]}'),
        ({"sort_keys": False, "ensure_ascii": False}, '{"b":[1],"a":"é"}'),
        ({"strict": True}, '{"a":"\\u00e9","b":[1]}'),
        ({"dumps": lambda value, **options: f"own {options}"}, "own {'separators': (',', ':')}"),
        ({"default": type("Unhashed", (dict,), {})()}, '{"a":"\\u00e9","b":[1]}'),
    ],
    ids=["default", "options", "strict", "own dumps", "default without a hash"],
)
def test_compact_text_is_that_of_dumps(app: Flask, options: dict[str, Any], expected: str) -> None:
    for name, value in options.items():
        setattr(app.json, name, value)
    with app.app_context():
        assert expected == dumps_compact({"b": [1], "a": "é"})
        assert expected == dumps({"b": [1], "a": "é"}, separators=(",", ":"))


def test_compact_text_is_written_by_dumps_of_another_provider(app: Flask) -> None:
    class Bare(JSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return f"bare {kwargs}"

    class Shout(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return super().dumps(obj, **kwargs).upper()

    with app.app_context():
        app.json = Bare(app)
        assert dumps_compact(["a"]) == "bare {'separators': (',', ':')}"
        app.json = Shout(app)
        assert dumps_compact(["a"]) == '["A"]'
    assert dumps_compact({"b": 1, "a": 2}) == '{"b":1,"a":2}'


@pytest.mark.parametrize(
    ("attribute", "value", "body"),
    [
        ("sort_keys", False, '{"b":"é","a":1}\n'.encode()),
        ("ensure_ascii", True, b'{"a":1,"b":"\\u00e9"}\n'),
        ("compact", False, '{\n  "a": 1,\n  "b": "é"\n}\n'.encode()),
        ("strict", True, '{"a":1,"b":"é"}\n'.encode()),
        ("mimetype", "text/json", '{"a":1,"b":"é"}\n'.encode()),
    ],
)
def test_an_attribute_takes_effect_on_the_next_response(
    app: Flask, attribute: str, value: Any, body: bytes
) -> None:
    provider: Any = app.json
    provider.ensure_ascii = False
    assert provider.response({"b": "é", "a": 1}).data == '{"a":1,"b":"é"}\n'.encode()
    setattr(provider, attribute, value)
    response = provider.response({"b": "é", "a": 1})
    assert response.data == body
    assert response.mimetype == provider.mimetype


def test_strict_refuses_a_response_that_is_no_json(app: Flask) -> None:
    provider: Any = app.json
    assert provider.response(math.nan).data == b"NaN\n"
    provider.strict = True
    with pytest.raises(ValueError, match="not JSON compliant"):
        provider.response(math.nan)


def test_a_provider_of_ones_own_needs_only_dumps_and_loads(app: Flask) -> None:
    class Reversed(JSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return json.dumps(obj)[::-1]

        def loads(self, s: str | bytes, **kwargs: Any) -> Any:
            return json.loads(s[::-1])

    provider = Reversed(app)
    assert provider.response(12).data == b"21"
    assert provider.load(io.StringIO("21")) == 12


@pytest.mark.parametrize("call", [lambda p: p.dumps(1), lambda p: p.loads("1")])
def test_the_bare_provider_can_do_nothing(app: Flask, call: Any) -> None:
    with pytest.raises(NotImplementedError):
        call(JSONProvider(app))


def test_a_provider_does_not_keep_its_app_alive() -> None:
    provider = DefaultJSONProvider(Flask(__name__))
    gc.collect()  # on CPython it is gone already
    with pytest.raises(ReferenceError):
        provider._app.name  # noqa: B018  # reading it is the test


def test_utc_is_what_naive_datetimes_are_in(app: Flask) -> None:
    naive = datetime(2020, 1, 1)
    assert app.json.dumps(naive) == app.json.dumps(naive.replace(tzinfo=UTC))
