"""The connections of clients: how many there are, and an end of those that say nothing.

Granian waits for the silent ones for ever, we do not.

Rule: nothing is ended that may be in the middle of a request. Only on Linux, whose sockets tell how
many bytes they have received; elsewhere a proxy has to do it.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

# A connection that speaks HTTP/2 says so in its first 24 bytes (RFC 9113 §3.4). Up to there Granian
# does not know which it speaks, and counts no time.
PREFACE_BYTES = 24
# How often the connections are looked at, in parts of the time that they have.
_LOOKS = 6
_LONGEST_PAUSE_S = 5.0

_FOLDER = "/proc/self/fd"
# Each connection of this machine, or container: proc(5).
_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
HAS_TCP_INFO = sys.platform == "linux"
# The state, tcpi_bytes_acked and tcpi_bytes_received in struct tcp_info (linux/tcp.h).
_INFO = struct.Struct("=B119xQQ")
_ESTABLISHED = 1


class SilentConnections:
    """The connections of this process to one port that have not said what they want."""

    def __init__(self, port: int, timeout_s: float) -> None:
        self._port = port
        self._timeout_s = timeout_s
        # When each was seen first, by the inode of its socket: descriptors are used again.
        self._since: dict[int, float] = {}

    def end_old(self, now: float) -> int:
        """End those that were seen first so long ago; return how many. now: time.monotonic()."""
        found: dict[int, float] = {}
        ended = 0
        for descriptor, inode in list(_sockets()):
            if not self._is_silent(descriptor):
                continue
            found[inode] = since = self._since.get(inode, now)
            if now - since >= self._timeout_s:
                ended += self._end(descriptor, inode)
        self._since = found
        return ended

    def _is_silent(self, descriptor: int) -> bool:
        """Say whether a descriptor is of such a connection, without holding it."""
        looked_at: socket.socket | None = None
        try:
            # With a family, be it right or wrong, the system isn't asked for it; addresses of this
            # one are the longest.
            looked_at = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, descriptor)
            return self._has_said_nothing(looked_at)
        except OSError:  # closed meanwhile, or none over TCP
            return False
        finally:
            if looked_at is not None:
                looked_at.detach()  # it isn't ours to close

    def _has_said_nothing(self, connection: socket.socket) -> bool:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
        state, acked, received = _INFO.unpack(info)
        is_new = state == _ESTABLISHED and received < PREFACE_BYTES and not acked
        # The app's own connections to others, and those that listen, are at other ports or states.
        return is_new and bool(connection.getsockname()[1] == self._port)

    def _end(self, descriptor: int, inode: int) -> bool:
        """End a connection, unless it has spoken or is another by now; say whether it was ended."""
        try:
            duplicate = socket.socket(fileno=os.dup(descriptor))
        except OSError:
            return False
        with duplicate, suppress(OSError):
            is_same = os.fstat(duplicate.fileno()).st_ino == inode
            if is_same and self._has_said_nothing(duplicate):
                duplicate.shutdown(socket.SHUT_RDWR)
                return True
        return False


def _sockets() -> Iterator[tuple[int, int]]:
    """Give descriptor and inode of each socket of this process."""
    for name in os.listdir(_FOLDER):
        with suppress(OSError):  # closed meanwhile
            about = os.fstat(int(name))
            if stat.S_ISSOCK(about.st_mode):
                yield int(name), about.st_ino


def count_connections(port: int) -> int | None:
    """Return how many connections to a port of this machine are established; None if not known.

    Those that no worker has taken yet are among them.
    """
    count = None
    # Of `   0: 0100007F:1F90 0100007F:D6E4 01 ...`: where it ends here, and its state.
    row = re.compile(rb":%04X [0-9A-F]+:[0-9A-F]{4} %02X " % (port, _ESTABLISHED))
    for table in _TABLES:
        with suppress(OSError), open(table, "rb") as file:
            count = (count or 0) + sum(1 for _ in row.finditer(file.read()))
    return count


def end_silent_connections(port: int, timeout_s: float) -> None:
    """End the silent connections of this process, from now on, in a thread of its own.

    timeout_s: how long they may be silent; 0: for ever.
    """
    if not timeout_s or not HAS_TCP_INFO or not os.path.isdir(_FOLDER):
        return
    connections = SilentConnections(port, timeout_s)
    pause_s = min(timeout_s / _LOOKS, _LONGEST_PAUSE_S)

    def look() -> None:
        while True:
            time.sleep(pause_s)
            connections.end_old(time.monotonic())

    threading.Thread(target=look, name="kolben-connections", daemon=True).start()
