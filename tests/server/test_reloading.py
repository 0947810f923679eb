"""Files of the app that change are noticed; others are not."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import click
import pytest

from kolben.server.reloading import call_at_changes


def test_a_changed_file_of_the_app_is_noticed(tmp_path: Path) -> None:
    changed = threading.Event()
    call_at_changes(str(tmp_path), changed.set)
    for number in range(100):  # it takes a moment until the system watches
        (tmp_path / "app.py").write_text(f"number = {number}")
        if changed.wait(0.2):
            break
    assert changed.is_set()


def test_what_an_app_writes_is_not(tmp_path: Path) -> None:
    changed = threading.Event()
    seen = threading.Event()
    call_at_changes(str(tmp_path), changed.set)
    (tmp_path / "other").mkdir()
    call_at_changes(str(tmp_path / "other"), seen.set)
    for number in range(100):
        (tmp_path / "app.db").write_text(f"{number}")
        (tmp_path / "app.log").write_text(f"{number}")
        if number == 5:
            break
        threading.Event().wait(0.1)
    assert not changed.is_set()


def test_without_its_package_the_cure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(click.UsageError, match=r"pip install 'kolben\[reload\]'"):
        call_at_changes(str(tmp_path), lambda: None)
