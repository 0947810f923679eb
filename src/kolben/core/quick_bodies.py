"""JSON and small forms read in one go, where nothing of a request reads them in another way.

Rule: what is not as usual is left to Werkzeug's steps, its body unread, or kept for them to read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from werkzeug.exceptions import HTTPException

from kolben.core.body import SmallBody, parse_content_type
from kolben.core.current import find_context
from kolben.core.environ_headers import EnvironHeaders
from kolben.core.fields import multi_dict_of
from kolben.core.kept import kept
from kolben.typing import Request

NOT_READ: Any = object()

# What of a request class the two functions below go around.
_STEPS = (
    "_get_stream_for_parsing",
    "_parse_content_type",
    "content_length",
    "environ",
    "form_data_parser_class",
    "get_data",
    "headers",
    "is_json",
    "make_form_data_parser",
    "mimetype",
    "mimetype_params",
    "stream",
    "want_form_data_parsed",
)
_LONGEST_TYPE = 128
_FORM = "application/x-www-form-urlencoded"


@kept
def _has_own_steps(kind: type[Request], own: type[Request]) -> bool:
    """Say whether a request class reads bodies in no other way than the framework's own."""
    return all(getattr(kind, step) is getattr(own, step) for step in _STEPS)


def _mimetype_if_usual(request: Request, own: type[Request]) -> str | None:
    """Return the type of an unread body; None if something may have been put in its place."""
    made = request.__dict__
    if "stream" in made or "_cached_data" in made or not _has_own_steps(type(request), own):
        return None
    headers = made.get("headers")
    source = request._source
    if headers is None and source is not None and "environ" not in made:
        return _mimetype_if_short(source.content_type())
    environ = request.environ
    if headers is not None and (
        type(headers) is not EnvironHeaders or headers.environ is not environ
    ):
        return None
    return _mimetype_if_short(environ.get("CONTENT_TYPE") or "")


def _mimetype_if_short(content_type: str) -> str | None:
    return None if len(content_type) > _LONGEST_TYPE else _mimetype(content_type)


@lru_cache(maxsize=128)
def _mimetype(content_type: str) -> str:
    return parse_content_type(content_type)[0].lower()


def read_json(request: Request, own: type[Request], force: bool) -> Any:
    """Read a small body as JSON and keep the value; NOT_READ leaves it to Werkzeug's steps.

    own: the framework's class. Raises what reading its stream does.
    """
    mimetype = _mimetype_if_usual(request, own)
    if mimetype is None or not (force or _is_json(mimetype)):
        return NOT_READ
    body = request.stream
    if type(body) is not SmallBody:
        return NOT_READ
    # PERF: without the questions of get_data() and of the stream: 3.5 us instead of 5.3 us
    # (benchmarks/shortcuts.py).
    data = request._cached_data = body.read()
    try:
        value = request.json_module.loads(data)
    except ValueError:
        return NOT_READ  # read again, it fails again: Werkzeug's steps say what is to be said
    request._cached_json = (value, value)
    return value


def _is_json(mimetype: str) -> bool:
    """Say whether a body of this type is JSON (RFC 8259 §11, RFC 6839 §3.1)."""
    return mimetype == "application/json" or (
        mimetype.startswith("application/") and mimetype.endswith("+json")
    )


def read_form(request: Request, own: type[Request]) -> bool:
    """Read a small form without files, and keep it; say so, or leave it to Werkzeug's steps.

    own: the framework's class. Raises what reading its stream does.
    """
    context = find_context()
    if (context is not None and context.app.debug) or _mimetype_if_usual(request, own) != _FORM:
        return False
    body = request.stream
    if type(body) is not SmallBody:
        return False
    # PERF: without a parser made for it: 3.3 us instead of 8.9 us (benchmarks/shortcuts.py).
    try:
        request.__dict__["form"] = multi_dict_of(
            request.parameter_storage_class, body.read().decode()
        )
    except (ValueError, HTTPException):
        body.seek(0)
        return False  # read again, it fails again: Werkzeug's steps say what is to be said
    return True
