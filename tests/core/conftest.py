"""No test of the core may leave a context behind, or meets what an earlier one connected."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from kolben.core.current import find_context
from kolben.signals import _signals


@pytest.fixture(autouse=True)
def _no_receiver_is_left() -> None:
    """Drop the receivers of earlier tests: a request ends by another way if a signal has one.

    Signals hold them weakly. CPython frees them with their test, PyPy when it next collects.
    """
    if any(signal.receivers for signal in _signals.values()):
        gc.collect()


@pytest.fixture(autouse=True)
def _no_context_stays() -> Iterator[None]:
    yield
    assert find_context() is None
