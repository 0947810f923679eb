"""JSON that keeps tuples, bytes, Markup, UUIDs and datetimes; what session cookies are made of.

A value that JSON has no form for becomes an object with one key, its tag: `{" t": [1, 2]}`.
A dict that looks like that by accident is wrapped in a tag of its own. The text is the same
as Flask's, so cookies are interchangeable.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from markupsafe import Markup
from werkzeug.http import http_date, parse_date

from kolben.flask_names import lend_names
from kolben.json import dumps_compact, loads, loads_text


class JSONTag:
    """One kind of value, how to write and how to read it; subclass it for a kind of your own.

    key: what marks the value; without one, the value is written untagged and never read back
    by this class.
    """

    __slots__ = ("serializer",)

    key: str = ""

    def __init__(self, serializer: TaggedJSONSerializer) -> None:
        self.serializer = serializer

    def check(self, value: Any) -> bool:
        """Say whether this tag is for `value`."""
        raise NotImplementedError(
            f"{type(self).__name__} has no check(): say which values are its own."
        )

    def to_json(self, value: Any) -> Any:
        """Turn the value into what JSON has a form for; the tag is added to it."""
        raise NotImplementedError(
            f"{type(self).__name__} has no to_json(): turn its values into what JSON has."
        )

    def to_python(self, value: Any) -> Any:
        """Turn what to_json returned into the value again; the tag is gone already."""
        raise NotImplementedError(
            f"{type(self).__name__} has no to_python(): turn what to_json() made back."
        )

    def tag(self, value: Any) -> Any:
        """Write the value with its tag around it."""
        return {self.key: self.to_json(value)}


class TagDict(JSONTag):
    """A dict whose only key is a tag: the key gets `__` after it, so that it is none."""

    __slots__ = ()
    key = " di"

    def check(self, value: Any) -> bool:
        return (
            isinstance(value, dict)
            and len(value) == 1
            and next(iter(value)) in self.serializer.tags
        )

    def to_json(self, value: Any) -> Any:
        ((name, inner),) = value.items()
        return {f"{name}__": self.serializer.tag(inner)}

    def to_python(self, value: Any) -> Any:
        ((name, inner),) = value.items()
        return {name.removesuffix("__"): inner}


class PassDict(JSONTag):
    """Any other dict; its values are tagged, its keys are left to JSON."""

    __slots__ = ()

    def check(self, value: Any) -> bool:
        return isinstance(value, dict)

    def to_json(self, value: Any) -> Any:
        tag = self.serializer.tag
        return {name: tag(inner) for name, inner in value.items()}

    tag = to_json


class TagTuple(JSONTag):
    """A tuple."""

    __slots__ = ()
    key = " t"

    def check(self, value: Any) -> bool:
        return isinstance(value, tuple)

    def to_json(self, value: Any) -> Any:
        return [self.serializer.tag(item) for item in value]

    def to_python(self, value: Any) -> Any:
        return tuple(value)


class PassList(JSONTag):
    """A list; its items are tagged."""

    __slots__ = ()

    def check(self, value: Any) -> bool:
        return isinstance(value, list)

    def to_json(self, value: Any) -> Any:
        return [self.serializer.tag(item) for item in value]

    tag = to_json


class TagBytes(JSONTag):
    """Bytes, as base64."""

    __slots__ = ()
    key = " b"

    def check(self, value: Any) -> bool:
        return isinstance(value, bytes)

    def to_json(self, value: Any) -> Any:
        return b64encode(value).decode("ascii")

    def to_python(self, value: Any) -> Any:
        return b64decode(value)


class TagMarkup(JSONTag):
    """Whatever has `__html__`, read back as Markup."""

    __slots__ = ()
    key = " m"

    def check(self, value: Any) -> bool:
        return callable(getattr(value, "__html__", None))

    def to_json(self, value: Any) -> Any:
        return str(value.__html__())

    def to_python(self, value: Any) -> Any:
        return Markup(value)  # noqa: S704  # it was Markup, and is signed


class TagUUID(JSONTag):
    """A UUID, as 32 hexadecimal digits."""

    __slots__ = ()
    key = " u"

    def check(self, value: Any) -> bool:
        return isinstance(value, UUID)

    def to_json(self, value: Any) -> Any:
        return value.hex

    def to_python(self, value: Any) -> Any:
        return UUID(value)


class TagDateTime(JSONTag):
    """A datetime, to the second and in UTC; a naive one is taken as UTC."""

    __slots__ = ()
    key = " d"

    def check(self, value: Any) -> bool:
        return isinstance(value, datetime)

    def to_json(self, value: Any) -> Any:
        return http_date(value)

    def to_python(self, value: Any) -> Any:
        return parse_date(value)


BUILT_IN: tuple[type[JSONTag], ...] = (
    TagDict,
    PassDict,
    TagTuple,
    PassList,
    TagBytes,
    TagMarkup,
    TagUUID,
    TagDateTime,
)

# PERF: the types that none of these tags is for are not asked about: -2 us of 8 us to write a
# session of three values (benchmarks/parts.py).
UNTAGGED: frozenset[type] = frozenset({str, int, float, bool, type(None)})


class TaggedJSONSerializer:
    """Reads and writes JSON with the tags registered on it; itsdangerous takes it as serializer.

    tags: those with a key, by key. order: all of them, as they are asked whether they are for
    a value; the first that is wins. Change both with register.
    """

    __slots__ = ("_is_usual", "_untagged", "order", "tags")

    default_tags: ClassVar[list[type[JSONTag]]] = list(BUILT_IN)

    def __init__(self) -> None:
        self.tags: dict[str, JSONTag] = {}
        self.order: list[JSONTag] = []
        for tag_class in self.default_tags:
            self.register(tag_class)

    def register(
        self, tag_class: type[JSONTag], force: bool = False, index: int | None = None
    ) -> None:
        """Add a kind of value.

        force: take the place of a tag with the same key, which is a KeyError otherwise.
        index: where in `order`; at the end if None. A tag for a subclass of a built-in kind
        must come before that kind: index=0.
        """
        tag = tag_class(self)
        if tag.key:
            if tag.key in self.tags and not force:
                raise KeyError(
                    f"Tag {tag.key!r} is already registered. Give {tag_class.__name__} another"
                    " key, or register it with force=True to take the place of the other one."
                )
            self.tags[tag.key] = tag
        self.order.insert(len(self.order) if index is None else index, tag)
        is_built_in = all(type(tag) in BUILT_IN for tag in self.order)
        self._untagged = UNTAGGED if is_built_in else frozenset()
        kind = type(self)
        self._is_usual = (
            tuple(map(type, self.order)) == BUILT_IN
            and kind.tag is TaggedJSONSerializer.tag
            and kind.untag is TaggedJSONSerializer.untag
        )

    def tag(self, value: Any) -> Any:
        """Turn a value into what JSON has a form for."""
        untagged = self._untagged
        if type(value) in untagged:
            return value
        # PERF: a dict as most sessions are: 0.5 us instead of 0.9 us for one value
        # (benchmarks/shortcuts.py).
        if (
            self._is_usual
            and type(value) is dict
            and not (len(value) == 1 and next(iter(value)) in self.tags)
        ):
            tag_value = self.tag
            return {
                name: inner if type(inner) in untagged else tag_value(inner)
                for name, inner in value.items()
            }
        for tag in self.order:
            if tag.check(value):
                return tag.tag(value)
        return value

    def untag(self, value: dict[str, Any]) -> Any:
        """Turn an object with one key, a tag, into the value it stands for."""
        if len(value) != 1:
            return value
        ((key, inner),) = value.items()
        tag = self.tags.get(key)
        return value if tag is None else tag.to_python(inner)

    def _untag_scan(self, value: Any) -> Any:
        """Turn all tagged objects inside a value into what they stand for, innermost first."""
        if isinstance(value, dict):
            return self.untag(
                {
                    key: self._untag_scan(inner) if isinstance(inner, (dict, list)) else inner
                    for key, inner in value.items()
                }
            )
        if isinstance(value, list):
            return [self._untag_scan(item) for item in value]
        return value

    def dumps(self, value: Any) -> str:
        """Write a value as JSON text, without spaces."""
        # PERF: a dict in which there is nothing to tag is not copied: 1.4 us instead of 2.0 us
        # (benchmarks/shortcuts.py).
        if not (
            self._is_usual
            and type(value) is dict
            and UNTAGGED.issuperset(map(type, value.values()))
            and not (len(value) == 1 and next(iter(value)) in self.tags)
        ):
            value = self.tag(value)
        return dumps_compact(value)

    def loads(self, value: str) -> Any:
        """Read a value from JSON text."""
        found = loads_text(value) if type(value) is str else loads(value)
        # PERF: all these tags begin with a space, so it is soon seen that there is none: 1.8 us
        # instead of 2.5 us for a short text (benchmarks/shortcuts.py).
        if self._is_usual and type(value) is str and '" ' not in value and "\\u0020" not in value:
            return found
        return self._untag_scan(found)


lend_names(globals())
