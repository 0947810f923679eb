"""A request as ASGI or RSGI says it, in the words that the core asks for.

Rule: what a view does not read is not read here either; the environ is made when it is asked for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from io import BytesIO
from typing import IO, Any
from urllib.parse import quote

from werkzeug.exceptions import BadRequest

from kolben.core.body import SmallBody
from kolben.core.source import EnvironSource
from kolben.entry.bodies import small_body
from kolben.entry.late_body import ComingBody
from kolben.entry.refusals import UnreadableHeader, check_coding
from kolben.typing import Scope, WSGIEnvironment

# What of a request decides how it is taken on: Host, whether it has cookies, and how long its body
# is (the Content-Length as it stands there, "" without one; None without a body).
Glance = tuple[str | None, bool, str | None]

# Where the scope of ASGI has the address that a connection is from, if a proxy has said another.
PEER = "kolben.peer"

_names: dict[str, str | None] = {}
_MOST_NAMES = 512
# A header that may be there once: two of them make one value that is not valid.
_JOINED_BY = {"HTTP_COOKIE": "; "}


def environ_name(header: str) -> str | None:
    """Return the name of a header in an environ; None for one that could be taken for another.

    SECURITY: `X_Real_IP` and `X-Real-IP` would have the same name (Django CVE-2015-0219).
    """
    found = _names.get(header, "")
    if found == "":
        name = header.upper().replace("-", "_")
        is_bare = name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
        found = None if "_" in header else name if is_bare else f"HTTP_{name}"
        if len(_names) >= _MOST_NAMES:
            _names.clear()
        _names[header] = found
    return found


def add_headers(environ: WSGIEnvironment, headers: Iterable[tuple[str, str]]) -> None:
    """Put headers into an environ; those that came several times become one (RFC 9110 §5.3)."""
    for header, value in headers:
        name = environ_name(header)
        if name is None:
            continue
        if name in environ:
            environ[name] += f"{_JOINED_BY.get(name, ',')}{value}"
        else:
            environ[name] = value
    if not environ.get("HTTP_HOST", True):
        del environ["HTTP_HOST"]  # Granian says "" where there is none


def split_root(root: str, path: str) -> str:
    """Return the path below the root that an app is mounted at."""
    root = root.rstrip("/")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in {"", "/"}:
        return path[len(root) :]
    return path


class _ScopeSource(EnvironSource):
    """What the sources of both interfaces have: a body that comes later than the scope."""

    __slots__ = ("_body", "_small")

    _environ: WSGIEnvironment | None  # type: ignore[assignment]  # made when it is asked for

    def __init__(self) -> None:
        self._environ = None
        self._body: IO[bytes] | None = None
        self._small: SmallBody | None = None

    def set_body(self, body: IO[bytes], length: str = "") -> None:
        """Take the body of the request, from whose beginning a view will read.

        length: the Content-Length, "" without one.
        """
        self._body = body
        self._small = small_body(body, length)
        environ = self._environ
        if environ is not None:
            environ["wsgi.input"] = body

    def small_body(self) -> SmallBody | None:
        if self._environ is not None:
            return None
        body: Any = self._body
        return body.small() if type(body) is ComingBody else self._small

    def unread_body(self) -> ComingBody | None:
        """Return the body if nothing of it has been read; None without one."""
        body: Any = self._body
        return body if type(body) is ComingBody and body.is_unread else None

    def close(self) -> None:
        """Close the body, when the request is over."""
        if self._body is not None:
            self._body.close()

    def _complete(self, environ: WSGIEnvironment, scheme: str) -> WSGIEnvironment:
        """Add what PEP 3333 asks for beside the request."""
        self._environ = environ
        environ["wsgi.version"] = (1, 0)
        environ["wsgi.url_scheme"] = scheme
        environ["wsgi.input"] = BytesIO() if self._body is None else self._body
        environ["wsgi.input_terminated"] = True
        environ["wsgi.errors"] = sys.stderr
        environ["wsgi.multithread"] = True
        environ["wsgi.multiprocess"] = True
        environ["wsgi.run_once"] = False
        return environ


def _protocol(version: str) -> str:
    """Return the protocol of a version; Granian says "1" for 1.0."""
    return "HTTP/1.0" if version == "1" else f"HTTP/{version}"


def _latin(text: str) -> str:
    """Turn text into a PEP 3333 string: its UTF-8 bytes as latin-1."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


