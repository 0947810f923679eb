"""The sockets that a server listens on, one for each worker, which outlive the workers.

A worker's successor gets the same socket, so that no connection in its queue is lost. One socket
for all would be simpler, but then the worker that wakes first takes nearly all connections that
come together, and the others are idle.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# Linux (asm-generic/socket.h); Python has no names for them.
_SO_ATTACH_REUSEPORT_CBPF = 51
_SO_DETACH_REUSEPORT_BPF = 68
# Instructions of the classic BPF machine (linux/filter.h).
_LOAD, _MODULO, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x94, 0x15, 0x06
_RANDOM_NUMBER = 0x1_0000_0000 - 0x1000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM

_EPOLL_TARGET = re.compile(r"^tfd:.* ino:([0-9a-f]+)", re.MULTILINE)

# How long a server may take to begin to accept, and how long it gets where that cannot be seen.
LONGEST_WAIT_S = 10.0
SETTLE_S = 0.3

IS_LINUX = sys.platform == "linux"


@dataclass(frozen=True)
class Identities:
    """What tells the sockets of a server from each other, in every process that has them.

    own: of the worker that is meant.
    """

    own: int
    all: tuple[int, ...] = ()


NO_SOCKETS = Identities(0)


class Listening:
    """The sockets of a server's workers; outside of Linux all workers have the same one."""

    def __init__(self, specs: Sequence[Any], backlog: int) -> None:
        """Listen.

        specs: Granian's of the address, one for each socket.
        """
        # Granian's holders own the descriptors; the sockets here are other names for them.
        self._holders = [spec.build() for spec in specs]
        self._sockets = [socket.socket(fileno=holder.get_fd()) for holder in self._holders]
        for one in self._sockets:
            one.set_inheritable(True)
            # In this order: it is that of the kernel's group, by which steer() counts.
            one.listen(backlog)

    def of(self, index: int) -> tuple[Any, socket.socket]:
        """Return a worker's socket, as Granian holds it and as it can be sent to a process."""
        index %= len(self._sockets)
        return self._holders[index], self._sockets[index]

    def identities(self, index: int) -> Identities:
        """Return what tells a worker's socket from those of the others."""
        found = [os.fstat(one.fileno()).st_ino for one in self._sockets]
        return Identities(found[index % len(found)], tuple(found))

    def steer(self, ready: Sequence[int]) -> None:
        """Have new connections go to these workers alone; to all, if there are none or all of them.

        Where the system cannot do it, connections to a worker that is not ready wait for it.
        """
        if not (IS_LINUX and len(self._sockets) > 1):
            return
        first = self._sockets[0]
        with suppress(OSError):
            if 0 < len(ready) < len(self._sockets):
                program = ctypes.create_string_buffer(b"".join(_choosing(ready)))
                count = len(program) // 8
                attached = struct.pack("@HP", count, ctypes.addressof(program))
                first.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, attached)
            else:
                first.setsockopt(socket.SOL_SOCKET, _SO_DETACH_REUSEPORT_BPF, 0)

    def close(self) -> None:
        """Close the sockets in this process; whoever connects from then on is refused."""
        for one in self._sockets:
            _let_go(one.detach())
        self._sockets.clear()
        self._holders.clear()


def _choosing(ready: Sequence[int]) -> Iterator[bytes]:
    """Give the instructions that choose one of these sockets at random."""
    yield _instruction(_LOAD, value=_RANDOM_NUMBER)
    yield _instruction(_MODULO, value=len(ready))
    for number, index in enumerate(ready):
        yield _instruction(_JUMP_IF_EQUAL, skip_if_not=1, value=number)
        yield _instruction(_RETURN, value=index)
    yield _instruction(_RETURN, value=ready[0])


def _instruction(code: int, *, skip_if_not: int = 0, value: int) -> bytes:
    return struct.pack("@HBBI", code, 0, skip_if_not, value)


# In a worker.


def stop_accepting(identity: int) -> None:
    """Take no more connections from a socket, in this process alone.

    Granian accepts until it stops, and drops what it has accepted just before. So its descriptors
    are given another socket, to which nobody connects: what is in the queue is left to others.
    """
    descriptors = [fd for fd in _open_descriptors() if _identity_of(fd) == identity]
    if not descriptors:
        return
    with socket.create_server(("127.0.0.1", 0)) as unused:
        unused.setblocking(False)
        for fd in descriptors:
            os.dup2(unused.fileno(), fd, inheritable=False)


