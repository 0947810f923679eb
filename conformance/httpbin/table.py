"""The requests to httpbin: every endpoint, as its own documentation describes them."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=cut"


@dataclass(frozen=True)
class Call:
    """One request over HTTP.

    chunks: the body in chunked coding, where `body` is not sent.
    digest: user, password and algorithm; the call is made again with the answer to the challenge.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    chunks: tuple[bytes, ...] = ()
    digest: tuple[str, str, str] | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """What the table shows: the request line, and what is special about it."""
        return " ".join(filter(None, (self.method, self.target, self.note)))


def get(target: str, note: str = "", **headers: str) -> Call:
    """Make a GET; header names are written with underscores."""
    return Call("GET", target, {k.replace("_", "-"): v for k, v in headers.items()}, note=note)


def send(method: str, target: str, content_type: str, body: bytes, note: str = "") -> Call:
    """Make a request with a body."""
    return Call(method, target, {"Content-Type": content_type}, body, note=note)


def basic(user: str, password: str) -> str:
    """Write a Basic authorization."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def answer_challenge(
    call: Call, digest: tuple[str, str, str], challenge: str, cookies: str
) -> Call:
    """Make the call again with the Digest authorization that the challenge asks for."""
    user, password, algorithm = digest
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    hashes = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256, "SHA-512": hashlib.sha512}
    make_hash = hashes[algorithm]

    def hashed(*parts: str) -> str:
        return make_hash(":".join(parts).encode()).hexdigest()

    count, client = "00000001", "0a4f113b"
    first = hashed(user, given["realm"], password)
    second = hashed(call.method, call.target)
    if "auth-int" in call.target:
        second = hashed(call.method, call.target, make_hash(call.body or b"").hexdigest())
    qop = "auth-int" if "auth-int" in call.target else "auth"
    response = hashed(first, given["nonce"], count, client, qop, second)
    authorization = (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", '
        f'uri="{call.target}", algorithm={algorithm}, qop={qop}, nc={count}, cnonce="{client}", '
        f'response="{response}", opaque="{given["opaque"]}"'
    )
    return Call(call.method, call.target, {"Authorization": authorization, "Cookie": cookies})


_PARTS = (
    b'--cut\r\nContent-Disposition: form-data; name="field"\r\n\r\nv\xc3\xa4lue\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="field"\r\n\r\nsecond\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nthe file\r\n"
    b'--cut\r\nContent-Disposition: form-data; name="binary"; filename="b.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\r\n--cut--\r\n"
)
_JSON = json.dumps({"b": [1, None, "\u00fc"], "a": {"x": 1.5}}).encode()
_FIELDS = urlencode([("a", "1"), ("a", "2"), ("b", "\u00fc &=")]).encode()
_BODY_METHODS = {"POST": "/post", "PUT": "/put", "PATCH": "/patch", "DELETE": "/delete"}


def _with_bodies() -> list[Call]:
    calls = []
    for method, target in _BODY_METHODS.items():
        calls += [
            send(method, f"{target}?q=1&q=2", FORM, _FIELDS, "form"),
            send(method, target, "application/json", _JSON, "json"),
            send(method, target, MULTIPART, _PARTS, "multipart"),
            send(method, target, "text/plain", b"plain \xff", "bytes"),
            Call(method, target, note="no body"),
        ]
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"):
        calls.append(Call(method, "/anything/some/path?a=1&a=2&b="))
    return [
        *calls,
        send("POST", "/anything", MULTIPART, _PARTS, "multipart"),
        send("PUT", "/anything", FORM, _FIELDS, "form"),
        send("PATCH", "/anything", "application/json", b"{broken", "broken json"),
        send("POST", "/post", MULTIPART, b"", "empty multipart"),
        send("POST", "/post", FORM, b"&".join(b"k%d=v" % n for n in range(500)), "many fields"),
        send("POST", "/post", "text/plain", b"x" * 300_000, "300 kB"),
    ]


def _inspection() -> list[Call]:
    return [
        get("/legacy"),
        get("/spec.json"),
        get("/"),
        get("/flasgger_static/swagger-ui.css"),
        get("/flasgger_static/swagger-ui.css", "not modified", If_None_Match="*"),
        get("/flasgger_static/nothing"),
        get("/static/favicon.ico"),
        get("/forms/post"),
        get("/html"),
        get("/robots.txt"),
        get("/deny"),
        get("/ip"),
        get("/ip", "forwarded", X_Forwarded_For="1.2.3.4"),
        get("/uuid"),
        get("/headers", X_One="1", Accept="text/*;q=0.5, */*;q=0.1", Cookie="a=1; b=2"),
        get("/headers?show_env=1", X_Forwarded_For="1.2.3.4"),
        get("/user-agent?beyond=ascii", User_Agent="agent/1.0 (\u00fc)"),
        get("/user-agent"),
        get("/get?a=1&a=2&b=%C3%BC&c=%ff&d"),
        get("/get", "origin", Origin="http://other.test"),
        get("/get", "script in the path", X_Forwarded_Proto="https"),
        Call("HEAD", "/get"),
        Call("OPTIONS", "/get"),
        Call("OPTIONS", "/post", {"Access-Control-Request-Headers": "X-A, X-B"}, note="preflight"),
        Call("POST", "/get"),
        Call("GET", "/post"),
        Call("PUT", "/headers"),
        get("/nothing/here"),
        get("/encoding/utf8"),
        get("/xml"),
        get("/json"),
        get("/gzip"),
        get("/deflate"),
        get("/brotli"),
        *(get(f"/image/{kind}") for kind in ("png", "jpeg", "webp", "svg")),
        *(
            get("/image", accept, Accept=accept)
            for accept in ("image/png", "image/webp", "image/svg+xml", "image/*", "text/html", "")
        ),
    ]


def _answers() -> list[Call]:
    statuses = "200 201 202 204 205 206 300 301 302 303 304 305 307 308 400 401 402 403 404 405 406 407 409 410 418 422 429 500 501 503 599"  # noqa: E501
    return [
        *(get(f"/status/{status}") for status in statuses.split()),
        *(
            Call(method, f"/status/{status}")
            for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "HEAD")
            for status in (200, 404)
        ),
        get("/status/200:1"),
        get("/status/teapot"),
        get("/status/9999"),
        get("/redirect/1"),
        get("/redirect/3"),
        get("/redirect/3?absolute=true"),
        get("/redirect/0"),
        get("/relative-redirect/2"),
        get("/absolute-redirect/2"),
        get("/redirect-to?url=http://other.test/x%3Fa=b&status_code=307"),
        get("/redirect-to?url=/relative/\u00fc".replace("\u00fc", "%C3%BC")),
        get("/redirect-to?url=//other.test"),
        get("/redirect-to"),
        send("POST", "/redirect-to", FORM, b"url=%2Fx&status_code=303"),
        get("/response-headers?X-One=1&X-One=2&Content-Type=text%2Fcss"),
        get("/response-headers?a=%0d%0aX-Split:%20yes", "line break"),
        Call("POST", "/response-headers?X-One=1"),
        get("/cache"),
        get("/cache", "since", If_Modified_Since="Sat, 29 Feb 2020 12:30:01 GMT"),
        get("/cache", "etag", If_None_Match="x"),
        get("/cache/60"),
        get("/cache/x"),
        get("/etag/abc"),
        get("/etag/abc", "same", If_None_Match='"abc"'),
        get("/etag/abc", "weak", If_None_Match='W/"abc"'),
        get("/etag/abc", "star", If_None_Match="*"),
        get("/etag/abc", "match", If_Match='"abc"'),
        get("/etag/abc", "no match", If_Match='"x"'),
        get("/links/4"),
        get("/links/4/2"),
        get("/base64/aGVsbG8gd8O2cmxk"),
        get("/base64/%%%"),
        get("/delay/0"),
        get("/delay/0.05"),
        get("/delay/x"),
    ]


def _streams() -> list[Call]:
    return [
        get("/stream/1"),
        get("/stream/20?a=1"),
        get("/stream/0"),
        get("/bytes/100?seed=5"),
        get("/bytes/200000?seed=5"),
        get("/bytes/0?seed=1"),
        get("/stream-bytes/1000?seed=3&chunk_size=100"),
        get("/stream-bytes/5000?seed=3"),
        get("/drip?duration=0.05&numbytes=5&delay=0"),
        get("/drip?duration=0&numbytes=3&delay=0&code=418"),
        get("/drip?numbytes=0"),
        get("/range/1024"),
        get("/range/26?duration=0.02&chunk_size=7"),
        *(
            get("/range/1024", value, Range=value)
            for value in ("bytes=0-9", "bytes=1000-", "bytes=-24", "bytes=2000-", "bytes=9-1", "x")
        ),
        get("/range/0"),
        get("/range/999999999"),
        get("/range/64", "same etag", If_None_Match="range64"),
    ]


def _cookies_and_auth() -> list[Call]:
    good, bad = basic("user", "pass"), basic("user", "wrong")
    digest = ("user", "pass")
    return [
        get("/cookies", Cookie='a=1; b=%20x; c="q"; a=2'),
        get("/cookies"),
        get("/cookies/set?a=1&b=v%20w&c=%C3%BC"),
        get("/cookies/set/name/value"),
        get("/cookies/delete?a=&b=", Cookie="a=1; b=2"),
        get("/basic-auth/user/pass"),
        get("/basic-auth/user/pass", "good", Authorization=good),
        get("/basic-auth/user/pass", "bad", Authorization=bad),
        get("/basic-auth/user/pass", "garbage", Authorization="Basic !!!"),
        get("/hidden-basic-auth/user/pass"),
        get("/hidden-basic-auth/user/pass", "good", Authorization=good),
        get("/bearer"),
        get("/bearer", "good", Authorization="Bearer token"),
        get("/bearer", "basic", Authorization=good),
        get("/digest-auth/auth/user/pass"),
        get("/digest-auth/auth/user/pass", "garbage", Authorization="Digest x=y"),
        *(
            Call("GET", f"/digest-auth/{qop}/user/pass/{name}", digest=(*digest, name))
            for qop in ("auth", "auth-int")
            for name in ("MD5", "SHA-256", "SHA-512")
        ),
        Call(
            "GET",
            "/digest-auth/auth/user/pass/MD5",
            digest=("user", "wrong", "MD5"),
            note="wrong password",
        ),
        Call("GET", "/digest-auth/auth/user/pass/MD5/1", digest=(*digest, "MD5"), note="stale"),
    ]


CALLS: list[Call] = [
    *_inspection(),
    *_with_bodies(),
    *_answers(),
    *_streams(),
    *_cookies_and_auth(),
]

#: httpbin refuses a body in chunked coding unless the server calls itself gunicorn.
CHUNKED: list[Call] = [
    Call("POST", "/post", {"Content-Type": kind}, chunks=chunks, note=f"chunked {kind[:20]}")
    for kind, chunks in (
        ("text/plain", (b"one ", b"two")),
        (FORM, (b"a=1&", b"b=2")),
        (MULTIPART, (_PARTS[:90], _PARTS[90:])),
    )
]
