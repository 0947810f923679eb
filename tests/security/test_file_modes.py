"""What is written to disk can be read, or changed, by nobody who should not."""

from __future__ import annotations

import http.client
import io
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kolben import Flask
from kolben.environment_switch import _write
from tests.running import find_free_port, is_open, wait_for
from tests.security.ways import make_environ

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Nothing is masked: a file has the mode that it was given."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_secrets_and_database_of_the_demo_are_its_owners(tmp_path: Path) -> None:
    data = tmp_path / "data"
    port = find_free_port()
    command = [sys.executable, "-m", "kolben", "demo", "--port", str(port), "--data", str(data)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, umask=0
    )
    try:
        wait_for(lambda: is_open(port) or process.poll() is not None)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
        found = {path.name: mode_of(path) for path in data.rglob("*")}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert mode_of(data) == 0o700
    assert {"secret_key", "hook_secret", "board.sqlite"} <= set(found)
    assert set(found.values()) == {0o600}, found


@pytest.mark.usefixtures("no_umask")
def test_an_upload_on_disk_has_no_name_and_one_reader(app: Flask) -> None:
    content = b"x" * 600_000
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n%b\r\n--b--\r\n'
    headers = [("Content-Type", "multipart/form-data; boundary=b")]
    headers += [("Host", "h"), ("Content-Length", str(len(body % content)))]
    environ = make_environ("/form", "POST", headers, io.BufferedReader(io.BytesIO(body % content)))
    with app.request_context(environ) as context:
        status = os.fstat(context.request.files["f"].stream.fileno())
    assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (0o600, 0)


@pytest.mark.usefixtures("no_umask")
def test_the_switch_of_an_environment_is_written_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "switch.pth"
    _write(file, "import this")
    assert (file.read_text(), mode_of(file)) == ("import this", 0o644)
    assert list(tmp_path.iterdir()) == [file]


def test_the_switch_follows_no_link_that_lies_in_its_way(tmp_path: Path) -> None:
    goal = tmp_path / "goal"
    goal.write_text("precious")
    (tmp_path / f"switch.pth.{os.getpid()}").symlink_to(goal)
    with pytest.raises(FileExistsError):
        _write(tmp_path / "switch.pth", "import this")
    assert goal.read_text() == "precious"
