"""Response headers that cannot be sent as the app has set them: left out, or encoded otherwise.

Rule: the log says so once for each view, with the cure. Headers of the connection are for the
server to set. Apps mostly copy them from another server's answer; Granian then sends nothing.
"""

from __future__ import annotations

from logging import getLogger
from typing import Any

from kolben.core.outgoing import OF_CONNECTION, UnusualHeaders
from kolben.typing import WSGIEnvironment

Headers = list[tuple[str, str]]

# What the log has been told: of which view, and of what. Bounded, as views may be made at any time.
_told: set[tuple[str, str | None, str]] = set()
_MOST_TOLD = 1024

_CLOSE = ("Connection", "close")
_UPGRADE = ("Connection", "Upgrade")


def unusual_of(app: Any, environ: WSGIEnvironment, headers: Headers) -> UnusualHeaders:
    """Say of headers whose they are, while start_response is called; app: any WSGI app."""
    view = getattr(environ.get("werkzeug.request"), "endpoint", None)
    return UnusualHeaders(headers, view, getattr(app, "logger", None) or getLogger("kolben"))


def sendable(
    headers: UnusualHeaders, status: str, version: str, *, as_utf8: bool = False
) -> Headers:
    """Return the headers that go out.

    version: of HTTP, as `1.1`. as_utf8: the server takes text alone and sends it as UTF-8.
    """
    lowered = [(name.lower(), value) for name, value in headers]
    asked = {
        token.strip().lower()
        for name, value in lowered
        if name == "connection"
        for token in value.split(",")
    }
    # RFC 9110 §15.5.22: who is to upgrade must be told to what.
    kept: set[str] = {"upgrade"} if status[:3] == "426" and version.startswith("1") else set()
    dropped = {*OF_CONNECTION, *asked} - kept
    if _is_bad_length([value for name, value in lowered if name == "content-length"]):
        dropped.add("content-length")
    found = [pair for pair, (name, _) in zip(headers, lowered, strict=True) if name not in dropped]
    if version.startswith("1"):
        if "close" in asked:
            found.append(_CLOSE)
        if kept & {name for name, _ in lowered}:
            found.append(_UPGRADE)
    _tell_of_dropped(headers, lowered, dropped)
    return [_as_utf8(headers, pair) for pair in found] if as_utf8 else found


def _is_bad_length(values: list[str]) -> bool:
    """Say whether Content-Length says no length, or two: the server can tell by itself."""
    return len(set(values)) > 1 or not all(value.isascii() and value.isdigit() for value in values)


def _tell_of_dropped(headers: UnusualHeaders, lowered: Headers, dropped: set[str]) -> None:
    """Log what was left out, but for `Connection: keep-alive`, and `close`, which is kept."""
    left_out = [
        f"{name}: {value}"
        for (name, value), (key, _) in zip(headers, lowered, strict=True)
        if key in dropped and not (key == "connection" and value.lower() in {"close", "keep-alive"})
    ]
    if left_out and _is_news(headers, "dropped"):
        headers.logger.warning(
            "%s has headers that are for the server to set; they were left out: %s. When you pass"
            " on another server's answer, copy the headers of its content alone (RFC 9110 §7.6.1).",
            _name_of(headers),
            ", ".join(map(repr, left_out)),
        )


def _as_utf8(headers: UnusualHeaders, pair: tuple[str, str]) -> tuple[str, str]:
    """Return a header whose UTF-8 is what Latin-1 (PEP 3333) would make of it, where there is one.

    A value made by `.encode().decode("latin-1")` is sent as it was meant.
    """
    name, value = pair
    if value.isascii():
        return pair
    try:
        return name, value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        if _is_news(headers, name):
            headers.logger.warning(
                "%s has the header %s with the value %r, which should go out as Latin-1. Granian"
                " takes text alone here and sends it as UTF-8. Percent-encode the value (RFC 8187),"
                " or serve with --interface asgi.",
                _name_of(headers),
                name,
                value,
            )
        return pair


def _is_news(headers: UnusualHeaders, what: str) -> bool:
    """Say whether the log has not been told of it yet, and note that it is now."""
    key = headers.logger.name, headers.view, what
    if key in _told:
        return False
    if len(_told) >= _MOST_TOLD:
        _told.clear()
    _told.add(key)
    return True


def _name_of(headers: UnusualHeaders) -> str:
    view = headers.view
    return "An answer of no view" if view is None else f"The response of the view {view!r}"
