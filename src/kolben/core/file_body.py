"""A file, or a part of it, as the body of a response."""

from __future__ import annotations

from werkzeug.wsgi import FileWrapper

# As much as is read of a file at once.
PIECE_BYTES = 65_536


class FileBody(FileWrapper):
    """`length` bytes of the file at `path` from `offset` on; fewer if it shrinks meanwhile.

    It is what an entry gets as a body that is to come from a file, so an entry whose server sends
    files by itself can name it these three, and close this unread.
    """

    def __init__(self, path: str, length: int) -> None:
        """Open the file; OSError as of `open`."""
        super().__init__(open(path, "rb", buffering=0), PIECE_BYTES)  # noqa: SIM115  # closed below
        self.path = path
        self.offset = 0
        self.length = self._left = length

    def narrow(self, offset: int, length: int) -> None:
        """Send only these bytes of the file."""
        self.file.seek(offset)
        self.offset = offset
        self.length = self._left = length

    def __next__(self) -> bytes:
        data = self.file.read(min(self._left, self.buffer_size))
        if not data:
            raise StopIteration
        self._left -= len(data)
        return data
