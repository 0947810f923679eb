"""What an app needs is asked within its time, in a context of the app, plainly or on the loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Self

import pytest

from kolben import Flask, current_app
from kolben.health import check_redis, check_sqlalchemy


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs, as a server's does."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


def refuse() -> None:
    raise ConnectionRefusedError("postgresql://user:password@host")


async def refuse_later() -> None:
    await asyncio.sleep(0)
    refuse()


async def agree() -> bool:
    await asyncio.sleep(0)
    return current_app.name == "app"


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (lambda: None, None),
        (lambda: current_app.name == "app", None),
        (lambda: False, "said no"),
        (refuse, "ConnectionRefusedError"),
        (agree, None),
        (lambda: agree(), None),
        (refuse_later, "ConnectionRefusedError"),
    ],
    ids=["nothing", "true", "false", "raises", "async", "awaitable", "async raises"],
)
def test_a_check_passes_unless_it_says_otherwise(
    app: Flask, loop: asyncio.AbstractEventLoop, check: Any, problem: str | None
) -> None:
    app.add_health_check("it", check)
    assert app.health_checks.run(loop) == {"it": problem}
    assert app.health_checks.run() == {"it": problem}


def test_an_async_check_runs_on_the_loop_of_the_server(
    app: Flask, loop: asyncio.AbstractEventLoop
) -> None:
    found: list[Any] = []

    async def check() -> None:
        found.append(asyncio.get_running_loop())

    app.add_health_check("it", check)
    app.health_checks.run(loop)
    assert found == [loop]


def test_checks_are_asked_at_the_same_time_and_none_longer_than_it_may(
    app: Flask, loop: asyncio.AbstractEventLoop
) -> None:
    go_on = threading.Event()
    asked: list[str] = []

    def hang() -> None:
        asked.append("hang")
        go_on.wait(20)

    async def hang_later() -> None:
        await asyncio.sleep(20)

    app.add_health_check("plain", hang, timeout_s=0.2)
    app.add_health_check("async", hang_later, timeout_s=0.2)
    app.add_health_check("well", lambda: True)
    began = time.monotonic()
    late = "no answer within 0.2 s"
    expected = {"plain": late, "async": late, "well": None}
    assert app.health_checks.run(loop) == expected
    assert time.monotonic() - began < 10
    # It hangs still: it is waited for, and not begun a second time.
    assert app.health_checks.run(loop) == expected
    assert asked == ["hang"]
    go_on.set()


def test_a_loop_that_is_blocked_fails_a_check_that_needs_it(
    app: Flask, loop: asyncio.AbstractEventLoop
) -> None:
    go_on = threading.Event()
    loop.call_soon_threadsafe(go_on.wait, 20)
    app.add_health_check("async", agree, timeout_s=0.1)
    try:
        assert app.health_checks.run(loop) == {"async": "no answer within 0.1 s"}
    finally:
        go_on.set()


def test_a_check_that_itself_gives_up_in_time_says_so(app: Flask) -> None:
    def give_up() -> None:
        raise TimeoutError

    app.add_health_check("it", give_up)
    assert app.health_checks.run() == {"it": "TimeoutError"}


def test_the_log_says_once_what_is_wrong(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([refuse, refuse, bool, refuse])
    app.add_health_check("database", lambda: next(answers)() is not False or None)
    with caplog.at_level(logging.WARNING):
        found = [app.health_checks.run()["database"] for _ in range(4)]
    refused = "ConnectionRefusedError"
    assert found == [refused, refused, None, refused]
    assert [record.getMessage() for record in caplog.records] == [
        "The health check 'database' failed: ConnectionRefusedError"
    ] * 2
    assert caplog.records[0].exc_info is not None
    assert "password" in str(caplog.records[0].exc_info[1])  # for the log alone


def test_a_check_of_the_same_name_takes_the_place_of_the_first(app: Flask) -> None:
    app.add_health_check("it", refuse)
    app.add_health_check("it", lambda: True)
    assert app.health_checks.run() == {"it": None}


def test_sqlalchemy_is_asked_for_each_engine(app: Flask, tmp_path: Any) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    well = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/file.db")
    ill = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/missing/file.db")
    app.add_health_check("one", check_sqlalchemy(well))
    app.add_health_check("ill", check_sqlalchemy(ill))
    app.add_health_check("all", check_sqlalchemy(SimpleNamespace(engines={None: well, "b": ill})))
    broken = "OperationalError"
    assert app.health_checks.run() == {"one": None, "ill": broken, "all": broken}
    for engine in (well, ill):
        engine.dispose()


class AsyncEngine:
    """What SQLAlchemy's AsyncEngine has that is used here; its drivers are not installed."""

    sync_engine = object()

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def connect(self) -> AsyncEngine:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *args: object) -> None:
        self._said.append("closed")

    async def exec_driver_sql(self, statement: str) -> None:
        await asyncio.sleep(0)
        self._said.append(statement)


def test_async_engines_are_asked_on_the_loop(app: Flask, loop: asyncio.AbstractEventLoop) -> None:
    said: list[str] = []
    app.add_health_check("database", check_sqlalchemy(AsyncEngine(said)))
    assert app.health_checks.run(loop) == {"database": None}
    assert said == ["SELECT 1", "closed"]


def test_redis_is_pinged_by_either_client(
    app: Flask, loop: asyncio.AbstractEventLoop, redis_url: str, free_port: int
) -> None:
    import redis
    import redis.asyncio

    nowhere = f"redis://127.0.0.1:{free_port}"
    clients: list[Any] = [redis.Redis.from_url(url) for url in (redis_url, nowhere)]
    later: list[Any] = [redis.asyncio.Redis.from_url(url) for url in (redis_url, nowhere)]
    for name, client in zip(
        ["well", "ill", "async well", "async ill"], clients + later, strict=True
    ):
        app.add_health_check(name, check_redis(client))
    found = app.health_checks.run(loop)
    assert (found["well"], found["async well"]) == (None, None)
    assert (found["ill"], found["async ill"]) == ("ConnectionError", "ConnectionError")
    for client in clients:
        client.close()
    for client in later:
        asyncio.run_coroutine_threadsafe(client.aclose(), loop).result()