# What a path may hold as it is (RFC 3986 §3.3).
_IN_PATHS = "/:@!$&'()*+,;="
_needs_no_quotes = re.compile(r"[\w/.~-]*", re.ASCII).fullmatch


def add_target(environ: WSGIEnvironment, path: str) -> None:
    """Put the target of the request line into an environ that has a query, as gunicorn does.

    path: as it was sent, quoted.
    """
    query = environ["QUERY_STRING"]
    environ["REQUEST_URI"] = environ["RAW_URI"] = f"{path}?{query}" if query else path


def quote_path(path: str, charset: str = "utf-8") -> str:
    """Quote a path that a server has decoded; %2F can no longer be told from a slash.

    charset: by which it was decoded.
    """
    if _needs_no_quotes(path):
        return path
    return quote(path.encode(charset, "surrogateescape"), _IN_PATHS)


class ASGISource(_ScopeSource):
    """A request as ASGI says it (HTTP connection scope, version 2.3 and later)."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def is_asked(self) -> bool:
        """Say whether the client waits for a word before it sends a body (RFC 9110 §10.1.1)."""
        return any(name == b"expect" for name, _ in self.scope["headers"])

    def method(self) -> str:
        return str(self.scope.get("method", "GET")).upper()

    def path(self) -> str:
        scope = self.scope
        return "/" + split_root(scope.get("root_path", ""), scope["path"]).lstrip("/")

    def query_string(self) -> bytes:
        return bytes(self.scope.get("query_string", b""))

    def query_text(self) -> str:
        return self.query_string().decode("latin-1")

    def content_type(self) -> str:
        if self._environ is not None:
            return super().content_type()
        found = [value for name, value in self.scope["headers"] if name == b"content-type"]
        return b",".join(found).decode("latin-1")

    def environ(self) -> WSGIEnvironment:
        environ = self._environ
        if environ is not None:
            return environ
        scope = self.scope
        root = scope.get("root_path", "")
        version = scope.get("http_version", "1.1")
        environ = {
            "REQUEST_METHOD": scope.get("method", "GET"),
            "SCRIPT_NAME": _latin(root.rstrip("/")),
            "PATH_INFO": _latin(split_root(root, scope["path"])),
            "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
            "SERVER_PROTOCOL": _protocol(version),
        }
        sent = scope.get("raw_path") or b""
        add_target(environ, sent.decode("latin-1") or quote_path(scope["path"]))
        add_address(environ, "SERVER_NAME", "SERVER_PORT", scope.get("server"))
        add_address(environ, "REMOTE_ADDR", "REMOTE_PORT", scope.get("client"))
        pairs = scope["headers"]
        add_headers(environ, ((n.decode("latin-1"), v.decode("latin-1")) for n, v in pairs))
        return self._complete(environ, scope.get("scheme", "http"))


def add_address(environ: WSGIEnvironment, host_key: str, port_key: str, address: Any) -> None:
    """Put an address (host, port), or the path of a socket, into an environ."""
    if address is None:
        if host_key == "SERVER_NAME":  # PEP 3333: never missing
            environ[host_key], environ[port_key] = "localhost", ""
        return
    host, port = address
    environ[host_key] = host
    environ[port_key] = "" if port is None else str(port)


def glance_asgi(scope: Scope) -> Glance:
    """Look at what of an ASGI scope decides how the request is taken on; raises Refused."""
    host: str | None = None
    length: str | None = None
    coding: str | None = None
    has_cookie = False
    for name, value in scope["headers"]:
        if name == b"host":
            # SECURITY: of two hosts neither is believed (RFC 9112 §3.2): this is no valid one.
            host = value.decode("latin-1") if host is None else ","
        elif name == b"cookie":
            has_cookie = True
        elif name == b"content-length":
            length = value.decode("latin-1")
        elif name == b"transfer-encoding":
            coding = value.decode("latin-1") if coding is None else ","
    if coding is not None:
        check_coding(coding)
        length = length or ""
    elif length is None and _may_have_body(scope.get("http_version", "1.1"), scope["method"]):
        length = ""
    return host or None, has_cookie, length


def _may_have_body(version: str, method: str) -> bool:
    """Say whether a request may have a body though no header says so: HTTP/2 needs no length."""
    return not version.startswith("1") and method not in {"GET", "HEAD", "OPTIONS"}


class RSGISource(_ScopeSource):
    """A request as RSGI says it (version 1.6)."""

    __slots__ = ("scope",)

    def __init__(self, scope: Any) -> None:
        super().__init__()
        self.scope = scope

    def is_asked(self) -> bool:
        """Say whether the client waits for a word before it sends a body (RFC 9110 §10.1.1)."""
        return "expect" in self.scope.headers

    def method(self) -> str:
        return str(self.scope.method).upper()

    def path(self) -> str:
        return "/" + str(self.scope.path).lstrip("/")

    def query_string(self) -> bytes:
        return str(self.scope.query_string).encode("utf-8", "surrogateescape")

    def query_text(self) -> str:
        return str(self.scope.query_string)

    def content_type(self) -> str:
        if self._environ is not None:
            return super().content_type()
        found = self.scope.headers.get_all("content-type")
        return found[0] if len(found) == 1 else ",".join(found)

    def environ(self) -> WSGIEnvironment:
        environ = self._environ
        if environ is not None:
            return environ
        scope = self.scope
        environ = {
            "REQUEST_METHOD": scope.method,
            "SCRIPT_NAME": _latin(getattr(scope, "root_path", "")),
            "PATH_INFO": _latin(scope.path),
            "QUERY_STRING": _latin(scope.query_string),
            "SERVER_PROTOCOL": _protocol(scope.http_version),
        }
        # The root path that a proxy adds was not in the request line.
        add_target(environ, quote_path(getattr(scope, "wire", scope).path))
        add_address(environ, "SERVER_NAME", "SERVER_PORT", _split_address(scope.server))
        add_address(environ, "REMOTE_ADDR", "REMOTE_PORT", _split_address(scope.client))
        headers = scope.headers
        pairs = headers.items()
        if len(dict(pairs)) < len(headers):  # check_readable() counts another one that is twice
            raise BadRequest(f"The header {find_unreadable(headers)} cannot be read.")
        add_headers(environ, pairs)
        host = _host_of(scope, headers)
        if host is not None:
            environ["HTTP_HOST"] = host
        else:
            environ.pop("HTTP_HOST", None)
        return self._complete(environ, scope.scheme)


def _split_address(address: str) -> tuple[str, str | None]:
    """Split `host:port`, where an IPv6 address has colons too; a socket's path has no port."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return address, None
    return host.strip("[]"), port


