"""What clients have not taken yet of the answers that a server was handed, and who is ended then.

Granian keeps any number of bytes for a client that reads nothing, over HTTP/2 for each stream. What
the system's socket has taken tells what is left, for a connection with all of its streams.

Rule: while less is left than allowed, nobody is looked at, and nobody is ended.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from logging import getLogger
from time import monotonic

from kolben.entry import raw_socket
from kolben.entry.raw_socket import Ends

# An answer that is shorter is not counted: over HTTP/1 a connection has one at a time. Over HTTP/2
# it has as many as streams.
LEAST_BYTES = 64 * 1024
LEAST_SHARED_BYTES = 1024
# One connection may hold this part of what all may, besides the answer that is handed last.
PART_OF_ONE = 4
# Whole answers on a connection that is kept: where this is more, it is seen whether they are taken.
UNSEEN_BYTES = 1024 * 1024
# Who has taken nothing for so long is ended where too much is left; where it is twice too much, the
# slowest is, however short that is.
STALLED_S = 1.0
# How often all are looked at, at most, while too much is left.
PAUSE_S = 0.05

# The state and tcpi_bytes_acked in struct tcp_info, a closed connection's state, and the ioctl for
# what waits in the socket (linux/tcp.h, linux/sockios.h).
_INFO = struct.Struct("=B119xQ")
_TCP_CLOSE = 7
_OUTQ = 0x5411
HAS_TCP_INFO = sys.platform == "linux"


class Held:
    """What the server holds for one connection, in bytes, and when its client last took some."""

    __slots__ = ("bytes", "is_whole", "largest", "left", "since", "taken")

    def __init__(self, taken: int, now: float) -> None:
        self.bytes = 0
        # What the socket has not taken. `bytes` is more where an answer is one object, which is in
        # memory until the last of it is taken.
        self.left = 0
        self.is_whole = False
        # The longest answer among them.
        self.largest = 0
        self.taken = taken
        self.since = now


class Unsent:
    """The answers of a process that clients have not taken whole."""

    def __init__(self, most: int) -> None:
        """Begin to count. most: bytes that may be left before the slowest are ended."""
        self.most = most
        self.total = 0
        self._held: dict[Ends, Held] = {}
        self._next_look = 0.0
        self._lock = threading.Lock()

    def hand(self, ends: Ends, size: int, *, is_whole: bool = False) -> None:
        """Count an answer, or a piece of one, that the server is handed now; from any thread.

        is_whole: it is in memory until the client has taken all of it, and nothing else is on its
        way on the connection.
        """
        with self._lock:
            now = monotonic()
            held = self._held.get(ends)
            if held is None:
                taken = self._taken(ends)
                if taken is None:
                    return
                held = self._held[ends] = Held(taken, now)
            elif held.bytes + size > (UNSEEN_BYTES if is_whole else self.most // PART_OF_ONE):
                self._look(ends, held, now)
                if held.bytes > self.most // PART_OF_ONE and now - held.since > STALLED_S:
                    self._end(ends, held, now)
                    return
                if ends not in self._held:
                    self._held[ends] = held
            held.bytes += size
            held.left += size
            held.is_whole = is_whole
            held.largest = max(held.largest, size)
            self.total += size
            self._end_slowest(now)

    def end_slowest(self) -> None:
        """End the slowest connections if more is left than allowed; from any thread."""
        with self._lock:
            self._end_slowest(monotonic())

    def is_full(self, ends: Ends) -> bool:
        """Say whether a connection holds all that one may; what it holds is looked at."""
        with self._lock:
            held = self._held.get(ends)
            if held is None or held.bytes <= self.most // PART_OF_ONE:
                return False
            self._look(ends, held, monotonic())
            return held.bytes > self.most // PART_OF_ONE

    def _taken(self, ends: Ends) -> int | None:
        """Return how much a connection's socket has ever taken; None if it is over."""
        found = raw_socket.find(ends)
        if found is None:
            return None
        with found:
            return count_taken(found)

    def _look(self, ends: Ends, held: Held, now: float) -> None:
        """Count what a connection has taken since the last look, and forget it if that is all."""
        taken = self._taken(ends)
        held.left = 0 if taken is None else max(0, held.left - (taken - held.taken))
        if taken is not None and taken > held.taken:
            held.taken, held.since = taken, now
        if not (held.is_whole and held.left):
            self.total -= held.bytes - held.left
            held.bytes = held.left
        if not held.bytes:
            del self._held[ends]

    def _end_slowest(self, now: float) -> None:
        """End connections until no more is left than allowed, or none is slow."""
        if self.total <= self.most or (now <= self._next_look and self.total <= 2 * self.most):
            return
        self._next_look = now + PAUSE_S
        for ends, held in list(self._held.items()):
            self._look(ends, held, now)
        slowest_first = sorted(self._held.items(), key=lambda item: item[1].since)
        for ends, held in slowest_first:
            # One answer may be more than all may leave: whoever took some last can take it.
            is_one = held.bytes - held.largest <= self.most // PART_OF_ONE
            is_spared = is_one and held is slowest_first[-1][1]
            is_too_much = self.total > 2 * self.most and not is_spared
            if self.total <= self.most or not (now - held.since > STALLED_S or is_too_much):
                return
            self._end(ends, held, now)

    def _end(self, ends: Ends, held: Held, now: float) -> None:
        left = self.total
        del self._held[ends]
        self.total -= held.bytes
        raw_socket.cut_off(ends)
        getLogger("kolben").warning(
            "The connection of %s:%s is ended: it has taken nothing for %.1f s of the %s bytes that"
            " are left of its answers. Clients have not taken %s bytes in all; --max-unsent is %s.",
            *ends[0],
            now - held.since,
            f"{held.bytes:,}",
            f"{left:,}",
            f"{self.most:,}",
        )


_unsent: Unsent | None = None


def set_max_unsent(most: int) -> None:
    """Set how much clients may leave before the slowest are ended; 0: any amount, as without."""
    global _unsent
    _unsent = Unsent(most) if most and HAS_TCP_INFO else None


def the_unsent() -> Unsent | None:
    """Return what counts the answers of this process; None if nothing does."""
    return _unsent


def note_answer(ends: Ends | None, version: str, size: int) -> None:
    """Count an answer that is handed over whole; a short one only has the others looked at.

    version: of HTTP.
    """
    if _unsent is None:
        return
    is_whole = version.startswith("1")
    if ends is not None and size >= (LEAST_BYTES if is_whole else LEAST_SHARED_BYTES):
        _unsent.hand(ends, size, is_whole=is_whole)
    else:
        note_short_answer()


def note_short_answer() -> None:
    """Have those looked at who take nothing, if too much is left: nothing else may come by."""
    if _unsent is not None and _unsent.total > _unsent.most:
        _unsent.end_slowest()


def count_taken(connection: socket.socket) -> int | None:
    """Return how many bytes a connection has ever been given to send; None if it is closed."""
    from fcntl import ioctl  # starts faster without it

    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    state, acked = _INFO.unpack_from(info)
    if state == _TCP_CLOSE:
        return None
    (waiting,) = struct.unpack("=i", ioctl(connection, _OUTQ, bytes(4)))
    return int(acked + waiting)
