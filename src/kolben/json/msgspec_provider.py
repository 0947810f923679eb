"""A JSON provider on msgspec, for apps that ask for it: `app.json = MsgspecProvider(app)`.

Rule: what msgspec refuses, to write or to read, the standard library is asked for in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    import msgspec
except ImportError as error:
    raise ImportError(
        "kolben.json.msgspec_provider needs msgspec, which is not installed:"
        " pip install 'kolben[typed]'."
    ) from error

from kolben.core.response import plain_header
from kolben.json.provider import DefaultJSONProvider
from kolben.typing import App, Page

# What dumps() is asked for by response(), and what msgspec writes anyway.
_COMPACT = {"separators": (",", ":")}
_INDENTED = {"indent": 2}
_REFUSED = (msgspec.MsgspecError, TypeError, ValueError, OverflowError)


class MsgspecProvider(DefaultJSONProvider):
    """msgspec's JSON, with the options of DefaultJSONProvider.

    Dates and times are written as RFC 3339 has them, not as HTTP does; sets become lists, bytes
    base64, enums their values; structs, and attrs' classes, objects. `default` is asked for what
    msgspec does not know. NaN and the infinities become null, unless `strict` refuses them.
    The text is UTF-8 without spaces.
    """

    ensure_ascii = False

    _writer: tuple[Any, bool, msgspec.json.Encoder] | None = None

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write a value as JSON text; with keywords of json.dumps, that writes it."""
        if not kwargs or kwargs == _COMPACT:
            return self._write(obj).decode()
        if kwargs == _INDENTED:
            text = self._write(obj)
            try:
                return msgspec.json.format(text, indent=2).decode()
            except _REFUSED:
                kwargs["ensure_ascii"] = True
        return self._write_standard(obj, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read a value from JSON text, also where msgspec is stricter than json.loads."""
        if not kwargs:
            try:
                return msgspec.json.decode(s)
            except _REFUSED:
                pass
        return super().loads(s, **kwargs)

    def _page(self, app: App, value: Any) -> Page | None:
        """Return what response(value) would send; None if that is not compact, or overridden."""
        kind, own = type(self), self.__dict__
        header = plain_header(app.response_class, self.mimetype)
        if (
            header is None
            or kind.dumps is not _OWN_DUMPS
            or kind.response is not _OWN_RESPONSE
            or "dumps" in own
            or "response" in own
            or (app.debug if self.compact is None else not self.compact)
        ):
            return None
        return self._write(value) + b"\n", header

    def _write(self, obj: Any) -> bytes:
        """Write a value without spaces."""
        if not (self.ensure_ascii or self.strict):
            writer = self._writer
            if writer is None or writer[:2] != (self.default, self.sort_keys):
                writer = self._writer = self._make_writer()
            try:
                return writer[2].encode(obj)
            except _REFUSED:
                pass  # the standard library takes it, or says what is wrong
            # Half of a pair of surrogates has an escape, but no UTF-8.
            return self._write_standard(obj, ensure_ascii=True, **_COMPACT).encode()
        return self._write_standard(obj, **_COMPACT).encode()

    def _make_writer(self) -> tuple[Any, bool, msgspec.json.Encoder]:
        encoder = msgspec.json.Encoder(
            enc_hook=_with_subclasses(self.default),
            decimal_format="string",
            uuid_format="canonical",
            order="sorted" if self.sort_keys else None,
        )
        return self.default, self.sort_keys, encoder

    def _write_standard(self, obj: Any, **kwargs: Any) -> str:
        """Write a value with json.dumps, which asks msgspec for what it does not know itself."""
        hook = _with_subclasses(self.default)
        kwargs.setdefault("default", lambda o: msgspec.to_builtins(o, enc_hook=hook))
        return super().dumps(obj, **kwargs)


_OWN_DUMPS, _OWN_RESPONSE = MsgspecProvider.dumps, MsgspecProvider.response


def _with_subclasses(default: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Have a hook take what json.dumps does: subclasses of str and of numbers."""

    def hook(o: Any) -> Any:
        if o is None or o is True or o is False:  # as a key, which json.dumps takes
            raise TypeError
        if isinstance(o, str):
            return str.__str__(o)
        if isinstance(o, int):
            return int.__int__(o)
        if isinstance(o, float):
            return float.__float__(o)
        return default(o)

    return hook
