"""Query strings and urlencoded bodies, split into names and values.

Same results as urllib.parse.parse_qsl(keep_blank_values=True, errors="werkzeug.url_quote"),
which tests/core/test_fields.py holds, but linear in the input whatever stands in it.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import werkzeug.urls  # noqa: F401  # registers the error handler "werkzeug.url_quote"
from werkzeug.datastructures import ImmutableMultiDict as WerkzeugMultiDict
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequestKeyError, RequestEntityTooLarge

M = TypeVar("M", bound="MultiDict[str, str]")

# SECURITY: a million `a=&` would make a million tuples. PHP allows 1,000 fields, Django too;
# Flask has no limit, so this one leaves room for large tables of checkboxes.
MAX_FIELDS = 10_000

_find_escape = re.compile("[%+]").search
# SECURITY: `++` never goes back, and so keeps nothing for each escape: 1 MiB of "%41" took 27 ms
# instead of 7 ms, mostly for that memory.
_escapes = re.compile("(?:%[0-9a-fA-F]{2})++")
# The surrogate that stands for a byte that is no UTF-8, and the byte's escape. An error handler
# of the codec ("werkzeug.url_quote") is called for each such byte: 8 MB of "%ff" took 3.2 s.
_ESCAPES_AGAIN = {0xDC00 + byte: f"%{byte:02X}" for byte in range(0x80, 0x100)}


class ImmutableMultiDict(WerkzeugMultiDict[str, str]):
    """Werkzeug's class, with a shorter way to the first value of a name."""

    def __getitem__(self, key: Any) -> str:
        """Return the first value of a name; BadRequestKeyError (400) if there is none."""
        # PERF: one look-up instead of two: 0.09 us instead of 0.17 us (benchmarks/shortcuts.py).
        values = dict.get(self, key)
        if values:
            return values[0]
        raise BadRequestKeyError(key)

    def get(  # type: ignore[override]  # as of that class, whose overloads are five
        self,
        key: Any,
        default: Any = None,
        type: Any = None,  # noqa: A002  # its name
    ) -> Any:
        """Return the first value of a name, converted by `type` if that is given."""
        if type is not None:
            return super().get(key, default, type)
        values = dict.get(self, key)
        return values[0] if values else default


def _decode_escapes(match: re.Match[str]) -> str:
    raw = bytes.fromhex(match[0].replace("%", ""))
    return raw.decode("utf-8", "surrogateescape").translate(_ESCAPES_AGAIN)


def unquote_field(text: str) -> str:
    """Decode `+` and percent escapes; what is no valid UTF-8 stays percent-encoded."""
    if "+" in text:
        text = text.replace("+", " ")
    if "%" in text:
        # Not urllib's unquote: it splits at every percent sign, valid or not, so that
        # 8 MB of "%" took 4.8 s.
        return _escapes.sub(_decode_escapes, text)
    return text


def parse_fields(text: str, max_fields: int = MAX_FIELDS) -> list[tuple[str, str]]:
    """Split `a=1&b=2` into pairs, in order; only `&` separates (CVE-2021-23336).

    Raises RequestEntityTooLarge (413) for more than `max_fields` fields.
    """
    if not text:
        return []
    if text.count("&") >= max_fields:
        raise RequestEntityTooLarge(
            f"There are more than {max_fields} fields in the query string or form."
        )
    is_plain = _find_escape(text) is None
    fields = []
    for field in text.split("&"):
        if field:
            name, _, value = field.partition("=")
            if not is_plain:
                name, value = unquote_field(name), unquote_field(value)
            fields.append((name, value))
    return fields


def multi_dict_of(kind: type[M], text: str) -> M:
    """Split `a=1&b=2` into a multi-dict of a class; see parse_fields()."""
    # PERF: what its __init__ would make of one field that needs no decoding, which is the usual
    # query: 0.4 us instead of 2.6 us (benchmarks/shortcuts.py).
    if (
        kind is ImmutableMultiDict
        and text
        and "&" not in text
        and "%" not in text
        and "+" not in text
    ):
        name, _, value = text.partition("=")
        made: Any = _make_dict(kind)
        _put(made, name, [value])
        return made  # type: ignore[no-any-return]  # of the class asked for
    fields = parse_fields(text)
    if kind is not ImmutableMultiDict:
        return kind(fields)
    # PERF: the same of any number: 1.5 us instead of 1.7 us for two (benchmarks/shortcuts.py).
    lists: dict[str, list[str]] = {}
    for name, value in fields:
        if name in lists:
            lists[name].append(value)
        else:
            lists[name] = [value]
    made = _make_dict(kind)
    _put_all(made, lists)
    return made  # type: ignore[no-any-return]  # as above


# Without the class's own methods, which refuse a change.
_make_dict: Any = dict.__new__
# PERF: not __setitem__, a wrapper of a slot: 0.06 us instead of 0.1 us (benchmarks/shortcuts.py).
_put: Any = dict.setdefault
_put_all: Any = dict.update
