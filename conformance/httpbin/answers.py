"""Answers over HTTP, and what of them must differ between two runs.

Normalised, and nothing else: the reason phrase, which a client ignores and Granian chooses (RFC
9112 §4); `Date`, `Server` and the headers of the connection (RFC 9110 §7.6.1); UUIDs and nonces,
which httpbin makes by chance; a recent `Last-Modified`, and time and path in a file's ETag, as the
file is installed twice; the order in `Allow`, which comes from a set; a body's coding, which is
undone because the coder writes the time into it.
"""

from __future__ import annotations

import gzip
import http.client
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from conformance.httpbin.table import Call, answer_challenge

TIMEOUT_S = 30

#: Younger than any date that httpbin itself was built with.
_RECENT_S = 90 * 86_400

_CONNECTION = {"connection", "keep-alive", "date", "server"}
_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?<=etag\": \")[0-9a-f]{32}")
_NONCE = re.compile(r'(nonce=|opaque=)("?)[0-9a-f]{16,}\2')
_FILE = re.compile(r"\d+\.\d+(-\d+-)\d+")
_CHANCE = re.compile(r"^(\"?)[0-9a-f]{32}\1$")


@dataclass(frozen=True)
class Answer:
    """What came back for a call, normalised."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def ask(port: int, call: Call) -> Answer:
    """Make a call, twice where the first answer is a challenge to be met."""
    status, headers, body = _exchange(port, call)
    if call.digest is not None:
        challenge = next(v for k, v in headers if k.lower() == "www-authenticate")
        cookies = [v.partition(";")[0] for k, v in headers if k.lower() == "set-cookie"]
        again = answer_challenge(call, call.digest, challenge, "; ".join(cookies))
        status, headers, body = _exchange(port, again)
    return _normalise(status, headers, body)


def _exchange(port: int, call: Call) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.putrequest(call.method, call.target, skip_accept_encoding=True)
        for name, value in call.headers.items():
            connection.putheader(name, value.encode("utf-8"))
        if call.chunks:
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders(iter(call.chunks), encode_chunked=True)
        else:
            if call.body is not None:
                connection.putheader("Content-Length", str(len(call.body)))
            connection.endheaders(call.body)
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read()
    finally:
        connection.close()


def _normalise(status: int, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
    coding = {k.lower(): v for k, v in headers}.get("content-encoding")
    kept = sorted(
        (name.lower(), _value(name.lower(), value))
        for name, value in headers
        if name.lower() not in _CONNECTION
    )
    if coding is not None:
        body = _decoded(body, coding)
        kept = [pair for pair in kept if pair[0] != "content-length"]
    return Answer(status, tuple(kept), _UUID.sub(b"<by chance>", body))


def _decoded(body: bytes, coding: str) -> bytes:
    if coding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if coding == "deflate" else body


def _value(name: str, value: str) -> str:
    if name == "last-modified":
        away = abs(parsedate_to_datetime(value).timestamp() - time.time())
        return "<recent>" if away < _RECENT_S else value
    if name == "allow":
        return ", ".join(sorted(value.split(", ")))
    if name == "etag":
        return _CHANCE.sub(r"\1<by chance>\1", _FILE.sub(r"<time>\1<path>", value))
    if name in {"www-authenticate", "set-cookie"}:
        return _NONCE.sub(r"\1\2<by chance>\2", value)
    return value
