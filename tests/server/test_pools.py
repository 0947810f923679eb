"""A database pool that is smaller than a worker's threads is pointed out."""

from __future__ import annotations

from typing import Any

import pytest

from kolben import Flask
from kolben.server.pools import tell_small_pools


class Pool:
    """What SQLAlchemy's QueuePool tells of itself."""

    def __init__(self, size: int, overflow: int) -> None:
        self._size, self._max_overflow = size, overflow

    def size(self) -> int:
        return self._size


class Engine:
    def __init__(self, pool: Any) -> None:
        self.pool = pool


class Extension:
    """What Flask-SQLAlchemy leaves in app.extensions."""

    def __init__(self, engines: dict[str | None, Engine]) -> None:
        self.engines = engines


def tell(pool: Any, threads: int, name: str | None = None) -> list[str]:
    app = Flask("shop")
    app.extensions["sqlalchemy"] = Extension({name: Engine(pool)})
    return tell_small_pools(app, threads)


def test_a_small_pool_is_told_with_the_setting_to_write() -> None:
    (said,) = tell(Pool(1, 2), 4)
    assert "of the default bind holds 3 connections, but this worker runs 4 views" in said
    assert "SQLALCHEMY_ENGINE_OPTIONS = {'pool_size': 4}" in said
    assert "The database pool users holds" in tell(Pool(1, 0), 2, "users")[0]


@pytest.mark.parametrize(
    "pool", [Pool(5, 10), Pool(4, 0), Pool(0, 0), Pool(1, -1), object()], ids=repr
)
def test_a_pool_that_suffices_or_has_no_limit_is_not(pool: Any) -> None:
    assert [] == tell(pool, 4)


def test_an_app_without_a_database_has_no_pool() -> None:
    assert [] == tell_small_pools(Flask("shop"), 100)