def find_unreadable(headers: Any) -> str | None:
    """Return the name of a header of which RSGI gives no value; None if there is none.

    Granian 2.8 gives the names of all headers, and the values in ASCII. It gives away nothing of a
    name's further values if the first can be read.
    """
    readable = dict(headers.items())
    return next((name for name in headers if name not in readable), None)


def check_readable(headers: Any) -> None:
    """Raise Refused for a request with a header that cannot be read."""
    # Two numbers, which are mostly equal; of each request, before anything else is done with it.
    if len(headers.values()) != len(headers):
        name = find_unreadable(headers)
        if name is not None:
            raise UnreadableHeader(name)


def glance_rsgi(scope: Any) -> Glance:
    """Look at what of an RSGI scope decides how the request is taken on; raises Refused."""
    headers = scope.headers
    check_readable(headers)
    length: str | None = headers.get("content-length")
    if length is None:
        # A server takes the length away where both are there (RFC 9112 §6.3).
        if "transfer-encoding" in headers:
            check_coding(",".join(headers.get_all("transfer-encoding")))
            length = ""
        elif _may_have_body(scope.http_version, scope.method):
            length = ""
    return _host_of(scope, headers), "cookie" in headers, length


def _host_of(scope: Any, headers: Any) -> str | None:
    """Return the host that an RSGI scope is for; one that is not valid where it has several.

    RFC 9112 §3.2.2: where the target is a URL, its host goes before the header. HTTP/1.1 wants
    the header as well.
    """
    hosts = headers.get_all("host")
    # SECURITY: of two hosts neither is believed (RFC 9112 §3.2).
    if len(hosts) > 1:
        return ","
    found: str | None = scope.authority
    if found is None or (not hosts and scope.http_version == "1.1"):
        found = hosts[0] if hosts else None
    return found or None
