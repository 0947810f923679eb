"""The pools of connections that an app has: to databases through SQLAlchemy, and to Redis.

Rule: looking opens no connection, and imports no library that the app has not. Each look is one of
`Looks`: an extension that answers only in a context is asked in one.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

from kolben.server.looks import Looks, kind_of


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


def find_pools(looks: Looks) -> list[Pool]:
    """Return the pools that this process has by now, those of Flask-SQLAlchemy first."""
    pools = [
        looks.at(
            f"SQLAlchemy's engine {name}", partial(_database_pool, name, engine), None, "its pool"
        )
        for name, engine in find_engines(looks)
    ]
    return [*(pool for pool in pools if pool is not None), *_redis_pools(looks)]


def find_engines(looks: Looks) -> list[tuple[str, Any]]:
    """Return SQLAlchemy's engines in this process, each with a name.

    Flask-SQLAlchemy tells how its binds are called. Others are wherever the app keeps them, so
    that only the interpreter knows of all.
    """
    found = _bound_engines(looks)
    others = instances("sqlalchemy.engine.base", "Engine")
    found += looks.at_each("An engine of SQLAlchemy", others, _see_engine, "its pool")
    # Engines with options of their own share the pool of the one they were made from.
    by_pool: dict[int, tuple[str, Any]] = {}
    for pool, name, engine in found:
        by_pool.setdefault(pool, (name, engine))
    return list(by_pool.values())


def _see_engine(engine: Any, name: str = "") -> tuple[int, str, Any]:
    """Return the identity of an engine's pool, its name, by default where it leads, and itself."""
    return id(engine.pool), name or f"of {address_of(engine.url)}", engine


def address_of(url: Any) -> str:
    """Return an SQLAlchemy URL without user, password and options."""
    bare = type(url).create(url.drivername, host=url.host, port=url.port, database=url.database)
    return str(bare)


def _bound_engines(looks: Looks) -> list[tuple[int, str, Any]]:
    """Return the engines of Flask-SQLAlchemy with the names of their binds."""
    extension = looks.app.extensions.get("sqlalchemy")

    def look() -> list[tuple[int, str, Any]]:
        engines: dict[str | None, Any] = dict(getattr(extension, "engines", {}))
        return [
            _see_engine(engine, f"of the bind {name!r}" if name else "of the default bind")
            for name, engine in engines.items()
        ]

    what = f"The extension 'sqlalchemy' ({kind_of(extension)})"
    return looks.at(what, look, [], "the names of its binds")


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


def _redis_pools(looks: Looks) -> list[Pool]:
    """Return the pools of the Redis client, of both its kinds."""
    pools = [
        pool
        for module_name in ("redis.connection", "redis.asyncio.connection")
        for pool in instances(module_name, "ConnectionPool")
    ]
    return looks.at_each("A pool of the Redis client", pools, _redis_pool, "its size")


def _redis_pool(pool: Any) -> Pool:
    arguments = pool.connection_kwargs
    host = f"{arguments.get('host', 'localhost')}:{arguments.get('port', 6379)}"
    where = f"redis://{arguments.get('path') or host}/{arguments.get('db') or 0}"
    # Old versions say "no limit" with a very large number.
    most = int(pool.max_connections) if pool.max_connections < 2**31 else None
    return Pool(f"of {where}", "Redis", where, most, "Set max_connections={size}")
