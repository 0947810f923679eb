"""Whatever a request does, it is torn down once, and leaves no context behind."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from kolben import Flask, appcontext_popped, g, has_app_context, has_request_context, request
from kolben.core.context import RequestContext
from kolben.core.current import current, find_context
from kolben.core.ending import leave, leave_async, pop_leaked, release_async
from kolben.entry.disconnects import unbroken


async def enter_and_leave(app: Flask, failure: BaseException | None = None) -> RequestContext:
    context = enter(app)
    await leave_async(app, context, failure, unbroken)
    assert find_context() is None
    return context


def enter(app: Flask, path: str = "/") -> RequestContext:
    """Begin a request, as an entry does."""
    context: RequestContext = app.test_request_context(path)
    context.begin(app.engine)
    return context


def end(app: Flask, way: str, failure: BaseException | None = None) -> None:
    """Begin a request and end it in one of the two ways."""
    if way == "plainly":
        leave(app, enter(app), failure)
    else:
        asyncio.run(enter_and_leave(app, failure))


WAYS = pytest.mark.parametrize("way", ["plainly", "on the loop"])


@pytest.fixture
def said(app: Flask) -> list[Any]:
    """What the teardown functions of `app` were told."""
    said: list[Any] = []

    @app.teardown_request
    def of_the_request(error: BaseException | None) -> None:
        said.append(("request", error, has_request_context()))

    @app.teardown_appcontext
    def of_the_app(error: BaseException | None) -> None:
        said.append(("app", error, has_request_context()))

    return said


@WAYS
@pytest.mark.parametrize("failure", [None, ValueError("it failed")])
def test_request_and_app_are_torn_down_in_this_order(
    app: Flask, said: list[Any], way: str, failure: BaseException | None
) -> None:
    end(app, way, failure)
    assert said == [("request", failure, True), ("app", failure, False)]


@WAYS
def test_an_error_may_be_kept_from_the_teardown(app: Flask, said: list[Any], way: str) -> None:
    app.should_ignore_error = lambda error: True  # type: ignore[method-assign]
    end(app, way, ValueError("it failed"))
    assert [error for _, error, _ in said] == [None, None]


@WAYS
@pytest.mark.parametrize("kind", [ValueError, SystemExit])
def test_a_teardown_that_fails_runs_once_and_the_apps_runs_after_it(
    app: Flask, said: list[Any], way: str, kind: type[BaseException]
) -> None:
    @app.teardown_request
    def fail(error: BaseException | None) -> None:
        said.append("failing")
        raise kind("in the teardown")

    async def main() -> None:
        with pytest.raises(kind, match="in the teardown"):
            await enter_and_leave(app)
        assert find_context() is None

    if way == "plainly":
        with pytest.raises(kind, match="in the teardown"):
            end(app, way)
    else:
        asyncio.run(main())
    assert said == ["failing", ("app", None, False)]


@WAYS
def test_a_teardown_of_the_app_that_fails_leaves_the_request_as_it_was(
    app: Flask, way: str
) -> None:
    @app.teardown_appcontext
    def fail(error: BaseException | None) -> None:
        raise ValueError("in the teardown")

    kept: list[RequestContext] = []

    async def main() -> None:
        kept.append(enter(app, "/path"))
        await leave_async(app, kept[0], None, unbroken)

    def plainly() -> None:
        kept.append(enter(app, "/path"))
        leave(app, kept[0], None)

    with pytest.raises(ValueError, match="in the teardown"):
        plainly() if way == "plainly" else asyncio.run(main())
    assert kept[0].request.path == "/path"


@WAYS
def test_contexts_that_were_left_behind_are_popped_and_named(
    app: Flask, said: list[Any], way: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        context = enter(app)
        app.app_context().push()
        app.test_request_context("/inner").push()
        await leave_async(app, context, None, unbroken)
        assert find_context() is None

    if way == "plainly":
        context = enter(app)
        app.app_context().push()
        app.test_request_context("/inner").push()
        leave(app, context, None)
    else:
        asyncio.run(main())
    assert [what for what, *_ in said] == ["request", "app", "request", "app"]
    assert caplog.text.count("was pushed during") == 2
    assert "never popped" in caplog.text


@WAYS
def test_a_context_that_was_left_behind_may_fail_without_harm(
    app: Flask, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    fails = [True]

    @app.teardown_appcontext
    def fail(error: BaseException | None) -> None:
        if fails.pop() if fails else False:
            raise ValueError("of what was left behind")

    async def main() -> None:
        context = enter(app)
        app.app_context().push()
        await leave_async(app, context, None, unbroken)
        assert find_context() is None

    if way == "plainly":
        context = enter(app)
        app.app_context().push()
        leave(app, context, None)
    else:
        asyncio.run(main())
    assert "of what was left behind" in caplog.text


@pytest.mark.parametrize("depth", [1, 3])
def test_a_context_pushed_by_another_thread_is_left_as_well(
    app: Flask, depth: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Its variables were taken over, but its tokens belong to the thread."""

    async def main() -> None:
        context = enter(app)

        def leak() -> None:
            for _ in range(depth):
                app.app_context().push()

        await app.ensure_async(leak)()
        assert find_context() is not context
        await leave_async(app, context, None, unbroken)
        assert find_context() is None

    asyncio.run(main())
    assert caplog.text.count("never popped") == depth


