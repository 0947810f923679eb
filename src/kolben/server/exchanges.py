"""A request as WSGI, ASGI or RSGI says it, in the words of those who watch.

Rule: paths are decoded text, in which a client may have put anything; who writes them escapes them.
"""

from __future__ import annotations

from abc import abstractmethod

from kolben.core.exchange import Exchange, of_scopes


class ServedExchange(Exchange):
    """An exchange of which the request line and the peer can be told."""

    @property
    @abstractmethod
    def method(self) -> str:
        """The method, as the client wrote it."""

    @property
    @abstractmethod
    def path(self) -> str:
        """The path, decoded; bytes that are no UTF-8 are escaped."""

    @property
    @abstractmethod
    def query(self) -> str:
        """What follows the question mark, undecoded."""

    @property
    @abstractmethod
    def protocol(self) -> str:
        """`HTTP/1.1` and the like."""

    @property
    @abstractmethod
    def scheme(self) -> str:
        """`http` or `https`."""

    @property
    @abstractmethod
    def peer(self) -> str:
        """The address of the client, or of a proxy; `-` if there is none."""


class WSGIExchange(ServedExchange):
    """An exchange of which there is a WSGI environ."""

    def header(self, name: str) -> str | None:
        found: str | None = self.scope.get(f"HTTP_{name.upper().replace('-', '_')}")
        return found

    @property
    def method(self) -> str:
        return str(self.scope["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        path = self.scope["PATH_INFO"]
        return str(path.encode("latin-1").decode("utf-8", "backslashreplace"))

    @property
    def query(self) -> str:
        return str(self.scope["QUERY_STRING"])

    @property
    def protocol(self) -> str:
        return str(self.scope["SERVER_PROTOCOL"])

    @property
    def scheme(self) -> str:
        return str(self.scope.get("wsgi.url_scheme", "http"))

    @property
    def peer(self) -> str:
        return self.scope.get("REMOTE_ADDR") or "-"


class ASGIExchange(ServedExchange):
    """An exchange of which there is an ASGI scope."""

    def header(self, name: str) -> str | None:
        wanted = name.encode()
        for found, value in self.scope["headers"]:
            if found == wanted:
                return str(value.decode("latin-1"))
        return None

    @property
    def method(self) -> str:
        # The scope of a WebSocket has none.
        return str(self.scope.get("method", "GET"))

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @property
    def query(self) -> str:
        return str(self.scope["query_string"].decode("latin-1"))

    @property
    def protocol(self) -> str:
        return protocol_of(self.scope["http_version"])

    @property
    def scheme(self) -> str:
        return str(self.scope.get("scheme", "http"))

    @property
    def peer(self) -> str:
        return str((self.scope.get("client") or "-")[0])


class RSGIExchange(ServedExchange):
    """An exchange of which there is an RSGI scope."""

    def enter(self) -> None:
        of_scopes[id(self.scope)] = self

    def leave(self) -> None:
        of_scopes.pop(id(self.scope), None)
        self.request = None

    def header(self, name: str) -> str | None:
        found: str | None = self.scope.headers.get(name)
        return found

    @property
    def method(self) -> str:
        return str(self.scope.method)

    @property
    def path(self) -> str:
        return str(self.scope.path)

    @property
    def query(self) -> str:
        return str(self.scope.query_string)

    @property
    def protocol(self) -> str:
        return protocol_of(self.scope.http_version)

    @property
    def scheme(self) -> str:
        return str(self.scope.scheme)

    @property
    def peer(self) -> str:
        client = str(self.scope.client)
        host, colon, port = client.rpartition(":")
        return host.strip("[]") if colon and port.isdecimal() else client or "-"


def protocol_of(version: str) -> str:
    """Return the protocol of a version; Granian says "1" for 1.0."""
    return "HTTP/1.0" if version == "1" else f"HTTP/{version}"
