"""What was worked out for a class, kept for the next time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast

F = TypeVar("F", bound="Callable[..., Any]")


def kept(work_out: F) -> F:
    """Keep the last 64 results of a function of classes; of equal values of two types, both.

    It is functools.lru_cache, to which mypy lets no class pass that has an __eq__ or __hash__ of
    its own kind, as if it were an instance.
    """
    return cast("F", lru_cache(maxsize=64, typed=True)(work_out))
