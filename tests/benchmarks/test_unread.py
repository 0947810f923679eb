"""Clients that read nothing are there, over both versions of HTTP, and what they hold is seen."""

from __future__ import annotations

import sys

import pytest

from benchmarks.unread import MEBIBYTES, Clients, asked, measure


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process holds")
@pytest.mark.parametrize("clients", [Clients("whole", 25), Clients("whole", 1, 25)], ids=str)
def test_answers_that_nobody_reads_are_seen_where_they_are_not_bounded(clients: Clients) -> None:
    unbounded = measure("rsgi", clients, 3, "--max-unsent=0")
    assert 25 * MEBIBYTES * 0.9 < unbounded.later <= unbounded.peak
    bounded = measure("rsgi", clients, 3, "--max-unsent=16m")
    assert bounded.later < unbounded.later / 2


def test_each_stream_asks_for_the_answer() -> None:
    assert asked("/", 0) == b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert asked("/whole/8", 128).count(b"/whole/8") == 128
