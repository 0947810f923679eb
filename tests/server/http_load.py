"""A client that sends many requests at once, over connections that it keeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


async def fetch(reader: Reader, writer: Writer, path: str, *headers: str) -> tuple[int, bytes]:
    """Send a GET request over an open connection; return status and body."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if "chunked" in head:
        return int(head.split()[1]), await _read_chunks(reader)
    length = int(head.partition("content-length:")[2].split("\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def _read_chunks(reader: Reader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


async def run(
    port: int,
    connections: int,
    numbers: Iterable[int],
    use: Callable[[Reader, Writer, int], Awaitable[Any]],
) -> list[Any]:
    """Let several connections take the numbers in turn; return what each use returned."""
    queue = iter(numbers)
    results: list[Any] = []

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for number in queue:
                result = await use(reader, writer, number)
                results.append(result)
        finally:
            writer.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    return results


async def state_of(port: int) -> dict[str, Any]:
    """Return what the app says of itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        status, body = await fetch(reader, writer, "/state")
        assert status == 200
        found: dict[str, Any] = json.loads(body)
        return found
    finally:
        writer.close()
