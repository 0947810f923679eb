"""The app's logger, where it writes as long as nobody says otherwise, and which request it was."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from werkzeug.local import LocalProxy

from kolben.core.current import find_context
from kolben.flask_names import lend_names
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


class RequestFilter(logging.Filter):
    """Gives each record `request_id`, `trace_id` and `endpoint`, `-` outside of a request.

    For handlers whose formatters name them: "%(levelname)s %(request_id)s %(message)s".
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields; keep the record."""
        for name, value in _request_fields().items():
            setattr(record, name, value or "-")
        return True


class JSONFormatter(logging.Formatter):
    """Writes each record as one JSON object in ASCII, with the request it belongs to.

    What `extra=` gave is in it as well.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        fields |= _request_fields()
        more = vars(record).items()
        fields |= {name: value for name, value in more if name not in _OWN_FIELDS | fields.keys()}
        return json.dumps(fields, default=str)


# What every record has; the rest is what `extra=` gave it.
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _request_fields() -> dict[str, str | None]:
    """Return what tells which request is active; nothing outside of one."""
    context = find_context()
    request_context = None if context is None else context.request_context
    if request_context is None:
        return dict.fromkeys(("request_id", "trace_id", "endpoint"))
    request = request_context.request
    endpoint: Any = request.endpoint
    return {
        "request_id": request.id,
        "trace_id": request.trace_id,
        "endpoint": None if endpoint is None else str(endpoint),
    }


def write_json(app: App) -> None:
    """Have the app's log, and what other loggers print, written as JSON.

    That is each handler of the app's logger and of the root that writes to a stream and not into
    a file, and Python's own last resort where there is none.
    """
    named = app.logger
    for handler in {*named.handlers, *logging.root.handlers, default_handler, logging.lastResort}:
        is_file = isinstance(handler, logging.FileHandler)
        if isinstance(handler, logging.StreamHandler) and not is_file:
            handler.setFormatter(JSONFormatter())


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


lend_names(globals())
