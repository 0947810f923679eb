"""No test of an entry may leave a context behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kolben.core.current import find_context


@pytest.fixture(autouse=True)
def _no_context_stays() -> Iterator[None]:
    yield
    assert find_context() is None
