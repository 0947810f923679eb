"""Accounts: who may log in, and with which password."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from board.database import connection, timestamp

# Matches no password: an account with it exists as an author only.
NO_PASSWORD = "!"


@dataclass(frozen=True, slots=True)
class Account:
    """A row of `users`."""

    id: int
    name: str
    password_hash: str
    session_stamp: str
    role: str
    about: str
    joined_at: str

    @property
    def is_admin(self) -> bool:
        """Tell whether this account may moderate."""
        return self.role == "admin"


def find(account_id: int) -> Account | None:
    """Find an account by its number."""
    row = connection().execute("SELECT * FROM users WHERE id = ?", (account_id,)).fetchone()
    return Account(**row) if row else None


def find_by_name(name: str) -> Account | None:
    """Find an account by its name, in upper or lower case."""
    row = connection().execute("SELECT * FROM users WHERE name = ?", (name,)).fetchone()
    return Account(**row) if row else None


def add(name: str, password: str | None, role: str = "member", about: str = "") -> int:
    """Add an account and give its number; sqlite3.IntegrityError if the name is taken."""
    password_hash = NO_PASSWORD if password is None else generate_password_hash(password)
    cursor = connection().execute(
        "INSERT INTO users (name, password_hash, session_stamp, role, about, joined_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (name, password_hash, secrets.token_hex(8), role, about, timestamp()),
    )
    return cursor.lastrowid or 0


def set_about(account_id: int, about: str) -> None:
    """Change what an account says of itself."""
    connection().execute("UPDATE users SET about = ? WHERE id = ?", (about, account_id))


def set_password(account_id: int, password: str) -> None:
    """Change a password and end all sessions that began with the old one."""
    connection().execute(
        "UPDATE users SET password_hash = ?, session_stamp = ? WHERE id = ?",
        (generate_password_hash(password), secrets.token_hex(8), account_id),
    )


def with_password(name: str, password: str) -> Account | None:
    """Find the account that this name and password belong to."""
    account = find_by_name(name)
    if account is None or account.password_hash == NO_PASSWORD:
        # SECURITY: an unknown name takes as long as a known one, so time tells no names.
        check_password_hash(_hash_of_nobody(), password)
        return None
    return account if check_password_hash(account.password_hash, password) else None


def overview() -> list[dict[str, Any]]:
    """List all accounts with what they wrote, admins first."""
    rows = connection().execute(
        "SELECT name, role, joined_at,"
        " (SELECT count(*) FROM questions WHERE author_id = users.id) AS question_count,"
        " (SELECT count(*) FROM answers WHERE author_id = users.id) AS answer_count"
        " FROM users ORDER BY role, name"
    )
    return [dict(row) for row in rows]


@cache
def _hash_of_nobody() -> str:
    return generate_password_hash(secrets.token_hex(16))
