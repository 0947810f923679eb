"""What an entry hands in of a raw request, and the form in which WSGI hands it in.

Rule: nothing here is read before a request is asked for it.
"""

from __future__ import annotations

from io import BytesIO
from typing import Protocol

from werkzeug.datastructures import Headers

from kolben.core.environ_headers import headers_of
from kolben.typing import WSGIEnvironment

# FLASK: "" as well, which a base_url of a test without a scheme gives.
KNOWN_SCHEMES = frozenset({"http", "https", "ws", "wss", ""})


class Source(Protocol):
    """The words of a request as its server says them; each is read at most once."""

    def environ(self) -> WSGIEnvironment: ...
    def method(self) -> str: ...
    def scheme(self) -> str: ...
    def server(self) -> tuple[str, int | None] | None: ...
    def root_path(self) -> str: ...
    def path(self) -> str: ...
    def query_string(self) -> bytes: ...
    def query_text(self) -> str: ...
    def headers(self) -> Headers: ...
    def content_type(self) -> str: ...
    def small_body(self) -> BytesIO | None: ...
    def remote_addr(self) -> str | None: ...


def decode_path(value: str) -> str:
    """Turn a PEP 3333 string (bytes as latin-1) into text; bad UTF-8 becomes U+FFFD."""
    if value.isascii():
        return value
    return value.encode("latin-1").decode("utf-8", "replace")


class EnvironSource:
    """A request as WSGI says it (PEP 3333)."""

    __slots__ = ("_environ",)

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def environ(self) -> WSGIEnvironment:
        return self._environ

    def method(self) -> str:
        return str(self.environ().get("REQUEST_METHOD", "GET")).upper()

    def scheme(self) -> str:
        # SECURITY: a proxy header can put any text here; it ends up in every external URL.
        scheme = self.environ().get("wsgi.url_scheme", "http")
        return scheme if scheme in KNOWN_SCHEMES else "http"

    def server(self) -> tuple[str, int | None] | None:
        name = self.environ().get("SERVER_NAME")
        if name is None:
            return None
        try:
            return name, int(self.environ().get("SERVER_PORT") or "")
        except ValueError:  # a unix socket has no port
            return name, None

    def root_path(self) -> str:
        return decode_path(self.environ().get("SCRIPT_NAME") or "").rstrip("/")

    def path(self) -> str:
        return "/" + decode_path(self.environ().get("PATH_INFO") or "").lstrip("/")

    def query_string(self) -> bytes:
        return str(self.environ().get("QUERY_STRING", "")).encode("latin-1")

    def query_text(self) -> str:
        return str(self.environ().get("QUERY_STRING", ""))

    def headers(self) -> Headers:
        return headers_of(self.environ())

    def content_type(self) -> str:
        """Return the Content-Type, "" without one."""
        return self.environ().get("CONTENT_TYPE") or ""

    def small_body(self) -> BytesIO | None:
        """Return a body that is there whole, its length as promised; None leaves it to the environ.

        None as well where there is an environ already: who has it may have changed its body.
        """
        return None

    def remote_addr(self) -> str | None:
        return self.environ().get("REMOTE_ADDR")
