"""What may leave for the server: no status, header name or value that breaks the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable

# RFC 9110 §5.1: a field name is a token; §5.5: a value has no CR, LF or NUL.
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_breaks_line = re.compile(r"[\r\n\0]").search

# What inspect_headers() finds, as bits.
LENGTH = 1
LOCATION = 2
_KINDS = {"content-length": LENGTH, "location": LOCATION, "content-location": LOCATION}

# Header pairs found valid, with their bits, as most responses carry the same few. Bounded, as
# an app may put anything into its headers.
_known: dict[tuple[str, str], int] = {}
_MOST_KNOWN = 512
_LONGEST_KNOWN = 128


def check_status(status: str, code: int) -> None:
    """Raise ValueError for a status that HTTP does not have.

    RFC 9110 §15: three digits. Servers make a crash of others (Granian ends the worker).
    """
    if not 100 <= code <= 999:
        raise ValueError(
            f"the status {status!r} is none of HTTP, which has three digits. Give an int, or a"
            " string such as '404 Not Found'."
        )
    if _breaks_line(status):
        raise ValueError(f"the status {status!r} has a line break or NUL in it.")


def inspect_headers(headers: Iterable[tuple[str, str]]) -> int:
    """Return which of LENGTH and LOCATION there are.

    Raises ValueError for a header that would end early or begin another one on the wire.
    """
    found = 0
    for pair in headers:
        kind = _known.get(pair)
        found |= _inspect(pair) if kind is None else kind
    return found


def _inspect(pair: tuple[str, str]) -> int:
    """Check a header that was not seen before, and remember it."""
    name, value = pair
    if not _is_token(name):
        raise ValueError(f"the header name {name!r} is not valid (RFC 9110 §5.1).")
    if _breaks_line(value):
        raise ValueError(f"the header {name} has a line break or NUL in its value {value!r}.")
    kind = _KINDS.get(name.lower(), 0)
    if len(value) <= _LONGEST_KNOWN:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[pair] = kind
    return kind
