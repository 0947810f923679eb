"""An upload that is refused is refused at once, and one that finds no room says so."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.running import Server, wait_for

pytestmark = pytest.mark.slow

PROGRAM = """
import os
import tempfile
from kolben import Flask, abort, request

app = Flask(__name__)
if os.environ.get("ONLY_FOLDER"):
    tempfile.tempdir = None
    tempfile._candidate_tempdir_list = lambda: [os.environ["ONLY_FOLDER"]]

@app.before_request
def refuse():
    if "X-Key" not in request.headers:
        abort(401)

@app.post("/plain")
def plain():
    return str(len(request.get_data()))

@app.post("/async")
async def waiting():
    return str(len(request.get_data()))

@app.post("/form")
def form():
    return str(sum(len(file.read()) for file in request.files.values()))

@app.post("/limited")
def limited():
    request.max_content_length = 1000
    return str(len(request.get_data()))

@app.post("/stream", stream_body=True)
def stream():
    return str(sum(map(len, iter(lambda: request.stream.read(65536), b""))))

@app.get("/quick")
def quick():
    return "quick"
"""
MEBIBYTE = 2**20
LONG_BYTES = 100 * MEBIBYTE
# At most: what the sockets of both sides hold, and what is read for nothing.
MOST_TAKEN_BYTES = 16 * MEBIBYTE
AT_ONCE_S = 0.5
PATHS = {"/plain": 401, "/async": 401, "/form": 401, "/nowhere": 401}


@pytest.fixture(scope="module", params=["asgi", "rsgi"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("uploads"), request.param) as server:
        yield server


@contextmanager
def serve(folder: Path, interface: str, **variables: str) -> Iterator[Server]:
    (folder / "refusing.py").write_text(PROGRAM)
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    variables = {"TMPDIR": str(temporary), **variables}
    options = [f"--interface={interface}", "--threads=2", "--body-timeout=5"]
    server = Server(folder, "refusing", *options, **variables)
    try:
        yield server.wait_until_ready()
    finally:
        server.end()


def head(path: str, *headers: str, length: int = LONG_BYTES) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def upload(server: Server, path: str, *headers: str) -> tuple[bytes, float, int]:
    """Send 100 MiB without looking; return what came, when it did, and how much was taken."""
    sent, received = 0, b""
    piece = b"x" * 65536
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        began = time.monotonic()
        connection.sendall(head(path, *headers))
        connection.setblocking(False)
        while sent < LONG_BYTES and b"\r\n\r\n" not in received:
            with suppress(BlockingIOError):
                received += connection.recv(65536)
            with suppress(BlockingIOError):
                sent += connection.send(piece)
        return received, time.monotonic() - began, sent


def what_is_open(server: Server) -> list[str]:
    """Return the temporary files that the workers have open."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    names = []
    for child in children:
        for descriptor in Path(f"/proc/{child}/fd").iterdir():
            with suppress(OSError):
                names.append(str(descriptor.readlink()))
    return [name for name in names if "/temporary/" in name]


@pytest.mark.parametrize(("path", "status"), PATHS.items())
def test_a_refused_upload_is_answered_at_once(server: Server, path: str, status: int) -> None:
    received, took_s, sent = upload(server, path)
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in received.lower()
    assert took_s < AT_ONCE_S
    assert sent < MOST_TAKEN_BYTES
    assert what_is_open(server) == []


@pytest.mark.parametrize("path", PATHS)
def test_who_asks_before_sending_is_refused_without_100(server: Server, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        began = time.monotonic()
        connection.sendall(head(path, "Expect: 100-continue"))
        answer = connection.recv(65536)
        assert time.monotonic() - began < AT_ONCE_S
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_short_body_that_is_asked_for_is_refused_without_100(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head("/plain", "Expect: 100-continue", length=5))
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_who_asks_before_sending_is_told_to_go_on(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head("/plain", "Expect: 100-continue", "X-Key: 1", length=5))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"hello")
        assert b"HTTP/1.1 200" in connection.recv(65536)


