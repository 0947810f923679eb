"""Whether work grows with its input no faster than the input does."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

# Linear work takes 16 times as long for an input 16 times as large, quadratic work 256 times. In
# between lies what a large input costs in memory: new pages, and more than a cache holds, which
# on a shared machine was seen to make linear work three times as long again.
FACTOR = 16
MOST_TIMES = 100
SHORTEST_S = 0.0002

# The sizes up to which growth is looked at; docs/limits.md names them.
HEADER_BYTES = 31_600
RANGE_NUMBERS = 8_000
QUERY_BYTES = 2**20
FORM_BYTES = 4 * 2**20
MULTIPART_BYTES = 8 * 2**20
JSON_BYTES = 4 * 2**20


def assert_linear(make: Callable[[int], Callable[[], object]], size: int) -> None:
    """Fail if an input takes more than MOST_TIMES the CPU of a FACTOR-th of it.

    make: makes, for a size, what is measured. Anything below SHORTEST_S counts as that. The best
    of several tries counts, as whatever else runs on the machine only adds.
    """
    small, large = make(size // FACTOR), make(size)
    times = 0.0
    for _ in range(4):
        longer_s = min(_measure_s(large) for _ in range(2))
        if longer_s <= MOST_TIMES * SHORTEST_S:
            return
        times = longer_s / max(min(_measure_s(small) for _ in range(3)), SHORTEST_S)
        if times <= MOST_TIMES:
            return
    raise AssertionError(f"{size} takes {times:.1f} times as long as {size // FACTOR}")


def _measure_s(work: Callable[[], object]) -> float:
    """Return the CPU time of this thread for one run, without what others left to collect."""
    gc.disable()
    try:
        began = time.thread_time()
        work()
        return time.thread_time() - began
    finally:
        gc.enable()
