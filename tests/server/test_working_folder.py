"""New workers start where the path of the working directory leads by then."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.running import Server, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and links are those of POSIX"),
]

STARTER = """\
import multiprocessing
from kolben.cli import main

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
"""


def make_release(folder: Path, name: str) -> Path:
    """Write a release whose app, and a module of its own, tell its name."""
    release = folder / name
    (release / "lib").mkdir(parents=True)
    (release / "lib" / "told.py").write_text(f"NAME = {name!r}\n")
    (release / "served.py").write_text(
        "import os, sys, told, own\nfrom flask import Flask\napp = Flask(__name__)\n"
        "@app.get('/')\n"
        f"def name(): return f'{name} {{told.NAME}} {{own.NAME}} {{os.path.basename(os.getcwd())}}'"
    )
    (release / "own.py").write_text(f"NAME = {name!r}\n")
    for file in release.rglob("*.py"):
        # As deployments have it: nothing tells by its date that it is another one.
        os.utime(file, (1_700_000_000, 1_700_000_000))
    for one in (release / "lib", release):
        os.utime(one, (1_700_000_000, 1_700_000_000))
    return release


class SwitchedServer(Server):
    """A server that is started in a folder by way of a link, as a shell would."""

    def __init__(self, link: Path) -> None:
        # Not where the link leads.
        self.logs = link.parent
        options = ["--pid-file", "server.pid"]
        path = os.pathsep.join(["lib", *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        super().__init__(link, "served", *options, PWD=str(link), PYTHONPATH=path)


class SpawningServer(SwitchedServer):
    """One that is started by a script which chooses how processes are made."""

    command = ("../starter.py",)


@pytest.mark.parametrize("kind", [SwitchedServer, SpawningServer], ids=["fork", "spawn"])
def test_a_reload_loads_the_release_that_the_folder_leads_to_by_then(
    kind: type[SwitchedServer], tmp_path: Path
) -> None:
    (tmp_path / "starter.py").write_text(STARTER)
    link, fresh = tmp_path / "current", tmp_path / "fresh"
    link.symlink_to(make_release(tmp_path, "a"))
    server = kind(link).wait_until_ready()
    try:
        assert (200, b"a a a a") == server.get("/")
        fresh.symlink_to(make_release(tmp_path, "b"))
        os.replace(fresh, link)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.get("/")[1] == b"b b b b")
        # The one that it was started in may be removed.
        shutil.rmtree(tmp_path / "a")
        fresh.symlink_to(make_release(tmp_path, "c"))
        os.replace(fresh, link)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.get("/")[1] == b"c c c c")

        # A link that leads nowhere costs nothing.
        link.unlink()
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: f"to enter its folder {link}" in server.err)
        assert (200, b"c c c c") == server.get("/")
        assert 0 == server.stop()
    finally:
        server.end()


def test_the_pid_file_goes_from_where_it_was_written(tmp_path: Path) -> None:
    link, fresh = tmp_path / "current", tmp_path / "fresh"
    link.symlink_to(make_release(tmp_path, "a"))
    server = SwitchedServer(link).wait_until_ready()
    try:
        assert (tmp_path / "a" / "server.pid").exists()
        fresh.symlink_to(make_release(tmp_path, "b"))
        os.replace(fresh, link)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.get("/")[1] == b"b b b b")
        assert 0 == server.stop()
        assert not (tmp_path / "a" / "server.pid").exists()
    finally:
        server.end()
