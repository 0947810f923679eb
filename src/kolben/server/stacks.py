"""Stacks of threads, cut down to what tells where an app's code is.

Two sources: what `faulthandler` writes of a process that cannot do so itself, and the frames of
this process's own threads.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType

from kolben.core.context import RequestContext

# Of each process, and of each thread: the rest is seldom looked at.
MOST_THREADS = 8
MOST_FRAMES = 12
_HEAD = re.compile(r"^(?:Current thread|Thread) 0x.*\(most recent call first\):")
_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\S+) in (?P<name>.*)$')

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_STANDARD = os.path.dirname(os.__file__) + os.sep
_INSTALLED = tuple(f"{_STANDARD}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_SERVER = f"{os.sep}granian{os.sep}server{os.sep}"


def is_machinery(file: str) -> bool:
    """Say whether a file is of the interpreter or the server, and tells nothing of the app."""
    if file.startswith((_PACKAGE, "<frozen ")) or f"{os.sep}granian{os.sep}" in file:
        return True
    return file.startswith(_STANDARD) and not file.startswith(_INSTALLED)


def describe_stack(dump: bytes) -> str:
    """Return the threads of faulthandler's dump that are in the app's code, each line indented.

    If none is, all are returned; nothing of an empty dump.
    """
    threads = [*_threads_of(dump.decode("utf-8", "replace"))]
    shown = [found for frames in threads if (found := _without_machinery(frames))] or threads
    lines = [
        line
        for number, frames in enumerate(shown[:MOST_THREADS], 1)
        for line in (f"  Thread {number}, most recent call first:", *frames[:MOST_FRAMES])
    ]
    if len(shown) > MOST_THREADS:
        lines.append(f"  … and {len(shown) - MOST_THREADS} more threads")
    return "".join(f"\n{line}" for line in lines)


def _threads_of(text: str) -> Iterator[list[str]]:
    """Give the lines with frames of each thread."""
    frames: list[str] | None = None
    for line in text.splitlines():
        if _HEAD.match(line):
            if frames:
                yield frames
            frames = []
        elif frames is not None and _FRAME.match(line):
            frames.append(f"  {line}")
    if frames:
        yield frames


def _without_machinery(frames: list[str]) -> list[str]:
    """Return frames up to the outermost one of the app's; nothing if there is none."""
    last = 0
    for number, frame in enumerate(frames, 1):
        found = _FRAME.match(frame[2:])
        file = "" if found is None else found["file"]
        if _SERVER in file:  # what is outside of it, a forked process has from its parent
            break
        if not is_machinery(file):
            last = number
    return frames[:last]


# Of this process.


def describe_busy_threads() -> list[str]:
    """Say of each thread that holds up this process's end what it does.

    These are threads with a request, and those that the interpreter waits for.
    """
    own, main = threading.get_ident(), threading.main_thread()
    threads = {thread.ident: thread for thread in threading.enumerate()}
    found: list[str] = []
    for ident, frame in sys._current_frames().items():
        # Granian's own threads are unknown to `threading`.
        thread = threads.get(ident)
        stack = [*_walk(frame)]
        context = None if ident == own else _context_of(stack)
        is_waited_for = thread is not None and thread is not main and not thread.daemon
        if context is not None or is_waited_for:
            name = f"thread {ident if thread is None else thread.name}"
            request = "" if context is None else f", {_describe_request(context)}"
            found.append(f"{name}{request}: {_describe_place(stack)}")
    return found


def _walk(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _context_of(stack: list[FrameType]) -> RequestContext | None:
    """Return the context of the request that a thread works on: who answers it has it at hand."""
    for frame in stack:
        if frame.f_code.co_filename.startswith(_PACKAGE):
            found = frame.f_locals.get("context")
            if isinstance(found, RequestContext):
                return found
    return None


def _describe_request(context: RequestContext) -> str:
    request = context.request
    # SECURITY: whatever is not printable is escaped, or a path could forge lines.
    line = repr(f"{request.method} {request.path}")[1:-1]
    with suppress(Exception):  # of a converter of the app's
        if request.endpoint is not None:
            return f"{line} (view {request.endpoint})"
    return line


def _describe_place(stack: list[FrameType]) -> str:
    """Return where the app's own code is, and what it has called."""
    top = stack[0]
    own = next((one for one in stack if not is_machinery(one.f_code.co_filename)), top)
    place = f"{own.f_code.co_filename}:{own.f_lineno} in {own.f_code.co_name}"
    return place if own is top else f"{place}, in a call of {top.f_code.co_name}"