def test_the_rest_of_a_refused_body_is_no_request(server: Server) -> None:
    """Neither one that is read to its end, whose connection stays, nor a long one."""
    inner = b"GET /quick HTTP/1.1\r\nHost: localhost\r\nX-Key: 1\r\n\r\n"
    for length in (len(inner) * 1000, len(inner) * 100_000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.settimeout(3)
            received = b""
            with suppress(OSError):
                connection.sendall(head("/plain", length=length) + inner * (length // len(inner)))
            with suppress(OSError):
                while part := connection.recv(65536):
                    received += part
        assert received.count(b"HTTP/1.1") == 1
        assert b"quick" not in received


def test_the_connection_of_a_short_refused_body_stays(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head("/plain", length=100_000) + b"x" * 100_000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        connection.sendall(b"GET /quick HTTP/1.1\r\nHost: localhost\r\nX-Key: 1\r\n\r\n")
        received = b""
        while b"quick" not in received:
            part = connection.recv(65536)
            assert part, received
            received += part


@pytest.mark.skipif(shutil.which("curl") is None, reason="it takes curl")
@pytest.mark.parametrize("how", ["asks", "does not ask", "HTTP/2"])
@pytest.mark.parametrize(
    ("path", "key", "status"), [("/plain", "", 401), ("/async", "", 401), ("/limited", "1", 413)]
)
def test_curl_gets_the_answer(
    server: Server, tmp_path: Path, how: str, path: str, key: str, status: int
) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(LONG_BYTES)
    options = {
        "asks": ["-H", "Expect: 100-continue"],
        "does not ask": ["-H", "Expect:"],
        "HTTP/2": ["--http2-prior-knowledge"],
    }[how]
    command = ["curl", "-s", "-m", "20", *options, "-o", os.devnull, "-X", "POST"]
    command += ["-w", "%{http_code} %{size_upload}", "-T", str(large)]
    headers = ["-H", f"X-Key: {key}"] if key else []
    url = f"http://127.0.0.1:{server.port}{path}"
    done = subprocess.run(
        [*command, *headers, url], capture_output=True, text=True, timeout=30, check=False
    )
    found, uploaded = done.stdout.split()
    assert int(found) == status
    if status == 401:
        assert int(uploaded) < MOST_TAKEN_BYTES


def test_slow_uploads_that_were_let_in_hold_no_thread(server: Server) -> None:
    """Twenty of them, two threads."""
    connections = []
    try:
        for _ in range(20):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            connection.sendall(head("/plain", "X-Key: 1", length=200_000) + b"x" * 1000)
            connections.append(connection)
        time.sleep(0.5)
        began = time.monotonic()
        for _ in range(10):
            assert server.send(
                b"GET /quick HTTP/1.1\r\nHost: a\r\nX-Key: 1\r\nConnection: close\r\n\r\n"
            ).endswith(b"quick")
        assert time.monotonic() - began < 4
        for connection in connections:
            connection.sendall(b"x" * 199_000)
        for connection in connections:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    finally:
        for connection in connections:
            connection.close()


def test_a_slow_upload_is_given_up(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head("/plain", "X-Key: 1") + b"x" * 1000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")


# Without room.

ROOM_BYTES = 2 * MEBIBYTE
FULL = 10 * MEBIBYTE


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of two MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if sys.platform != "linux" or mount is None or os.geteuid():
        pytest.skip("only root may mount a file system")
    command = [mount, "-t", "tmpfs", "-o", f"size={ROOM_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def post(server: Server, path: str, size: int) -> tuple[int, bytes]:
    """Send a body of a form with one file; return status and answer."""
    kind = "Content-Type: multipart/form-data; boundary=b"
    start = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    body = start + b"x" * size + b"\r\n--b--\r\n"
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        with suppress(OSError):
            connection.sendall(head(path, kind, "X-Key: 1", length=len(body)) + body)
        with suppress(OSError):
            while part := connection.recv(65536):
                received += part
                start_of_body = received.partition(b"\r\n\r\n")[2]
                if re.search(rb"content-length: %d\r" % len(start_of_body), received.lower()):
                    break
    return int(received.split()[1]), received


@pytest.mark.parametrize("interface", ["rsgi", "asgi", "wsgi"])
def test_a_body_that_finds_no_room_is_a_507_that_names_the_folder(
    tmp_path: Path, small_disk: Path, interface: str
) -> None:
    with serve(tmp_path, interface, TMPDIR=str(small_disk)) as server:
        for path in ["/form"] if interface == "wsgi" else ["/plain", "/async", "/form"]:
            assert post(server, path, FULL)[0] == 507
            line = line_of(server, path)
            assert str(small_disk) in line
            assert "No space left" in line
            assert "stream_body=True" in line
        # What needs no file, or finds room for it, is served.
        assert post(server, "/stream", FULL)[0] == 200
        assert post(server, "/form", ROOM_BYTES // 3)[0] == 200
        wait_for(lambda: shutil.disk_usage(small_disk).used < ROOM_BYTES / 4)


@pytest.mark.parametrize("interface", ["rsgi", "asgi", "wsgi"])
def test_without_a_folder_to_write_to_a_body_is_a_507(
    tmp_path: Path, small_disk: Path, interface: str
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with serve(tmp_path, interface, ONLY_FOLDER=str(small_disk)) as server:
        assert post(server, "/form", FULL)[0] == 507
        assert "No usable temporary directory" in line_of(server, "/form")
        assert post(server, "/stream", FULL)[0] == 200
        # Up to half a MiB is in memory.
        assert post(server, "/form", 1000)[0] == 200


def line_of(server: Server, path: str) -> str:
    """Return the line of the log about a path's 507, when it is there."""
    found: list[str] = []

    def is_there() -> bool:
        start = f"507 for POST {path}:"
        found[:] = [line for line in server.err.splitlines() if start in line]
        return bool(found)

    wait_for(is_there)
    return found[0]
