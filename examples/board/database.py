"""The SQLite connection of a request, and the tables made at the first start."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask, current_app, g

SCHEMA_VERSION = 1


def connection() -> sqlite3.Connection:
    """Give the connection of this request; the end of the app context closes it.

    Writers say `with connection(): …`: one transaction, undone if an error leaves the block.
    """
    if "connection" not in g:
        g.connection = connect(Path(current_app.config["DATABASE"]))
    opened: sqlite3.Connection = g.connection
    return opened


def connect(path: Path) -> sqlite3.Connection:
    """Open the database file, readable by its owner only if it is new."""
    path.touch(mode=0o600)
    # The steps of one request may run in several threads, though never two at once.
    opened = sqlite3.connect(path, check_same_thread=False)
    opened.row_factory = sqlite3.Row
    opened.execute("PRAGMA foreign_keys = ON")
    return opened


def close(_error: BaseException | None = None) -> None:
    """Close the connection, if this context opened one."""
    opened = g.pop("connection", None)
    if opened is not None:
        opened.close()


def has_tables() -> bool:
    """Tell whether the tables were made, by this process or another one."""
    version: int = connection().execute("PRAGMA user_version").fetchone()[0]
    return version >= SCHEMA_VERSION


def begin_with_tables() -> None:
    """Take the write lock and make the missing tables; the caller ends the transaction."""
    opened = connection()
    opened.execute("PRAGMA journal_mode = WAL")
    with current_app.open_resource("schema.sql", "r") as schema:
        # executescript() would commit a transaction begun before it, so the script begins it.
        opened.executescript(f"BEGIN IMMEDIATE; {schema.read()}")


def mark_complete() -> None:
    """Note in the file that tables and first content are there."""
    connection().execute(f"PRAGMA user_version = {SCHEMA_VERSION:d}")


def drop_everything() -> None:
    """Remove all tables and views, whatever is in them."""
    opened = connection()
    opened.execute("PRAGMA foreign_keys = OFF")
    with opened:
        opened.execute("BEGIN IMMEDIATE")
        entries = opened.execute(
            "SELECT type, name FROM sqlite_master"
            " WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        ).fetchall()
        for kind, name in entries:
            opened.execute(f'DROP {kind} "{name}"')
        opened.execute("PRAGMA user_version = 0")
    opened.execute("PRAGMA foreign_keys = ON")


def timestamp(ago: timedelta = timedelta()) -> str:
    """Give the time as it stands in the tables: ISO 8601, UTC, seconds."""
    return (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")


def init_app(app: Flask) -> None:
    """Have the connection closed at the end of every app context."""
    app.teardown_appcontext(close)
