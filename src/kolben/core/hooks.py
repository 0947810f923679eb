"""The tables that hooks are registered in, and what of them applies to one endpoint.

Users and extensions change these tables directly (`app.before_request_funcs[None].insert(0, f)`),
so each tells when it is changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kolben.typing import Hook

Tell = Callable[[], None]


def _nobody() -> None:
    """Stand in for the listener of a table that nobody listens to."""


def _telling(change: Callable[..., Any]) -> Any:
    """Wrap a method of list or dict so that it tells after it has changed something."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = change(self, *args, **kwargs)
        self.tell()
        return result

    method.__name__ = change.__name__
    method.__doc__ = change.__doc__
    return method


class WatchedList(list[Any]):
    """A list that calls `tell` after each change."""

    def __init__(self, items: Iterable[Any] = (), tell: Tell = _nobody) -> None:
        super().__init__(items)
        self.tell = tell

    def __reduce__(self) -> tuple[Any, ...]:
        return (list, (list(self),))

    append = _telling(list.append)
    extend = _telling(list.extend)
    insert = _telling(list.insert)
    remove = _telling(list.remove)
    pop = _telling(list.pop)
    clear = _telling(list.clear)
    sort = _telling(list.sort)
    reverse = _telling(list.reverse)
    __setitem__ = _telling(list.__setitem__)
    __delitem__ = _telling(list.__delitem__)
    __iadd__ = _telling(list.__iadd__)
    __imul__ = _telling(list.__imul__)


class WatchedDict(dict[Any, Any]):
    """A dict that calls `tell` after each change."""

    def __init__(self, items: Mapping[Any, Any] | None = None, tell: Tell = _nobody) -> None:
        super().__init__(items or {})
        self.tell = tell

    __setitem__ = _telling(dict.__setitem__)
    __delitem__ = _telling(dict.__delitem__)
    __ior__ = _telling(dict.__ior__)
    update = _telling(dict.update)
    setdefault = _telling(dict.setdefault)
    pop = _telling(dict.pop)
    popitem = _telling(dict.popitem)
    clear = _telling(dict.clear)


class HookTable(defaultdict[Any, Any]):
    """Hooks by blueprint name, None for the app's own; calls `tell` after each change.

    Its values are lists; any list put in becomes one that tells too.
    """

    def __init__(
        self, items: Mapping[Any, Iterable[Hook]] | None = None, tell: Tell = _nobody
    ) -> None:
        super().__init__(list)
        self.tell = tell
        for name, hooks in (items or {}).items():
            self[name] = hooks

    def __missing__(self, name: Any) -> WatchedList:
        hooks = WatchedList(tell=self._changed)
        dict.__setitem__(self, name, hooks)
        return hooks

    def __setitem__(self, name: Any, hooks: Iterable[Hook]) -> None:
        dict.__setitem__(self, name, WatchedList(hooks, self._changed))
        self.tell()

    def _changed(self) -> None:
        self.tell()

    def setdefault(self, name: Any, default: Iterable[Hook] | None = None) -> Any:
        """Return the list under `name`, which is never the `default` object itself."""
        if name not in self:
            self[name] = default or ()
        return self[name]

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Put lists in from a mapping."""
        for name, hooks in dict(*args, **kwargs).items():
            self[name] = hooks

    __delitem__ = _telling(dict.__delitem__)
    pop = _telling(dict.pop)
    popitem = _telling(dict.popitem)
    clear = _telling(dict.clear)


class Hooks:
    """The hooks of one chain of blueprints, in the order in which they run.

    names: the blueprint and its parents, the innermost first, as Request.blueprints.
    Those of the app come first before the view, and last after it.
    """

    __slots__ = ("after", "before", "names", "teardown", "url_values")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.url_values: tuple[Hook, ...] = ()
        self.before: tuple[Hook, ...] = ()
        self.after: tuple[Hook, ...] = ()
        self.teardown: tuple[Hook, ...] = ()

    def merge(self, tables: Any, ensure_sync: Callable[[Hook], Hook]) -> None:
        """Take the hooks from an app's tables again.

        tables: has url_value_preprocessors, before_request_funcs, after_request_funcs and
        teardown_request_funcs.
        """
        inward = (None, *reversed(self.names))
        outward = (*self.names, None)
        self.url_values = _collect(tables.url_value_preprocessors, inward)
        self.before = tuple(map(ensure_sync, _collect(tables.before_request_funcs, inward)))
        self.after = tuple(map(ensure_sync, _collect(tables.after_request_funcs, outward, True)))
        self.teardown = tuple(
            map(ensure_sync, _collect(tables.teardown_request_funcs, outward, True))
        )


def _collect(
    table: Mapping[Any, list[Hook]], names: Iterable[str | None], backwards: bool = False
) -> tuple[Hook, ...]:
    """List the hooks under `names`; backwards: the one registered last comes first."""
    found: list[Hook] = []
    for name in names:
        hooks = table.get(name, ())
        found.extend(reversed(hooks) if backwards else hooks)
    return tuple(found)
