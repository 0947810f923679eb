"""Whether the app's database pools hold as many connections as the server runs views."""

from __future__ import annotations

from typing import Any

from kolben.typing import App


def tell_small_pools(app: App, threads: int) -> list[str]:
    """Return a warning for each SQLAlchemy pool that is smaller than a worker's threads.

    Each worker has pools of its own, so that only its own threads count. A view that finds the
    pool empty waits, 30 seconds at most, and then fails.
    """
    extension = app.extensions.get("sqlalchemy")
    if extension is None or not hasattr(extension, "engines"):
        return []
    with app.app_context():
        engines: dict[str | None, Any] = dict(extension.engines)
    return [
        f"The database pool {name or 'of the default bind'} holds {size} connections, but this"
        f" worker runs {threads} views at once. Set SQLALCHEMY_ENGINE_OPTIONS ="
        f" {{'pool_size': {threads}}} or serve with --threads {size}."
        for name, engine in engines.items()
        if (size := _most_connections(engine.pool)) is not None and size < threads
    ]


def _most_connections(pool: Any) -> int | None:
    """Return how many connections a pool opens at most; None: no limit, or not known."""
    size = getattr(pool, "size", None)
    overflow = getattr(pool, "_max_overflow", None)
    if size is None or overflow is None or overflow < 0:
        return None
    # A size of 0 means no limit (SQLAlchemy's QueuePool).
    return int(size()) + int(overflow) if size() else None
