"""Which worker is replaced although it serves."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from kolben.server.recycling import JITTER, YOUNG_S, Recycling

MIB = 1024 * 1024


def worker(age_s: float = 0.0, pid: int = 1) -> Any:
    return SimpleNamespace(process=SimpleNamespace(pid=pid), ready_at=time.monotonic() - age_s)


def reason(
    limits: tuple[int, int, int],
    one: Any,
    requests: int | None = 0,
    memory: int | None = 0,
) -> str | None:
    return Recycling(limits, lambda pid: requests, lambda pid: memory)(one)


@pytest.mark.parametrize(
    ("limits", "age_s", "requests", "memory", "expected"),
    [
        ((0, 0, 0), 1e9, 10**9, 10**12, None),
        ((1000, 0, 0), 0, 800, 0, None),
        ((1000, 0, 0), 0, 1200, 0, "has answered 1,200 requests"),
        ((1000, 0, 0), 0, None, 0, None),
        ((0, 60, 0), 40, 0, 0, None),
        ((0, 60, 0), 80, 0, 0, "has served for 80 s"),
        ((0, 0, 100), 60, 0, 100 * MIB, None),
        ((0, 0, 100), 60, 0, 101 * MIB, "holds 101 MiB"),
        ((0, 0, 100), YOUNG_S / 2, 0, 101 * MIB, None),
        ((0, 0, 100), 60, 0, None, None),
    ],
)
def test_a_worker_goes_that_is_beyond_a_limit(
    limits: tuple[int, int, int],
    age_s: float,
    requests: int | None,
    memory: int | None,
    expected: str | None,
) -> None:
    assert expected == reason(limits, worker(age_s), requests, memory)


def test_workers_of_one_age_do_not_go_all_at_once() -> None:
    count = 100
    limit = 1000
    gone = [bool(reason((0, limit, 0), worker(limit, pid))) for pid in range(count)]
    assert 10 < sum(gone) < 90
    sure = limit * (1 + JITTER) + 1
    assert all(reason((0, limit, 0), worker(sure, pid)) for pid in range(count))
    assert gone == [bool(reason((0, limit, 0), worker(limit, pid))) for pid in range(count)]
