"""What a Set-Cookie header may be made of."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NoReturn

from werkzeug.http import dump_cookie

# SECURITY: each of these would end an attribute and begin another, or a header of its own.
_breaks_out = re.compile(r"[;\x00-\x1f\x7f]").search
_breaks_name = re.compile(r"[=;\x00-\x1f\x7f]|^\s|\s$").search
_breaks_domain = re.compile(r"[=;,\s\x00-\x1f\x7f]").search
# Werkzeug writes these as they are, though it puts quotes around them.
_control = re.compile(r"[\x00-\x1f\x7f]")


def cookie_header(
    key: str,
    value: str,
    max_age: Any,
    expires: str | datetime | float | None,
    path: str | None,
    domain: str | None,
    **attributes: Any,
) -> str:
    """Return the value of a Set-Cookie header.

    max_age: in seconds, as a number or a timedelta.
    attributes: further ones of werkzeug.http.dump_cookie, which quotes value and path. Raises
    ValueError for a name or an attribute that would add attributes.
    """
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
    header = dump_cookie(key, value, max_age, expires, path, domain, **attributes)
    return _control.sub(lambda found: f"\\{ord(found[0]):03o}", header)


def _refuse(key: str, what: str, value: Any) -> NoReturn:
    raise ValueError(
        f"The cookie {key!r} can't have the {what} {value!r}: a character in it would end the"
        " attribute and begin another one. Never take it from a request."
    )
