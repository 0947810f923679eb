"""What a Set-Cookie header may be made of."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NoReturn

from werkzeug.http import dump_cookie, http_date

# SECURITY: each of these would end an attribute and begin another, or a header of its own.
_breaks_out = re.compile(r"[;\x00-\x1f\x7f]").search
_breaks_name = re.compile(r"[=;\x00-\x1f\x7f]|^\s|\s$").search
_breaks_domain = re.compile(r"[=;,\s\x00-\x1f\x7f]").search
# Werkzeug writes these as they are, though it puts quotes around them.
_control = re.compile(r"[\x00-\x1f\x7f]")
# A value that needs no quotes, as tokens have.
_is_token = re.compile(r"[\w.-]*", re.ASCII).fullmatch

# What stands before and behind the value, of cookies as they were set before. An app sets few
# kinds; those whose end is given as a time are kept for a second.
_around: dict[tuple[Any, ...], tuple[str, str]] = {}
_MOST_KINDS = 64


def cookie_header(
    key: str,
    value: str,
    max_age: Any = None,
    expires: str | datetime | float | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: str | None = None,
    partitioned: bool = False,
    max_size: int = 4093,
) -> str:
    """Return the value of a Set-Cookie header.

    max_age: in seconds, as a number or a timedelta. max_size: in bytes, above which is warned of
    the cookie; 0: never.
    Raises ValueError for a name or an attribute that would add attributes.
    """
    if type(max_age) is timedelta:
        max_age = int(max_age.total_seconds())
    end = _end_as_text(expires, max_age)
    attributes = (path, domain, samesite, secure, httponly, partitioned)
    if (
        end is not None
        and _is_token(value)
        and (domain is None or type(domain) is str)
        and type(secure) is type(httponly) is type(partitioned) is bool
    ):
        # PERF: what surrounds the value is known: 0.7 us instead of 1.6 us, and of 3.9 us with an
        # end (benchmarks/shortcuts.py).
        kind = (key, max_age, end, attributes)
        before, behind = _around.get(kind) or _add_around(kind)
        header = f"{before}{value}{behind}"
        if not max_size or len(header) <= max_size:
            return header
    return _write(key, value, max_age, expires, *attributes, max_size)


def _end_as_text(expires: Any, max_age: Any) -> str | None:
    """Return the Expires of a cookie, "" for none; None if it takes Werkzeug to tell."""
    if expires is None:
        if max_age is None:
            return ""
        return _date(int(time.time()) + max_age) if type(max_age) is int else None
    if max_age is not None and type(max_age) is not int:
        return None
    if type(expires) is datetime and expires.tzinfo is UTC:
        # Without the part of a second, which a float of a far year rounds up.
        return _date(math.floor(expires.replace(microsecond=0).timestamp()))
    return expires if type(expires) is str and expires else None


@lru_cache(maxsize=64)
def _date(second: int) -> str:
    """Return the date of a second since 1970, as HTTP has it."""
    return http_date(second)


def _add_around(kind: tuple[Any, ...]) -> tuple[str, str]:
    """Find out what surrounds the values of a kind of cookie, and remember it."""
    key, max_age, end, attributes = kind
    before, equals, behind = _write(key, "", max_age, end or None, *attributes).partition("=")
    if len(_around) >= _MOST_KINDS:
        _around.clear()
    around = _around[kind] = (before + equals, behind)
    return around


def _write(
    key: str,
    value: str,
    max_age: Any,
    expires: Any,
    path: str | None,
    domain: str | None,
    samesite: str | None,
    secure: bool,
    httponly: bool,
    partitioned: bool,
    max_size: int = 0,
) -> str:
    """Check what a cookie is made of and let Werkzeug write it, which quotes value and path."""
    # A nameless cookie is sent back as its bare value, which may look like another's name.
    if not key or _breaks_name(key):
        raise ValueError(
            f"{key!r} can't be the name of a cookie: it is empty, or has a semicolon, an equals"
            " sign or a control character in it."
        )
    if domain and _breaks_domain(domain):
        _refuse(key, "domain", domain)
    if isinstance(expires, str) and _breaks_out(expires):
        _refuse(key, "expires", expires)
    if _breaks_out(str(max_age)):
        _refuse(key, "max_age", max_age)
    header = dump_cookie(
        key,
        value,
        max_age,
        expires,
        path,
        domain,
        secure=secure,
        httponly=httponly,
        max_size=max_size,
        samesite=samesite,
        partitioned=partitioned,
    )
    return _control.sub(lambda found: f"\\{ord(found[0]):03o}", header)


def _refuse(key: str, what: str, value: Any) -> NoReturn:
    raise ValueError(
        f"The cookie {key!r} can't have the {what} {value!r}: a character in it would end the"
        " attribute and begin another one. Never take it from a request."
    )
