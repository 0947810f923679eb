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
import sys
from contextlib import suppress

from kolben.entry.scopes import _split_address

# The client's address and the server's port. Not the server's address, which Granian says as it
# listens (0.0.0.0), and the socket as it was reached.
Ends = tuple[tuple[str, int], int]

_FOLDERS = ("/proc/self/fd", "/dev/fd")
# The descriptors of connections, as they were found last; each is looked at before it is used.
_descriptors: dict[Ends, int] = {}
# What was looked at: of each descriptor the inode of its socket, since numbers are used again.
_inodes: dict[int, int] = {}
# How many ends of connections that are over may be among them.
_MOST_GONE = 1024


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
    descriptor = _descriptors.pop(ends, None)
    if descriptor is not None:
        _inodes.pop(descriptor, None)


def find(ends: Ends) -> socket.socket | None:
    """Return a duplicate of a connection's socket, which the caller closes."""
    # PERF: where it was, else among descriptors that are new, else among those that are another
    # socket's by now: 0.9 ms instead of 6.1 ms among 2,000 (benchmarks/sockets.py).
    for look in (None, _look_at_new, _look_again):
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


def _look_at_new() -> None:
    """Note the connections of descriptors that were not looked at."""
    for descriptor in _open_descriptors():
        if descriptor not in _inodes:
            _note(descriptor)


def _look_again() -> None:
    """Note all connections that are not known, and those of numbers that were used again."""
    for descriptor in _open_descriptors():
        _note(descriptor)


def _open_descriptors() -> list[int]:
    if sys.implementation.name == "pypy":
        # Its socket.socket(fileno=...) makes a descriptor block, the event loop's own among them.
        # Granian, whose connections are looked for, has no release for it.
        return []
    folder = next(filter(os.path.isdir, _FOLDERS), None)
    return [] if folder is None else [int(name) for name in os.listdir(folder)]


def _note(descriptor: int) -> None:
    """Note a descriptor if it is a connection's that was not there before."""
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISSOCK(about.st_mode) or _inodes.get(descriptor) == about.st_ino:
            return
        looked_at = socket.socket(fileno=descriptor)
    except OSError:  # closed meanwhile
        return
    try:
        ends = _ends_of(looked_at)
    finally:
        looked_at.detach()  # it isn't ours to close
    if ends is not None:
        _forget_what_is_gone()
        _descriptors[ends] = descriptor
        _inodes[descriptor] = about.st_ino


def _forget_what_is_gone() -> None:
    """Keep no more ends than there can be connections: those that are over are not told of."""
    if len(_descriptors) > 2 * len(_inodes) + _MOST_GONE:
        _descriptors.clear()
        _inodes.clear()


def _ends_of(connection: socket.socket) -> Ends | None:
    """Return the ends of a connection; None if it isn't one over TCP."""
    if connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    try:
        peer, own = connection.getpeername(), connection.getsockname()
    except OSError:  # it listens, or is no longer connected
        return None
    return (peer[0], peer[1]), own[1]
