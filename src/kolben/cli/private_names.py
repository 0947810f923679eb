"""Functions that Flask's module of commands keeps to itself, for scripts that call them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from kolben.scaffold import _lies_in


def _called_with_wrong_args(f: Callable[..., Any]) -> bool:
    """Say whether the TypeError being handled came before the body of `f` ran."""
    step = sys.exc_info()[2]
    while step is not None:
        if step.tb_frame.f_code is f.__code__:
            return False
        step = step.tb_next
    return True


def _path_is_ancestor(path: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Say whether `other` is a path, or lies inside of it, by their names."""
    return _lies_in(os.fspath(other), os.fspath(path))
