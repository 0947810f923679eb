"""A clock that is behind is seen by files that were written later."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kolben.server.clock import find_file_of_the_future, is_synchronised


def test_a_file_from_later_is_found(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.touch()
    written = file.stat().st_mtime
    assert (file, -3600.0) == find_file_of_the_future([tmp_path / "none", file], written - 3600)


@pytest.mark.parametrize("later_s", [-60, 0, 1e6])
def test_a_file_from_before_is_not(tmp_path: Path, later_s: float) -> None:
    file = tmp_path / "app.py"
    file.touch()
    assert find_file_of_the_future([file], file.stat().st_mtime + later_s) is None
    assert find_file_of_the_future([], 0) is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_the_kernel_says_whether_anything_keeps_the_clock_right() -> None:
    assert is_synchronised() in {True, False}


def test_another_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert is_synchronised() is None
