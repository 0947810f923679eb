"""The namespace behind `g`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kolben.core.current import find_context

_MISSING: Any = object()


class _AppCtxGlobals:
    """A plain object with a few of a dict's methods; users' names are its attributes.

    FLASK: this name is the documented one, to subclass for `app_ctx_globals_class`.
    """

    # Checkers shall take every attribute that users make up.
    def __setattr__(self, name: str, value: Any) -> None: ...
    def __delattr__(self, name: str) -> None: ...

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'g' has no attribute {name!r}: nothing set it in this context.")

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or `default`."""
        return self.__dict__.get(name, default)

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        """Remove an attribute and return it; without `default`, KeyError if there is none."""
        if default is _MISSING:
            return self.__dict__.pop(name)
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return an attribute, set to `default` before if there was none."""
        return self.__dict__.setdefault(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __repr__(self) -> str:
        context = find_context()
        if context is None:
            return object.__repr__(self)
        return f"<flask.g of {context.app.name!r}>"


# PERF: as every object sets and deletes one, without a call: 0.02 us instead of 0.1 us
# (benchmarks/shortcuts.py).
del _AppCtxGlobals.__setattr__, _AppCtxGlobals.__delattr__
