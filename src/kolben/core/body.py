"""The body of a request: bounded bytes, forms, files and JSON."""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any

from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser

from kolben.core.fields import parse_fields

ParsedForm = tuple[IO[bytes], Any, Any]


class CountingStream(BytesIO):
    """Reads another stream and counts the bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self.count = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read up to `size` bytes of the other stream."""
        data = self._stream.read(-1 if size is None else size)
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
            silent, self.silent = self.silent, False
            try:
                _, form, files = super().parse(counted, mimetype, content_length, options)
                return stream, form, files
            finally:
                self.silent = silent
        except ValueError as error:
            if mimetype == "multipart/form-data" and not counted.count and not counted.read(1):
                return stream, self.cls(), self.cls()  # nothing was sent, so nothing is lost
            raise BadRequest(f"The body is cut off or not valid {mimetype}.") from error
