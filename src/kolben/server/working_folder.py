"""The working directory by the path that it was given, which may lead to another one later.

A release is switched by a symbolic link (`current -> b`). A process that has begun in `current` is
in `a` from then on, and so is what it forks; by the path, it is in `b`.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress


class WorkingFolder:
    """Where a server was started, as the shell says it (PWD)."""

    def __init__(self) -> None:
        here = self._here = os.getcwd()
        self.path = _given_path(here)
        if self.path != here:
            _follow_in_path(here, self.path)

    def enter(self) -> None:
        """Go to where the path leads now, as each new worker is to; OSError if it leads nowhere."""
        try:
            os.chdir(self.path)
        except OSError as error:
            raise OSError(
                error.errno, f"{error.strerror}, to enter its folder {self.path}"
            ) from None
        here = os.getcwd()
        if here != self._here:
            self._here = here
            # What was not there may be there now, and the folders' dates may be the same.
            importlib.invalidate_caches()


def _given_path(here: str) -> str:
    given = os.environ.get("PWD", "")
    with suppress(OSError):
        if os.path.isabs(given) and os.path.samefile(given, here):
            return given
    return here


def _follow_in_path(here: str, given: str) -> None:
    """Have modules below a folder be looked for by its path as it was given."""
    below = here + os.sep
    for number, entry in enumerate(sys.path):
        is_below = entry.startswith(below) and not entry.startswith(sys.prefix + os.sep)
        if entry == here or is_below:
            sys.path[number] = given + entry[len(here) :]
