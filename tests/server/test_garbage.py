"""A worker's garbage collector spares what the app's loading made, and keeps the app's own word."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from kolben.server.garbage import YOUNG_OBJECTS, spare_the_loaded


@pytest.fixture(autouse=True)
def before() -> Iterator[tuple[int, int, int]]:
    threshold = gc.get_threshold()
    yield threshold
    gc.unfreeze()
    gc.set_threshold(*threshold)


def test_what_is_loaded_is_not_looked_at_again(before: tuple[int, int, int]) -> None:
    loaded = [[object()] for _ in range(1000)]
    spare_the_loaded(before)
    assert gc.get_freeze_count() >= len(loaded)
    assert gc.get_threshold() == (YOUNG_OBJECTS, *before[1:])


def test_a_threshold_of_the_app_stays(before: tuple[int, int, int]) -> None:
    gc.set_threshold(1234, 5, 6)
    spare_the_loaded(before)
    assert gc.get_threshold() == (1234, 5, 6)


def test_a_collector_that_looks_less_often_already_is_left_so() -> None:
    gc.set_threshold(50_000, 5, 6)
    spare_the_loaded((50_000, 5, 6))
    assert gc.get_threshold() == (50_000, 5, 6)


def test_circles_made_later_are_found(before: tuple[int, int, int]) -> None:
    spare_the_loaded(before)
    found: list[int] = []

    class Circle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            found.append(1)

    Circle()
    gc.collect()
    assert found == [1]
