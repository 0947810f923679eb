"""The body of a request: bounded bytes, forms, files and JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from typing import IO, Any

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser, MultiPartParser, default_stream_factory
from werkzeug.http import parse_options_header
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben.core.body_file import BodyFile, no_room
from kolben.core.body_stream import PIECE_BYTES, PromisedBody, read_piece
from kolben.core.fields import parse_fields
from kolben.core.multipart import MultipartReader, Part
from kolben.typing import Request

_FIRST_BYTES = 4_096
# Up to how many bytes a body is read at once.
_SMALL_BYTES = 65_536
# FLASK: a file that is longer is on the disk.
SPOOLED_BYTES = 512_000
_OWN_FACTORIES = (WerkzeugRequest._get_file_stream, default_stream_factory)
ParsedForm = tuple[IO[bytes], Any, Any]


class SmallBody(BytesIO):
    """A body that is in memory whole."""

    def close(self) -> None:
        """Do nothing: who wraps the stream (io.BufferedReader) closes it, and it is read again."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := self.read(PIECE_BYTES):
            yield piece


def read_small_body(request: Request) -> SmallBody | None:
    """Read a body whose length is known and small; None leaves the body to body_stream.

    Raises ClientDisconnected (400) if it is shorter than its Content-Length says.
    """
    environ = request.environ
    length = environ.get("CONTENT_LENGTH")
    if (
        not length
        or len(length) > 5
        or not (length.isascii() and length.isdigit())
        or "HTTP_TRANSFER_ENCODING" in environ
        or request.shallow
    ):
        return None
    count = int(length)
    limit = request.max_content_length
    if count > _SMALL_BYTES or (limit is not None and count > limit):
        return None
    # PERF: one read instead of a stream that asks again and again: 1 us instead of 4 us
    # (benchmarks/shortcuts.py).
    stream = environ["wsgi.input"]
    data = read_piece(stream, count)
    if len(data) != count:  # a socket may give less at a time
        data += PromisedBody(stream, count - len(data)).readall()
    return SmallBody(data)


@lru_cache(maxsize=128)
def _parse_kept(content_type: str) -> tuple[str, dict[str, str]]:
    return parse_options_header(content_type)


def parse_content_type(content_type: str) -> tuple[str, dict[str, str]]:
    """Split a Content-Type into the mimetype and its parameters."""
    if len(content_type) > 128:
        return parse_options_header(content_type)
    mimetype, parameters = _parse_kept(content_type)
    return mimetype, parameters.copy()


class CountingStream(BytesIO):
    """Reads another stream and counts the bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._read: Callable[[int], bytes] = stream.read
        # Where what is read next is, if it is in a file already.
        self.body_file: BodyFile | None = None
        raw = getattr(stream, "raw", None)
        if isinstance(raw, PromisedBody) and not raw.was_buffered:
            self._read = raw.read_piece
            if isinstance(raw.source, BodyFile):
                self.body_file = raw.source
        self.count = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read up to `size` bytes of the other stream."""
        data = self._stream.read() if size is None or size < 0 else self._read(size)
        self.count += len(data)
        return data


class BoundedFormParser(FormDataParser):
    """Werkzeug's form parser, which refuses a broken body instead of dropping what was in it.

    Flask answers 200 to a multipart body without its end, or to a form in broken UTF-8,
    with every field gone; here both are 400.
    """

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> ParsedForm:
        """Parse a body into (stream, form, files); BadRequest (400) if it is broken."""
        counted = CountingStream(stream)
        try:
            if mimetype == "application/x-www-form-urlencoded":
                fields = parse_fields(stream.read().decode())
                return stream, self.cls(fields), self.cls()
            form, files = self._parse_whole(counted, mimetype, content_length, options)
        except ValueError as error:
            if mimetype == "multipart/form-data" and not counted.count and not counted.read(1):
                return stream, self.cls(), self.cls()  # nothing was sent, so nothing is lost
            raise BadRequest(f"The body is cut off or not valid {mimetype}.") from error
        return stream, form, files

    def _parse_whole(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None,
    ) -> tuple[Any, Any]:
        """Return form and files; if the body is broken, close the files that were begun.

        Raises ValueError then, and InsufficientStorage (507) where a file finds no room.
        """
        silent, self.silent = self.silent, False
        make_file = self.stream_factory
        self._begun: list[IO[bytes]] = []
        # Whoever has files made in another way wants them there.
        self._may_share = getattr(make_file, "__func__", make_file) in _OWN_FACTORIES

        def make_and_note(*args: Any, **kwargs: Any) -> IO[bytes]:
            file: IO[bytes] = make_file(*args, **kwargs)
            self._begun.append(file)
            return file

        self.stream_factory = make_and_note
        try:
            _, form, files = super().parse(stream, mimetype, content_length, options)
        except BaseException as error:
            for file in self._begun:
                _close_unwritten(file)
            if isinstance(error, OSError) and self._may_share:
                raise no_room(error) from error
            raise
        finally:
            self.silent, self.stream_factory = silent, make_file
        return form, files

    def _parse_multipart(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str],
    ) -> ParsedForm:
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("The Content-Type names no boundary.")
        parser = PartsParser(
            self.stream_factory,
            self.max_form_memory_size,
            self.cls,
            max_form_parts=self.max_form_parts,
        )
        body_file = getattr(stream, "body_file", None)
        if body_file is not None and self._may_share:
            parser.share(body_file, self._begun)
        form, files = parser.parse(stream, boundary, content_length)
        return stream, form, files


