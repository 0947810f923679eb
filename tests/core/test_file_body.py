"""A body that comes from a file is the bytes it says it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.wsgi import FileWrapper

from kolben.core.file_body import PIECE_BYTES, FileBody


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 20_000)
    return path


def test_a_file_is_sent_in_pieces(file: Path) -> None:
    body = FileBody(str(file), 200_000)
    pieces = list(body)
    body.close()
    assert [len(piece) for piece in pieces] == [PIECE_BYTES, PIECE_BYTES, PIECE_BYTES, 3_392]
    assert b"".join(pieces) == file.read_bytes()
    assert (body.path, body.offset, body.length) == (str(file), 0, 200_000)


def test_a_part_of_a_file_is_sent(file: Path) -> None:
    body = FileBody(str(file), 200_000)
    body.narrow(11, 5)
    assert (list(body), body.offset, body.length) == ([b"12345"], 11, 5)
    body.close()


def test_no_more_is_sent_than_was_said_and_no_more_than_there_is(file: Path) -> None:
    for length, sent in [(3, b"012"), (0, b""), (300_000, b"0123456789" * 20_000)]:
        body = FileBody(str(file), length)
        assert b"".join(body) == sent
        body.close()


def test_it_is_what_files_are_wrapped_in_by_werkzeug(file: Path) -> None:
    body = FileBody(str(file), 10)
    assert isinstance(body, FileWrapper)
    assert body.seekable()
    body.close()
    assert body.file.closed


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileBody(str(tmp_path / "missing"), 1)
