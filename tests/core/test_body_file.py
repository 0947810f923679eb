"""A part of a body in a file is a file like any other, whatever becomes of the body."""

from __future__ import annotations

import gc
import io
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Any

import pytest
from werkzeug.exceptions import BadRequest

from kolben import Flask, Request, request
from kolben.core import body_file
from kolben.core.body_file import BodyFile, open_body_file
from tests.wires import MakeClient

CONTENT = b"".join(b"line %d\n" % number for number in range(30_000))
START = 1_234

pytestmark = pytest.mark.skipif(not hasattr(os, "preadv"), reason="the system reads at no place")


def write(content: bytes) -> Any:
    file = open_body_file()
    assert isinstance(file, BodyFile)
    file.write(b"x" * START + content + b"y" * 1_000)
    file.seek(0)
    return file


@pytest.fixture
def body() -> Iterator[Any]:
    with write(CONTENT) as file:
        yield file


@pytest.fixture
def part(body: Any) -> Iterator[Any]:
    with body.part(START, len(CONTENT)) as file:
        yield file


@pytest.fixture
def theirs() -> Iterator[Any]:
    """What Werkzeug's file for the same part has in it, as it is long."""
    with TemporaryFile() as file:
        file.write(CONTENT)
        file.seek(0)
        yield file


def seek_beyond(file: IO[bytes]) -> Any:
    file.seek(len(CONTENT) + 10)
    return file.read(), file.tell()


def write_in_the_middle(file: IO[bytes]) -> Any:
    file.read(10)
    file.write(b"CHANGED")
    after = file.read(5)
    file.seek(0)
    return after, file.read()


def write_more(file: IO[bytes]) -> Any:
    file.seek(0, io.SEEK_END)
    file.write(b"more")
    file.seek(-8, io.SEEK_END)
    return file.read(), file.tell()


def truncate_here(file: IO[bytes]) -> Any:
    file.seek(100)
    size = file.truncate()
    file.seek(0)
    return size, file.read()


def truncate_to_more(file: IO[bytes]) -> Any:
    size = file.truncate(len(CONTENT) + 3)
    file.seek(-5, io.SEEK_END)
    return size, file.read()


def seek_around(file: IO[bytes]) -> Any:
    places = [file.seek(50), file.seek(10, io.SEEK_CUR), file.seek(-10, io.SEEK_END), file.tell()]
    return places, file.read()


USES: dict[str, Callable[[IO[bytes]], Any]] = {
    "all": lambda file: file.read(),
    "some": lambda file: [file.read(7), file.read(0), file.read(100_000), file.tell()],
    "lines": list,
    "one line": lambda file: (file.readline(), file.readline(3), file.tell()),
    "some lines": lambda file: file.readlines(100),
    "beyond the end": seek_beyond,
    "around": seek_around,
    "written to": write_in_the_middle,
    "added to": write_more,
    "truncated": truncate_here,
    "filled up": truncate_to_more,
    "can": lambda file: (file.readable(), file.writable(), file.seekable(), file.closed),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_it_is_used_as_werkzeug_s_file_is(
    part: IO[bytes], theirs: IO[bytes], use: Callable[[IO[bytes]], Any]
) -> None:
    assert use(part) == use(theirs)


def test_whoever_wants_a_descriptor_gets_one_of_its_own(part: IO[bytes], body: Any) -> None:
    part.seek(12)
    assert os.fstat(part.fileno()).st_size == len(CONTENT)
    assert part.fileno() != body.fileno()
    assert os.pread(part.fileno(), 5, 0) == CONTENT[:5]
    assert part.read() == CONTENT[12:]
    part.seek(0)
    assert part.read(6) == CONTENT[:6]
    part.close()


def test_what_is_written_to_it_is_in_no_other(body: Any) -> None:
    with body.part(START, 100) as one, body.part(START + 50, 100) as other:
        one.write(b"z" * 100)
        one.seek(0)
        assert one.read() == b"z" * 100
        assert other.read() == CONTENT[50:150]
    assert body.read(START + 5) == b"x" * START + CONTENT[:5]


@pytest.mark.parametrize("place", [-1, -5])
def test_there_is_no_place_before_the_beginning(part: Any, place: int) -> None:
    with pytest.raises((ValueError, OSError)):
        part.seek(place)
    with pytest.raises(ValueError, match="no place"):
        part.raw.seek(place)


def test_it_outlives_the_body_and_is_gone_with_its_last_user(body: Any, part: IO[bytes]) -> None:
    body.close()
    assert part.read() == CONTENT
    descriptor = part.raw._shared  # type: ignore[attr-defined]  # of ours
    os.fstat(descriptor)
    part.close()
    part.close()
    part.raw.close()  # type: ignore[attr-defined]
    assert part.closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_what_nobody_closes_is_closed_at_its_end(body: Any) -> None:
    part = body.part(START, 10)
    descriptor = part.raw._shared
    del part
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_system_that_reads_at_no_place_has_a_plain_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_file, "_preadv", None)
    with open_body_file() as file:
        assert not isinstance(file, BodyFile)
        file.write(b"content")
        file.seek(0)
        assert file.read() == b"content"


