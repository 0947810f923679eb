"""The pools of connections that an app has: to databases through SQLAlchemy, and to Redis.

Rule: looking opens no connection, and imports no library that the app has not.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kolben.typing import App


@dataclass(frozen=True)
class Pool:
    """A pool of connections of one process.

    name: as its warning calls it. kind: "database" or "Redis". where: what it leads to, without a
    password. most: connections at most; None: no limit, or not known. cure: how to have more,
    with `{size}` for how many.
    """

    name: str
    kind: str
    where: str
    most: int | None
    cure: str


def find_pools(app: App) -> list[Pool]:
    """Return the pools that this process has by now, those of Flask-SQLAlchemy first."""
    return [*(_database_pool(name, e) for name, e in find_engines(app)), *_redis_pools()]


def find_engines(app: App) -> list[tuple[str, Any]]:
    """Return SQLAlchemy's engines in this process, each with a name.

    Flask-SQLAlchemy tells how its binds are called. Others are wherever the app keeps them, so
    that only the interpreter knows of all.
    """
    named = list(_bound_engines(app))
    pools = {id(engine.pool) for _, engine in named}
    for engine in instances("sqlalchemy.engine.base", "Engine"):
        # Engines with options of their own share the pool of the one they were made from.
        if id(engine.pool) not in pools:
            pools.add(id(engine.pool))
            named.append((f"of {address_of(engine.url)}", engine))
    return named


def address_of(url: Any) -> str:
    """Return an SQLAlchemy URL without user, password and options."""
    bare = type(url).create(url.drivername, host=url.host, port=url.port, database=url.database)
    return str(bare)


def _bound_engines(app: App) -> Iterator[tuple[str, Any]]:
    """Give the engines of Flask-SQLAlchemy with the names of their binds."""
    extension = app.extensions.get("sqlalchemy")
    if extension is None or not hasattr(extension, "engines"):
        return
    with app.app_context():
        engines: dict[str | None, Any] = dict(extension.engines)
    for name, engine in engines.items():
        yield (f"of the bind {name!r}" if name else "of the default bind"), engine


def instances(module_name: str, class_name: str) -> list[Any]:
    """Return all objects of a class and its subclasses; none where nothing has imported it."""
    kind = getattr(sys.modules.get(module_name), class_name, None)
    if kind is None:
        return []
    # Of the type, not by isinstance: a proxy would answer for what it stands for, or raise.
    return [thing for thing in gc.get_objects() if issubclass(type(thing), kind)]


def _database_pool(name: str, engine: Any) -> Pool:
    setting = "SQLALCHEMY_ENGINE_OPTIONS = {{'pool_size': {size}}}"
    if "bind" not in name:
        setting = "create_engine(…, pool_size={size})"
    return Pool(
        name, "database", address_of(engine.url), most_connections(engine.pool), f"Set {setting}"
    )


def most_connections(pool: Any) -> int | None:
    """Return how many connections a pool of SQLAlchemy opens at most; None: no limit."""
    size = getattr(pool, "size", None)
    overflow = getattr(pool, "_max_overflow", None)
    if size is None or overflow is None or overflow < 0:
        return None
    # A size of 0 means no limit (SQLAlchemy's QueuePool).
    return int(size()) + int(overflow) if size() else None


def _redis_pools() -> Iterator[Pool]:
    """Give the pools of the Redis client, of both its kinds."""
    for module_name in ("redis.connection", "redis.asyncio.connection"):
        for pool in instances(module_name, "ConnectionPool"):
            arguments = pool.connection_kwargs
            host = f"{arguments.get('host', 'localhost')}:{arguments.get('port', 6379)}"
            where = f"redis://{arguments.get('path') or host}/{arguments.get('db') or 0}"
            # Old versions say "no limit" with a very large number.
            most = pool.max_connections if pool.max_connections < 2**31 else None
            yield Pool(f"of {where}", "Redis", where, most, "Set max_connections={size}")
