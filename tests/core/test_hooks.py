"""Tables of hooks tell of every change, however it is made."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from inspect import iscoroutinefunction
from types import SimpleNamespace
from typing import Any

import pytest

from kolben import Flask, Response
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


def tables_with(app: Flask, *hooks: Any) -> Hooks:
    """Return the hooks of an app in which each table has these."""
    for table in (
        app.url_value_preprocessors,
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
    ):
        table[None].extend(hooks)
    found = Hooks(())
    found.merge(app)
    return found


async def waiting(*args: Any) -> Any:
    return args[0] if args else None


def plain(*args: Any) -> Any:
    return args[0] if args else None


def unblocking(*args: Any) -> Any:
    return args[0] if args else None


unblocking.blocking = False  # type: ignore[attr-defined]  # as users say it


@pytest.mark.parametrize(
    ("hooks", "count"),
    [
        ([], 0),
        ([plain], 1),
        ([plain, plain, plain], 1),
        ([waiting, waiting], 2),
        ([plain, plain, waiting, plain, plain], 3),
        ([unblocking, unblocking], 2),
        ([plain, unblocking, plain], 3),
    ],
)
def test_plain_hooks_that_follow_one_another_go_to_a_thread_together(
    app: Flask, hooks: list[Any], count: int
) -> None:
    found = tables_with(app, *hooks)
    for chain in (found.url_values, found.before, found.after, found.teardown):
        assert len(chain) == len(hooks)
    for joined in (
        found.url_values_async,
        found.before_async,
        found.after_async,
        found.teardown_async,
    ):
        assert len(joined) == count
        assert all(map(iscoroutinefunction, joined))
    assert found.come_before is bool(hooks)


def test_joined_hooks_do_what_each_did(app: Flask) -> None:
    said: list[Any] = []
    first, second = Response(), Response()

    def note(*args: Any) -> Any:
        said.append(args)
        return None if args[:1] != (first,) else second

    found = tables_with(app, note, note)

    async def main() -> Any:
        await found.url_values_async[0]("endpoint", {"a": 1})
        await found.teardown_async[0](None)
        return await found.before_async[0]()

    assert asyncio.run(main()) is None
    assert said == [("endpoint", {"a": 1})] * 2 + [(None,)] * 2 + [()] * 2


@pytest.mark.parametrize(("answers", "calls"), [((None, None), 2), (("early", None), 1)])
def test_the_first_of_joined_hooks_that_answers_is_the_last(
    app: Flask, answers: tuple[Any, Any], calls: int
) -> None:
    coming = list(answers)

    def answer(*args: Any) -> Any:
        return coming.pop(0)

    found = tables_with(app, answer, answer)

    async def main() -> Any:
        return await found.before_async[0]()

    assert asyncio.run(main()) == answers[0]
    assert len(coming) == 2 - calls


def test_each_of_joined_hooks_gets_the_response_of_the_one_before(app: Flask) -> None:
    responses = [Response(), Response(), Response()]

    def change(response: Response) -> Response:
        return responses[responses.index(response) + 1]

    found = tables_with(app, change, change)

    async def main() -> Any:
        return await found.after_async[0](responses[0])

    assert asyncio.run(main()) is responses[2]


def test_joined_hooks_that_return_no_response_are_named(app: Flask) -> None:
    def returns_text(response: Response) -> Any:
        return "text"

    found = tables_with(app, returns_text)

    async def main() -> Any:
        return await found.after_async[0](Response())

    with pytest.raises(TypeError, match="returns_text' returned 'text'"):
        asyncio.run(main())


def test_an_app_may_have_its_own_way_with_plain_hooks(app: Flask) -> None:
    """Joined or not, each goes through ensure_sync."""
    seen: list[Any] = []

    def ensure_sync(function: Any) -> Any:
        return lambda *args: seen.append(function) or function(*args)

    app.ensure_sync = ensure_sync  # type: ignore[method-assign]
    found = tables_with(app, plain, plain)

    async def main() -> None:
        await found.before_async[0]()
        for hook in found.before:
            hook()

    asyncio.run(main())
    assert seen == [plain] * 4
