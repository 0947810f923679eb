"""A long body that is in a file whole, and the files of a form as parts of that file.

Over an event loop a body is there before it is parsed. PERF: what is long in it was written once
and is not written again for an uploaded file: 25 ms instead of 54 ms for 100 MiB
(benchmarks/uploads.py).
"""

from __future__ import annotations

import os
import tempfile
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedRandom, FileIO, RawIOBase
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any, cast

from kolben.core.limits import InsufficientStorage

# Windows has none.
_preadv: Any = getattr(os, "preadv", None)
_COPIED_BYTES = 262_144


class BodyFile(BufferedRandom):
    """A body in a file that nobody else writes to."""

    def part(self, start: int, size: int) -> IO[bytes]:
        """Return some of its bytes as a file of their own, which outlives this one."""
        return cast("IO[bytes]", BufferedRandom(_PartOfFile(self.fileno(), start, size)))


def open_body_file() -> IO[bytes]:
    """Make an empty file for a body; a BodyFile where the system can read at a place."""
    if _preadv is None:
        return TemporaryFile()
    return cast("IO[bytes]", BodyFile(TemporaryFile(buffering=0)))


def no_room(error: OSError) -> InsufficientStorage:
    """Return the answer (507) to a body that could not be written into the temporary folder."""
    # None as long as none has been found that can be written to.
    return InsufficientStorage(error, tempfile.tempdir)


class _PartOfFile(RawIOBase):
    """Some bytes of a file, as a file; copied into one of its own when it must be one.

    That is when something is written to it, or its descriptor asked for.
    """

    name = None
    mode = "rb+"

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._shared = os.dup(descriptor)
        self._start = start
        self._size = size
        self._at = 0
        self._own: FileIO | None = None

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def writable(self) -> bool:
        """Say that this can be written to, as a temporary file can."""
        return True

    def seekable(self) -> bool:
        """Say that this can be read from any place."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what is there next; 0 at the end."""
        if self._own is not None:
            return self._own.readinto(buffer)
        left = max(0, self._size - self._at)
        # Released at once: where objects live on (PyPy), the owner could not resize its buffer.
        with memoryview(buffer) as whole, whole[:left] as room:
            count: int = _preadv(self._shared, [room], self._start + self._at)
        self._at += count
        return count

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        """Go to another place; ValueError for one before the beginning."""
        if self._own is not None:
            return self._own.seek(offset, whence)
        at = offset + {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._size}[whence]
        if at < 0:
            raise ValueError(f"There is no place {at} in a file.")
        self._at = at
        return at

    def write(self, data: Any, /) -> int:
        """Write to a copy, which this is from now on."""
        return self._be_own().write(data)

    def truncate(self, size: int | None = None, /) -> int:
        """Cut a copy off, or fill it up with zeros; this is it from now on."""
        return self._be_own().truncate(size)

    def fileno(self) -> int:
        """Return the descriptor of a copy, which this is from now on."""
        return self._be_own().fileno()

    def close(self) -> None:
        """Close it, and not the body that it is of."""
        if not self.closed:
            if self._own is not None:
                self._own.close()
            os.close(self._shared)
        super().close()

    def _be_own(self) -> FileIO:
        """Copy it, the first time."""
        if self._own is None:
            own = TemporaryFile(buffering=0)  # noqa: SIM115  # closed with this
            at, self._at = self._at, 0
            copyfileobj(self, own, _COPIED_BYTES)
            own.seek(at)
            self._own = own
        return self._own
