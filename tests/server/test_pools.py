"""Pools are found wherever the app keeps them, and say how many connections they open."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool, QueuePool

from kolben import Flask
from kolben.server.looks import Looks
from kolben.server.pools import Pool, find_pools, most_connections

DATABASE = "postgresql+psycopg://user:hidden@db.example:5433/shop?application_name=hidden"


@pytest.fixture(autouse=True)
def nothing_of_other_tests() -> Iterator[None]:
    gc.collect()
    yield
    gc.collect()


def pools_to(host: str) -> list[Pool]:
    return [pool for pool in find_pools(Looks(Flask("shop"))) if host in pool.where]


def test_an_engine_that_nobody_has_registered_is_found_without_its_password() -> None:
    engine = sqlalchemy.create_engine(DATABASE, pool_size=2, max_overflow=1)
    (pool,) = pools_to("db.example")
    where = "postgresql+psycopg://db.example:5433/shop"
    cure = "Set create_engine(…, pool_size={size})"
    assert Pool(f"of {where}", "database", where, 3, cure) == pool
    assert 0 == engine.pool.checkedin()  # type: ignore[attr-defined]


def test_engines_that_share_a_pool_count_once() -> None:
    engine = sqlalchemy.create_engine(DATABASE)
    other = engine.execution_options(isolation_level="AUTOCOMMIT")
    assert engine.pool is other.pool
    assert 1 == len(pools_to("db.example"))


def test_an_async_engine_is_one_too() -> None:
    engine = create_async_engine(DATABASE, pool_size=7, max_overflow=0)
    assert [7] == [pool.most for pool in pools_to("db.example")]
    del engine


def test_a_pool_that_cannot_be_looked_at_leaves_the_others() -> None:
    class Odd(QueuePool):
        """A pool that tells its size when it is connected."""

        def size(self) -> int:
            raise RuntimeError("not connected yet\nconnect first")

    looks = Looks(Flask("shop"))
    engines = [
        sqlalchemy.create_engine(DATABASE, poolclass=Odd),
        sqlalchemy.create_engine("sqlite:///kept-pool.db"),
    ]
    assert ["sqlite:///kept-pool.db"] == [
        pool.where for pool in find_pools(looks) if pool.where in {str(one.url) for one in engines}
    ]
    assert [
        "SQLAlchemy's engine of postgresql+psycopg://db.example:5433/shop cannot be looked at:"
        " RuntimeError: not connected yet. Left out: its pool."
    ] == looks.failed


@pytest.mark.parametrize("library", [redis, redis.asyncio], ids=["plain", "async"])
def test_a_pool_of_redis_is_found(library: Any) -> None:
    client = library.Redis(host="cache.example", db=3, max_connections=12)
    (pool,) = pools_to("cache.example")
    assert ("Redis", "redis://cache.example:6379/3", 12) == (pool.kind, pool.where, pool.most)
    del client


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, 15),
        ({"pool_size": 4, "max_overflow": 0}, 4),
        ({"pool_size": 0}, None),
        ({"max_overflow": -1}, None),
        ({"poolclass": NullPool}, None),
    ],
    ids=repr,
)
def test_what_a_pool_opens_at_most(options: dict[str, Any], most: int | None) -> None:
    assert most == most_connections(sqlalchemy.create_engine(DATABASE, **options).pool)


def test_an_app_without_a_database_has_no_pool() -> None:
    assert [] == pools_to("example")
