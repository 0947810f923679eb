"""What may leave for the server: no status, header name or value that breaks the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable
from logging import Logger

# RFC 9110 §5.1: a field name is a token; §5.5: a value has no control characters but tab. As
# PEP 3333 has it, characters stand for bytes: servers drop the connection for any other.
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_find_unsendable = re.compile(r"[^\t\x20-\x7e\x80-\xff]").search
# An address may have more than latin-1 in it as long as it has not been quoted.
_find_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
# RFC 9112 §4: three digits and a reason.
_is_status = re.compile(r"[2-9][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?").fullmatch

# What inspect_headers() finds, as bits. ADDRESS: one location, which goes out as it is; LOCATION:
# one that may have to be quoted first, or several. UNUSUAL: one that an entry may have to leave out
# or to write in another way.
LENGTH = 1
ADDRESS = 2
LOCATION = 4
UNUSUAL = 8
# RFC 9110 §7.6.1: the headers of a connection, which is the server's.
OF_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_KINDS = {
    "content-length": LENGTH,
    "location": LOCATION,
    "content-location": LOCATION,
    **dict.fromkeys(OF_CONNECTION, UNUSUAL),
}
# What is there twice: Werkzeug sends one of two locations, and may choose between two lengths.
_TWICE = LOCATION | UNUSUAL
_ADDRESS_NAMES = frozenset({"Location", "Content-Location"})

# PERF: addresses that werkzeug.urls.iri_to_uri would give back as they are, which most are: 0.4 us
# instead of 4.1 us (benchmarks/shortcuts.py). Nothing that it might write in another way: no user,
# no host in capitals, no port with zeros, no `?` or `#` at the end.
_PATH_CHARACTERS = r"[\w.~!$&'()*+,/:;=@%-]"
_is_uri = re.compile(
    r"(?:https?://(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}(?::[1-9][0-9]{0,3})?(?=[/?#]|\Z)|(?=/(?!/)))"
    rf"(?:/{_PATH_CHARACTERS}*)?"
    r"(?:\?[\w.~!$&'()*+,/:;=?@%-]+)?"
    r"(?:#[\w.~!#$&'()*+,/:;=?@%-]+)?",
    re.ASCII,
).fullmatch

# Header pairs found valid, with their bits, as most responses carry the same few. Bounded, as
# an app may put anything into its headers.
_known: dict[tuple[str, str], int] = {}
_MOST_KNOWN = 512
_LONGEST_KNOWN = 128
_known_statuses: set[str] = set()


class UnusualHeaders(list[tuple[str, str]]):
    """The headers of an answer in which inspect_headers() found UNUSUAL.

    view: the endpoint, None for an answer of no view. logger: the app's.
    """

    __slots__ = ("logger", "view")

    def __init__(
        self, headers: Iterable[tuple[str, str]], view: str | None, logger: Logger
    ) -> None:
        super().__init__(headers)
        self.view = view
        self.logger = logger


def check_status(status: str, code: int) -> None:
    """Raise ValueError for a status that HTTP does not have for an answer.

    RFC 9110 §15: three digits; below 200 is no answer, the client would wait for another one
    and take the next request's. Servers make a crash of what is none (Granian ends the worker).
    """
    if status in _known_statuses and 200 <= code <= 999:
        return
    if not 200 <= code <= 999 or _is_status(status) is None:
        raise ValueError(
            f"the status {status!r} is none of HTTP for an answer: 200 to 999, and a reason in"
            " latin-1. Give an int, or a string such as '404 Not Found'."
        )
    if len(_known_statuses) >= _MOST_KNOWN:
        _known_statuses.clear()
    _known_statuses.add(status)


def inspect_headers(headers: Iterable[tuple[str, str]]) -> int:
    """Return which of LENGTH, ADDRESS, LOCATION and UNUSUAL there are.

    Raises ValueError for a header that would end early, begin another one or break the wire.
    """
    found = 0
    for pair in headers:
        kind = _known.get(pair)
        if kind is None:
            kind = _inspect(pair)
        if kind:
            found |= _TWICE if kind & found else kind
    return found


def _inspect(pair: tuple[str, str]) -> int:
    """Check a header that was not seen before, and remember it."""
    name, value = pair
    is_cookie = name == "Set-Cookie"
    if not (is_cookie or _is_token(name)):
        raise ValueError(f"the header name {name!r} is not valid (RFC 9110 §5.1).")
    kind = 0 if is_cookie else _KINDS.get(name.lower(), 0)
    unsendable = (_find_control if kind & LOCATION else _find_unsendable)(value)
    if unsendable is not None:
        raise ValueError(
            f"the header {name} has {unsendable[0]!r} in its value {value!r}. Leave out line"
            " breaks and other control characters, and encode what is not latin-1 (RFC 9110 §5.5)."
        )
    if kind & LOCATION:
        if name in _ADDRESS_NAMES and _is_uri(value):
            kind = ADDRESS
    elif not value.isascii() or (kind == LENGTH and not value.isdigit()):
        kind |= UNUSUAL
    # A session's cookie differs from one second to the next.
    if len(value) <= _LONGEST_KNOWN and not is_cookie:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[pair] = kind
    return kind
