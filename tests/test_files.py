"""Files as responses."""

from __future__ import annotations

import io
import mimetypes
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug import utils
from werkzeug.exceptions import HTTPException, NotFound, RequestedRangeNotSatisfiable
from werkzeug.test import EnvironBuilder
from werkzeug.wsgi import FileWrapper

from kolben import Flask, Response, files, send_file, send_from_directory
from kolben.core.file_body import FileBody


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    root = tmp_path / "app"
    (root / "public" / "sub").mkdir(parents=True)
    (root / "public" / "a.txt").write_text("0123456789")
    (root / "public" / "sub" / "b.html").write_text("<b>")
    (root / "publicX").mkdir()
    (root / "publicX" / "secret.txt").write_text("secret")
    (root / "secret.txt").write_text("secret")
    return Flask("test_files", root_path=os.fspath(root))


@pytest.fixture
def in_request(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def body(response: Any) -> bytes:
    """Read a response of a file to its end and close it."""
    response.direct_passthrough = False
    data: bytes = response.data
    response.close()
    return data


@pytest.mark.usefixtures("in_request")
@pytest.mark.parametrize(
    ("name", "mimetype"), [("public/a.txt", "text/plain"), ("public/sub/b.html", "text/html")]
)
def test_a_path_is_relative_to_the_apps_folder(app: Flask, name: str, mimetype: str) -> None:
    response = send_file(name)
    assert isinstance(response, app.response_class)
    assert response.direct_passthrough
    assert response.mimetype == mimetype
    assert body(response) == Path(app.root_path, name).read_bytes()


@pytest.mark.usefixtures("in_request")
def test_paths_may_be_path_objects(app: Flask) -> None:
    assert body(send_file(Path("public") / "a.txt")) == b"0123456789"
    assert body(send_from_directory(Path("public"), Path("a.txt"))) == b"0123456789"
    assert body(send_file(Path(app.root_path, "public", "a.txt"))) == b"0123456789"


@pytest.mark.usefixtures("in_request")
def test_a_file_object_is_sent_from_where_it_is() -> None:
    file = io.BytesIO(b"abc")
    file.seek(1)
    response = send_file(file, mimetype="text/x-own", download_name="x")
    assert response.mimetype == "text/x-own"
    assert body(response) == b"bc"


@pytest.mark.usefixtures("in_request")
def test_a_file_object_needs_a_type_or_a_name() -> None:
    with pytest.raises(TypeError, match=r"Unable to detect the MIME type"):
        send_file(io.BytesIO(b""))


@pytest.mark.usefixtures("in_request")
def test_an_attachment_has_its_name() -> None:
    response = send_file("public/a.txt", as_attachment=True, download_name="größe.txt")
    assert response.headers["Content-Disposition"] == (
        "attachment; filename=groe.txt; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt"
    )
    response.close()


class TenSeconds(Flask):
    def get_send_file_max_age(self, filename: str | None) -> int | None:
        return 10


@pytest.mark.parametrize(
    ("configured", "given", "cache_control"),
    [
        (None, None, "no-cache"),
        (3600, None, "public, max-age=3600"),
        (3600, 5, "public, max-age=5"),
        (None, lambda name: len(name), "public, max-age=12"),
        (3600, 0, "no-cache, max-age=0"),
    ],
)
def test_max_age_is_the_one_given_else_the_apps(
    app: Flask, configured: int | None, given: Any, cache_control: str
) -> None:
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = configured
    with app.test_request_context():
        response = send_file("public/a.txt", max_age=given)
        if callable(given):
            cache_control = f"public, max-age={given(os.path.join(app.root_path, 'public/a.txt'))}"
        assert response.headers["Cache-Control"] == cache_control
        response.close()


def test_max_age_may_be_decided_by_the_apps_class(app: Flask) -> None:
    app = TenSeconds("test_files", root_path=app.root_path)
    with app.test_request_context():
        response = send_file("public/a.txt")
        assert response.cache_control.max_age == 10
        response.close()


def test_a_server_may_be_told_to_send_the_file(app: Flask) -> None:
    app.config["USE_X_SENDFILE"] = True
    with app.test_request_context():
        response = send_file("public/a.txt")
        assert response.headers["X-Sendfile"] == os.path.join(app.root_path, "public/a.txt")
        assert body(response) == b""


@pytest.mark.parametrize(
    ("header", "content"), [("2-4", b"234"), ("8-", b"89"), ("-3", b"789"), ("5-99", b"56789")]
)
def test_a_range_is_answered(app: Flask, header: str, content: bytes) -> None:
    with app.test_request_context(headers={"Range": f"bytes={header}"}):
        response = send_file("public/a.txt")
        assert (response.status_code, body(response)) == (206, content)


@pytest.mark.parametrize(
    "header",
    [
        "bytes=20-30", "bytes=9-0", "bytes=-0", "lines=1-2", "bytes=0-0,5-6", "bytes=\u0661-2",
        "bytes=", f"bytes={'9' * 400}-", f"bytes={','.join(['0-'] * 1000)}",
    ],
    ids=lambda header: header[:20],
)  # fmt: skip
def test_another_range_is_416(app: Flask, header: str) -> None:
    # SECURITY: row 28, range abuse.
    with (
        app.test_request_context(headers={"Range": header}),
        pytest.raises(RequestedRangeNotSatisfiable),
    ):
        send_file("public/a.txt")


def test_a_known_etag_is_304(app: Flask) -> None:
    with app.test_request_context():
        response = send_file("public/a.txt")
        etag = response.headers["ETag"]
        response.close()
    with app.test_request_context(headers={"If-None-Match": etag}):
        response = send_file("public/a.txt")
        assert response.status_code == 304
        response.close()


@pytest.mark.usefixtures("in_request")
@pytest.mark.parametrize(
    "path",
    [
        "missing.txt", "../secret.txt", "../publicX/secret.txt", "sub", "sub/", "", ".", "..",
        "sub/../../secret.txt", "/etc/hostname", "//etc/hostname", "..\\secret.txt",
        "a.txt\0", "sub/./../../secret.txt", "\x00", "a" * 5000,
    ],
    ids=lambda path: repr(path)[:30],
)  # fmt: skip
def test_what_is_not_inside_the_directory_is_not_found(path: str) -> None:
    # SECURITY: row 9, traversal; one answer, whether the file is there or not.
    with pytest.raises(NotFound):
        send_from_directory("public", path)


@pytest.mark.usefixtures("in_request")
def test_the_directory_is_relative_to_the_apps_folder() -> None:
    response = send_from_directory("public", "sub/b.html", as_attachment=True)
    assert response.headers["Content-Disposition"] == "attachment; filename=b.html"
    assert body(response) == b"<b>"


def test_it_needs_a_request(app: Flask) -> None:
    with app.app_context(), pytest.raises(RuntimeError, match="request context"):
        send_file("public/a.txt")


# The same answers as Werkzeug's, whichever way they were made.

SIZES = {"small.txt": 10, "empty.css": 0, "large.bin": 200_000, "packed.tar.gz": 70_000}
OPTIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "a type": {"mimetype": "text/x-own"},
    "an attachment": {"as_attachment": True},
    "a name": {"download_name": "gr\u00f6\u00dfe.js"},
    "an attachment with a name": {"as_attachment": True, "download_name": "a b.txt"},
    "an age": {"max_age": 60},
    "no age": {"max_age": 0},
    "an age that is none": {"max_age": 1.5},
    "no condition": {"conditional": False},
    "no tag": {"etag": False},
    "a tag": {"etag": "own"},
    "another date": {"last_modified": 1_000_000_000},
}
# Filled with what the first answer had: {etag} and {date}.
CONDITIONS: dict[str, dict[str, str]] = {
    "none": {},
    "the tag": {"If-None-Match": "{etag}"},
    "the tag, weak": {"If-None-Match": "W/{etag}"},
    "another tag": {"If-None-Match": '"x"'},
    "several tags": {"If-None-Match": '"x", {etag}'},
    "any tag": {"If-None-Match": "*"},
    "an empty tag": {"If-None-Match": ""},
    "the date": {"If-Modified-Since": "{date}"},
    "an earlier date": {"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
    "a later date": {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    "no date": {"If-Modified-Since": "yesterday"},
    "another tag and the date": {"If-None-Match": '"x"', "If-Modified-Since": "{date}"},
    "the tag, to be kept": {"If-Match": "{etag}"},
    "another tag, to be kept": {"If-Match": '"x"'},
    "a part": {"Range": "bytes=2-5"},
    "a part to the end": {"Range": "bytes=3-"},
    "all, as a part": {"Range": "bytes=0-"},
    "a part beyond the end": {"Range": "bytes=4-9999999"},
    "the end": {"Range": "bytes=-4"},
    "a large part": {"Range": "bytes=1000-150000"},
    "a part that is not there": {"Range": "bytes=9999999-"},
    "a part turned round": {"Range": "bytes=5-2"},
    "several parts": {"Range": "bytes=0-1,4-5"},
    "no part": {"Range": "lines=1-2"},
    "a part if it is the same": {"Range": "bytes=2-5", "If-Range": "{etag}"},
    "a part if it is another": {"Range": "bytes=2-5", "If-Range": '"x"'},
    "a part if of that date": {"Range": "bytes=2-5", "If-Range": "{date}"},
    "a part, and the tag": {"Range": "bytes=2-5", "If-None-Match": "{etag}"},
    "the condition of a part alone": {"If-Range": "{etag}"},
}


@pytest.fixture
def filled(app: Flask) -> Flask:
    for name, size in SIZES.items():
        Path(app.root_path, "public", name).write_bytes(os.urandom(size))
    return app


def wired(make: Any, environ: dict[str, Any]) -> tuple[Any, ...]:
    """Return status, headers and body as they go out."""
    try:
        response = make()
    except HTTPException as error:
        return type(error), error.code, error.get_headers(environ)
    body, status, headers = response.get_wsgi_response(environ)
    content = b"".join(body)
    response.close()
    assert response.direct_passthrough
    return status, [pair for pair in headers if pair[0] not in {"Date", "Expires"}], content


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", SIZES)
def test_an_answer_is_that_of_werkzeug(filled: Flask, name: str, options: dict[str, Any]) -> None:
    path = os.path.join(filled.root_path, "public", name)

    def werkzeugs(environ: dict[str, Any]) -> Any:
        return utils.send_file(
            path, environ, response_class=Response, _root_path=filled.root_path, **options
        )

    for method in ("GET", "HEAD", "POST"):
        first = werkzeugs(EnvironBuilder(method=method).get_environ())
        known = {"etag": first.headers.get("ETag", ""), "date": first.headers["Last-Modified"]}
        first.close()
        for headers in CONDITIONS.values():
            asked = [(field, value.format(**known)) for field, value in headers.items()]
            with filled.test_request_context(method=method, headers=asked) as context:
                environ = context.request.environ
                expected = wired(lambda: werkzeugs(environ), environ)  # noqa: B023  # called here
                for _ in range(2):
                    assert wired(lambda: send_file(path, **options), environ) == expected
                    found = wired(lambda: send_from_directory("public", name, **options), environ)
                    assert found == expected


class OwnResponse(Response):
    def make_conditional(self, *args: Any, **kwargs: Any) -> Any:
        self.headers["X-Own"] = "yes"
        return self


def test_a_response_class_may_judge_conditions_itself(app: Flask) -> None:
    app.response_class = OwnResponse
    for _ in range(2):
        with app.test_request_context():
            response = send_file("public/a.txt")
            assert (type(response), response.headers["X-Own"]) == (OwnResponse, "yes")
            response.close()


@pytest.mark.usefixtures("in_request")
def test_each_answer_has_headers_of_its_own() -> None:
    send_file("public/a.txt").headers["X-Own"] = "yes"
    assert "X-Own" not in send_file("public/a.txt").headers


@pytest.mark.usefixtures("in_request")
def test_a_file_that_changes_is_sent_as_it_is(app: Flask) -> None:
    path = Path(app.root_path, "public/a.txt")
    tags = set()
    for content, seconds in [(b"abc", 1), (b"defg", 1), (b"hijk", 2)]:
        path.write_bytes(content)
        os.utime(path, (seconds, seconds))
        for _ in range(2):
            response = send_file(path)
            assert (body(response), response.content_length) == (content, len(content))
            tags.add(response.headers["ETag"])
    assert len(tags) == 3
    path.unlink()
    with pytest.raises(FileNotFoundError):
        send_file(path)
    with pytest.raises(NotFound):
        send_from_directory("public", "a.txt")


@pytest.mark.usefixtures("in_request")
def test_a_file_that_changes_while_it_is_looked_at_is_sent_as_it_is(app: Flask) -> None:
    known, unknown = (Path(app.root_path, "public", name) for name in ("a.txt", "sub/b.html"))
    send_file(known, max_age=5)
    for path in (known, unknown):
        ages = iter([5, 5])

        def grow_once(path: Path = path, ages: Iterator[int] = ages) -> int:
            if len(list(ages)) == 2:
                path.write_bytes(path.read_bytes() + b"more")
            return 5

        response = send_file(path, max_age=lambda _: grow_once())
        assert body(response) == path.read_bytes()
        assert response.content_length == len(path.read_bytes())


@pytest.mark.usefixtures("in_request")
def test_types_may_be_added_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert send_file("public/a.txt").mimetype == "text/plain"
    monkeypatch.setitem(mimetypes.types_map, ".txt", "text/x-own")
    assert send_file("public/a.txt").mimetype == "text/x-own"


def test_it_expires_its_age_after_each_answer(app: Flask) -> None:
    with app.test_request_context():
        for _ in range(2):
            response = send_file("public/a.txt", max_age=600)
            assert response.expires is not None
            assert 590 < response.expires.timestamp() - time.time() < 610


@pytest.mark.usefixtures("in_request")
def test_what_is_kept_of_files_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MOST_DESCRIPTIONS", 10)
    files._descriptions.clear()
    for number in range(25):
        send_file("public/a.txt", download_name=f"{number}.txt")
        assert len(files._descriptions) <= 10
    files._descriptions.clear()
    send_file("public/a.txt", download_name="a" * 2_000)
    assert not files._descriptions


# What a server gets of it.


@pytest.mark.parametrize(
    ("headers", "part"),
    [({}, (0, 200_000)), ({"Range": "bytes=1000-180000"}, (1_000, 179_001)),
     ({"Range": "bytes=-150000"}, (50_000, 150_000))],
)  # fmt: skip
def test_a_large_body_names_its_file(
    filled: Flask, headers: dict[str, str], part: tuple[int, int]
) -> None:
    with filled.test_request_context(headers=headers):
        response = send_file("public/large.bin")
        sent: Any = response.response
        assert type(sent) is FileBody
        path = os.path.join(filled.root_path, "public/large.bin")
        assert (sent.path, sent.offset, sent.length) == (path, *part)
        response.close()
        assert sent.file.closed


def test_a_servers_own_way_to_send_files_is_used(filled: Flask) -> None:
    class Wrapper(FileWrapper):
        pass

    with filled.test_request_context(environ_base={"wsgi.file_wrapper": Wrapper}):
        for name, kind in [("public/large.bin", Wrapper), ("public/small.txt", list)]:
            response = send_file(name)
            assert type(response.response) is kind
            response.close()
    with filled.test_request_context(
        environ_base={"wsgi.file_wrapper": Wrapper}, headers={"Range": "bytes=1-100000"}
    ):
        response = send_file("public/large.bin")
        assert type(response.response) is FileBody
        response.close()


def test_what_is_no_file_is_none(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(IsADirectoryError):
        send_file("public/sub")


@pytest.mark.usefixtures("in_request")
@pytest.mark.parametrize("name", ["sub/./b.html", "a.txt/../sub/b.html", "sub//b.html"])
def test_a_name_may_go_round_about(name: str) -> None:
    assert body(send_from_directory("public", name)) == b"<b>"


@pytest.mark.usefixtures("in_request")
def test_the_directory_may_be_the_apps_folder() -> None:
    assert body(send_from_directory("", "secret.txt")) == b"secret"


def test_links_are_followed_where_that_is_configured(app: Flask) -> None:
    Path(app.root_path, "public/linked").symlink_to(Path(app.root_path, "publicX"))
    Path(app.root_path, "public/linked.txt").symlink_to(Path(app.root_path, "secret.txt"))
    with app.test_request_context():
        for name in ("linked/secret.txt", "linked.txt"):
            app.config["FOLLOW_SYMLINKS"] = True
            assert body(send_from_directory("public", name)) == b"secret"
            app.config["FOLLOW_SYMLINKS"] = False
            with pytest.raises(NotFound):
                send_from_directory("public", name)
