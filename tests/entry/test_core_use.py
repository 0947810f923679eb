"""A process that computes uses a core, and one that waits does not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from kolben.entry.core_use import MOST_USED, CoreUse


def compute(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.mark.parametrize(("spend", "expected"), [(compute, True), (time.sleep, False)])
def test_what_this_process_does(spend: Callable[[float], None], expected: bool) -> None:
    use = CoreUse()
    use.is_whole(time.monotonic())
    began = time.monotonic()
    spend(0.2)
    # Others may have had the core meanwhile.
    assert use.is_whole(min(time.monotonic(), began + 0.2 / MOST_USED - 0.01)) is expected


def test_each_question_is_of_the_time_since_the_last() -> None:
    use = CoreUse()
    use.is_whole(100.0)
    compute(0.1)
    assert use.is_whole(100.1)
    assert not use.is_whole(101.0)
