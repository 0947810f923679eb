"""What writes and reads JSON text is the standard library's, asked once."""

from __future__ import annotations

import json
import json.encoder
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolben.json.provider import standard_default
from kolben.json.text import decode_json, json_writer, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "indent": st.integers(0, 3),
        "separators": st.just((",", ":")),
        "skipkeys": st.booleans(),
        "check_circular": st.booleans(),
    },
)


@given(value=VALUES, ensure_ascii=st.booleans(), sort_keys=st.booleans(), options=OPTIONS)
def test_writes_as_json_dumps(
    value: Any, ensure_ascii: bool, sort_keys: bool, options: dict[str, Any]
) -> None:
    write = json_writer(standard_default, ensure_ascii, sort_keys, **options)
    expected = json.dumps(
        value, default=standard_default, ensure_ascii=ensure_ascii, sort_keys=sort_keys, **options
    )
    assert write(value) == expected


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize("value", [Text("é"), True, 1.5, None, {1: 2, "a": Text("b")}, (1, [])])
def test_writes_subclasses_and_keys_as_json_dumps(value: Any) -> None:
    assert json_writer(standard_default, True, False)(value) == json.dumps(value)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({1: 1, "a": 2}, TypeError),  # keys that have no order
        ({(1,): 1}, TypeError),
        ([object()], TypeError),
    ],
)
def test_refuses_what_json_dumps_refuses(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as theirs:
        json.dumps(value, default=standard_default, sort_keys=True)
    with pytest.raises(error) as ours:
        json_writer(standard_default, True, True)(value)
    assert str(ours.value) == str(theirs.value)


def circles() -> dict[str, Any]:
    in_list: list[Any] = []
    in_list.append({"a": in_list})
    return {"a list": in_list, "default": object()}


@pytest.mark.parametrize("value", circles().values(), ids=circles())
def test_a_circle_is_refused(value: Any) -> None:
    write = json_writer(lambda found: found, True, True)
    for _ in range(2):
        with pytest.raises(ValueError, match="Circular"):
            write(value)
    assert write([1]) == "[1]"


def test_what_is_nested_too_deep_is_refused() -> None:
    value: list[Any] = []
    for _ in range(200_000):
        value = [value]
    with pytest.raises(RecursionError):
        json_writer(standard_default, True, True)(value)


def test_one_value_is_written_by_many_threads_at_once() -> None:
    shared: list[Any] = [[object() for _ in range(50)]]
    write = json_writer(lambda found: "o", True, True)
    expected = write(shared)
    failures: list[Any] = []

    def work() -> None:
        failures.extend(text for text in (write(shared) for _ in range(50)) if text != expected)

    switch_interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch_interval_s)
    assert not failures


def test_an_interpreter_without_the_fast_writer_has_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    write = json_writer.__wrapped__(standard_default, True, True, separators=(",", ":"))
    assert write({"b": [1], "a": "é"}) == '{"a":"\\u00e9","b":[1]}'


@given(value=VALUES, before=st.text(" \t\n\r", max_size=2), after=st.text(" \t\n\r", max_size=2))
def test_reads_as_json_loads(value: Any, before: str, after: str) -> None:
    text = before + json.dumps(value) + after
    assert repr(read_json(text)) == repr(json.loads(text))


@pytest.mark.parametrize(
    "text", ["", " ", "{", "[1]x", "[1] 2", "\ufeff[1]", "1\x0b", "1\u00a0", "nul", "[" * 100_000]
)
def test_refuses_what_json_loads_refuses(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)) as theirs:
        json.loads(text)
    with pytest.raises(theirs.type) as ours:
        read_json(text)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
@pytest.mark.parametrize("text", ['{"a": "é"}', '"é"', "1", "12", "é", ""])
def test_decodes_what_the_standard_library_takes(text: str, encoding: str) -> None:
    raw = text.encode(encoding)
    assert decode_json(raw) == raw.decode(json.detect_encoding(raw))


@given(st.binary(max_size=6))
def test_decodes_by_the_standard_librarys_rule(raw: bytes) -> None:
    try:
        expected: Any = raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError as error:
        expected = str(error)
    try:
        found: Any = decode_json(raw)
    except UnicodeDecodeError as error:
        found = str(error)
    assert found == expected
