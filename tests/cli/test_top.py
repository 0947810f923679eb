"""`kolben top` finds the server that is meant, and shows it in a terminal until it is left."""

from __future__ import annotations

import json
import os
import select
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from click.testing import CliRunner, Result

from kolben.cli import cli, top
from kolben.server.board import Board, own_folder
from tests.running import Server, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="terminals and processes of POSIX"),
]

APP = """\
import time
from flask import Flask

app = Flask(__name__)

@app.get("/sleep/<float:seconds>")
def sleep(seconds):
    time.sleep(seconds)
    return "slept"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for boards in which there are those of the test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def server(serve: Callable[..., Server], folder: Path) -> Server:
    return serve(APP, "--workers", "2", "--interface", "wsgi", TMPDIR=str(folder))


@pytest.fixture
def asleep(server: Server) -> Iterator[None]:
    """A request that is under way."""
    thread = threading.Thread(target=server.get, args=("/sleep/2.0",))
    thread.start()
    yield
    thread.join()


def run(*options: str) -> Result:
    return CliRunner().invoke(cli, ["top", *options])


def shown(*options: str) -> Any:
    done = run("--json", *options)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_it_shows_a_server_once(server: Server, asleep: None) -> None:
    wait_for(lambda: "GET /sleep/<float:seconds>" in run("--once").output)
    lines = run("--once").output.splitlines()
    assert lines[0] == f"served on http://127.0.0.1:{server.port}"
    assert lines[1].startswith(f"pid {server.process.pid}, up ")
    assert lines[1].endswith("workers: 2, threads in each: 4, WSGI")


def test_into_a_file_it_is_written_once(server: Server) -> None:
    assert run().output.splitlines()[0] == f"served on http://127.0.0.1:{server.port}"


def test_json_has_all_of_it_but_what_metrics_are_made_of(server: Server, asleep: None) -> None:
    wait_for(lambda: any(worker["running"] for worker in shown()["workers"]))
    found = shown()
    assert (found["server"]["pid"], found["server"]["port"]) == (server.process.pid, server.port)
    assert len(found["workers"]) == 2
    (request,) = [request for worker in found["workers"] for request in worker["running"]]
    assert request[:2] == ["GET", "/sleep/<float:seconds>"]
    assert "rows" not in found["workers"][0]


def test_a_server_is_found_by_its_port_its_process_or_its_file(
    server: Server, folder: Path, free_port: int
) -> None:
    file = folder / "pid"
    file.write_text(f"{server.process.pid}\n")
    for options in (
        ["--port", str(server.port)],
        ["--pid", str(server.process.pid)],
        ["--pid-file", str(file)],
    ):
        assert shown(*options)["server"]["pid"] == server.process.pid
    other = run("--port", str(free_port))
    assert other.exit_code == 1
    assert f"--pid {server.process.pid}  served on http://127.0.0.1:{server.port}" in other.output
    file.write_text("none")
    assert "holds no number" in run("--pid-file", str(file)).output


def test_of_several_servers_one_must_be_named(
    serve: Callable[..., Server], server: Server, folder: Path
) -> None:
    second = serve(APP, TMPDIR=str(folder))
    done = run()
    assert done.exit_code == 1
    assert "2 servers run. Say which one:" in done.output
    assert f"--pid {second.process.pid}  served on" in done.output
    assert shown("--pid", str(second.process.pid))["server"]["port"] == second.port


def test_without_a_server_it_says_what_may_be_the_cause() -> None:
    done = run()
    assert done.exit_code == 1
    assert "No server runs that can be seen here." in done.output


def test_it_ends_with_its_server() -> None:
    with pytest.raises(ClickException, match=r"The server has ended\."):
        top.look(Board(os.path.join(own_folder(), "1")))


def in_terminal(folder: Path, leave: bytes) -> tuple[str, int]:
    """Run `kolben top` in a terminal until it has shown two screens; return those and its code."""
    import pty

    pid, terminal = pty.fork()
    if not pid:  # what is executed takes the place of this copy of the test
        environment = {**os.environ, "TMPDIR": str(folder), "TERM": "xterm"}
        command = [sys.executable, "-m", "kolben", "top", "--interval", "0.2"]
        os.execve(sys.executable, command, environment)
    seen = b""
    deadline = time.monotonic() + 20
    has_left = False
    try:
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 65536)
            if seen.count(b"\x1b[H") >= 2 and not has_left:
                os.write(terminal, leave)
                has_left = True
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("key", [b"q", b"xQ", b"\x03"], ids=["q", "another key first", "Ctrl+C"])
def test_it_lives_in_a_terminal_and_leaves_it_as_it_was(
    server: Server, folder: Path, key: bytes
) -> None:
    seen, code = in_terminal(folder, key)
    assert code == 0
    assert seen.startswith("\x1b[?1049h\x1b[?25l\x1b[H")
    assert seen.endswith("\x1b[?25h\x1b[?1049l")
    assert f"served on http://127.0.0.1:{server.port}" in seen


def test_where_no_keys_can_be_read_time_passes_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(top.time, "sleep", waited.append)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with top._keys() as wait:
            assert not wait(0.5)
    assert waited == [0.5]
