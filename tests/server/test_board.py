"""What workers write is read whole by others of the same user, and outlives the worker."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from kolben.server.board import (
    Board,
    add_past,
    boards_in,
    find_boards,
    is_alive,
    own_folder,
    start_of,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions and processes of POSIX")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def worker(**values: Any) -> dict[str, Any]:
    delays = [1, 0.5, [0] * 11]
    return {"pid": os.getpid(), "began": 1.0, "rows": [], "late": {"thread": delays}, **values}


@pytest.fixture
def dead() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_this_user_may_look_at_it(folder: Path) -> None:
    board = Board.make({"workers": 1})
    board.write_worker(worker())
    board.take_over_the_dead()
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (*folder.rglob("*"), Path(board.folder))
    }
    assert {0o700, 0o600} == set(modes.values())
    assert modes["server.json"] == modes[f"worker-{os.getpid()}.json"] == 0o600
    assert modes[str(os.getpid())] == modes[f"kolben-{os.getuid()}"] == 0o700


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_a_place_that_others_have_prepared_is_refused(folder: Path, kind: str) -> None:
    place = folder / f"kolben-{os.getuid()}"
    if kind == "open":
        place.mkdir()
        place.chmod(0o777)
    elif kind == "link":
        (folder / "elsewhere").mkdir(0o700)
        place.symlink_to(folder / "elsewhere")
    else:
        place.touch(0o600)
    with pytest.raises(PermissionError, match="is no folder of this user's alone"):
        own_folder()


def test_what_is_written_is_read_back() -> None:
    board = Board.make({"workers": 2, "port": 8000})
    server = board.server()
    assert server is not None
    assert (server["pid"], server["workers"], server["port"]) == (os.getpid(), 2, 8000)
    assert board.is_served()
    assert board.workers() == []
    board.write_worker(worker())
    board.write_worker(worker(requests=7))
    assert board.workers() == [worker(requests=7)]
    assert [found.folder for found in find_boards()] == [board.folder]
    board.remove()
    assert (find_boards(), board.workers(), board.server()) == ([], [], None)


def test_what_dead_workers_have_counted_is_kept(dead: int) -> None:
    board = Board.make({})
    board.write_worker(worker())
    row = ["GET", "/", 200, 3, 0.3, [3] + [0] * 11]
    board.write(f"worker-{dead}.json", worker(pid=dead, rows=[row]))
    assert board.past()["workers"] == 0
    for _ in range(2):
        board.take_over_the_dead()
        past = board.past()
        assert (past["workers"], past["rows"]) == (1, [row])
        assert past["late"] == {"thread": [1, 0.5, [0] * 11]}
        assert [found["pid"] for found in board.workers()] == [os.getpid()]
    more = add_past(past, worker(rows=[row]))
    assert (more["workers"], more["rows"][0][3]) == (2, 6)
    assert more["late"]["thread"][:2] == (2, 1.0)


def test_websockets_of_dead_workers_are_kept_too() -> None:
    opened = [("opened", "/", "101", 2)]
    past = add_past({"workers": 0, "rows": [], "late": {}}, worker(socket_rows=opened))
    assert past["socket_rows"] == opened
    assert add_past(past, worker())["socket_rows"] == opened, "of a version that had none"


def test_the_board_of_a_server_that_was_killed_is_removed_by_the_next(dead: int) -> None:
    parent = own_folder()
    left = Board(os.path.join(parent, str(dead)))
    os.mkdir(left.folder)
    left.write("server.json", {"pid": dead, "started": 1})
    bare = Board(os.path.join(parent, "1"))  # its process has written nothing
    os.mkdir(bare.folder)
    os.mkdir(os.path.join(parent, "something else"))
    assert find_boards() == []
    board = Board.make({})
    assert [found.folder for found in boards_in(parent)] == [board.folder]


def test_a_number_that_another_process_has_now_is_no_server() -> None:
    board = Board.make({})
    server = board.server()
    assert server is not None
    board.write("server.json", {**server, "started": (server["started"] or 0) - 1})
    assert board.is_served() == (start_of(os.getpid()) is None)


def test_processes_are_told_apart(dead: int) -> None:
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not is_alive(dead)
    assert start_of(dead) is None
