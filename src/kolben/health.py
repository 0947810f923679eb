"""Whether what an app needs is there: checks that it registers, and those for what many need.

Rule: a check that hangs holds up nobody: it has a time limit, and is not begun again meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from inspect import isawaitable, iscoroutinefunction
from typing import Any

from kolben.entry.loop import the_loop
from kolben.typing import App

# Returns nothing, or whether all is well, or raises what is wrong; or is a coroutine function.
CheckFunction = Callable[[], Any]
DEFAULT_TIMEOUT_S = 2.0
# Less than a check's, so that the error is Redis's own.
REDIS_TIMEOUT_S = 1.0


class Check:
    """One question to something that the app needs."""

    def __init__(self, app: App, name: str, function: CheckFunction, timeout_s: float) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self._app = app
        self._function = function
        self._running: Future[Any] | None = None
        self._was_well = True

    def begin(self, loop: asyncio.AbstractEventLoop) -> Future[Any]:
        """Ask, unless an earlier question is still open; return the answer to come.

        loop: where a check that is async runs.
        """
        if self._running is None or self._running.done():
            self._running = Future()
            args = (loop, self._running)
            threading.Thread(target=self._ask, args=args, name="kolben-check", daemon=True).start()
        return self._running

    def _ask(self, loop: asyncio.AbstractEventLoop, answer: Future[Any]) -> None:
        try:
            if iscoroutinefunction(self._function):
                found = self._on_loop(loop, self._function)
            else:
                with self._app.app_context():
                    found = self._function()
                if isawaitable(found):
                    found = self._on_loop(loop, lambda: found)
        except BaseException as error:  # noqa: BLE001  # whoever asked gets it
            answer.set_exception(error)
        else:
            answer.set_result(found)

    def _on_loop(
        self, loop: asyncio.AbstractEventLoop, function: Callable[[], Awaitable[Any]]
    ) -> Any:
        async def ask() -> Any:
            with self._app.app_context():
                return await asyncio.wait_for(function(), self.timeout_s)

        return asyncio.run_coroutine_threadsafe(ask(), loop).result()

    def finish(self, answer: Future[Any], began: float) -> str | None:
        """Return what is wrong, None if nothing is; the log says more, once.

        SECURITY: only the kind of an error is told, as its text may hold addresses and passwords.
        """
        left_s = began + self.timeout_s - time.monotonic()
        is_done = bool(wait([answer], max(left_s, 0.0)).done)
        error = answer.exception() if is_done else None
        if not is_done or (isinstance(error, TimeoutError) and self._is_late(began)):
            problem: str | None = f"no answer within {self.timeout_s:g} s"
        elif error is not None:
            problem = type(error).__name__
        else:
            problem = "said no" if answer.result() is False else None
        if problem is not None and self._was_well:
            self._app.logger.warning(
                "The health check %r failed: %s", self.name, problem, exc_info=error
            )
        self._was_well = problem is None
        return problem

    def _is_late(self, began: float) -> bool:
        return time.monotonic() - began >= self.timeout_s


class HealthChecks:
    """The checks of an app."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._checks: dict[str, Check] = {}
        self._lock = threading.Lock()

    def add(self, name: str, function: CheckFunction, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Add a check; one of the same name is replaced."""
        self._checks[name] = Check(self._app, name, function, timeout_s)

    def run(self, loop: asyncio.AbstractEventLoop | None = None) -> dict[str, str | None]:
        """Ask all at once; return what is wrong with each, None if nothing is.

        loop: where async checks run; the one of async views in a sync app, if it is not given.
        Not to be called on it.
        """
        with self._lock:
            began = time.monotonic()
            home = loop or the_loop()
            asked = [(check, check.begin(home)) for check in self._checks.values()]
            return {check.name: check.finish(answer, began) for check, answer in asked}


def check_sqlalchemy(database: Any) -> CheckFunction:
    """Return a check that asks each engine for `SELECT 1`.

    database: an engine, an AsyncEngine, or Flask-SQLAlchemy's object with its `engines`.
    """

    def check() -> Any:
        engines = getattr(database, "engines", None)
        found = [database] if engines is None else [*engines.values()]
        later = [engine for engine in found if hasattr(engine, "sync_engine")]
        for engine in found:
            if engine not in later:
                with engine.connect() as connection:
                    connection.exec_driver_sql("SELECT 1")
        return _ask_async_engines(later) if later else None

    return check


async def _ask_async_engines(engines: list[Any]) -> None:
    for engine in engines:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")


def check_redis(client: Any, timeout_s: float = REDIS_TIMEOUT_S) -> CheckFunction:
    """Return a check that sends `PING`; client: redis.Redis or redis.asyncio.Redis.

    It asks over a connection of its own, once: the client's own retries take longer than a check
    may, and hide the cause. A client without a pool of connections, as of a cluster, is asked as
    it is. timeout_s: for each step, in place of the client's.
    """

    def check() -> Any:
        pool = getattr(client, "connection_pool", None)
        if pool is None:
            return client.ping()
        connection = _connect_once(pool, timeout_s)
        if iscoroutinefunction(connection.connect):
            return _ping_later(connection)
        try:
            connection.connect()
            connection.send_command("PING")
            connection.read_response()
        finally:
            connection.disconnect()
        return None

    return check


def _connect_once(pool: Any, timeout_s: float) -> Any:
    """Make a connection as a pool would, which tries everything once."""
    from redis.asyncio.retry import Retry as AsyncRetry  # starts faster without it
    from redis.backoff import NoBackoff  # starts faster without it
    from redis.retry import Retry  # starts faster without it

    connection = pool.connection_class(**pool.connection_kwargs)
    is_async = iscoroutinefunction(connection.connect)
    connection.retry = (AsyncRetry if is_async else Retry)(NoBackoff(), 0)
    connection.socket_timeout = connection.socket_connect_timeout = timeout_s
    return connection


async def _ping_later(connection: Any) -> None:
    try:
        await connection.connect()
        await connection.send_command("PING")
        await connection.read_response()
    finally:
        await connection.disconnect()
