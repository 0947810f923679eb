"""Tells, in development, of code that keeps an event loop waiting, and of objects of another loop.

Rule: nothing here changes what the app does.
"""

from __future__ import annotations

import asyncio
import linecache
import os
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Iterable
from types import FrameType
from typing import Any

from kolben.typing import App

# Longer than any view should compute, and shorter than a person notices.
THRESHOLD_S = 0.1

# What asyncio and the libraries over it say of an object that was made on another loop.
_FOREIGN = (
    "attached to a different loop",
    "is bound to a different event loop",
    "Event loop is closed",
    "different event loop",
)
_CURE = (
    "An object that belongs to one event loop was used on another: a client, pool, lock or task"
    " that was made when the module was imported, in asyncio.run(), or by another test. Make it"
    " where the app's own loop runs: in a function of @app.before_serving or @app.while_serving, or"
    " in the view when it is first needed."
)

# Code that is not the user's: whose frames are not what a warning points at.
_OTHERS = tuple(
    {
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)


class LoopGuard:
    """Watches one event loop from a thread of its own."""

    def __init__(
        self, app: App, loop: asyncio.AbstractEventLoop, threshold_s: float = THRESHOLD_S
    ) -> None:
        """Begin to watch a loop, which runs in this thread.

        threshold_s: how long one step may take; each place that takes longer is told once.
        """
        self._logger = app.logger
        self._loop = loop
        self._threshold_s = threshold_s
        self._thread_id = threading.get_ident()
        self._told: set[tuple[str, int]] = set()
        self._is_over = threading.Event()
        self._beat()
        self._thread = threading.Thread(target=self._watch, name="kolben-loop-guard", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch."""
        self._is_over.set()
        self._timer.cancel()
        self._thread.join()

    def _beat(self) -> None:
        """Note that the loop is free, and again soon."""
        self._last_beat = time.monotonic()
        self._timer = self._loop.call_later(self._threshold_s / 4, self._beat)

    def _watch(self) -> None:
        while not self._is_over.wait(self._threshold_s / 4) and self._loop.is_running():
            waited_s = time.monotonic() - self._last_beat
            if waited_s > self._threshold_s * 5 / 4:
                self._tell(waited_s)

    def _tell(self, waited_s: float) -> None:
        """Say where the loop's thread is, if that is in the user's code."""
        frame = users_frame(_outward(sys._current_frames().get(self._thread_id)))
        if frame is None:
            return
        file, line = frame.f_code.co_filename, frame.f_lineno
        if (file, line) in self._told:
            return
        self._told.add((file, line))
        self._logger.warning(
            "The event loop has been waiting for %.2f s for this line, and all other requests with"
            " it:\n  %s:%d in %s\n    %s\nAwait something async instead, or run it in a thread:"
            " await asyncio.to_thread(...). A view that is a plain `def` has a thread by itself.",
            waited_s,
            file,
            line,
            frame.f_code.co_name,
            linecache.getline(file, line).strip(),
        )


def watch_loop(app: App) -> LoopGuard | None:
    """Watch the running loop if the app is in debug mode.

    LOOP_GUARD_THRESHOLD in the app's configuration: in seconds; 0 or None is never.
    """
    threshold_s: Any = app.config.get("LOOP_GUARD_THRESHOLD", THRESHOLD_S)
    if not app.debug or not threshold_s:
        return None
    return LoopGuard(app, asyncio.get_running_loop(), threshold_s)


def explain_foreign_loop(error: BaseException) -> None:
    """Add to an error about an object of another event loop where it was used, and the cure."""
    if not isinstance(error, RuntimeError) or not any(text in str(error) for text in _FOREIGN):
        return
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    frame = users_frame(reversed(frames))
    if frame is not None:
        line = dict(traceback.walk_tb(error.__traceback__))[frame]
        error.add_note(f"Used at {frame.f_code.co_filename}:{line}.")
    error.add_note(_CURE)


def _outward(frame: FrameType | None) -> Iterable[FrameType]:
    """Yield a frame and those around it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def users_frame(frames: Iterable[FrameType]) -> FrameType | None:
    """Return the first of some frames that is of the user's own code."""
    for frame in frames:
        file = frame.f_code.co_filename
        if not file.startswith("<") and not os.path.abspath(file).startswith(_OTHERS):
            return frame
    return None
