"""How an app reads and writes JSON; `app.json` is one of these."""

from __future__ import annotations

import dataclasses
import json
import weakref
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import IO, Any, NoReturn, cast
from uuid import UUID

from werkzeug.http import http_date

from kolben.core.response import content_type_for, is_plain, plain_response
from kolben.typing import App, Response


class JSONProvider:
    """What every provider has: a subclass gives `dumps` and `loads`, the rest follows."""

    def __init__(self, app: App) -> None:
        # The app owns its provider: a strong reference back would be a cycle.
        self._app = cast("App", weakref.proxy(app))

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write a value as JSON text."""
        raise NotImplementedError(f"{type(self).__name__} has no dumps(): give it one.")

    def dump(self, obj: Any, fp: IO[str], **kwargs: Any) -> None:
        """Write a value as JSON to a text file."""
        fp.write(self.dumps(obj, **kwargs))

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read a value from JSON text."""
        raise NotImplementedError(f"{type(self).__name__} has no loads(): give it one.")

    def load(self, fp: IO[Any], **kwargs: Any) -> Any:
        """Read a value from a JSON file, text or binary."""
        return self.loads(fp.read(), **kwargs)

    def _prepare_response_obj(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the one value that a response's arguments stand for."""
        if args and kwargs:
            raise TypeError(
                "A JSON response is made of args or kwargs. It was given both:"
                f" {len(args)} positional and {sorted(kwargs)}."
            )
        if not args:
            return kwargs or None
        return args[0] if len(args) == 1 else args

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Make a response of JSON: of one value, of several as a list, or of keywords."""
        text = self.dumps(self._prepare_response_obj(args, kwargs))
        return self._app.response_class(text, mimetype="application/json")


def standard_default(o: Any) -> Any:
    """Turn a value that JSON has no form for into one that it has; TypeError if unknown.

    Dates become those of HTTP (RFC 9110 §5.6.7); Decimal, UUID and what has `__html__` text;
    dataclasses dicts.
    """
    if isinstance(o, date):
        return http_date(o)
    from decimal import Decimal  # starts faster without it

    if isinstance(o, (Decimal, UUID)):
        return str(o)
    if dataclasses.is_dataclass(o) and not isinstance(o, type):
        return dataclasses.asdict(o)
    html = getattr(o, "__html__", None)
    if html is not None:
        return str(html())
    raise TypeError(
        f"Object of type {type(o).__name__} is not JSON serializable. Turn it into a dict, list,"
        " str, number, bool or None first, or teach `app.json.default` to."
    )


@lru_cache(maxsize=64, typed=True)
def _encoder(
    default: Callable[[Any], Any], ensure_ascii: bool, sort_keys: bool, **options: Any
) -> Callable[[Any], str]:
    """Make what writes JSON with these options, or return what was made for them before."""
    # PERF: json.dumps makes an encoder at each call: 0.7 us of 2.3 us for a small object
    # (benchmarks/parts.py).
    return json.JSONEncoder(
        default=default, ensure_ascii=ensure_ascii, sort_keys=sort_keys, **options
    ).encode


@lru_cache(maxsize=64)
def _plain_header(response_class: type[Response], mimetype: str) -> tuple[str, str] | None:
    """Return the Content-Type header for a response class that is plain; None for others."""
    value = content_type_for(mimetype)
    return ("Content-Type", value) if value and is_plain(response_class) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON (RFC 8259 §6), and `app.json.strict` is on.")


class DefaultJSONProvider(JSONProvider):
    """The standard library's json, and what standard_default knows.

    Its attributes are options; set them on `app.json` or in a subclass.
    """

    # Turns what JSON has no form for into what it has.
    default: Callable[[Any], Any] = staticmethod(standard_default)
    ensure_ascii = True
    sort_keys = True
    # None: as small as can be, but indented in debug mode.
    compact: bool | None = None
    mimetype = "application/json"
    # Whether NaN and Infinity, which Python writes and reads, are a ValueError.
    strict = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write a value as JSON text; keywords are those of json.dumps."""
        if self.strict:
            kwargs.setdefault("allow_nan", False)
        try:
            encode = _encoder(self.default, self.ensure_ascii, self.sort_keys, **kwargs)
        except TypeError:
            # Given a second time, a `cls`, unhashable or unknown: json.dumps tells these apart.
            kwargs.setdefault("default", self.default)
            kwargs.setdefault("ensure_ascii", self.ensure_ascii)
            kwargs.setdefault("sort_keys", self.sort_keys)
            return json.dumps(obj, **kwargs)
        return encode(obj)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read a value from JSON text; keywords are those of json.loads."""
        if isinstance(s, bytes):
            # SECURITY: json.loads takes surrogates in UTF-8, with which no answer can be encoded.
            s = s.decode(json.detect_encoding(s))
        if self.strict:
            kwargs.setdefault("parse_constant", _refuse_constant)
        return json.loads(s, **kwargs)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Make a response of JSON: of one value, of several as a list, or of keywords.

        The text ends with a line feed, and is indented as `compact` says.
        """
        value = self._prepare_response_obj(args, kwargs)
        indented = self._app.debug if self.compact is None else not self.compact
        layout: dict[str, Any] = {"indent": 2} if indented else {"separators": (",", ":")}
        text = f"{self.dumps(value, **layout)}\n"
        response_class = self._app.response_class
        header = _plain_header(response_class, self.mimetype)  # type: ignore[arg-type]  # a class is hashable
        if header is None:
            return response_class(text, mimetype=self.mimetype)
        return plain_response(response_class, text.encode(), header)