class PartsParser(MultiPartParser):
    """Reads a multipart body piece by piece into fields and files."""

    _body_file: BodyFile | None = None
    _body_at = 0
    _begun: list[IO[bytes]]

    def share(self, body_file: BodyFile, begun: list[IO[bytes]]) -> None:
        """Have long files be parts of the one that the body is in, and be noted in a list."""
        self._body_file, self._begun = body_file, begun
        self._body_at = body_file.tell()

    def parse(
        self, stream: IO[bytes], boundary: bytes, content_length: int | None
    ) -> tuple[Any, Any]:
        """Return form and files; ValueError if the body is broken."""
        reader = MultipartReader(boundary, self.max_form_memory_size, self.max_form_parts)
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        part: Any = None
        file: Any = None
        values: list[bytes] = []
        keep: Callable[[bytes], object] = values.append
        size, written = self.buffer_size, 0
        large = _large_bytes(size, self.max_form_memory_size)
        wanted = _first_bytes(size, self.max_form_memory_size)
        while piece := stream.read(wanted):
            for event in reader.feed(piece):
                if isinstance(event, Part):
                    part, values = event, []
                    file = self._begin_file(part, content_length)
                    keep = values.append if file is None else file.write
                    continue
                keep(event.data)
                written += len(event.data)
                if not event.is_last:
                    continue
                written = 0
                if file is None:
                    fields.append((part.name, self._text_of(part, values)))
                else:
                    if self._body_file is not None:
                        end = reader.place_of(event) + len(event.data)
                        file = self._settle(file, end, part, content_length)
                    files.append((part.name, _stored(file, part)))
            # Inside of a file more at once; elsewhere as much as Werkzeug, as it counts for limits.
            wanted = (large if file is not None and written else size) - written % size
        reader.finish()
        return self.cls(fields), self.cls(files)

    def _begin_file(self, part: Part, content_length: int | None) -> Any:
        """Return what the data of a file are written to; None if the part is no file."""
        if part.filename is None:
            return None
        if self._body_file is not None:
            return _SharedFile()
        return self.start_file_streaming(part, content_length)  # type: ignore[arg-type]  # as good as theirs

    def _settle(
        self, shared: _SharedFile, end: int, part: Any, content_length: int | None
    ) -> IO[bytes]:
        """Return a file that ends there: in memory if it is short, else in the file of the body."""
        if shared.pieces is not None:
            file = self.start_file_streaming(part, content_length)
            file.writelines(shared.pieces)
        else:
            assert self._body_file is not None
            file = self._body_file.part(self._body_at + end - shared.size, shared.size)
            self._begun.append(file)
        return file

    def _text_of(self, part: Part, values: list[bytes]) -> str:
        charset = "utf-8"
        if len(part.headers) > 1:  # most have a Content-Disposition and no more
            charset = self.get_part_charset(part.headers)
        return b"".join(values).decode(charset, "replace")


class _SharedFile:
    """A file of a form whose body is in a file; what is longer than memory has is not kept."""

    def __init__(self) -> None:
        self.size = 0
        self.pieces: list[bytes] | None = []

    def write(self, data: bytes) -> None:
        """Take the next piece."""
        self.size += len(data)
        if self.pieces is not None:
            if self.size > SPOOLED_BYTES:
                self.pieces = None
            else:
                self.pieces.append(data)


def _close_unwritten(file: IO[bytes]) -> None:
    """Close a file of a form that is given up; what it has no room for is not wanted any more."""
    with suppress(OSError):
        file.close()


def _first_bytes(size: int, most: int | None) -> int:
    """Return how much of a body to read first."""
    # PERF: the first piece is short, so that little is copied of what follows a head in it, and
    # the others end where blocks of the file do: 53 ms instead of 65 ms for 100 MiB
    # (benchmarks/uploads.py).
    return size if most is not None and most < size else _FIRST_BYTES


def _large_bytes(size: int, most: int | None) -> int:
    """Return how much of a file to read at once."""
    # PERF: 39 ms instead of 48 ms for 100 MiB (benchmarks/uploads.py).
    return PIECE_BYTES if most is None or most >= PIECE_BYTES + size else size


def _stored(file: IO[bytes], part: Part) -> FileStorage:
    file.seek(0)
    return FileStorage(file, part.filename, part.name, headers=part.headers)
