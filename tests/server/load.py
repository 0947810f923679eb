"""Clients that keep a server busy, and count exactly which of their requests failed, and why."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from tests.server.http_load import Reader, Writer


@dataclass
class Load:
    """Requests over and over, each connection the next one as soon as it has an answer.

    answered: by body. failed: what went wrong, and how often. A connection that the server has
    announced to close is opened anew; any other end of it is a failure.
    """

    port: int
    connections: int = 32
    path: str = "/pid"
    answered: Counter[bytes] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the clients do not come to an end"

    async def _run(self) -> None:
        await asyncio.gather(*(self._work() for _ in range(self.connections)))

    async def _work(self) -> None:
        while not self._is_over.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError as error:
                self.failed[f"connect: {error!r}"] += 1
                await asyncio.sleep(0.01)
                continue
            try:
                await self._talk(reader, writer)
            except (OSError, EOFError, ValueError) as error:
                self.failed[type(error).__name__] += 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _talk(self, reader: Reader, writer: Writer) -> None:
        """Send requests over one connection until it is closed as announced, or all is over."""
        request = f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        while not self._is_over.is_set():
            writer.write(request)
            async with asyncio.timeout(20):
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
            if head.split()[1] == b"200":
                self.answered[body] += 1
            else:
                self.failed[head.split()[1].decode()] += 1
            if b"connection: close" in head:
                return
