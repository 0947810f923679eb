"""The garbage collector of a worker, set for a process that answers requests.

Python looks for circles of objects after each 700 that came and did not go, which is what a few
hundred requests in flight are: it finds nothing, over and over.
"""

from __future__ import annotations

import gc

# PERF: an eighth of the CPU time at 256 connections whose views wait for 5 ms
# (python -m benchmarks.http --workloads "wait of 5 ms" --connections 256).
YOUNG_OBJECTS = 10_000


def spare_the_loaded(threshold: tuple[int, int, int]) -> None:
    """Leave alone what the app's loading made, and look less often at what comes after it.

    threshold: gc.get_threshold() as it was before the app was loaded: one that the app has set
    itself stays.
    """
    gc.collect()
    gc.freeze()
    if gc.get_threshold() == threshold:
        gc.set_threshold(max(YOUNG_OBJECTS, threshold[0]), *threshold[1:])
