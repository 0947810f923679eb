"""How an app reads and writes JSON; `app.json` is one of these."""

from __future__ import annotations

import dataclasses
import json
import weakref
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import IO, Any, NoReturn, cast
from uuid import UUID

from werkzeug.http import http_date

from kolben.core.kept import kept
from kolben.core.response import plain_header, plain_response
from kolben.flask_names import lend_names
from kolben.json.text import decode_json, json_writer, read_json
from kolben.typing import App, Page, Response


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
    dataclasses and mappings dicts.
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
    if isinstance(o, Mapping):
        return dict(o)
    raise TypeError(
        f"Object of type {type(o).__name__} is not JSON serializable. Turn it into a dict, list,"
        " str, number, bool or None first, or teach `app.json.default` to."
    )


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
            write = json_writer(self.default, self.ensure_ascii, self.sort_keys, **kwargs)
        except TypeError:
            # Given a second time, a `cls`, unhashable or unknown: json.dumps tells these apart.
            kwargs.setdefault("default", self.default)
            kwargs.setdefault("ensure_ascii", self.ensure_ascii)
            kwargs.setdefault("sort_keys", self.sort_keys)
            return json.dumps(obj, **kwargs)
        return write(obj)

    def _write_compact(self) -> Callable[[Any], str] | None:
        """Return what does as dumps() with `separators=(",", ":")`; None if that is overridden."""
        if self.strict or "dumps" in self.__dict__:
            return None
        try:
            return _compact_writer(type(self), self.default, self.ensure_ascii, self.sort_keys)
        except TypeError:  # what `default` is has no hash
            return None

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read a value from JSON text; keywords are those of json.loads."""
        if isinstance(s, bytes):
            s = decode_json(s)
        if self.strict:
            kwargs.setdefault("parse_constant", _refuse_constant)
        if kwargs or type(s) is not str:
            return json.loads(s, **kwargs)
        return read_json(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Make a response of JSON: of one value, of several as a list, or of keywords.

        The text ends with a line feed, and is indented as `compact` says.
        """
        one = len(args) == 1 and not kwargs
        value = args[0] if one else self._prepare_response_obj(args, kwargs)
        response_class = self._app.response_class
        page = self._page(self._app, value)
        if page is not None:
            return plain_response(response_class, *page)
        indented = self._app.debug if self.compact is None else not self.compact
        layout: dict[str, Any] = {"indent": 2} if indented else {"separators": (",", ":")}
        text = f"{self.dumps(value, **layout)}\n"
        header = plain_header(response_class, self.mimetype)
        if header is None:
            return response_class(text, mimetype=self.mimetype)
        return plain_response(response_class, text.encode(), header)

    def _page(self, app: App, value: Any) -> Page | None:
        """Return what response(value) would send; None if that is not compact, or overridden."""
        own = self.__dict__
        if (
            self.strict
            or (app.debug if self.compact is None else not self.compact)
            or "dumps" in own
            or "response" in own
        ):
            return None
        try:
            write = _page_writer(
                type(self),
                self.default,
                self.ensure_ascii,
                self.sort_keys,
                app.response_class,
                self.mimetype,
            )
        except TypeError:  # what `default` is has no hash
            return None
        return None if write is None else write(value)


@kept
def _compact_writer(
    kind: type[DefaultJSONProvider],
    default: Callable[[Any], Any],
    ensure_ascii: bool,
    sort_keys: bool,
) -> Callable[[Any], str] | None:
    """Return what writes compact text with these settings; None if `kind` overrides dumps()."""
    if kind.dumps is not _OWN_DUMPS:
        return None
    return json_writer(default, ensure_ascii, sort_keys, separators=(",", ":"))


_OWN_DUMPS, _OWN_RESPONSE = DefaultJSONProvider.dumps, DefaultJSONProvider.response


def _make_page_writer(
    kind: type[DefaultJSONProvider],
    default: Callable[[Any], Any],
    ensure_ascii: bool,
    sort_keys: bool,
    response_class: type[Response],
    mimetype: str,
) -> Callable[[Any], Page] | None:
    """Return what makes the page of a value with these settings; None if `kind` overrides it."""
    header = plain_header(response_class, mimetype)
    if header is None or kind.dumps is not _OWN_DUMPS or kind.response is not _OWN_RESPONSE:
        return None
    write = json_writer(default, ensure_ascii, sort_keys, separators=(",", ":"))

    def make_page(value: Any) -> Page:
        return f"{write(value)}\n".encode(), header

    return make_page


# PERF: all that decides on a page is asked with one look-up: 1.2 us instead of 1.9 us
# (benchmarks/shortcuts.py).
_page_writer: Callable[..., Callable[[Any], Page] | None] = lru_cache(maxsize=64)(_make_page_writer)

lend_names(globals())
