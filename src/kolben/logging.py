"""The app's logger, and where it writes as long as nobody says otherwise."""

from __future__ import annotations

import logging
import sys
from typing import Any

from werkzeug.local import LocalProxy

from kolben.core.current import find_context
from kolben.typing import App


def _errors_stream() -> Any:
    """Return where the server of the active request wants errors; sys.stderr outside of one."""
    context = find_context()
    request_context = None if context is None else context.request_context
    if request_context is None:
        return sys.stderr
    return request_context.request.environ.get("wsgi.errors", sys.stderr)


# A stream for handlers; in a dictConfig it is "ext://flask.logging.wsgi_errors_stream".
wsgi_errors_stream: Any = LocalProxy(_errors_stream)

default_handler = logging.StreamHandler(wsgi_errors_stream)
default_handler.setFormatter(
    logging.Formatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s")
)


def has_level_handler(logger: logging.Logger) -> bool:
    """Say whether a handler, of this logger or one it passes on to, takes its level."""
    level = logger.getEffectiveLevel()
    current: logging.Logger | None = logger
    while current is not None:
        if any(handler.level <= level for handler in current.handlers):
            return True
        current = current.parent if current.propagate else None
    return False


def create_logger(app: App) -> logging.Logger:
    """Get the logger named like the app; it gets default_handler if nothing else would write.

    In debug mode its level is DEBUG, unless one is set.
    """
    named = logging.getLogger(app.name)
    has_no_level = named.level == logging.NOTSET
    if has_no_level and app.debug:
        named.setLevel("DEBUG")
    writes_already = has_level_handler(named)
    if not writes_already:
        named.addHandler(default_handler)
    return named


def escape(text: str) -> str:
    r"""Write what is not printable, quotes and backslashes the way Python does: `\x1b`, `\n`.

    SECURITY: a path with a line break would forge a line; one with an escape sequence would
    act on the terminal that shows the log.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(
        character
        if character.isprintable() and character not in '"\\'
        else "\\" + character
        if character in '"\\'
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
