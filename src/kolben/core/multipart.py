"""The parts of a multipart/form-data body, out of its bytes (RFC 7578, RFC 2046 §5.1).

Rule: this file neither reads nor waits; whoever has the bytes feeds them in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from werkzeug.datastructures import Headers
from werkzeug.http import parse_options_header

from kolben.core.limits import TooLarge

# Clients end lines with CRLF; some end them with one of both, and are understood.
_BREAK = rb"(?:\r\n|\n|\r)"
_find_blank_line = re.compile(rb"\r\n\r\n|\r\r|\n\n").search
_unfold = re.compile(_BREAK + rb"[ \t]").sub

# After a boundary: the hyphens of the last one, a line break, or too few bytes to tell. RFC 2046
# §5.1.1: gateways may pad it with blanks; without a limit any number of them would be held.
_AFTER = rb"(?:(--)|[ \t\v\f]{0,1000}(\r\n|\n|\r(?!\Z))|(?:-|[ \t\v\f]{0,1000}\r?)\Z)"
_match_after = re.compile(_AFTER).match
# What that found, by its group: a boundary that a part follows, or one that is cut off. Any other
# is the last.
_NEXT, _CUT_OFF = 2, None
_NOWHERE = -1, -1, _CUT_OFF
# FLASK: how much of a piece counts as held: all that Werkzeug reads at once.
COUNTED_BYTES = 65_536

_PLAIN = rb'[^"\\%\x00-\x1f\x7f]*'
_match_plain_head = re.compile(
    rb'(Content-Disposition: form-data; name="(%b)"(?:; filename="(%b)")?)'
    rb"(?:\r\n(Content-Type: [!-~](?:[ -~]*[!-~])?))?\r\n\r\n" % (_PLAIN, _PLAIN),
    re.IGNORECASE,
).match


@dataclass(frozen=True, slots=True)
class Part:
    """A part begins: a field, or a file if it has a filename (which may be empty)."""

    name: str
    filename: str | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the part that began last, perhaps none; is_last: it ends after them."""

    data: bytes
    is_last: bool


Event = Part | Data


