"""What must differ between two runs, and the words that stand for it in an answer.

Normalised, and nothing else:

1. The session cookie: signed with the time. It is verified with the keys of the tables and
   written as key and payload; an age that is not "just now" is written too.
2. `Date`, `Expires` and a cookie's `expires`, where they are counted from now: `<now+60s>`.
3. The last part of a file's ETag, the checksum of its absolute path: the file's name.
4. The order of methods in `Allow`, which comes from a set.

Not recorded: the wording of errors and log lines, which is each framework's own. Types of
errors, levels and loggers are.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
import zlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from itertools import product
from typing import Any

from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer

from conformance.differential.ask import Signed
from conformance.differential.place import FIXTURE

#: Every key that signs a session in the tables, by the name it has there.
KEYS: dict[str, str | bytes] = {
    "new": "the newest key",
    "old": "an old key",
    "older": b"an older key",
    "foreign": "a key of somebody else",
}

_FRESH_S = 90
_RELATIVE_S = 400 * 86_400
_ETAG = re.compile(r'(\d+\.\d+-\d+-)(\d+)(?=")')
_EXPIRES = re.compile(r"(?i)(expires=)([^;]+)")
_SIGNER: dict[str, Any] = {"key_derivation": "hmac", "digest_method": hashlib.sha1}


def _path_checksums() -> dict[str, str]:
    """Map the checksum of each fixture file's path to its name below the fixture."""
    return {
        str(zlib.adler32(str(path).encode()) & 0xFFFFFFFF): path.relative_to(FIXTURE).as_posix()
        for path in FIXTURE.rglob("*")
        if path.is_file()
    }


_CHECKSUMS = _path_checksums()


def etag(name: str) -> str:
    """Write the ETag that Werkzeug's `send_file` gives a fixture file."""
    path = FIXTURE / name
    state = path.stat()
    return f'"{state.st_mtime}-{state.st_size}-{zlib.adler32(str(path).encode()) & 0xFFFFFFFF}"'


def sign(signed: Signed) -> str:
    """Sign a session cookie as Flask does, at the age and with the damage asked for."""

    class Aged(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(time.time()) - signed.age_s

    serializer = URLSafeTimedSerializer(
        KEYS[signed.key], salt="cookie-session", signer=Aged, signer_kwargs=_SIGNER
    )
    value = str(serializer.dumps(signed.payload))
    spoilt: dict[str, Callable[[], str]] = {
        "": lambda: value,
        "signature": lambda: value[:-5] + ("AAAAA" if value[-5:] != "AAAAA" else "BBBBB"),
        "payload": lambda: ("f" if value[0] == "e" else "e") + value[1:],
        "short": lambda: value.rpartition(".")[0],
        "padded": lambda: value + "=",
    }
    return spoilt[signed.spoil]()


def _readable_session(value: str) -> str | None:
    """Tell key and payload of a signed session, None if no key of the tables signed it."""
    for (name, key), salt in product(KEYS.items(), ("cookie-session", "another-salt")):
        signer = TimestampSigner(key, salt=salt, **_SIGNER)
        try:
            raw, signed_at = signer.unsign(value.encode("latin-1"), return_timestamp=True)
        except BadSignature:
            continue
        packed = raw.startswith(b".")
        text = raw.lstrip(b".")
        plain = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        payload = (zlib.decompress(plain) if packed else plain).decode()
        age = time.time() - signed_at.timestamp()
        extra = "" if -5 < age < _FRESH_S else f" aged {int(age)}s"
        extra += "" if salt == "cookie-session" else f" salt={salt}"
        return f"<key={name}{' packed' if packed else ''}{extra} {payload}>"
    return None


def _date(text: str) -> str:
    """Write a date that is counted from now as the seconds from now, to the nearest ten."""
    try:
        away = parsedate_to_datetime(text).timestamp() - time.time()
    except (TypeError, ValueError):
        return text
    if abs(away) > _RELATIVE_S:
        return text
    return f"<now{round(away / 10) * 10:+d}s>"


def _cookie(value: str) -> str:
    name, equals, rest = value.partition("=")
    content, semicolon, attributes = rest.partition(";")
    readable = _readable_session(content.strip('"'))
    if readable is not None:
        content = readable
    attributes = _EXPIRES.sub(lambda found: found[1] + _date(found[2]), attributes)
    return f"{name}{equals}{content}{semicolon}{attributes}"


def _etag(value: str) -> str:
    return _ETAG.sub(lambda found: found[1] + _CHECKSUMS.get(found[2], found[2]), value)


def _allow(value: str) -> str:
    return ", ".join(sorted(part.strip() for part in value.split(",")))


_BY_HEADER: dict[str, Callable[[str], str]] = {
    "set-cookie": _cookie,
    "date": _date,
    "expires": _date,
    "etag": _etag,
    "allow": _allow,
}


def header(name: str, value: str) -> str:
    """Normalise one header's value."""
    change = _BY_HEADER.get(name.lower())
    return value if change is None else change(value)
