"""Query strings and urlencoded bodies, split into names and values.

Same results as urllib.parse.parse_qsl(keep_blank_values=True, errors="werkzeug.url_quote"),
which tests/core/test_fields.py holds, but linear in the input whatever stands in it.
"""

from __future__ import annotations

import re
from typing import TypeVar

import werkzeug.urls  # noqa: F401  # registers the error handler "werkzeug.url_quote"
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

M = TypeVar("M", bound="MultiDict[str, str]")

# SECURITY: a million `a=&` would make a million tuples. PHP allows 1,000 fields, Django too;
# Flask has no limit, so this one leaves room for large tables of checkboxes.
MAX_FIELDS = 10_000

_FEW = 100

_escapes = re.compile("(?:%[0-9a-fA-F]{2})+")
# The surrogate that stands for a byte that is no UTF-8, and the byte's escape. An error handler
# of the codec ("werkzeug.url_quote") is called for each such byte: 8 MB of "%ff" took 3.2 s.
_ESCAPES_AGAIN = {0xDC00 + byte: f"%{byte:02X}" for byte in range(0x80, 0x100)}


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
    fields = []
    for field in text.split("&"):
        if field:
            name, _, value = field.partition("=")
            fields.append((unquote_field(name), unquote_field(value)))
    return fields


def multi_dict_of(kind: type[M], text: str) -> M:
    """Split `a=1&b=2` into a multi-dict of a class; see parse_fields()."""
    if kind is not ImmutableMultiDict or text.count("&") > _FEW:
        return kind(parse_fields(text))
    lists: dict[str, list[str]] = {}
    for field in text.split("&"):
        if field:
            name, _, value = field.partition("=")
            if "%" in field or "+" in field:
                name, value = unquote_field(name), unquote_field(value)
            if name in lists:
                lists[name].append(value)
            else:
                lists[name] = [value]
    # PERF: what its __init__ would make, without making pairs first: 0.9 us instead of 2.6 us
    # (benchmarks/shortcuts.py).
    made = kind.__new__(kind)
    dict.update(made, lists)
    return made
