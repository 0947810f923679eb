"""Functions of both kinds: plain, as they are written, or async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any

Written = Callable[[Any], Any]


def left_plain(function: Any) -> Any:
    """Leave a function as it is."""
    return function


def made_async(function: Any) -> Any:
    """Make a coroutine function of a plain one."""

    @wraps(function)
    async def waiting(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args, **kwargs)

    return waiting


KINDS: dict[str, Written] = {"plain": left_plain, "async": made_async}
