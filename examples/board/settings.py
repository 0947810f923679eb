"""What the board can be told, and the secrets it keeps in its instance folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

# Every one of them can be set by an environment variable BOARD_<name>.
DEFAULTS: dict[str, Any] = {
    "TITLE": "Board",
    "PER_PAGE": 8,
    # Log-ins that may fail for one name from one address within the time.
    "FAILED_LOGINS_ALLOWED": 8,
    "FAILED_LOGINS_MINUTES": 15,
    # Pages that are told of new answers by server-sent events, where WebSockets do not work: on
    # WSGI each of them takes a thread. The others ask every ten seconds.
    "MOST_STREAMS": 3,
    # All that a page says through its WebSocket is "writing", some times a minute.
    "WEBSOCKET_MAX_MESSAGE_SIZE": 64,
    "WEBSOCKET_MAX_MESSAGE_RATE": 5,
    # A long answer with code has some 10 KiB; an import carries many of them.
    "MAX_CONTENT_LENGTH": 512 * 1024,
    "SESSION_COOKIE_NAME": "board_session",
    "SESSION_COOKIE_SAMESITE": "Lax",
}


def kept_secret(folder: Path, name: str) -> str:
    """Read a secret from its file, made at the first call with mode 0600.

    Two processes that start together get the same one: a file is linked into place whole,
    and only where none is.
    """
    path = folder / name
    if not path.exists():
        draft = folder / f".{name}.{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first: its secret counts
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
