"""The tables that hooks are registered in, and what of them applies to one endpoint.

Users and extensions change these tables directly (`app.before_request_funcs[None].insert(0, f)`),
so each tells when it is changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from inspect import iscoroutinefunction
from itertools import groupby
from typing import Any

from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.typing import App, Hook, Response

Tell = Callable[[], None]
Chain = tuple[Hook, ...]
Table = Mapping[Any, list[Hook]]


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
    Those of the app come first before the view, and last after it. Each tuple has a twin of
    functions to be awaited, in which plain hooks that follow one another are one: they go to a
    thread together. block: there are such plain ones. keep_thread: what one of them leaves in its
    thread, the next one looks for there, so that all of a request must run in one.
    """

    __slots__ = (
        "after",
        "after_async",
        "before",
        "before_async",
        "block",
        "come_before",
        "keep_thread",
        "names",
        "teardown",
        "teardown_async",
        "url_values",
        "url_values_async",
    )

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.url_values: Chain = ()
        self.before: Chain = ()
        self.after: Chain = ()
        self.teardown: Chain = ()
        self.url_values_async: Chain = ()
        self.before_async: Chain = ()
        self.after_async: Chain = ()
        self.teardown_async: Chain = ()
        self.come_before = False
        self.block = False
        self.keep_thread = False

    def merge(self, app: App) -> None:
        """Take the hooks from an app's tables again."""
        self._take(app, app.before_request_funcs, app.teardown_request_funcs)
        after = _collect(app.after_request_funcs, self._outward, True)
        self.after = tuple(map(app.ensure_sync, after))
        self.after_async = _joined(after, _pass_on, app)
        self.block = self.block or any(map(blocks, after))
        self.keep_thread = self.keep_thread or any(map(_keeps_thread, after))

    @property
    def _outward(self) -> Iterable[str | None]:
        return (*self.names, None)

    def _take(self, app: App, table_before: Table, table_teardown: Table) -> None:
        """Take what runs before the view, and at the end of all, from these tables."""
        inward = (None, *reversed(self.names))
        values = _collect(app.url_value_preprocessors, inward)
        before = _collect(table_before, inward)
        teardown = _collect(table_teardown, self._outward, True)
        self.url_values = tuple(map(app.ensure_sync, values))
        self.before = tuple(map(app.ensure_sync, before))
        self.teardown = tuple(map(app.ensure_sync, teardown))
        self.url_values_async = _joined(values, _call_each, app)
        self.before_async = _joined(before, _first_answer, app)
        self.teardown_async = _joined(teardown, _call_each, app)
        self.come_before = bool(values or before)
        both = (*values, *before, *teardown)
        self.block = any(map(blocks, both))
        self.keep_thread = any(map(_keeps_thread, both))


class SocketHooks(Hooks):
    """The hooks of WebSockets: closing comes after the view, with a response or None."""

    __slots__ = ("closing",)

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)
        self.closing: Chain = ()

    def merge(self, app: App) -> None:
        """Take the hooks from an app's tables again."""
        self._take(app, app.before_websocket_funcs, app.teardown_websocket_funcs)
        after = _collect(app.after_websocket_funcs, self._outward, True)
        self.closing = _joined(after, _pass_on_any, app)


def _collect(table: Table, names: Iterable[str | None], backwards: bool = False) -> Chain:
    """List the hooks under `names`; backwards: the one registered last comes first."""
    found: list[Hook] = []
    for name in names:
        hooks = table.get(name, ())
        found.extend(reversed(hooks) if backwards else hooks)
    return tuple(found)


def blocks(function: Callable[..., Any]) -> bool:
    """Say whether a function may keep its thread waiting: not one that is async or says so.

    One says so by an attribute: `function.blocking = False`.
    """
    return not iscoroutinefunction(function) and getattr(function, "blocking", True)


# Tracers that keep a request's span in its thread, as no request of Flask's ever leaves one.
_KEEPING_THREADS = ("aws_xray_sdk.",)


def _keeps_thread(function: Callable[..., Any]) -> bool:
    """Say whether a hook wants the whole of a request in its thread.

    One says so by an attribute: `function.keeps_thread = True`.
    """
    module = getattr(function, "__module__", None) or ""
    return getattr(function, "keeps_thread", False) or module.startswith(_KEEPING_THREADS)


def _joined(chain: Chain, join: Callable[[Chain], Hook], app: App) -> Chain:
    """Return functions to be awaited; those that block and follow one another become one."""
    joined: list[Hook] = []
    for is_blocking, run in groupby(chain, blocks):
        if is_blocking:
            joined.append(app.ensure_async(join(tuple(map(app.ensure_sync, run)))))
        else:
            joined.extend(map(app.ensure_async, run))
    return tuple(joined)


def _call_each(chain: Chain) -> Hook:
    """Join hooks that get the same and return nothing."""

    def call_each(*args: Any) -> None:
        for hook in chain:
            hook(*args)

    return call_each


def _first_answer(chain: Chain) -> Hook:
    """Join hooks of which the first that returns something but None is the answer."""

    def first_answer() -> Any:
        for hook in chain:
            answer = hook()
            if answer is not None:
                return answer
        return None

    return first_answer


def _pass_on(chain: Chain) -> Hook:
    """Join hooks of which each gets the response that the one before returned."""

    def pass_on(response: Response) -> Response:
        for hook in chain:
            response = checked_response(hook(response), hook)
        return response

    return pass_on


def _pass_on_any(chain: Chain) -> Hook:
    """Join hooks of WebSockets: each gets the response so far, None if there is none."""

    def pass_on(response: Response | None) -> Response | None:
        for hook in chain:
            response = hook(response) or response
        return response

    return pass_on


def checked_response(response: Any, hook: Hook) -> Response:
    """Return what a hook returned; TypeError, which names the hook, if that is no response."""
    if isinstance(response, WerkzeugResponse):
        return response  # type: ignore[return-value]  # FLASK: of whatever class
    name = getattr(hook, "__qualname__", repr(hook))
    raise TypeError(
        f"The after_request function {name!r} returned {response!r:.80}. Return the response that"
        " it was given, or another one."
    )
