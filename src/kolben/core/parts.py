"""The parts of a multipart body one by one, as they come, without keeping any.

What waits has a twin named `..._async`; tests/core/test_twins.py holds that they are alike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest

from kolben.core.multipart import COUNTED_BYTES, Data, MultipartReader, Part
from kolben.typing import Request


class StreamedPart:
    """A field or file of a form, whose bytes are read while they come.

    name, filename (None for a field), headers: as the client sent them. Iterate over it, plainly or
    with `async for`, for its bytes; what is not read is skipped when the next part is asked for.
    """

    def __init__(self, part: Part, parts: StreamedParts) -> None:
        self.name: str = part.name
        self.filename: str | None = part.filename
        self.headers: Headers = part.headers
        self._parts = parts
        self._is_whole = False

    def __iter__(self) -> Iterator[bytes]:
        while not self._is_whole:
            data = self._parts.next_event()
            self._is_whole = data.is_last
            if data.data:
                yield data.data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._is_whole:
            data = await self._parts.next_event_async()
            self._is_whole = data.is_last
            if data.data:
                yield data.data

    def read(self) -> bytes:
        """Return the bytes that are left of it."""
        return b"".join(self)

    async def read_async(self) -> bytes:
        """Return the bytes that are left of it."""
        return b"".join([data async for data in self])


class StreamedParts:
    """The parts of a request's multipart body, for `for` and `async for`.

    Raises BadRequest (400) where the body is broken or cut off, RequestEntityTooLarge (413) above
    MAX_CONTENT_LENGTH, MAX_FORM_PARTS, or, for a field, MAX_FORM_MEMORY_SIZE.
    """

    def __init__(self, request: Request, boundary: bytes) -> None:
        self._stream: Any = request.stream
        most_bytes, most_parts = request.max_form_memory_size, request.max_form_parts
        self._reader = MultipartReader(boundary, most_bytes, most_parts)
        self._pieces: Any = None

    def __iter__(self) -> Iterator[StreamedPart]:
        while (event := self.next_event()) is not None:
            if isinstance(event, Part):
                part = StreamedPart(event, self)
                yield part
                for _ in part:
                    pass  # what nobody has read

    async def __aiter__(self) -> AsyncIterator[StreamedPart]:
        while (event := await self.next_event_async()) is not None:
            if isinstance(event, Part):
                part = StreamedPart(event, self)
                yield part
                async for _ in part:
                    pass  # what nobody has read

    def next_event(self) -> Any:
        """Return the reader's next event; None after the last."""
        while (event := self._try()) is None:
            piece = self._stream.read(COUNTED_BYTES)
            if not piece:
                return self._finish()
            self._reader.feed(piece)
        return event

    async def next_event_async(self) -> Any:
        """Return the reader's next event; None after the last."""
        while (event := self._try()) is None:
            piece = await self._read_async()
            if not piece:
                return self._finish()
            self._reader.feed(piece)
        return event

    async def _read_async(self) -> bytes:
        if self._pieces is None:
            self._pieces = aiter(self._stream)
        piece: bytes = await anext(self._pieces, b"")
        return piece

    def _try(self) -> Part | Data | None:
        """Return an event if there are bytes for one."""
        try:
            return self._reader.next_event()
        except ValueError as error:
            raise BadRequest("The body is not valid multipart/form-data.") from error

    def _finish(self) -> None:
        """Raise BadRequest (400) unless the body has ended where it should."""
        try:
            self._reader.finish()
        except ValueError as error:
            raise BadRequest("The body is cut off.") from error