class MultipartReader:
    """A multipart body as events: for each part a Part, then its Data, the last of them marked.

        reader = MultipartReader(b"boundary", max_memory_size=500_000, max_parts=1_000)
        for piece in pieces:  # or: async for
            for event in reader.feed(piece):
                match event:
                    case Part(name, filename, headers): ...
                    case Data(data, is_last): ...
        reader.finish()

    However the body is cut into pieces, the events are the same, but for how many Data a part
    has. Each is made when it is asked for: `next_event()` returns it, or None where another piece
    is needed, so one may read a part and leave the next to others.

    boundary: as the Content-Type gives it. max_memory_size: the most bytes of a part that is no
    file, and of what is held at once: a preamble, head or epilogue, and the piece it goes on in.
    max_parts: the most there may be. RequestEntityTooLarge (413) above. ValueError for what is no
    multipart/form-data: a part without a name, a head in no UTF-8, an end that does not come.
    Nothing is to be had of the reader after an error.
    """

    def __init__(
        self,
        boundary: bytes,
        max_memory_size: int | None = None,
        max_parts: int | None = None,
    ) -> None:
        self.max_memory_size = max_memory_size
        self.max_parts = max_parts
        self._dashed = b"--" + boundary
        self._parts = 0
        self._field_bytes: int | None = None  # of the part, if it is no file
        self._is_whole = False
        self._buffer: bytes | bytearray = b""
        # Places in the buffer: where to look on; where data begin, which is after a line break
        # that a boundary may begin with; how far a head was looked through.
        self._at = self._data_at = self._looked_until = 0
        self._fed = 0  # bytes of all pieces
        self._dropped = 0  # bytes of the preamble or epilogue that the buffer has no more
        self._next: Callable[[], Event | None] = self._end_preamble

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next piece of the body; return the events up to where another is needed."""
        held = len(self._buffer) - self._at
        most = self.max_memory_size
        if most is not None and held + self._dropped + min(len(data), COUNTED_BYTES) > most:
            raise TooLarge("MAX_FORM_MEMORY_SIZE", most)
        if not held:
            self._buffer = data
        elif self._at:
            self._buffer = bytes(self._buffer[self._at :]) + data
        else:
            # It goes on and on: not copied for each piece.
            if type(self._buffer) is bytes:
                self._buffer = bytearray(self._buffer)
            self._buffer += data
        self._looked_until -= self._at
        self._data_at -= self._at
        self._at = 0
        self._fed += len(data)
        return self._events()

    def _events(self) -> Iterator[Event]:
        while (event := self._next()) is not None:
            yield event

    def next_event(self) -> Event | None:
        """Return the next event; None: feed the next piece, or finish."""
        return self._next()

    def place_of(self, event: Data) -> int:
        """Return at which byte of the body the data begin that were returned last."""
        in_buffer = self._data_at if event.is_last else self._data_at - len(event.data)
        return self._fed - len(self._buffer) + in_buffer

    def finish(self) -> None:
        """Say that there are no more pieces; ValueError if the last boundary was not among them."""
        if not self._is_whole:
            raise ValueError("The multipart body ends before its last boundary.")

    # What is looked for next.

    def _end_preamble(self) -> Event | None:
        """Find the first boundary; it should begin a line, but need not."""
        at = self._buffer.find(self._dashed, self._at)
        start, end, kind = self._look_at_boundary(at, b"")
        if start < 0:  # though a part of one may be at the end
            self._drop(max(self._at, len(self._buffer) - len(self._dashed) + 1))
            return None
        if kind is _CUT_OFF:
            self._drop(start)
            return None
        self._pass_boundary(end, kind)
        return self._next()

    def _read_head(self) -> Event | None:
        """Read the lines before a part's data."""
        buffer, at = self._buffer, self._at
        # PERF: heads as most clients write them, at one go: 5 us a part instead of 15 us
        # (benchmarks/shortcuts.py).
        head = _match_plain_head(buffer, at) if self._looked_until <= at else None
        if head is not None:
            return self._begin_plain_part(head)
        blank = _find_blank_line(buffer, max(at, self._looked_until))
        if blank is None:
            self._looked_until = max(at, len(buffer) - 3)
            return None
        headers = _parse_head(bytes(buffer[at : blank.start()]))
        disposition = headers.get("Content-Disposition")
        if disposition is None:
            raise ValueError("A part of the multipart body has no Content-Disposition.")
        options = parse_options_header(disposition)[1]
        # The second of the two line breaks is not passed: a boundary may begin with it.
        self._at = (blank.start() + blank.end()) // 2
        self._next = self._begin_data
        return self._begin_part(options.get("name"), options.get("filename"), headers)

    def _begin_plain_part(self, head: re.Match[bytes]) -> Event:
        """Begin a part whose head quotes and encodes nothing."""
        disposition, name, filename, content_type = head.groups()
        line = disposition.decode()
        fields = [(line[:19], line[21:])]
        if content_type is not None:
            line = content_type.decode()
            fields.append((line[:12], line[14:]))
        headers = Headers.__new__(Headers)
        headers._list = fields
        self._data_at = head.end()
        self._at = self._data_at - 2
        self._next = self._read_data
        return self._begin_part(
            name.decode(), None if filename is None else filename.decode(), headers
        )

    def _begin_part(self, name: str | None, filename: str | None, headers: Headers) -> Part:
        self._parts += 1
        if self.max_parts is not None and self._parts > self.max_parts:
            raise TooLarge("MAX_FORM_PARTS", self.max_parts)
        if name is None:
            raise ValueError("A part of the multipart body has no name.")  # RFC 7578 §4.2
        self._field_bytes = 0 if filename is None else None
        return Part(name, filename, headers)

    def _begin_data(self) -> Event | None:
        """Look past the line break before a part's data."""
        line_break = bytes(self._buffer[self._at : self._at + 2])
        if line_break == b"\r":
            return None  # a line feed may follow
        self._data_at = self._at + (2 if line_break == b"\r\n" else 1)
        self._next = self._read_data
        return self._read_data()

    def _read_data(self) -> Event | None:
        """Return data up to the next boundary, or to where one may begin."""
        buffer, dashed = self._buffer, self._dashed
        kind: int | None
        # PERF: the boundary of every client but the odd one: 5.4 us a part instead of 6.1 us
        # (benchmarks/shortcuts.py).
        at = buffer.find(dashed, self._at)
        next_at = at + len(dashed) + 2
        if at > self._at + 1 and buffer[at - 2 : at] == b"\r\n" == buffer[next_at - 2 : next_at]:
            end, kind = at - 2, _NEXT
        else:
            end, next_at, kind = self._look_at_boundary(at, _BREAK)
            if end < 0:
                end = self._end_of_data()
        start = self._data_at
        if end <= start and kind is _CUT_OFF:
            return None
        data = buffer[start:end]  # the piece itself, if it is all of it
        if kind is _CUT_OFF:
            self._at = self._data_at = end
        else:
            self._pass_boundary(next_at, kind)
        if self._field_bytes is not None and self.max_memory_size is not None:
            self._field_bytes += len(data)
            if self._field_bytes > self.max_memory_size:
                raise TooLarge("MAX_FORM_MEMORY_SIZE", self.max_memory_size)
        return Data(data if type(data) is bytes else bytes(data), kind is not _CUT_OFF)

    def _drop_epilogue(self) -> Event | None:
        self._drop(len(self._buffer))
        return None

    # Boundaries.

    def _look_at_boundary(self, at: int, before: bytes) -> tuple[int, int, int | None]:
        """Return where the next boundary begins and ends, and its kind; _NOWHERE if there is none.

        at: where the first hyphens of one are, if not negative. before: an expression for the line
        break it begins with; empty if it needs none.
        """
        if at < 0:
            return _NOWHERE
        buffer, dashed = self._buffer, self._dashed
        # PERF: an expression for this very boundary only where it is needed, as clients choose a
        # new one for each body: 5 us instead of 117 us (benchmarks/shortcuts.py).
        end = at + len(dashed)
        start = self._line_break_before(at)
        if start < at or not before:
            after = _match_after(buffer, end)
            if after is not None:
                return start, after.end(), after.lastindex
        found = re.compile(before + re.escape(dashed) + _AFTER).search(buffer, at)
        if found is None:
            return _NOWHERE
        return found.start(), found.end(), found.lastindex

    def _line_break_before(self, end: int) -> int:
        """Return where a line break begins that ends at `end`; `end` if there is none."""
        start = end - 2
        if start >= self._at and self._buffer.startswith(b"\r\n", start):
            return start
        is_single = end > self._at and self._buffer[end - 1] in b"\r\n"
        return end - 1 if is_single else end

    def _end_of_data(self) -> int:
        """Return where a boundary may begin that goes on in the next piece; else the end."""
        buffer, end = self._buffer, len(self._buffer)
        least = max(self._at, end - len(self._dashed))
        last = max(buffer.rfind(b"\n", least), buffer.rfind(b"\r", least))
        if last >= 0 and self._dashed.startswith(bytes(buffer[last + 1 :])):
            return self._line_break_before(last + 1)
        return end

    def _pass_boundary(self, end: int, kind: int | None) -> None:
        self._at = end
        self._dropped = self._looked_until = 0
        if kind == _NEXT:
            self._next = self._read_head
        else:
            self._is_whole = True
            self._next = self._drop_epilogue

    def _drop(self, until: int) -> None:
        self._dropped += until - self._at
        self._at = until


def _parse_head(head: bytes) -> Headers:
    """Split a head into its lines; one that begins with a blank continues the one before."""
    fields = []
    for line in _unfold(b" ", head).splitlines():
        text = line.strip(b" \t").decode()
        if text:
            name, _, value = text.partition(":")
            fields.append((name.strip(" \t"), value.strip(" \t")))
    return Headers(fields)
