"""Failed log-ins, counted by name and address, to slow down guessing."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app

from board.database import connection, timestamp


def too_many(name: str, address: str) -> bool:
    """Tell whether this address has guessed at this name too often of late."""
    failures: int = (
        connection()
        .execute(
            "SELECT count(*) FROM failed_logins WHERE name = ? AND address = ? AND failed_at > ?",
            (name, address, _start()),
        )
        .fetchone()[0]
    )
    return failures >= current_app.config["FAILED_LOGINS_ALLOWED"]


def note(name: str, address: str) -> None:
    """Count one more failure, and forget those that are too old to matter."""
    with connection() as database:
        database.execute("DELETE FROM failed_logins WHERE failed_at <= ?", (_start(),))
        database.execute(
            "INSERT INTO failed_logins (name, address, failed_at) VALUES (?, ?, ?)",
            (name, address, timestamp()),
        )


def _start() -> str:
    return timestamp(timedelta(minutes=current_app.config["FAILED_LOGINS_MINUTES"]))
