"""Metrics that prometheus-client shares between processes, when one of those processes has ended.

Rule: the parent does not import that library. It decides at its import whether metrics are shared,
and a forked worker would have it as it was imported here.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from kolben.server import stop_signals

HAS_POSIX_SIGNALS = sys.platform != "win32"
# How long the last of them are waited for, at the end of a server.
FAREWELL_S = 5.0


def shared_folder() -> str | None:
    """Return the folder in which the app's metrics are shared; None where they are not."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR")


class DeadMarker:
    """Has each dead worker's `live` gauges removed, by the library itself in a short process."""

    def __init__(self, context: BaseContext) -> None:
        self._context = context
        # The app itself may have chosen it: see note_folder().
        self._folder = shared_folder()
        self._marking: list[BaseProcess] = []

    def note_folder(self, folder: str | None) -> None:
        """Take note of the folder that a worker shares its metrics in."""
        self._folder = folder or self._folder

    def __call__(self, pid: int) -> None:
        """Have the library told that a process is dead; nothing where no metrics are shared."""
        folder = self._folder
        self._marking = [process for process in self._marking if process.is_alive()]
        # What it removes: no file, no process.
        if folder is None or not has_live_gauges(folder, pid):
            return
        process = self._context.Process(target=mark_dead, args=(pid, folder), daemon=True)  # type: ignore[attr-defined]  # each context has it
        with suppress(OSError):
            process.start()
            self._marking.append(process)

    def finish(self) -> None:
        """Wait for those that are not done, at the end of the server."""
        for process in self._marking:
            process.join(FAREWELL_S)


def has_live_gauges(folder: str, pid: int) -> bool:
    """Say whether a process has left gauges of living processes behind."""
    with suppress(OSError):
        return any(
            name.startswith("gauge_live") and name.endswith(f"_{pid}.db")
            for name in os.listdir(folder)
        )
    return False


def mark_dead(pid: int, folder: str) -> None:
    """Tell the library, in a process of its own, that another one is dead."""
    if HAS_POSIX_SIGNALS:
        stop_signals.forget_parents_handlers()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    with suppress(ImportError):
        from prometheus_client.multiprocess import mark_process_dead  # starts faster without it

        mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]  # the library's
