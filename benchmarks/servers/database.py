"""The SQLite file that the servers read one row of.

Every app calls find_item() where its view runs. Coroutine views call it too: the query takes some
microseconds, and handing it to a thread would cost more.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

VARIABLE = "BENCHMARKS_DATABASE"
ITEMS = 10_000
WAIT_S = 0.005

_connections = threading.local()


def make_database(file: Path) -> None:
    """Write the file."""
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        rows = ((number, f"item {number}") for number in range(1, ITEMS + 1))
        connection.executemany("INSERT INTO item VALUES (?, ?)", rows)
    connection.close()


def find_item(number: int) -> dict[str, int | str]:
    """Return a row, on a connection that this thread keeps; raise KeyError when there is none."""
    try:
        connection = _connections.kept
    except AttributeError:
        connection = _connections.kept = sqlite3.connect(os.environ[VARIABLE])
    row = connection.execute("SELECT id, name FROM item WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise KeyError(number)
    return {"id": row[0], "name": row[1]}
