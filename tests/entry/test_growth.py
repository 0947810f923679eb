"""Threads are added where those that there are wait, and not where they compute."""

from __future__ import annotations

import pytest

from kolben.entry import core_use
from kolben.entry.core_use import MOST_USED
from kolben.entry.growth import INTERVAL_S, Growth


@pytest.mark.parametrize(
    ("used", "expected"),
    [(0.0, True), (MOST_USED * 0.9, True), (MOST_USED * 1.1, False), (2.0, False)],
)
def test_a_thread_helps_where_the_process_uses_less_than_a_core(
    used: float, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """used: cores, on average."""
    clock = 100.0
    monkeypatch.setattr(core_use, "process_time", lambda: clock)
    looks = Growth()
    looks.is_due(50.0)
    clock += used * 4
    assert expected is looks.is_due(54.0)


def test_it_looks_no_more_often_than_it_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_use, "process_time", lambda: 1.0)
    looks = Growth()
    assert looks.is_due(50.0)
    assert not looks.is_due(50.0 + INTERVAL_S / 2)
    assert looks.is_due(50.0 + INTERVAL_S * 1.5)
