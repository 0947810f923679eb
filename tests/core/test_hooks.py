"""Tables of hooks tell of every change, however it is made."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from kolben import Response
from kolben.core.hooks import Hooks, HookTable, SocketHooks, WatchedDict, WatchedList

LIST_CHANGES: dict[str, Callable[[list[Any]], Any]] = {
    "append": lambda hooks: hooks.append(9),
    "extend": lambda hooks: hooks.extend([9]),
    "insert": lambda hooks: hooks.insert(0, 9),
    "remove": lambda hooks: hooks.remove(1),
    "pop": lambda hooks: hooks.pop(),
    "clear": lambda hooks: hooks.clear(),
    "sort": lambda hooks: hooks.sort(),
    "reverse": lambda hooks: hooks.reverse(),
    "set": lambda hooks: hooks.__setitem__(0, 9),
    "set slice": lambda hooks: hooks.__setitem__(slice(None), [9]),
    "delete": lambda hooks: hooks.__delitem__(0),
    "+=": lambda hooks: hooks.__iadd__([9]),
    "*=": lambda hooks: hooks.__imul__(2),
}
DICT_CHANGES: dict[str, Callable[[dict[Any, Any]], Any]] = {
    "set": lambda table: table.__setitem__("b", [2]),
    "delete": lambda table: table.__delitem__("a"),
    "update": lambda table: table.update({"b": [2]}),
    "update by keyword": lambda table: table.update(b=[2]),
    "setdefault": lambda table: table.setdefault("b", [2]),
    "pop": lambda table: table.pop("a"),
    "popitem": lambda table: table.popitem(),
    "clear": lambda table: table.clear(),
}


class Ear:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.mark.parametrize("change", LIST_CHANGES.values(), ids=LIST_CHANGES)
def test_a_list_tells(change: Callable[[list[Any]], Any]) -> None:
    ear = Ear()
    watched, plain = WatchedList([2, 1, 3], ear), [2, 1, 3]
    change(watched)
    change(plain)
    assert ear.count == 1
    assert watched == plain


@pytest.mark.parametrize(
    "change",
    [*DICT_CHANGES.values(), lambda table: table.__ior__({"b": [2]})],
    ids=[*DICT_CHANGES, "|="],
)
def test_a_dict_tells(change: Callable[[dict[Any, Any]], Any]) -> None:
    ear = Ear()
    watched, plain = WatchedDict({"a": [1]}, ear), {"a": [1]}
    change(watched)
    change(plain)
    assert ear.count == 1
    assert watched == plain


@pytest.mark.parametrize("change", DICT_CHANGES.values(), ids=DICT_CHANGES)
def test_a_table_tells(change: Callable[[dict[Any, Any]], Any]) -> None:
    ear = Ear()
    table, plain = HookTable({"a": [1]}), {"a": [1]}
    table.tell = ear
    change(table)
    change(plain)
    assert ear.count >= 1
    assert table == plain


def test_lists_in_a_table_tell_too_however_they_got_there() -> None:
    ear = Ear()
    table = HookTable({"made": [1]})
    table.tell = ear
    table["set"] = [1]
    table.update(updated=[1])
    before = ear.count
    for name in ("made", "set", "updated"):
        table[name].append(2)
    table["missing"].append(2)
    table.setdefault("default", []).append(2)
    assert ear.count >= before + 5
    assert table["default"] == [2]
    assert table.setdefault("set", [9]) == [1, 2]


def test_a_watched_list_is_pickled_as_a_list() -> None:
    assert type(pickle.loads(pickle.dumps(WatchedList([1])))) is list  # our own bytes


def test_hooks_run_inward_before_and_outward_after() -> None:
    def table(kind: str) -> dict[str | None, list[str]]:
        names = (None, "a", "a.b", "other")
        return {name: [f"{kind} {name} 1", f"{kind} {name} 2"] for name in names}

    tables = SimpleNamespace(
        url_value_preprocessors=table("url"),
        before_request_funcs=table("before"),
        after_request_funcs=table("after"),
        teardown_request_funcs={},
        ensure_sync=lambda hook: hook,
        ensure_async=lambda hook: hook,
    )
    hooks = Hooks(("a.b", "a"))
    hooks.merge(tables)
    assert [str(hook) for hook in hooks.before] == [
        "before None 1",
        "before None 2",
        "before a 1",
        "before a 2",
        "before a.b 1",
        "before a.b 2",
    ]
    assert [str(hook) for hook in hooks.after] == [
        "after a.b 2",
        "after a.b 1",
        "after a 2",
        "after a 1",
        "after None 2",
        "after None 1",
    ]
    assert len(hooks.url_values) == 6
    assert hooks.teardown == ()


def test_hooks_that_are_async_are_wrapped_once_when_merged() -> None:
    tables = SimpleNamespace(
        url_value_preprocessors={},
        before_request_funcs={None: ["hook"]},
        after_request_funcs={},
        teardown_request_funcs={},
        ensure_sync=lambda hook: f"sync {hook}",
        ensure_async=lambda hook: hook,
    )
    hooks = Hooks(())
    hooks.merge(tables)
    assert [str(hook) for hook in hooks.before] == ["sync hook"]


def test_hooks_of_websockets_are_taken_from_tables_of_their_own() -> None:
    def table(kind: str) -> dict[str | None, list[Any]]:
        return {name: [f"{kind} {name}"] for name in (None, "a")}

    calls: list[Any] = []
    changed, kept = Response(), Response()

    def change(response: Any) -> Any:
        calls.append(response)
        return changed

    app: Any = SimpleNamespace(
        url_value_preprocessors={},
        before_websocket_funcs=table("before"),
        after_websocket_funcs={None: [calls.append, change]},
        teardown_websocket_funcs=table("teardown"),
        ensure_sync=lambda hook: hook,
        ensure_async=lambda hook: hook,
    )
    hooks = SocketHooks(("a",))
    hooks.merge(app)
    assert ("before None", "before a") == hooks.before
    assert ("teardown a", "teardown None") == hooks.teardown
    assert () == hooks.after
    (close,) = hooks.closing
    assert changed is close(kept)
    assert [kept, changed] == calls
