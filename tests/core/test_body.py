"""A broken body is refused, not dropped."""

from __future__ import annotations

import io
from typing import IO, Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben.core.body import BoundedFormParser, SmallBody, parse_content_type
from kolben.core.request import Request

MULTIPART = "multipart/form-data; boundary=b"
WHOLE = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n--b--\r\n'


def request_of(data: bytes, content_type: str) -> Request:
    builder = EnvironBuilder(method="POST", input_stream=None, data=data, content_type=content_type)
    return Request(builder.get_environ())


class Trickle(io.BytesIO):
    """Gives one byte at a time, as a socket may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1, size) if size is not None and size >= 0 else size)


def body_request(data: bytes, **environ: Any) -> Request:
    made = EnvironBuilder(method="POST", data=b"").get_environ()
    made.update({"wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(len(data)), **environ})
    return Request(made)


def test_a_whole_form_is_read() -> None:
    assert request_of(WHOLE, MULTIPART).form["a"] == "value"
    form = "application/x-www-form-urlencoded"
    assert request_of(b"a=1&b=%C3%A4", form).form.to_dict() == {"a": "1", "b": "ä"}


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (WHOLE[:-6], MULTIPART),
        (b"no part at all", MULTIPART),
        (WHOLE, "multipart/form-data"),
        (WHOLE, "multipart/form-data; boundary=\u00e4"),
        (WHOLE.replace(b'; name="a"', b""), MULTIPART),
        (WHOLE.replace(b"name=", b"filename="), MULTIPART),
        (b"a=\xff", "application/x-www-form-urlencoded"),
    ],
    ids=[
        "no end",
        "no boundary in it",
        "no boundary given",
        "boundary not ASCII",
        "no name",
        "no name of a file",
        "no UTF-8",
    ],
)
def test_a_broken_form_is_400(data: bytes, content_type: str) -> None:
    with pytest.raises(BadRequest, match="not valid"):
        request_of(data, content_type).form  # noqa: B018  # reading parses it


@pytest.mark.parametrize("data", [b"x" * 600_000, b"x"], ids=["on disk", "in memory"])
def test_the_files_of_a_broken_form_are_closed(data: bytes) -> None:
    begun: list[io.BytesIO] = []

    class Noting(Request):
        def _get_file_stream(self, *args: Any, **kwargs: Any) -> Any:
            begun.append(io.BytesIO())
            return begun[-1]

    head = b'--b\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n'
    request = Noting(request_of(head + data, MULTIPART).environ)
    with pytest.raises(BadRequest):
        request.form  # noqa: B018  # reading parses it
    assert [file.closed for file in begun] == [True]


def head(disposition: str, *lines: str) -> bytes:
    return "\r\n".join(
        ["--b", f"Content-Disposition: form-data; {disposition}", *lines, "", ""]
    ).encode()


PARTS = [
    head('name="a"') + b"1",
    head('name="a"') + "größe".encode(),
    head('name="latin"', "Content-Type: text/plain; charset=ISO-8859-1")
    + "größe".encode("latin-1"),
    head('name="type"', "Content-Type: text/plain; charset=utf-16") + b"\xff\xfea\0",
    head('name="length"', "Content-Length: 3") + b"\xff",
    head('name="empty"'),
    head('name="f"; filename="a.txt"', "Content-Type: text/plain", "Content-Length: 4") + b"1234",
    head('name="f"; filename="b.txt"', "Content-Length: four") + b"5",
    head('name="a"; filename=""', "Content-Type: application/octet-stream"),
    head("name=\"g\"; filename*=utf-8''%e2%82%ac.txt") + b"x" * 600_000,
    head('name="last"') + b"2",
]
FORM = b"\r\n".join(PARTS) + b"\r\n--b--\r\n"


def everything_in(request: WerkzeugRequest) -> Any:
    files = [
        (name, file.name, file.filename, list(file.headers), file.mimetype, type(file.stream),
         file.content_length, file.stream.tell(), file.read(), file.close())
        for name, file in request.files.items(multi=True)
    ]  # fmt: skip
    kinds = [type(found).__name__ for found in (request.form, request.files)]
    return kinds, list(request.form.items(multi=True)), files


def test_a_form_is_what_it_is_to_werkzeug() -> None:
    environ = body_request(FORM, CONTENT_TYPE=MULTIPART).environ
    ours = everything_in(Request(environ))
    environ["wsgi.input"].seek(0)
    assert ours == everything_in(WerkzeugRequest(environ))


@pytest.mark.parametrize("size", [0, 1, 65_500, 65_536, 65_537, 131_072, 300_000])
@pytest.mark.parametrize("begin", [b"", b"\r\n", b"line\r\nby\nline\r"])
def test_a_file_is_what_was_sent(size: int, begin: bytes) -> None:
    content = (begin * (size // (len(begin) or 1) + 1))[:size] if begin else b"x" * size
    parts = [head('name="f"; filename="f"') + content, head('name="a"') + b"1"]
    data = b"\r\n".join(parts) + b"\r\n--b--"
    for source in (io.BytesIO, Trickle):
        environ: dict[str, Any] = {"CONTENT_TYPE": MULTIPART, "wsgi.input": source(data)}
        with body_request(data, **environ) as request:
            assert request.form.to_dict() == {"a": "1"}
            assert request.files["f"].read() == content


def test_what_is_left_of_a_stream_is_parsed() -> None:
    data = b"length" + FORM
    with body_request(data, CONTENT_TYPE=MULTIPART) as request:
        assert request.stream.read(6) == b"length"
        assert len(request.files.getlist("f")) == 2


def test_a_chunked_form_is_read() -> None:
    environ: dict[str, Any] = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    with body_request(FORM, CONTENT_TYPE=MULTIPART, **environ) as request:
        assert request.form["last"] == "2"


def test_the_parser_reads_urlencoded_forms_too() -> None:
    stream = io.BytesIO(b"a=1&b=%C3%A4")
    _, form, files = BoundedFormParser().parse(stream, "application/x-www-form-urlencoded", None)
    assert (form.to_dict(), files.to_dict()) == ({"a": "1", "b": "ä"}, {})


# What users may put in the place of its parts.


def test_a_request_may_decide_where_files_go() -> None:
    asked = []

    class Own(Request):
        def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
            asked.append((args, kwargs))
            return io.BytesIO()

    request = Own(body_request(FORM, CONTENT_TYPE=MULTIPART).environ)
    assert [type(file.stream) for file in request.files.values()] == [io.BytesIO] * 3
    names = [kwargs["filename"] for _, kwargs in asked]
    assert names == ["a.txt", "b.txt", "", "€.txt"]
    assert asked[0] == (
        (),
        {
            "total_content_length": len(FORM),
            "filename": "a.txt",
            "content_type": "text/plain",
            "content_length": 4,
        },
    )


def test_a_file_may_go_where_only_writing_and_seeking_is_possible() -> None:
    class Sink:
        def __init__(self) -> None:
            self.size = 0

        def write(self, data: bytes) -> None:
            self.size += len(data)

        def seek(self, place: int) -> None:
            assert place == 0

    class Own(Request):
        def make_form_data_parser(self) -> FormDataParser:
            make: Any = lambda **kwargs: Sink()  # noqa: E731
            return self.form_data_parser_class(stream_factory=make, cls=MultiDict)

    request = Own(body_request(FORM, CONTENT_TYPE=MULTIPART).environ)
    stream: Any = request.files["g"].stream
    assert (type(request.files), stream.size) == (MultiDict, 600_000)


def test_a_request_may_have_another_parser() -> None:
    class Lenient(Request):
        form_data_parser_class = FormDataParser  # type: ignore[assignment]  # Werkzeug's

    request = Lenient(request_of(WHOLE[:-6], MULTIPART).environ)
    assert request.form.to_dict() == {}


def test_a_parser_may_be_extended() -> None:
    class Shouting(BoundedFormParser):
        def parse(self, *args: Any, **kwargs: Any) -> Any:
            stream, form, files = super().parse(*args, **kwargs)
            return stream, self.cls([(name, form[name].upper()) for name in form]), files

    class Raw(BoundedFormParser):
        def _parse_multipart(self, stream: IO[bytes], *args: Any) -> Any:
            return stream, self.cls({"raw": stream.read()}), self.cls()

    for parser, form in [(Shouting, {"a": "VALUE"}), (Raw, {"raw": WHOLE + b" " * 70_000})]:
        own = type("Own", (Request,), {"form_data_parser_class": parser})
        request = own(body_request(WHOLE + b" " * 70_000, CONTENT_TYPE=MULTIPART).environ)
        assert request.form.to_dict() == form


def test_another_type_has_no_form() -> None:
    request = request_of(b"plain", "text/plain")
    assert request.form.to_dict() == {}
    assert request.data == b"plain"


@pytest.mark.parametrize("length", ["0", ""])
def test_a_multipart_body_of_nothing_is_an_empty_form(length: str) -> None:
    request = body_request(b"", CONTENT_LENGTH=length, CONTENT_TYPE=MULTIPART)
    assert request.form.to_dict() == {}


@pytest.mark.parametrize(
    ("data", "content_type"),
    [(WHOLE[:-6], MULTIPART), (b"a=\xff", "application/x-www-form-urlencoded")],
)
def test_a_broken_form_stays_broken(data: bytes, content_type: str) -> None:
    """Who caught the first error must not find an empty form the second time."""
    request = request_of(data, content_type)
    for _ in range(2):
        with pytest.raises(BadRequest):
            request.form  # noqa: B018  # reading parses it


def test_a_small_body_is_in_memory_whole() -> None:
    request = body_request(b"small")
    assert isinstance(request.stream, SmallBody)
    assert request.get_data() == b"small"
    assert request.get_data(as_text=True) == "small"
    assert request.stream.read() == b""


def test_a_small_body_may_come_in_pieces() -> None:
    request = body_request(b"", CONTENT_LENGTH="5", **{"wsgi.input": Trickle(b"small and more")})
    assert request.get_data() == b"small"


def test_a_small_body_that_is_cut_off_is_400() -> None:
    with pytest.raises(ClientDisconnected):
        body_request(b"sma", CONTENT_LENGTH="5").get_data()


def test_a_small_body_that_something_closed_can_still_be_read() -> None:
    request = body_request(b"small")
    with request.stream as stream:
        assert stream.read(2) == b"sm"
    assert request.get_data() == b"all"


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_LENGTH": "65537"},
        {"CONTENT_LENGTH": "070000"},
        {"CONTENT_LENGTH": ""},
        {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    ],
    ids=["large", "many digits", "empty", "chunked"],
)
def test_any_other_body_is_read_in_pieces(environ: dict[str, Any]) -> None:
    request = body_request(b"x" * 70_000, **environ)
    assert not isinstance(request.stream, SmallBody)
    assert (
        request.get_data() == WerkzeugRequest(body_request(b"x" * 70_000, **environ).environ).data
    )


@pytest.mark.parametrize("length", ["five", "\u0665", "-5", "+5"])
def test_a_length_that_is_no_number_is_a_400(length: str) -> None:
    with pytest.raises(BadRequest, match="not a number"):
        body_request(b"small", CONTENT_LENGTH=length).get_data()


def test_a_small_body_that_cannot_be_read_was_not_sent() -> None:
    class Reset(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError

    request = body_request(b"small", **{"wsgi.input": Reset()})
    with pytest.raises(ClientDisconnected):
        request.get_data()


def test_a_small_body_above_the_limit_is_413() -> None:
    request = body_request(b"small")
    request.max_content_length = 4
    with pytest.raises(RequestEntityTooLarge):
        request.get_data()


def test_a_shallow_request_reads_nothing() -> None:
    request = Request(body_request(b"small").environ, shallow=True)
    with pytest.raises(RuntimeError, match="shallow"):
        request.get_data()


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/html; charset=utf-8; a=b",
        "multipart/form-data; boundary=" + "x" * 200,
    ],
)
def test_a_content_type_is_split_as_werkzeug_does(content_type: str) -> None:
    for _ in range(2):
        mimetype, parameters = parse_content_type(content_type)
        assert (mimetype, parameters) == parse_options_header(content_type)
        parameters["changed"] = "by a view"