# The files of a form.

LONG, LONGER = os.urandom(600_000), os.urandom(3_000_000)
AT_LIMIT, SHORT = os.urandom(512_000), b"short"
FILES = {"long": LONG, "at the limit": AT_LIMIT, "longer": LONGER, "short": SHORT, "none": b""}


def form_of(files: dict[str, bytes]) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n'
    parts = [head % (b"a", b"") + b"1\r\n"]
    for name, content in files.items():
        raw = name.encode()
        parts.append(head % (raw, b'; filename="%b"' % raw) + content + b"\r\n")
    return b"".join(parts) + b"--b--\r\n"


def environ_of(data: bytes, **given: Any) -> Any:
    """A request whose body begins in the middle of a file, as it would after a look at it."""
    file = open_body_file()
    file.write(b"before" + data + b"after")
    file.seek(6)
    return {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "multipart/form-data; boundary=b",
        "CONTENT_LENGTH": str(len(data)),
        "wsgi.input": file,
        **given,
    }


def is_shared(file: Any) -> bool:
    return type(getattr(file.stream, "raw", None)) is body_file._PartOfFile


@pytest.mark.parametrize("with_length", [True, False])
def test_long_files_of_a_form_are_parts_of_the_body_and_short_ones_in_memory(
    with_length: bool,
) -> None:
    environ = environ_of(form_of(FILES))
    if not with_length:
        del environ["CONTENT_LENGTH"]
        environ["wsgi.input"].truncate(6 + len(form_of(FILES)))
        environ["wsgi.input_terminated"] = True
    with environ["wsgi.input"], Request(environ) as asked:
        assert asked.form.to_dict() == {"a": "1"}
        found = asked.files
        assert {name: file.read() for name, file in found.items()} == FILES
        shared = {name for name, file in found.items() if is_shared(file)}
        assert shared == {"long", "longer"}
        assert {type(found[name].stream) for name in FILES if name not in shared} == {
            SpooledTemporaryFile
        }


def test_they_are_saved_and_read_in_any_order(tmp_path: Path) -> None:
    environ = environ_of(form_of({"one": LONG, "two": LONGER}))
    with environ["wsgi.input"], Request(environ) as asked:
        one, two = asked.files["one"], asked.files["two"]
        assert two.read(10) + one.read(5) + two.read(10) == LONGER[:10] + LONG[:5] + LONGER[10:20]
        two.seek(0)
        two.save(tmp_path / "two")
    assert (tmp_path / "two").read_bytes() == LONGER
    assert one.closed
    assert two.closed


@pytest.mark.parametrize("cut", [3, 500_000])
def test_the_files_of_a_broken_form_are_closed(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    part = BodyFile.part

    def noting(*args: Any) -> Any:
        made.append(part(*args))
        return made[-1]

    monkeypatch.setattr(BodyFile, "part", noting)
    environ = environ_of(form_of({"one": LONG, "two": LONG})[:-cut])
    with environ["wsgi.input"], Request(environ) as asked, pytest.raises(BadRequest):
        asked.files  # noqa: B018  # reading parses
    assert made
    assert all(file.closed for file in made)


def test_whoever_makes_files_makes_those_of_a_body_in_a_file_too() -> None:
    class Own(Request):
        def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
            return io.BytesIO()

    environ = environ_of(form_of({"one": LONG}))
    with environ["wsgi.input"], Own(environ) as asked:
        assert type(asked.files["one"].stream) is io.BytesIO
        assert asked.files["one"].read() == LONG


def test_a_body_that_was_begun_to_be_read_is_parsed_from_there() -> None:
    environ = environ_of(b"preface" + form_of({"one": LONG}))
    with environ["wsgi.input"], Request(environ) as asked:
        assert asked.stream.read(7) == b"preface"
        assert asked.files["one"].read() == LONG


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_upload_arrives_over_every_wire(app: Flask, wire: MakeClient, kind: str) -> None:
    def answer() -> dict[str, Any]:
        file = request.files["file"]
        return {"digest": sha256(file.read()).hexdigest(), "a": request.form["a"]}

    async def answer_async() -> dict[str, Any]:
        return answer()

    app.post("/")(answer if kind == "def" else answer_async)
    data = form_of({"file": LONGER})
    answer_of = wire(app).post("/", data=data, content_type="multipart/form-data; boundary=b")
    assert answer_of.json == {"digest": sha256(LONGER).hexdigest(), "a": "1"}
