"""Waiting for what another task or thread does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

# In which what is not there counts as late.
SOON_S = 0.1


async def wait_until(claim: Callable[[], object]) -> None:
    """Return when a claim has become true; fail if that takes long."""
    for _ in range(5_000):
        if claim():
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"{claim} did not become true")


def wait_until_true(claim: Callable[[], object]) -> None:
    """Do the same where no event loop runs."""
    for _ in range(5_000):
        if claim():
            return
        time.sleep(0.001)
    raise AssertionError(f"{claim} did not become true")
