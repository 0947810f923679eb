"""Reads server-sent events, as a browser's EventSource does (HTML standard, section 9.2.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from kolben.server_sent_events import Event


async def read_events(pieces: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """Yield the events of a body; comments and what has no data are none."""
    fields: dict[str, Any] = {}
    data: list[str] = []
    async for line in _lines(pieces):
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name == "retry" and value.isdecimal():
                fields["retry_ms"] = int(value)
            elif name in {"event", "id"}:
                fields[name] = value
            continue
        if data:
            yield Event("\n".join(data), **fields)
        fields, data = {}, []


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield the lines of a body, as they are whole."""
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode()
