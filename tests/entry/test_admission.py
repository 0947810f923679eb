"""How many requests may wait for a thread, and for how long."""

from __future__ import annotations

import pytest

from kolben.entry import admission
from kolben.entry.admission import MOST_WAIT_S, PATIENCE_S, Admission


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test sets."""
    now = [100.0]
    monkeypatch.setattr(admission, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(("waiting", "expected"), [(0, True), (1, True), (2, True), (3, False)])
def test_no_more_wait_than_may(waiting: int, expected: bool) -> None:
    assert expected is Admission(3).admits(waiting)


def test_a_burst_is_let_through(clock: list[float]) -> None:
    door = Admission(100)
    door.note_wait(MOST_WAIT_S)
    clock[0] += PATIENCE_S / 2
    assert door.admits(50)


def test_a_load_that_does_not_end_is_refused_until_the_wait_is_short_again(
    clock: list[float],
) -> None:
    door = Admission(100)
    door.note_wait(MOST_WAIT_S)
    clock[0] += PATIENCE_S
    door.note_wait(MOST_WAIT_S * 2)
    assert not door.admits(50)
    assert door.admits(0), "nobody waits"
    door.note_wait(MOST_WAIT_S / 2)
    assert door.admits(50)
    door.note_wait(MOST_WAIT_S)
    assert door.admits(50), "it has only just begun again"


def test_short_waits_change_nothing() -> None:
    door = Admission(100)
    door.note_wait(0.0)
    assert door.admits(1)
