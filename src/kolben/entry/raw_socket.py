"""The TCP connection beneath one that Granian holds, for what its interfaces have no words for.

RSGI 1.6 knows no close code, cannot break a response off, and no server of ours lets go of a client
that reads nothing. All that is said to the socket itself: this process has it open, and it is known
by its ends.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from contextlib import suppress

from kolben.entry.scopes import _split_address

# The client's address and the server's port. Not the server's address, which Granian says as it
# listens (0.0.0.0), and the socket as it was reached.
Ends = tuple[tuple[str, int], int]

_FOLDERS = ("/proc/self/fd", "/dev/fd")
# The descriptors of connections, as they were found last; each is looked at before it is used.
_descriptors: dict[Ends, int] = {}


def parse_ends(client: str, server: str) -> Ends | None:
    """Return the ends of a connection; None for a socket that is a file."""
    client_host, client_port = _split_address(client)
    server_port = _split_address(server)[1]
    if client_port is None or server_port is None:
        return None
    return (client_host, int(client_port)), int(server_port)


def write_close(ends: Ends, code: int, reason: str) -> bool:
    """Write a close frame; say whether that went well.

    Nothing else may be on its way to the client. SECURITY: only for a connection without TLS.
    """
    found = find(ends)
    if found is None:
        return False
    with found:
        payload = struct.pack("!H", code) + reason.encode()
        frame = bytes([0x88, len(payload)]) + payload
        try:
            return found.send(frame) == len(frame)
        except OSError:  # the client reads nothing, or has gone
            return False


def cut_off(ends: Ends) -> None:
    """End the connection; the server finds it ended."""
    found = find(ends)
    if found is not None:
        with found, suppress(OSError):  # it may just have ended
            found.shutdown(socket.SHUT_RDWR)


def forget(ends: Ends) -> None:
    """Let a connection that is over be looked for no more: its descriptor will be another's."""
    _descriptors.pop(ends, None)


def find(ends: Ends) -> socket.socket | None:
    """Return a duplicate of a connection's socket, which the caller closes."""
    # PERF: where it was, else among descriptors that are new, else among all: 1.3 ms instead of
    # 8.3 ms with 1,000 of them (benchmarks/sockets.py).
    for look in (None, _look_at_new, _look_at_all):
        if look is not None:
            look()
        descriptor = _descriptors.get(ends)
        if descriptor is None:
            continue
        try:
            duplicate = socket.socket(fileno=os.dup(descriptor))
        except OSError:
            continue
        # The descriptor may belong to another connection by now; the duplicate can't.
        if _ends_of(duplicate) == ends:
            return duplicate
        duplicate.close()
    return None


def _look_at_all() -> None:
    """Find all connections that this process has open."""
    _descriptors.clear()
    _look_at_new()


def _look_at_new() -> None:
    """Find those whose descriptors are not known yet."""
    known = set(_descriptors.values())
    for folder in _FOLDERS:
        if os.path.isdir(folder):
            for name in os.listdir(folder):
                if int(name) not in known:
                    _note(int(name))
            return


def _note(descriptor: int) -> None:
    """Note a descriptor if it is a connection's."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return
        looked_at = socket.socket(fileno=descriptor)
    except OSError:  # closed meanwhile
        return
    try:
        ends = _ends_of(looked_at)
    finally:
        looked_at.detach()  # it isn't ours to close
    if ends is not None:
        _descriptors[ends] = descriptor


def _ends_of(connection: socket.socket) -> Ends | None:
    """Return the ends of a connection; None if it isn't one over TCP."""
    if connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    try:
        peer, own = connection.getpeername(), connection.getsockname()
    except OSError:  # it listens, or is no longer connected
        return None
    return (peer[0], peer[1]), own[1]
