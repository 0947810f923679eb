"""Files as responses."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable

from kolben import Flask, send_file, send_from_directory


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
