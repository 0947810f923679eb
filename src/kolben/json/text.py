"""Python values as JSON text and back, by the standard library's own writer and reader.

What they would ask at each call is asked here once for each set of options.
"""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Callable
from functools import lru_cache
from typing import Any

# Read by every JSON document before its first value, which raw_decode() does not skip.
_BEFORE_A_VALUE = " \t\n\r\ufeff"
_SPACE = " \t\n\r"
# Absent from the stubs.
_decoder: Any = json.JSONDecoder()
_scan = _decoder.scan_once


@lru_cache(maxsize=64, typed=True)
def json_writer(
    default: Callable[[Any], Any], ensure_ascii: bool, sort_keys: bool, **options: Any
) -> Callable[[Any], str]:
    """Return what writes a value as json.dumps does with these options.

    Raises TypeError for an option that json.dumps has and json.JSONEncoder has not.
    """
    encoder = json.JSONEncoder(
        default=default, ensure_ascii=ensure_ascii, sort_keys=sort_keys, **options
    )
    # Absent from other interpreters than CPython, and from its stubs.
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None or options.get("indent") is not None or not encoder.check_circular:
        return encoder.encode
    quote = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    # Without a dict of the containers that it is in: one for all calls would mix up threads.
    parts_of = make(
        None,
        encoder.default,
        quote,
        None,
        encoder.key_separator,
        encoder.item_separator,
        encoder.sort_keys,
        encoder.skipkeys,
        encoder.allow_nan,
    )
    join = "".join

    # PERF: json.dumps makes an encoder, and that another one, at each call: 0.5 us instead of
    # 2.3 us for a small object (benchmarks/shortcuts.py).
    def write(value: Any) -> str:
        try:
            return join(parts_of(value, 0))
        except RecursionError:
            return encoder.encode(value)  # says whether it is a circle

    return write


def _read_json(text: str) -> Any:
    """Read a value from JSON text, as json.loads does without options."""
    if text[:1] in _BEFORE_A_VALUE:  # nothing at all is, too
        return json.loads(text)
    # PERF: without two searches for space: 0.6 us instead of 1.3 us for a small object
    # (benchmarks/shortcuts.py).
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return json.loads(text)
    if end != len(text) and text[end:].strip(_SPACE):
        return json.loads(text)  # it says what is wrong
    return value


# PyPy has a reader of its own behind json.loads: faster, and its errors have other texts.
_is_cpythons = getattr(json.decoder, "c_scanstring", None) is not None
read_json: Callable[[str], Any] = _read_json if _is_cpythons else json.loads


def decode_json(raw: bytes) -> str:
    """Decode JSON text in any of the encodings of Unicode, as json.loads tells them apart.

    SECURITY: json.loads takes surrogates in UTF-8, with which no answer can be encoded.
    """
    # PERF: a first character of ASCII that takes one byte, as all JSON has it in UTF-8, decides:
    # 0.1 us instead of 0.5 us (benchmarks/shortcuts.py).
    if len(raw) > 1 and 0 < raw[0] < 0x80 and raw[1]:
        return raw.decode()
    return raw.decode(json.detect_encoding(raw))
