"""The file with the number of the server's parent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kolben.server.pid_file import check_pid_file, pid_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.pid"


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_it_has_the_number_and_goes_with_the_process(file: Path) -> None:
    with pid_file(str(file)):
        assert f"{os.getpid()}\n" == file.read_text()
        assert [file] == list(file.parent.iterdir())
    assert not file.exists()


def test_without_a_name_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pid_file(None):
        assert [] == list(tmp_path.iterdir())


def test_one_left_behind_is_taken_over(file: Path) -> None:
    file.write_text(str(dead_process()))
    with pid_file(str(file)):
        assert f"{os.getpid()}\n" == file.read_text()


def test_one_of_a_process_that_runs_is_refused(file: Path) -> None:
    file.write_text(f"{os.getppid()}\n")
    with pytest.raises(FileExistsError, match=f"process {os.getppid()} runs"), pid_file(str(file)):
        pass
    assert f"{os.getppid()}\n" == file.read_text()


def test_a_file_that_is_something_else_is_never_overwritten(file: Path) -> None:
    file.write_text("notes")
    with pytest.raises(FileExistsError, match="something else in it"):
        check_pid_file(str(file))
    assert "notes" == file.read_text()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the folder does not exist"):
        check_pid_file(str(tmp_path / "missing" / "server.pid"))


def test_one_that_another_has_taken_by_then_is_left(file: Path) -> None:
    with pid_file(str(file)):
        file.write_text("1")
    assert "1" == file.read_text()
