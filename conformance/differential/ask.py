"""Ask: one request of the table, written down so that no odd byte of it is lost.

Rule: this file and `normalise.py` are all that the tables and the driver share; neither
imports a framework.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Signed:
    """A session cookie to be signed when the request is sent, because its age counts.

    age_s: how long ago it was signed; spoil: what is done to the finished cookie.
    """

    payload: Mapping[str, Any]
    key: str = "new"
    age_s: int = 0
    name: str = "session"
    spoil: Literal["", "signature", "payload", "short", "padded"] = ""


@dataclass(frozen=True)
class Ask:
    """One request.

    target: the request target as on the wire, percent-encoded ("/a%ff?b=c").
    length: "auto" is the length of the body, None sends no Content-Length.
    chunked: the server says that the body has an end (`wsgi.input_terminated`).
    environ: keys that replace what the driver made; a value of None takes the key away.
    jar: name of a cookie jar of this subject: cookies are sent from it and kept in it.
    says: parts of a message; recorded is which of them the raised error's message has. The
        wording of errors is each framework's own, so the whole message is not compared.
    """

    name: str
    target: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""
    length: int | str | None = "auto"
    chunked: bool = False
    host: str | None = "localhost"
    environ: Mapping[str, Any] = field(default_factory=dict)
    jar: str | None = None
    session: Signed | None = None
    says: tuple[str, ...] = ()
    app: str = "main"

    def header_pairs(self) -> list[tuple[str, str]]:
        """List the headers, repeated ones included, in the order they were written."""
        pairs = self.headers.items() if isinstance(self.headers, Mapping) else self.headers
        return list(pairs)


def ask(name: str, target: str, method: str = "GET", **rest: Any) -> Ask:
    """Write down a request; every other field of `Ask` by keyword."""
    return Ask(name, target, method, **rest)


def post(name: str, target: str, body: bytes = b"", **rest: Any) -> Ask:
    """Write down a POST with this body."""
    return Ask(name, target, rest.pop("method", "POST"), body=body, **rest)


def form(name: str, target: str, body: bytes, **rest: Any) -> Ask:
    """Write down a POST of an urlencoded form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return post(name, target, body, headers=headers, **rest)


def post_json(name: str, target: str, value: Any, **rest: Any) -> Ask:
    """Write down a POST of JSON; bytes are sent as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return post(name, target, body, headers={"Content-Type": "application/json"}, **rest)


def multipart(name: str, target: str, *parts: bytes, end: bool = True, **rest: Any) -> Ask:
    """Write down a POST of multipart/form-data; a part is its headers, an empty line, its data."""
    body = b"".join(b"--cut\r\n" + part + b"\r\n" for part in parts)
    body += b"--cut--\r\n" if end else b""
    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    return post(name, target, body, headers=headers, **rest)


def field_part(name: str, value: bytes) -> bytes:
    """Make the part of a plain form field."""
    return b'Content-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value


def file_part(disposition: bytes, data: bytes, content_type: bytes = b"text/plain") -> bytes:
    """Make the part of an uploaded file; disposition: what follows `form-data; `."""
    head = b"Content-Disposition: form-data; " + disposition
    return head + b"\r\nContent-Type: " + content_type + b"\r\n\r\n" + data
