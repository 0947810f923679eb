"""An RSGI scope in which something is said otherwise than by the server.

A proxy knows who the client really is, and the command line where the app is mounted; RSGI's scopes
are the server's own and can't be changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class AdaptedScope:
    """A scope of which some attributes are replaced.

    wire: the scope as the server has it: the ends of the connection are those, whoever the client
    is. root_path: where the app is mounted; `path` is below it.
    """

    def __init__(self, scope: Any, replaced: Mapping[str, Any]) -> None:
        self.wire = scope
        self.root_path = ""
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wire, name)


class HeadersWithHost:
    """A request's headers with another Host."""

    def __init__(self, headers: Any, host: str) -> None:
        self._headers = headers
        self._host = host

    def __contains__(self, name: str) -> bool:
        return name == "host" or name in self._headers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._headers, name)

    def __len__(self) -> int:
        return len(self._headers) + ("host" not in self._headers)

    def __iter__(self) -> Iterator[str]:
        return iter({"host": None, **dict.fromkeys(self._headers)})

    def values(self) -> list[str]:
        """Return the value of each pair."""
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[str, str]]:
        """Return all pairs of name and value."""
        others = [pair for pair in self._headers.items() if pair[0] != "host"]
        return [("host", self._host), *others]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the first value of a header."""
        return self._host if name == "host" else self._headers.get(name, default)

    def get_all(self, name: str) -> list[str]:
        """Return all values of a header."""
        found: list[str] = [self._host] if name == "host" else self._headers.get_all(name)
        return found


def on_the_wire(scope: Any) -> Any:
    """Return a scope as the server has it."""
    return scope.wire if type(scope) is AdaptedScope else scope
