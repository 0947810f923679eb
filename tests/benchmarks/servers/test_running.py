"""A real server is started, loaded, looked at and ended."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.servers.database import VARIABLE, make_database
from benchmarks.servers.known import Server, server_of
from benchmarks.servers.load import REQUESTS, check_tools, load
from benchmarks.servers.running import Running, ask_all, last_words
from benchmarks.turns import NotThereError
from tests.services import give_up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, pins to cores")


def need(program: str) -> None:
    """Give the test up where a program is missing."""
    if not shutil.which(program):
        give_up(f"{program} is not installed; Debian has it as a package")


@pytest.fixture
def peers(tmp_path: Path) -> Path:
    """Environments where Kolben's is the one that runs this test."""
    need("taskset")
    scripts = Path(sys.executable).parent
    if not (scripts / "kolben").exists():
        give_up("the command kolben is not installed beside this Python")
    (tmp_path / "peers" / "kolben").mkdir(parents=True)
    (tmp_path / "peers" / "kolben" / "bin").symlink_to(scripts)
    make_database(tmp_path / "items.sqlite")
    return tmp_path / "peers"


def run(peers: Path, server: Server) -> Running:
    core = str(min(os.sched_getaffinity(0)))
    environ = {VARIABLE: str(peers.parent / "items.sqlite")}
    return Running(server, peers, core, environ, peers.parent / "log")


@pytest.fixture
def running(peers: Path) -> Iterator[Running]:
    server = run(peers, server_of("kolben-wsgi"))
    yield server
    server.stop()


def test_a_server_answers_rightly_and_is_looked_at(running: Running) -> None:
    assert ask_all(running, REQUESTS) == {}
    assert running.is_alive
    assert running.memory_mb() > 10
    assert 0 < running.cpu_s() < 60
    running.finish()
    running.stop()
    assert not running.is_alive
    assert running.memory_mb() == 0


def test_a_load_tells_requests_and_errors(running: Running) -> None:
    need("wrk")
    check_tools()
    said = load(running.port, REQUESTS["JSON POST"], 2, 1, "0")
    assert said["requests"] > 10
    assert said["p50_ms"] <= said["p99_ms"]
    assert said["wrong_status"] == said["refused"] == said["broken"] == said["late"] == 0


def test_a_server_that_ends_at_once_says_why(peers: Path) -> None:
    command = "python -m nothing_of_this_name"
    with pytest.raises(NotThereError, match="No module named nothing_of_this_name"):
        run(peers, Server("kolben", command))


def test_a_server_whose_environment_is_missing_is_not_there(peers: Path) -> None:
    with pytest.raises(NotThereError, match="`python -m benchmarks"):
        run(peers, server_of("sanic"))


def test_the_last_line_of_a_log_is_what_it_ended_with(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n\n")
    assert last_words(log) == "two"
