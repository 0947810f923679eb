"""A static folder gives what is in it and nothing else, and does not tell what is beside it."""

from __future__ import annotations

import ntpath
import os
from pathlib import Path
from typing import Any

import pytest
import werkzeug.security
from werkzeug.exceptions import NotFound

import kolben.files
from kolben import Flask, send_from_directory
from tests.security.ways import EnvironWay, Way

SECRET = "what lies beside the folder"

# How the way up is written.
UPS = [
    "..",
    "%2e%2e",
    "%2E.",
    "%252e%252e",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "..%00",
    "..%ff",
    "...",
    "..;",
    "..%20",
    ". .",
    "%uff0e%uff0e",
]
# What stands between two parts.
SLASHES = ["/", "//", "/./", "%2f", "%2F", "%5c", "\\", "%255c", "%252f", "%c0%af", "%ef%bc%8f"]
# What is looked for: a file that is there, one that is not, a folder, and system files.
GOALS = ["secret.txt", "missing.txt", "", "etc/passwd", "target.py"]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A static folder with a file, a secret beside it, and a folder whose name begins alike."""
    static = tmp_path / "static"
    (static / "sub").mkdir(parents=True)
    (static / "open.txt").write_text("open")
    (static / "sub" / "inner.txt").write_text("inner")
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "staticX").mkdir()
    (tmp_path / "staticX" / "secret.txt").write_text(SECRET)
    return tmp_path


@pytest.fixture
def files(folders: Path) -> EnvironWay:
    """An app whose static folder this is."""
    return EnvironWay(Flask("files", root_path=str(folders), static_folder="static"))


def test_what_is_inside_is_given(files: EnvironWay) -> None:
    assert files.ask("/static/open.txt").text == "open"
    assert files.ask("/static/sub/inner.txt").text == "inner"
    assert files.ask("/static/sub/../open.txt").text == "open"


@pytest.mark.parametrize("slash", SLASHES)
@pytest.mark.parametrize("up", UPS)
def test_there_is_no_way_up(files: EnvironWay, up: str, slash: str) -> None:
    nothing = files.ask("/static/nothing").body
    for depth in (1, 2, 8):
        for goal in GOALS:
            for start in ("/static/", "/static/sub/", "/static//", "/static/open.txt/"):
                answer = files.ask(start + (up + slash) * depth + goal)
                assert answer.status in {404, 308}, answer
                assert SECRET.encode() not in answer.body
                if answer.status == 404:
                    assert answer.body == nothing


@pytest.mark.parametrize("slash", ["/", "%2f", "%5c", "\\"])
@pytest.mark.parametrize("up", ["..", "%2e%2e", "%252e%252e", "%c0%ae%c0%ae"])
def test_there_is_no_way_up_on_any_wire(way: Way, up: str, slash: str) -> None:
    for goal in ("target.py", "missing.py"):
        answer = way.ask(f"/static/{up}{slash}{goal}")
        assert answer.status in {400, 404}
        assert b"The app under attack" not in answer.body


@pytest.mark.parametrize("prefix", ["", "/", "//", "file:", "file://", "%2f", "%5c", "C:", "~/"])
def test_an_absolute_path_is_none(files: EnvironWay, folders: Path, prefix: str) -> None:
    answer = files.ask(f"/static/{prefix}{folders}/secret.txt")
    assert answer.status in {404, 308}
    assert SECRET.encode() not in answer.body


@pytest.mark.parametrize("goal", ["/staticX/secret.txt", "/static/../staticX/secret.txt"])
def test_a_folder_whose_name_begins_alike_is_another(files: EnvironWay, goal: str) -> None:
    assert files.ask(goal).status == 404


def test_it_does_not_tell_whether_a_file_beside_it_exists(files: EnvironWay) -> None:
    there, missing = (files.ask(f"/static/../{name}") for name in ("secret.txt", "missing.txt"))
    assert (there.status, there.headers, there.body) == (
        missing.status,
        missing.headers,
        missing.body,
    )


def test_a_folder_is_no_file(files: EnvironWay) -> None:
    for target in ("/static/", "/static/sub", "/static/sub/", "/static/."):
        assert files.ask(target).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_is_only_read(way: Way, method: str) -> None:
    assert way.ask("/static/ten-thousand.txt", method).status == 405


# Symbolic links.


@pytest.fixture
def linked(folders: Path) -> Path:
    """Links out of the static folder, and inside of it."""
    static = folders / "static"
    (static / "out.txt").symlink_to(folders / "secret.txt")
    (static / "out").symlink_to(folders / "staticX", target_is_directory=True)
    (static / "up").symlink_to("..", target_is_directory=True)
    (static / "in.txt").symlink_to("open.txt")
    (static / "loop.txt").symlink_to("loop.txt")
    return static


@pytest.mark.usefixtures("linked")
@pytest.mark.parametrize(
    "name", ["out.txt", "out/secret.txt", "up/secret.txt", "up/static/open.txt/../../secret.txt"]
)
def test_a_link_does_not_lead_out(files: EnvironWay, name: str) -> None:
    answer = files.ask(f"/static/{name}")
    assert (answer.status, answer.body) == (404, files.ask("/static/missing").body)


@pytest.mark.usefixtures("linked")
def test_a_link_may_lead_to_what_is_inside(files: EnvironWay) -> None:
    assert files.ask("/static/in.txt").text == "open"
    assert files.ask("/static/up/static/open.txt").text == "open"
    assert files.ask("/static/loop.txt").status == 404


def test_the_folder_itself_may_be_a_link(folders: Path) -> None:
    (folders / "linked").symlink_to("static", target_is_directory=True)
    way = EnvironWay(Flask("files", root_path=str(folders), static_folder="linked"))
    assert way.ask("/linked/open.txt").text == "open"


@pytest.mark.usefixtures("linked")
def test_an_app_may_let_links_lead_out(files: EnvironWay) -> None:
    files.app.config["FOLLOW_SYMLINKS"] = True
    assert files.ask("/static/out.txt").text == SECRET


@pytest.mark.usefixtures("linked")
def test_in_debug_mode_the_log_says_why_a_link_is_refused(files: EnvironWay) -> None:
    files.app.debug = True
    assert "FOLLOW_SYMLINKS" in files.ask("/static/out.txt").log
    assert files.ask("/static/missing").log == ""


# Windows.

DEVICES = [
    "CON",
    "con",
    "NUL",
    "NUL.txt",
    "nul.tar.gz",
    "CON ",
    "CON .txt",
    "CON.",
    "CON:",
    "CON::$DATA",
    "sub/CON",
    "sub/NUL.txt",
    "CON/open.txt",
    "AUX",
    "PRN",
    "COM1",
    "COM¹",
    "LPT9.log",
    "CONIN$",
    "CONOUT$",
]
OUTSIDE = ["//host/x", "\\\\host\\x", "..\\secret.txt", "sub\\..\\..\\secret.txt", "\\secret.txt"]
DRIVES = ["C:x", "C:/x", "C:\\x", "c:secret.txt", "sub/C:x", "C:", "C:..\\x"]


class WindowsPaths:
    """The parts of os.path that decide what a name means, as on Windows."""

    isabs = staticmethod(ntpath.isabs)

    def __getattr__(self, name: str) -> Any:
        return getattr(os.path, name)


class WindowsOS:
    """The module `os` as on Windows, but with this machine's files."""

    name = "nt"
    path = WindowsPaths()

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides on names takes the system for Windows."""
    monkeypatch.setattr(werkzeug.security, "os", WindowsOS())
    monkeypatch.setattr(werkzeug.security, "_os_alt_seps", ["\\"])
    monkeypatch.setattr(kolben.files, "os", WindowsOS())


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("name", [*DEVICES, *OUTSIDE, *DRIVES])
def test_a_name_that_windows_reads_otherwise_is_not_there(folders: Path, name: str) -> None:
    app = Flask("files", root_path=str(folders), static_folder=None)
    # On this file system there is a file of that very name.
    inside = folders / "static" / name.lstrip("/")
    if not inside.exists():
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.write_text("a device")
    with app.test_request_context("/"), pytest.raises(NotFound):
        send_from_directory("static", name)


@pytest.mark.usefixtures("windows")
def test_an_ordinary_name_is_there_on_windows_too(folders: Path) -> None:
    app = Flask("files", root_path=str(folders), static_folder=None)
    with app.test_request_context("/"):
        response = send_from_directory("static", "sub/inner.txt")
        response.direct_passthrough = False
        assert response.get_data() == b"inner"
        response.close()
