"""JSON as the current app speaks it, and as the standard library does outside of an app."""

from __future__ import annotations

import json
from typing import IO, Any

from kolben.core.current import find_context, the_app
from kolben.flask_names import lend_names
from kolben.json.provider import DefaultJSONProvider, standard_default
from kolben.json.text import read_json
from kolben.typing import Response


def dumps(obj: Any, **kwargs: Any) -> str:
    """Write a value as JSON text with the app's provider.

    Outside of an app: json.dumps, which also takes what DefaultJSONProvider.default does.
    """
    context = find_context()
    if context is not None:
        return context.app.json.dumps(obj, **kwargs)
    kwargs.setdefault("default", standard_default)
    return json.dumps(obj, **kwargs)


def dumps_compact(obj: Any) -> str:
    """Do what dumps() does with `separators=(",", ":")`."""
    context = find_context()
    if context is not None:
        # PERF: without what keywords cost: 0.8 us instead of 1.1 us (benchmarks/shortcuts.py).
        provider = context.app.json
        write = provider._write_compact() if isinstance(provider, DefaultJSONProvider) else None
        if write is not None:
            return write(obj)
    return dumps(obj, separators=(",", ":"))


def dump(obj: Any, fp: IO[str], **kwargs: Any) -> None:
    """Write a value as JSON to a text file with the app's provider, if there is one."""
    context = find_context()
    if context is not None:
        context.app.json.dump(obj, fp, **kwargs)
    else:
        kwargs.setdefault("default", standard_default)
        json.dump(obj, fp, **kwargs)


def loads(s: str | bytes, **kwargs: Any) -> Any:
    """Read a value from JSON text with the app's provider, or with json.loads outside."""
    context = find_context()
    if context is not None:
        return context.app.json.loads(s, **kwargs)
    return json.loads(s, **kwargs)


def loads_text(s: str) -> Any:
    """Do what loads() does with a str."""
    context = find_context()
    if context is not None:
        # PERF: without what keywords cost: 0.6 us instead of 0.8 us (benchmarks/shortcuts.py).
        provider = context.app.json
        if (
            type(provider) is DefaultJSONProvider
            and not provider.strict
            and "loads" not in provider.__dict__
        ):
            return read_json(s)
    return loads(s)


def load(fp: IO[Any], **kwargs: Any) -> Any:
    """Read a value from a JSON file, text or binary, with the app's provider if there is one."""
    context = find_context()
    if context is not None:
        return context.app.json.load(fp, **kwargs)
    return json.load(fp, **kwargs)


def jsonify(*args: Any, **kwargs: Any) -> Response:
    """Make a response of JSON: of one value, of several as a list, or of keywords as an object."""
    return the_app().json.response(*args, **kwargs)


lend_names(globals())
