"""Files of the app that change, for `--reload`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import click

# Beside Python's: what is read once, at the start. Not what apps write themselves.
ENDINGS = (".html", ".jinja", ".jinja2", ".j2", ".toml", ".yaml", ".yml", ".cfg", ".ini", ".env")


def call_at_changes(folder: str, changed: Callable[[], object]) -> None:
    """Call a function whenever a file of the app below a folder has changed, in another thread.

    Raises click.UsageError if the package that it needs is not installed.
    """
    try:
        import watchfiles  # starts faster without it
    except ImportError as error:
        raise click.UsageError(
            "--reload needs a package that is not installed (watchfiles): pip install"
            " 'kolben[reload]'. `kolben run --debug` reloads without it."
        ) from error
    files: Any = watchfiles.PythonFilter(extra_extensions=ENDINGS)

    def watch() -> None:
        for _ in watchfiles.watch(folder, watch_filter=files, raise_interrupt=False):
            changed()

    threading.Thread(target=watch, name="kolben-reload", daemon=True).start()
