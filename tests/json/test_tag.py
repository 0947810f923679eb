"""Tagged JSON: what it writes is what Flask writes, and it reads back what it wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from kolben.json import loads
from kolben.json import tag as tags
from kolben.json.tag import JSONTag, TaggedJSONSerializer

# Written by Flask 3.1.3.
RECORDED = [
    pytest.param({" t": (1, 2)}, '{" di":{" t__":{" t":[1,2]}}}', id="tuple in what looks a tag"),
    pytest.param({" t": 1, "b": 2}, '{" t":1,"b":2}', id="two keys are no tag"),
    pytest.param({" di": {" t": 1}}, '{" di":{" di__":{" di":{" t__":1}}}}', id="nested"),
    pytest.param((1, [2, (3,)]), '{" t":[1,[2,{" t":[3]}]]}', id="tuples in lists"),
    pytest.param(b"\xff", '{" b":"/w=="}', id="bytes"),
    pytest.param(Markup("<i>"), '{" m":"<i>"}', id="markup"),
    pytest.param(UUID(int=7), '{" u":"00000000000000000000000000000007"}', id="uuid"),
    pytest.param(
        datetime(2020, 1, 1, tzinfo=UTC), '{" d":"Wed, 01 Jan 2020 00:00:00 GMT"}', id="datetime"
    ),
    pytest.param({" b": b"x"}, '{" di":{" b__":{" b":"eA=="}}}', id="bytes under their own tag"),
    pytest.param({" x": 1}, '{" x":1}', id="no known tag"),
    pytest.param({" t__": (1,)}, '{" t__":{" t":[1]}}', id="an escaped tag as key"),
    pytest.param(
        {"a": {" t": {" m": Markup("x")}}},
        '{"a":{" di":{" t__":{" di":{" m__":{" m":"x"}}}}}}',
        id="deep",
    ),
    pytest.param({"b": 1, "a": [()]}, '{"b":1,"a":[{" t":[]}]}', id="empty tuple"),
    pytest.param("", '""', id="text"),
    pytest.param(None, "null", id="none"),
]


@pytest.fixture
def serializer() -> TaggedJSONSerializer:
    return TaggedJSONSerializer()


@pytest.mark.parametrize(("value", "text"), RECORDED)
def test_writes_what_flask_writes(serializer: TaggedJSONSerializer, value: Any, text: str) -> None:
    assert text == serializer.dumps(value)


@pytest.mark.parametrize(("value", "text"), RECORDED)
def test_reads_what_flask_wrote(serializer: TaggedJSONSerializer, value: Any, text: str) -> None:
    read = serializer.loads(text)
    assert value == read
    assert type(value) is type(read)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        pytest.param({1: 2}, {"1": 2}, id="keys become text"),
        pytest.param(Decimal("1.50"), "1.50", id="what dumps can write but no tag knows"),
        pytest.param(
            datetime(2020, 1, 1, 0, 0, 5, 999), datetime(2020, 1, 1, 0, 0, 5, tzinfo=UTC),
            id="a naive datetime is in utc, to the second",
        ),
        pytest.param(
            datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            datetime(2019, 12, 31, 22, tzinfo=UTC),
            id="another zone becomes utc",
        ),
        pytest.param(True, True, id="bool"),
    ],
)  # fmt: skip
def test_reads_back_something_near(serializer: TaggedJSONSerializer, value: Any, read: Any) -> None:
    assert read == serializer.loads(serializer.dumps(value))


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.uuids()
    | st.text().map(Markup)
    | st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)).map(
        lambda when: when.replace(microsecond=0, fold=0)
    )
)
keys = st.text() | st.sampled_from([" t", " b", " di", " m", " u", " d", " t__", " di__"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner),
    max_leaves=20,
)


@given(value=values)
def test_reads_back_what_it_wrote(value: Any) -> None:
    serializer = TaggedJSONSerializer()
    read = serializer.loads(serializer.dumps(value))
    assert value == read
    assert repr(value) == repr(read)


@pytest.mark.parametrize(
    "text",
    [
        '{" t":1}', '{" u":"zz"}', '{" di":1}', '{" di":{}}', '{" b":1}', '{" d":1}',
        '{" u":1}', '{" b":"a"}', "{", "",
    ],
)  # fmt: skip
def test_what_no_tag_wrote_is_an_error_of_python_not_a_crash(
    serializer: TaggedJSONSerializer, text: str
) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        serializer.loads(text)


class Point:
    def __init__(self, x: int) -> None:
        self.x = x


class TagPoint(JSONTag):
    __slots__ = ()
    key = " p"

    def check(self, value: Any) -> bool:
        return isinstance(value, Point)

    def to_json(self, value: Any) -> Any:
        return self.serializer.tag((value.x,))

    def to_python(self, value: Any) -> Any:
        return Point(*value)


def test_a_registered_tag_writes_and_reads_its_kind(serializer: TaggedJSONSerializer) -> None:
    serializer.register(TagPoint)
    text = serializer.dumps({"at": Point(3)})
    assert text == '{"at":{" p":{" t":[3]}}}'
    assert serializer.loads(text)["at"].x == 3


def test_a_second_tag_with_the_same_key_is_refused(serializer: TaggedJSONSerializer) -> None:
    with pytest.raises(KeyError, match="force=True"):
        serializer.register(tags.TagTuple)


def test_force_puts_a_tag_in_anothers_place(serializer: TaggedJSONSerializer) -> None:
    class Tuples(tags.TagTuple):
        __slots__ = ()

        def to_python(self, value: Any) -> Any:
            return ("mine", *value)

    serializer.register(Tuples, force=True, index=0)
    assert isinstance(serializer.order[0], Tuples)
    assert serializer.loads(serializer.dumps((1,))) == ("mine", 1)


@pytest.mark.parametrize(("index", "place"), [(None, 8), (0, 0), (-1, 7), (3, 3)])
def test_index_says_where_a_tag_is_asked(
    serializer: TaggedJSONSerializer, index: int | None, place: int
) -> None:
    serializer.register(TagPoint, index=index)
    assert isinstance(serializer.order[place], TagPoint)


def test_a_tag_without_key_writes_but_is_not_read(serializer: TaggedJSONSerializer) -> None:
    class Sets(JSONTag):
        __slots__ = ()

        def check(self, value: Any) -> bool:
            return isinstance(value, set)

        def to_json(self, value: Any) -> Any:
            return sorted(value)

    serializer.register(Sets)
    assert serializer.dumps({2, 1}) == '{"":[1,2]}'
    assert "" not in serializer.tags


@pytest.mark.parametrize("method", ["check", "to_json", "to_python"])
def test_a_tag_must_say_how(serializer: TaggedJSONSerializer, method: str) -> None:
    with pytest.raises(NotImplementedError, match=method):
        getattr(JSONTag(serializer), method)(None)


def test_serializers_have_no_tags_in_common() -> None:
    one, other = TaggedJSONSerializer(), TaggedJSONSerializer()
    one.register(TagPoint)
    assert TagPoint.key not in other.tags


class Unhurried(TaggedJSONSerializer):
    """Takes none of the short ways."""

    def tag(self, value: Any) -> Any:
        return super().tag(value)

    def untag(self, value: dict[str, Any]) -> Any:
        return super().untag(value)


KEYS = st.sampled_from(["a", "b", "", " t", " di", " t__", " ", "\\u0020t", "__", '"'])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | KEYS
VALUES = st.recursive(
    PLAIN | st.binary(max_size=3) | st.uuids() | KEYS.map(Markup),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
)


@given(VALUES)
def test_the_short_way_leads_to_the_same_text_and_back(value: Any) -> None:
    text = Unhurried().dumps(value)
    assert text == TaggedJSONSerializer().dumps(value)
    back = TaggedJSONSerializer().loads(text)
    assert (value, repr(Unhurried().loads(text))) == (back, repr(back))


@pytest.mark.parametrize(
    "text", ['{"\\u0020t":[1]}', '{ "a" : {" t" : [1]} }', b'{" t":[1]}', '[{" t":[]}]']
)
def test_a_tag_is_seen_however_it_is_written(text: Any) -> None:
    assert Unhurried().loads(text) == TaggedJSONSerializer().loads(text) != loads(text)


def test_a_class_that_has_no_short_way_is_asked_about_each_value() -> None:
    asked = []

    class Asking(TaggedJSONSerializer):
        def tag(self, value: Any) -> Any:
            asked.append(value)
            return super().tag(value)

    Asking().dumps({"a": 1, "b": [2]})
    assert asked == [{"a": 1, "b": [2]}, 1, [2], 2]


def test_tags_in_another_order_are_asked_in_that_order() -> None:
    serializer = TaggedJSONSerializer()
    serializer.register(tags.PassDict, index=0)
    assert serializer.dumps({" t": 1}) == '{" t":1}'
