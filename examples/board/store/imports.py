"""Deliveries of the import hook, each noted by the digest of its body."""

from __future__ import annotations

from board.database import connection, timestamp


def note(body_sha256: str) -> bool:
    """Note a delivery; false if the same body was imported before."""
    added = connection().execute(
        "INSERT OR IGNORE INTO imports (body_sha256, received_at) VALUES (?, ?)",
        (body_sha256, timestamp()),
    )
    return added.rowcount == 1
