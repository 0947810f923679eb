"""How much of a response the server still holds, so that a client that reads slowly is waited for.

RSGI's `send_bytes` takes any number of bytes at once and keeps them: a gigabyte that is made as it
is sent would be in memory whole. What the system's socket has taken tells what is left. On Linux;
where that cannot be asked, nobody is waited for.
"""

from __future__ import annotations

import asyncio
import socket

from kolben.entry import raw_socket
from kolben.entry.raw_socket import Ends
from kolben.entry.unsent import HAS_TCP_INFO as HAS_TCP_INFO
from kolben.entry.unsent import Unsent, the_unsent
from kolben.entry.unsent import count_taken as count_taken

# What a server may hold of one response, beside what is in the socket itself.
MOST_HELD_BYTES = 512 * 1024
# How long it is waited before the socket is asked again: from the first to the last, doubling.
FIRST_WAIT_S = 0.001
LONGEST_WAIT_S = 0.5
# A server that has given its socket nothing for so long has no more to give.
SETTLE_S = 0.1


class Backlog:
    """Counts the bytes of one response; close() it at the end."""

    __slots__ = ("_connection", "_ends", "_held", "_is_shared", "_taken")

    def __init__(self, ends: Ends | None, *, is_shared: bool = False) -> None:
        """Begin to count. ends: of its connection; None if they are not known.

        is_shared: other responses may be on their way on the connection (HTTP/2).
        """
        self._is_shared = is_shared
        self._ends = ends if HAS_TCP_INFO else None
        self._connection: socket.socket | None = None
        # Handed to the server since its socket had taken `_taken`.
        self._held = 0
        self._taken = 0

    async def add(self, size: int) -> None:
        """Count a piece that was handed to the server; wait while it holds too many."""
        self._held += size
        if self._ends is None:
            return
        unsent = the_unsent()
        if unsent is not None and (self._is_shared or self._held > MOST_HELD_BYTES):
            unsent.hand(self._ends, size)
            await self._wait_for_others(unsent, self._ends)
        if self._held <= MOST_HELD_BYTES:
            return
        if self._connection is None:
            self._begin_to_look(self._ends)
        wait_s = FIRST_WAIT_S
        while self._count_down() > MOST_HELD_BYTES:
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def settle(self) -> None:
        """Wait until the socket has taken what was handed to the server, or takes no more."""
        if self._ends is not None and self._connection is None:
            self._begin_to_look(self._ends)
        taken: int | None = -1
        while self._connection is not None and (now := count_taken(self._connection)) != taken:
            taken = now
            await asyncio.sleep(SETTLE_S)

    async def _wait_for_others(self, unsent: Unsent, ends: Ends) -> None:
        """Wait while all responses of the connection together are more than one may hold."""
        wait_s = FIRST_WAIT_S
        while unsent.is_full(ends):
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _begin_to_look(self, ends: Ends) -> None:
        """Find the connection: only for a response that is not small."""
        self._connection = raw_socket.find(ends)
        if self._connection is None:
            self._ends = None
        else:
            # Nobody knows how much of what came before is taken: it goes free.
            self._held, self._taken = 0, count_taken(self._connection) or 0

    def _count_down(self) -> int:
        """Return how much is held, less what the socket has taken since the last look."""
        taken = None if self._connection is None else count_taken(self._connection)
        if taken is None:
            return 0
        # Headers, the frames of chunks and TLS are taken too, but earn no credit.
        self._held = max(0, self._held - (taken - self._taken))
        self._taken = taken
        return self._held
