"""Requests that are refused before the app sees them: HTTP forbids them, and servers let them in.

Rule: what is looked at for a usual request costs no more than a comparison or two.
"""

from __future__ import annotations

from logging import getLogger

from kolben.core.hosts import is_valid_host

Headers = list[tuple[str, str]]

_CLOSE = ("Connection", "close")

# The headers of which the log has been told that they cannot be read.
_told: set[str] = set()
_MOST_TOLD = 64


class Refused(Exception):
    """A request that is answered without the app, after which its connection is closed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.body = f"{reason}\n".encode()

    def headers(self, version: str) -> Headers:
        """Return the headers of the answer. version: of HTTP, as `1.1`."""
        own = [("Content-Type", "text/plain"), ("Content-Length", str(len(self.body)))]
        # HTTP/2 has no such header (RFC 9113 §8.2.2), and no connection of one request.
        return [*own, _CLOSE] if version.startswith("1") else own


class TooMuch(Refused):
    """A request that came when more was there than can be done; its connection stays open."""

    def __init__(self) -> None:
        super().__init__(503, "The server has more to do than it can. Try again in a moment.")

    def headers(self, version: str) -> Headers:
        """Return the headers of the answer, whatever the version of HTTP."""
        own = [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "1")]
        return [*own, ("Content-Length", str(len(self.body)))]


class UnreadableHeader(Refused):
    """A request with a header that the server does not pass on; a view would find it missing.

    The log has one line for each name, so that the cure is found.
    """

    def __init__(self, name: str) -> None:
        super().__init__(400, f"The header {name[:40]} has bytes that are not understood here.")
        if name not in _told and len(_told) < _MOST_TOLD:
            _told.add(name)
            getLogger("kolben").warning(
                "A request was answered with 400: its header %r has bytes beyond ASCII, which"
                " Granian does not pass on here. Serve with --interface asgi to have them read.",
                name,
            )


def check_line(method: str, path: str) -> None:
    """Raise Refused for a method in lower case, and for a target that is no path.

    SECURITY: to Werkzeug `post` is POST, and to what filters requests before us it need not be.
    RFC 9110 §9.1: methods are case-sensitive. RFC 9112 §3.2: `*` is for OPTIONS, and a target
    without a slash for CONNECT.
    """
    # PERF: two looks at strings, not a pattern: 0.1 us instead of 0.2 us (benchmarks/shortcuts.py).
    if not method.isupper():
        raise Refused(400, f"There is no method {method[:20]!r}: methods are in capitals.")
    if path[:1] != "/" and not (path == "*" and method == "OPTIONS"):
        raise Refused(400, "The target of the request is no path.")


def check_coding(coding: str) -> None:
    """Raise Refused for a body in another transfer coding than `chunked`, once.

    SECURITY: servers that read `gzip, chunked` give us what is still compressed, and who reads
    `chunked, chunked` otherwise finds another end (RFC 9112 §6.1, §7).
    """
    if coding.strip(" \t").lower() != "chunked":
        raise Refused(400, "Bodies are taken as they are, or in the transfer coding 'chunked'.")


def closing(headers: Headers, host: str | None, version: str) -> Headers:
    """Return the headers of a 400, such that it ends the connection if it was for its Host.

    RFC 9112 §3.2. Who sends none, two, or none that can be one is not understood by all alike.
    """
    if version == "1.1" and not (host and is_valid_host(host)):
        return [*headers, _CLOSE]
    return headers