def test_a_context_pushed_in_one_thread_may_be_popped_in_another(app: Flask) -> None:
    context = app.app_context()

    async def main() -> list[bool]:
        await app.ensure_async(context.push)()
        before = has_app_context()
        await app.ensure_async(context.pop)()
        return [before, has_app_context()]

    assert asyncio.run(main()) == [True, False]


def test_without_anything_to_tear_down_it_ends_at_once(app: Flask) -> None:
    """Also on the loop: no task is made for it."""

    async def main() -> int:
        context = enter(app)
        leaving = leave_async(app, context, None, unbroken)
        with pytest.raises(StopIteration):
            leaving.send(None)
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1


@pytest.mark.parametrize("hook", ["async", "plain"])
def test_teardown_functions_of_both_kinds_run_on_the_loop(app: Flask, hook: str) -> None:
    seen: list[Any] = []
    if hook == "async":

        @app.teardown_request
        async def waiting(error: BaseException | None) -> None:
            await asyncio.sleep(0)
            seen.append((request.path, threading.current_thread().name[:12]))

        @app.teardown_appcontext
        async def of_the_app(error: BaseException | None) -> None:
            await asyncio.sleep(0)
            seen.append(g.get("name"))
    else:

        @app.teardown_request
        def plain(error: BaseException | None) -> None:
            seen.append((request.path, threading.current_thread().name[:12]))

        app.teardown_appcontext(lambda error: seen.append(g.get("name")))

    async def main() -> None:
        context = enter(app)
        g.name = "kept"
        await leave_async(app, context, None, unbroken)

    asyncio.run(main())
    assert seen == [("/", "MainThread" if hook == "async" else "kolben-view-"), "kept"]


def test_a_cancelled_request_is_torn_down_to_the_end(app: Flask) -> None:
    said: list[str] = []

    @app.teardown_request
    async def slow(error: BaseException | None) -> None:
        await asyncio.sleep(0.005)
        said.append("request")

    app.teardown_appcontext(lambda error: said.append("app"))

    async def main() -> bool:
        task = asyncio.create_task(enter_and_leave(app))
        for _ in range(3):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main()) is True
    assert said == ["request", "app"]


@WAYS
def test_a_context_inside_of_another_of_the_app_leaves_the_app_to_that(
    app: Flask, said: list[Any], way: str
) -> None:
    popped: list[Any] = []

    def note(sender: Flask) -> None:
        popped.append(sender)

    async def main() -> None:
        with app.app_context():
            g.name = "outer"
            context = enter(app)
            assert g.name == "outer"
            await leave_async(app, context, None, unbroken)
            assert popped == []

    with appcontext_popped.connected_to(note, app):
        if way == "plainly":
            with app.app_context():
                leave(app, enter(app), None)
                assert popped == []
        else:
            asyncio.run(main())
    assert [what for what, *_ in said] == ["request", "app"]
    assert popped == [app]


def test_an_app_by_steps_is_torn_down_through_its_methods(app: Flask) -> None:
    said: list[str] = []
    own = app.do_teardown_request

    def tear_down(*args: Any) -> None:
        said.append(threading.current_thread().name[:12])
        own(*args)

    app.do_teardown_request = tear_down  # type: ignore[method-assign]
    assert app.engine.by_steps

    async def main() -> None:
        context = app.test_request_context()
        context.push()
        await leave_async(app, context, None, unbroken)
        assert find_context() is None

    asyncio.run(main())
    assert said == ["kolben-view-"]


def test_a_context_is_handed_to_who_preserves_it_and_keeps_its_g(app: Flask) -> None:
    kept: list[RequestContext] = []
    context = app.test_request_context(
        environ_overrides={"werkzeug.debug.preserve_context": kept.append}
    )
    context.begin(app.engine)
    g.name = "kept"
    leave(app, context, None)
    assert kept == [context]
    assert find_context() is None
    with context:
        assert g.name == "kept"


# Held contexts.


@pytest.mark.parametrize("by_steps", [False, True], ids=["run", "by steps"])
def test_a_held_context_is_torn_down_when_it_is_let_go(
    app: Flask, said: list[Any], by_steps: bool
) -> None:
    if by_steps:
        app.dispatch_request = app.dispatch_request  # type: ignore[method-assign]
    error = ValueError("in the stream")

    async def main() -> None:
        context = app.test_request_context()
        context.push()
        first, last = context.hold(), context.hold()
        await leave_async(app, context, None, unbroken)
        assert find_context() is None
        await release_async(context, first, None)
        assert said == []
        await release_async(context, last, error)
        assert find_context() is None

    asyncio.run(main())
    assert said == [("request", error, True), ("app", error, False)]


def test_leaks_end_where_the_context_is_not_found(app: Flask) -> None:
    with app.app_context():
        context = app.test_request_context()
        token = current.set(None)
        try:
            pop_leaked(app, context)
            assert find_context() is None
        finally:
            current.reset(token)
