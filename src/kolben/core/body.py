"""The body of a request: bounded bytes, forms, files and JSON."""

from __future__ import annotations

from typing import IO, Any

from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser

from kolben.core.fields import parse_fields

ParsedForm = tuple[IO[bytes], Any, Any]


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
        try:
            if mimetype == "application/x-www-form-urlencoded":
                fields = parse_fields(stream.read().decode())
                return stream, self.cls(fields), self.cls()
            silent, self.silent = self.silent, False
            try:
                return super().parse(stream, mimetype, content_length, options)
            finally:
                self.silent = silent
        except ValueError as error:
            raise BadRequest(
                f"The body is not valid {mimetype}: {str(error) or 'it ends too early'}."
            ) from error
