"""Slow and silent clients keep no honest one waiting, and large bodies are not held in memory."""

from __future__ import annotations

import sys

import pytest

from benchmarks.hostile import Figures, compare, peak_growth

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process holds"),
]


@pytest.mark.parametrize("interface", ["rsgi", "asgi"])
def test_a_crowd_of_slow_clients_keeps_no_honest_one_waiting(interface: str) -> None:
    """Over WSGI it does, as docs/security.md says: each of four threads waits for one of them."""
    _, attacked = compare(interface, scale=0.06, seconds=2, patience_s=20)
    assert attacked.failed == 0
    assert attacked.times


@pytest.mark.parametrize("interface", ["rsgi", "asgi", "wsgi"])
def test_a_body_of_200_mib_is_not_held_in_memory(interface: str) -> None:
    growth = peak_growth(interface, 200)
    assert growth["upload"] < 64
    assert growth["download"] < 64


def test_figures_tell_what_was_answered() -> None:
    assert str(Figures([1.0] * 100, 2)) == (
        "   100 answered,   2 failed; median 1.0, p99 1.0, worst 1.0"
    )
    assert Figures([], 1).p99 == float("inf")