def forget_others(sockets: Identities) -> None:
    """Let go of the sockets of other workers, which a forked process has as well."""
    others = {one for one in sockets.all if one != sockets.own}
    if not others:
        return
    for fd in _open_descriptors():
        if _identity_of(fd) in others:
            _let_go(fd)


def forget_all(sockets: Identities) -> None:
    """Let go of a server's sockets and of its connections, in a child of a worker.

    Otherwise nothing could follow on the port while the child lives, and its clients would wait for
    the end of connections that the worker has closed.
    """
    descriptors = _open_descriptors()
    listening = [fd for fd in descriptors if _identity_of(fd) in sockets.all]
    addresses = {_port_of(_names_of(fd)[0]) for fd in listening} - {None}
    for fd in descriptors:
        if fd in listening or _is_accepted(fd, addresses):
            _let_go(fd)


def _is_accepted(fd: int, addresses: set[Any]) -> bool:
    """Say whether a descriptor is of a connection to one of these ports or paths."""
    own, peer = _names_of(fd)
    return peer is not None and _port_of(own) in addresses


def _port_of(name: Any) -> Any:
    """Return the port of an address, or the path of a Unix socket; None for one without."""
    return (name[1] if isinstance(name, tuple) else name) or None


def keep_from_programs(sockets: Identities) -> None:
    """Have programs that this process starts not inherit its sockets."""
    for fd in _open_descriptors():
        if _identity_of(fd) == sockets.own:
            os.set_inheritable(fd, False)


def is_accepting(identity: int) -> bool | None:
    """Say whether this process waits for connections to a socket; None where that is not known."""
    watched = [ino for fd in _open_descriptors() for ino in _watched_by(fd)]
    return identity in watched if watched else None


def wait_until_accepting(identity: int) -> None:
    """Wait until this process takes connections; where it cannot be seen, for a moment."""
    end = time.monotonic() + LONGEST_WAIT_S
    while (found := is_accepting(identity)) is not True and time.monotonic() < end:
        if found is None:
            end = min(end, time.monotonic() + SETTLE_S)
        time.sleep(0.005)


def _watched_by(fd: int) -> list[int]:
    """Return the identities of what an epoll descriptor waits for: proc_pid_fdinfo(5)."""
    try:
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
            return [int(found, 16) for found in _EPOLL_TARGET.findall(file.read())]
    except OSError:  # it has been closed meanwhile, or this is no Linux
        return []


def _let_go(fd: int) -> None:
    """Close what a descriptor stands for, but not the descriptor.

    Granian's holder closes it some day, and would close with it whatever had its number by then.
    """
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), fd, inheritable=False)


def address_of(identity: int) -> Any:
    """Return the address of a socket that this process listens on; None if it has none."""
    for fd in _open_descriptors():
        if _identity_of(fd) == identity:
            return _names_of(fd)[0]
    return None


def count_connections(address: Any) -> int:
    """Count the open connections of this process to an address at which it listens."""
    # An address of all interfaces is none that a connection has.
    wanted = address[1] if isinstance(address, tuple) else address
    found = 0
    for fd in _open_descriptors():
        own, peer = _names_of(fd)
        if peer is not None and wanted == (own[1] if isinstance(own, tuple) and own else own):
            found += 1
    return found


def _open_descriptors() -> list[int]:
    folder = "/proc/self/fd" if IS_LINUX else "/dev/fd"
    try:
        return [int(name) for name in os.listdir(folder) if name.isdecimal()]
    except OSError:
        return []


def _identity_of(fd: int) -> int | None:
    try:
        return os.fstat(fd).st_ino
    except OSError:  # it has been closed meanwhile
        return None


def _names_of(fd: int) -> tuple[Any, Any]:
    """Return a socket's own address and that of its peer; None for what it has not."""
    try:
        seen = socket.socket(fileno=fd)
    except OSError:
        return None, None
    try:
        own = seen.getsockname()
        try:
            return own, seen.getpeername()
        except OSError:
            return own, None
    except OSError:
        return None, None
    finally:
        seen.detach()
