"""Plain functions that are awaited: on the event loop's own thread, or in another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from kolben.entry.awaitable import in_thread, on_loop


def where(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """Say in which thread it runs, and with what."""
    return threading.get_ident(), args, kwargs


@pytest.mark.parametrize(("wrap", "is_here"), [(in_thread, False), (on_loop, True)])
def test_a_function_is_called_with_its_arguments_in_its_place(
    wrap: Callable[..., Any], is_here: bool
) -> None:
    thread, args, kwargs = asyncio.run(wrap(where)(1, b=2))
    assert (args, kwargs) == ((1,), {"b": 2})
    assert is_here is (thread == threading.get_ident())


@pytest.mark.parametrize("wrap", [in_thread, on_loop])
def test_the_wrapper_is_named_as_the_function(wrap: Callable[..., Any]) -> None:
    assert "where" == wrap(where).__name__
