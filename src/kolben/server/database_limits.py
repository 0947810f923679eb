"""How many connections a database server allows: it is asked, and given little time to answer."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from kolben.server.looks import Looks

PATIENCE_S = 2.0


@dataclass(frozen=True)
class ServerLimit:
    """What a database server allows.

    where: dialect, host and port. most: connections of all clients together. reserved: those among
    them that only an administrator gets. databases: the pools that lead there. failure: why it
    could not be asked; then the numbers are 0.
    """

    where: str
    most: int
    reserved: int
    databases: tuple[str, ...]
    failure: str = ""

    @property
    def allowed(self) -> int:
        """Connections that an app can have."""
        return self.most - self.reserved


def ask_servers(looks: Looks, engines: Iterable[tuple[str, Any]]) -> list[ServerLimit]:
    """Ask each server that the engines lead to, once, in a context of the app.

    engines: names and SQLAlchemy's engines. A server that fails, or takes longer than PATIENCE_S
    with all others together, is in the answer with its failure. Raises nothing.
    """
    servers: dict[str, list[tuple[str, Any]]] = {}
    for name, engine in engines:
        what = f"SQLAlchemy's engine {name}"
        where = looks.at(what, partial(_server_of, engine), None, "what its server allows")
        if where is not None:
            servers.setdefault(where, []).append((name, engine))
    found: dict[str, tuple[int, int] | str] = {}

    def ask(where: str, engine: Any) -> None:
        try:
            # What makes a connection may read the app's settings.
            with looks.app.app_context():
                found[where] = _ask(engine)
        except Exception as error:  # noqa: BLE001  # a driver's, for whatever is wrong there
            found[where] = str(getattr(error, "orig", error)).strip().partition("\n")[0]

    asking = [
        threading.Thread(target=ask, args=(where, here[0][1]), daemon=True)
        for where, here in servers.items()
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(PATIENCE_S / len(asking))
    late = f"no answer within {PATIENCE_S:g} seconds"
    return [
        _limit(where, tuple(name for name, _ in here), found.get(where, late))
        for where, here in servers.items()
    ]


def _limit(where: str, names: tuple[str, ...], answer: tuple[int, int] | str) -> ServerLimit:
    if isinstance(answer, str):
        return ServerLimit(where, 0, 0, names, answer)
    return ServerLimit(where, *answer, names)


def _server_of(engine: Any) -> str | None:
    """Return the server that an engine leads to; None if there is none that can be asked."""
    if engine.dialect.name not in _QUESTIONS:
        return None
    url = engine.url
    host = url.host or "localhost"
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{host}{port}"


def _ask(engine: Any) -> tuple[int, int]:
    """Return what a server allows, and what of it is reserved, over a connection of our own."""
    question = _QUESTIONS[engine.dialect.name]

    def ask_and_close(connection: Any) -> tuple[int, int]:
        try:
            return question(connection)
        finally:
            # The pool would keep it open, and an async one belongs to a loop that ends here.
            connection.invalidate()

    if not engine.dialect.is_async:
        with engine.connect() as connection:
            return ask_and_close(connection)

    import asyncio  # starts faster without it

    from sqlalchemy.ext.asyncio import AsyncEngine  # starts faster without it

    async def wait() -> tuple[int, int]:
        async with AsyncEngine(engine).connect() as connection:
            return await connection.run_sync(ask_and_close)

    return asyncio.run(wait())


def _ask_postgresql(connection: Any) -> tuple[int, int]:
    settings = ("max_connections", "superuser_reserved_connections", "reserved_connections")
    values = [
        # The last is known since version 16.
        connection.exec_driver_sql(f"SELECT current_setting('{name}', true)").scalar()
        for name in settings
    ]
    most, *reserved = (int(value or 0) for value in values)
    return most, sum(reserved)


def _ask_mysql(connection: Any) -> tuple[int, int]:
    # The one connection that an administrator always gets comes on top of these.
    row = connection.exec_driver_sql("SHOW VARIABLES LIKE 'max_connections'").one()
    return int(row[1]), 0


_QUESTIONS = {"postgresql": _ask_postgresql, "mysql": _ask_mysql, "mariadb": _ask_mysql}
