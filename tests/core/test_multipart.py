"""A multipart body means what it means to Werkzeug, however it is cut into pieces."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from kolben.core.multipart import COUNTED_BYTES as PIECE_BYTES
from kolben.core.multipart import Data, MultipartReader, Part

# What a part is: (name, filename, headers, content).
Found = list[tuple[str | None, str | None, list[tuple[str, str]], bytes]] | str

PLAIN = b'Content-Disposition: form-data; name="a"'
FILE = b'Content-Disposition: form-data; name="f"; filename="n.txt"'


class WholeParts(MultiPartParser):
    """Werkzeug's parser, given a body at once, keeping the bytes of fields as they are."""

    def get_part_charset(self, headers: Headers) -> str:
        return "iso-8859-1"


def as_werkzeug_finds(body: bytes, boundary: bytes = b"b", **limits: Any) -> Found:
    """Parse with the oracle; a part without a name is broken, which Werkzeug lets pass."""
    order: list[Any] = []

    class Noted(WholeParts):
        def start_file_streaming(self, event: Any, total_content_length: int | None) -> Any:
            return io.BytesIO()

    class InOrder(MultiDict):  # type: ignore[type-arg]  # of both kinds
        def __init__(self, pairs: list[tuple[str, Any]]) -> None:
            order.extend(pairs)

    limits.setdefault("buffer_size", max(len(body), 1))
    parser = Noted(cls=InOrder, **limits)
    try:
        parser.parse(io.BytesIO(body), boundary, len(body))
    except ValueError:
        return "broken"
    except RequestEntityTooLarge:
        return "too much"
    if any(name is None for name, _ in order):
        return "broken"
    return sorted_parts(
        [
            (name, value.filename, list(value.headers), value.read())
            if isinstance(value, FileStorage)
            else (name, None, [], value.encode("iso-8859-1"))
            for name, value in order
        ]
    )


def sorted_parts(parts: list[Any]) -> Any:
    """Fields first, as Werkzeug returns them apart; it does not give away their headers."""
    fields = [(name, None, [], content) for name, file, _, content in parts if file is None]
    return fields + [part for part in parts if part[1] is not None]


def find(pieces: list[bytes], boundary: bytes = b"b", **limits: Any) -> Found:
    """Parse with ours."""
    reader = MultipartReader(boundary, **limits)
    parts: list[Any] = []
    content: list[bytes] | None = None
    try:
        for piece in pieces:
            for event in reader.feed(piece):
                if isinstance(event, Part):
                    assert content is None
                    content = []
                    parts.append((event.name, event.filename, list(event.headers), content))
                else:
                    assert content is not None
                    assert type(event.data) is bytes
                    content.append(event.data)
                    if event.is_last:
                        parts[-1] = (*parts[-1][:3], b"".join(content))
                        content = None
        reader.finish()
    except ValueError:
        return "broken"
    except RequestEntityTooLarge:
        return "too much"
    return sorted_parts(parts)


def cut(body: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(body) + 1) for place in places)
    return [body[a:b] for a, b in zip([0, *ends], [*ends, len(body)], strict=True)]


def one_by_one(body: bytes) -> list[bytes]:
    return [body[at : at + 1] for at in range(len(body))]


def part(head: bytes, content: bytes = b"content") -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


