"""The database that the servers read has its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.servers.database import ITEMS, VARIABLE, find_item, make_database


def test_a_row_is_found_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "items.sqlite"
    make_database(file)
    monkeypatch.setenv(VARIABLE, str(file))
    assert find_item(42) == {"id": 42, "name": "item 42"}
    assert find_item(ITEMS)["id"] == ITEMS
    with pytest.raises(KeyError):
        find_item(ITEMS + 1)