END = b"--b--\r\n"
BODIES = {
    "a field": part(PLAIN) + END,
    "a file": part(FILE) + END,
    "nothing": b"",
    "no part": END,
    "no part, and no line break": b"--b--",
    "an empty field": part(PLAIN, b"") + END,
    "an empty file": part(FILE, b"") + END,
    "an empty field without a line break": b"--b\r\n" + PLAIN + b"\r\n\r\n--b--",
    "an empty filename": part(FILE.replace(b"n.txt", b"")) + END,
    "an empty name": part(PLAIN.replace(b'"a"', b'""')) + END,
    "several of each": part(PLAIN) + part(FILE) + part(PLAIN, b"2") + part(FILE, b"3") + END,
    "a preamble": b"preamble\r\n" + part(PLAIN) + END,
    "a preamble that ends in no line": b"preamble" + part(PLAIN) + END,
    "a preamble with hyphens": b"-\r\n--\r\n--bx\r\n--b-\r\n---b" + part(PLAIN) + END,
    "an epilogue": part(PLAIN) + END + b"epilogue" + part(PLAIN) + END,
    "an epilogue in the same line": part(PLAIN) + b"--b--x" + part(PLAIN) + END,
    "blanks after a boundary": part(PLAIN).replace(b"--b", b"--b \t\v\f") + b"--b-- \t\r\n",
    "blanks before the last hyphens": part(PLAIN) + b"--b --\r\n",
    "something after a boundary": part(PLAIN, b"x\r\n--bx\r\ny\r\n--b x\r\nz\r\n--b -\r\n-") + END,
    "a boundary inside of a line": part(PLAIN, b"x--b\r\ny--b--\r\nz") + END,
    "a boundary after a boundary": part(PLAIN, b"x\r\n--b--b\r\n") + END,
    "almost boundaries": part(FILE, b"\r\n-\r\n--\r\n--\r\n\r\n-b\n\n--\r\r--") + END,
    "line feeds alone": (part(PLAIN, b"x\ny") + part(FILE) + END).replace(b"\r\n", b"\n"),
    "returns alone": (part(PLAIN, b"x\ry") + part(FILE) + END).replace(b"\r\n", b"\r"),
    "line breaks of all kinds": b"--b\n" + PLAIN + b"\r\n\r\nx\r--b\r" + FILE + b"\n\ny\n--b--",
    "returns and a line feed": b"--b\r\n" + PLAIN + b"\r\r\nx\r\n" + END,
    "line breaks as content": part(PLAIN, b"\r\n\r\n\n\r\r\n\r") + END,
    "an empty head": b"--b\r\n\r\nx\r\n" + part(PLAIN) + END,
    "a boundary in a head": b"--b\r\n--b\r\n" + PLAIN + b"\r\n\r\nx\r\n" + END,
    "no disposition": part(b"Content-Type: text/plain") + END,
    "a type before the disposition": part(b"Content-Type: text/plain\r\n" + PLAIN) + END,
    "a type after it": part(PLAIN + b"\r\nContent-Type: text/plain; charset=ascii") + END,
    "a type of a file": part(FILE + b"\r\ncontent-TYPE: image/x") + END,
    "an empty type": part(FILE + b"\r\nContent-Type: ") + END,
    "blanks after a type": part(FILE + b"\r\nContent-Type: image/x \t") + END,
    "a type of no ASCII": part(FILE + "\r\nContent-Type: ä".encode()) + END,
    "a transfer encoding": part(FILE + b"\r\nContent-Transfer-Encoding: base64", b"YQ==") + END,
    "a length": part(FILE + b"\r\nContent-Length: 7") + END,
    "header names in other letters": part(PLAIN.upper().replace(b'"A"', b'"a"')) + END,
    "two dispositions": part(PLAIN + b"\r\n" + FILE) + END,
    "no name": part(b"Content-Disposition: form-data") + END,
    "no name of a file": part(b'Content-Disposition: form-data; filename="x"') + END,
    "two names": part(PLAIN + b"; name=c") + END,
    "a name without quotes": part(b"Content-Disposition: form-data; name=a; filename=x") + END,
    "a name with half its quotes": part(b'Content-Disposition: form-data; name="a') + END,
    "blanks around": part(b'Content-Disposition :  form-data ;name = "a" ; name="c" ') + END,
    "no blanks": part(b'Content-Disposition:form-data;name="a";filename="x"') + END,
    "another disposition": part(b'Content-Disposition: attachment; name="a"') + END,
    "a line without a colon": part(PLAIN + b"\r\nX") + END,
    "a line that is a colon": part(PLAIN + b"\r\n:") + END,
    "a folded line": part(b'Content-Disposition: form-data;\r\n\tname="a"\r\nX: y\r\n z') + END,
    "a folded line of a line feed": part(b'Content-Disposition: form-data;\n name="a"') + END,
    "many headers": part(b"X: y\r\n" * 300 + PLAIN) + END,
    "a long header": part(b"X: " + b"y" * 3_000 + b"\r\n" + FILE) + END,
    "a head without end": b"--b\r\n" + PLAIN,
    "a head in no UTF-8": part(PLAIN.replace(b"a", b"\xff")) + END,
    "a disposition in no UTF-8": part(PLAIN.replace(b'"a"', b'"\xff"')) + END,
    "a NUL in a name": part(PLAIN.replace(b'"a"', b'"\0"')) + END,
    "a return in a name": part(PLAIN.replace(b'"a"', b'"a\rb"')) + END,
    "another boundary": (part(PLAIN) + END).replace(b"--b", b"--c"),
    "text": b"just text",
    "no end": part(PLAIN),
    "half an end": part(PLAIN) + b"--b-",
    "a boundary and no more": b"--b",
    "an end without its line break": part(PLAIN)[:-2] + END,
}
FILENAMES = {
    "quotes": rb'"a \"b\" c.txt"',
    "a backslash": rb'"C:\dir\n.txt"',
    "two backslashes": rb'"\\\\host\\x"',
    "a backslash at the end": rb'"a\"',
    "a backslash and the end": rb'"a\\"',
    "a semicolon": b'"a;b"; x=y',
    "an equals sign": b'"a=b"',
    "an encoded quote": b'"a%22b"',
    "a percent sign": b'"100%.txt"',
    "other escapes": b'"%41%0a"',
    "UTF-8": '"größe ✓.txt"'.encode(),
    "blanks": b'"  a  b  "',
    "another line": b'"a\r\n b"',
    "no quotes": b"a.txt",
    "no quotes and a blank": b"a b.txt",
    "single quotes": b"'a.txt'",
    "a comment": b'"a" (b)',
    "what follows": b'"a"b; c',
    "the encoded name": b"x; filename*=utf-8''%e2%82%ac.txt",
    "the encoded name first": b"x; filename*=UTF-8'en'%e2%82%ac; filename=\"y\"",
    "latin-1": b"x; filename*=iso-8859-1''%e9",
    "an unknown encoding": b"x; filename*=koi8-r''%e9",
    "a broken encoding": b"x; filename*=utf-8''%ff%e9",
    "pieces": b"x; filename*0=a; filename*1=b",
    "encoded pieces": b"x; filename*0*=utf-8''%e2%82; filename*1*=%ac; filename*2=.txt",
    "non-breaking blanks": '"\u00a0\u2028\u0085"'.encode(),
}
BODIES |= {
    f"a filename with {what}": part(
        b'Content-Disposition: form-data; name="f"; filename=' + name + b"\r\nContent-Type: a/b"
    )
    + END
    for what, name in FILENAMES.items()
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_it_finds_what_werkzeug_finds(body: bytes) -> None:
    assert find([body]) == as_werkzeug_finds(body)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_it_does_not_matter_where_a_body_is_cut(body: bytes) -> None:
    whole = find([body])
    assert find(one_by_one(body)) == whole
    for place in range(min(len(body), 500)):
        assert find([body[:place], body[place:]]) == whole


PIECES = st.sampled_from(
    [
        b"--b", b"--b\r\n", b"\r\n--b\r\n", b"\r\n--b--\r\n", b"\r\n", b"\n", b"\r", b"-", b"--",
        b" ", b"\t", b"b", b"x", b":", b";", b'"', b"\\", b"%22", b"\0", b"\xff", "ä".encode(),
        PLAIN, FILE, PLAIN + b"\r\n\r\n", FILE + b"\r\n\r\n", FILE + b"\n\n", b"X: y",
        b"Content-Disposition: form-data", b"; name=c", b'; name="d"', b"; filename=e",
        b'; filename="f"', b"; filename*=utf-8''%e2%82%ac", b"Content-Type: a/b",
    ]
)  # fmt: skip
BEGUN = st.sampled_from([b"", b"--b\r\n", part(PLAIN), part(FILE), b"--b\r\n" + FILE + b"\r\n\r\n"])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bodies that are nearly right, so that much of each is read."""
    middle = b"".join(draw(st.lists(PIECES, max_size=14)))
    return draw(BEGUN) + middle + draw(st.sampled_from([b"", b"\r\n--b--\r\n", b"\n--b--"]))


@settings(max_examples=1_000)
@given(bodies())
def test_whatever_is_sent_it_finds_what_werkzeug_finds(body: bytes) -> None:
    assert find([body]) == as_werkzeug_finds(body)


@settings(max_examples=500)
@given(bodies(), st.lists(st.integers(0, 10_000), max_size=8))
def test_whatever_is_sent_it_does_not_matter_where_it_is_cut(
    body: bytes, places: list[int]
) -> None:
    whole = find([body])
    assert find(one_by_one(body)) == whole
    assert find(cut(body, places)) == whole


def test_the_events_of_a_body() -> None:
    reader = MultipartReader(b"b")
    assert list(reader.feed(part(PLAIN, b"1") + part(FILE, b"2"))) == [
        Part("a", None, Headers({"Content-Disposition": 'form-data; name="a"'})),
        Data(b"1", is_last=True),
        Part("f", "n.txt", Headers([("Content-Disposition", FILE[21:].decode())])),
        Data(b"2", is_last=False),
    ]
    assert reader.next_event() is None
    with pytest.raises(ValueError, match="last boundary"):
        reader.finish()
    assert list(reader.feed(END)) == [Data(b"", is_last=True)]
    reader.finish()
    assert list(reader.feed(part(PLAIN))) == []


def test_one_may_leave_the_next_part_to_others() -> None:
    reader = MultipartReader(b"b")
    for event in reader.feed(part(PLAIN) * 2 + END):
        if isinstance(event, Data):
            break
    assert [type(event) for event in iter(reader.next_event, None)] == [Part, Data]
    reader.finish()


def test_a_piece_that_is_all_of_it_is_not_copied() -> None:
    reader = MultipartReader(b"b")
    list(reader.feed(b"--b\r\n" + FILE + b"\r\n\r\nx"))
    piece = b"line\r\nof a file\n" * 4_000
    (event,) = reader.feed(piece + b".")
    assert event == Data(piece + b".", is_last=False)
    whole = piece + b"."
    assert next(reader.feed(whole)).data is whole  # type: ignore[union-attr]  # Data


def test_what_may_begin_a_boundary_is_held_and_no_more() -> None:
    reader = MultipartReader(b"bound")
    list(reader.feed(b"--bound\r\n" + FILE + b"\r\n\r\n"))
    for end, held in [
        (b"x\n", 1), (b"x\r", 1), (b"x\r\n", 2), (b"x\r\n--bound", 9), (b"\n\r\n-", 3),
        (b"x\r\n--bounds", 0), (b"--bound", 0), (b"\n\n", 1), (b"\r\n-x", 0),
    ]:  # fmt: skip
        (event,) = reader.feed(b"content" + end)
        content = b"content" + end
        assert event == Data(content[: len(content) - held], is_last=False)
        list(reader.feed(b"x"))


def test_more_than_a_thousand_blanks_after_a_boundary_are_content() -> None:
    for blanks, has_end in [(1_000, True), (1_001, False)]:
        body = part(FILE)[:-2] + b"\r\n--b" + b" " * blanks + b"\r\n" + part(PLAIN)[5:] + END
        assert find([body]) == find(one_by_one(body))
        assert len(find([body])) == (2 if has_end else 1)


LIMITED = {
    "a field": lambda n: part(PLAIN, b"x" * n) + END,
    "a file": lambda n: part(FILE, b"x" * n) + END,
    "fields": lambda n: part(PLAIN, b"x" * 900) * (n // 1_000) + END,
    "a preamble": lambda n: b"x" * n + b"\r\n" + part(PLAIN) + END,
    "an epilogue": lambda n: part(PLAIN) + END + b"x" * n,
    "a header": lambda n: part(PLAIN + b"\r\nX: " + b"y" * n) + END,
    "a name": lambda n: part(PLAIN[:-1] + b"a" * n + b'"') + END,
    "a boundary that goes on": lambda n: part(FILE, b"x\r\n--b" + b"x" * n) + END,
    "no boundary": lambda n: b"x" * n,
}


@pytest.mark.parametrize("make", LIMITED.values(), ids=LIMITED)
@pytest.mark.parametrize("limit", [1_000, 5_000, 70_000, 200_000])
def test_limits_are_those_of_werkzeug_for_pieces_of_64_kib(make: Any, limit: int) -> None:
    for size in (0, 500, 900, 1_100, 4_500, 5_500, 60_000, 69_000, 71_000, 199_000, 400_000):
        body = make(size)
        pieces = [body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES)]
        assert find(pieces, max_memory_size=limit) == as_werkzeug_finds(
            body, buffer_size=PIECE_BYTES, max_form_memory_size=limit
        )


def test_a_file_may_come_in_larger_pieces_than_are_held() -> None:
    body = part(FILE, b"x" * 300_000) + END
    assert find([body], max_memory_size=PIECE_BYTES) == find([body])


@pytest.mark.parametrize("count", [2, 3])
def test_there_are_no_more_parts_than_allowed(count: int) -> None:
    body = (part(PLAIN) + part(FILE) + part(PLAIN))[: None if count == 3 else -len(part(PLAIN))]
    assert (find([body + END], max_parts=2) == "too much") is (count > 2)
