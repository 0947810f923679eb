"""The commands that other installed packages bring."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from typing import Any

# The first goes before the second where both have a command of one name.
GROUPS = ("kolben.commands", "flask.commands")

# Which finders on sys.meta_path know of no distribution but those in the folders of sys.path.
_READ_FOLDERS = (PathFinder.__name__, "FlaskFinder")


def find_plugins() -> dict[str, Any]:
    """Return the entry points of all plugin commands, each name once."""
    if "importlib.metadata" not in sys.modules and not may_have_plugins():
        return {}
    from importlib.metadata import entry_points  # starts faster without it

    found: dict[str, Any] = {}
    for group in GROUPS:
        for point in entry_points(group=group):
            found.setdefault(point.name, point)
    return found


def may_have_plugins() -> bool:
    """Say whether importlib.metadata may know of a plugin command; if not, it knows of none.

    PERF: without that module `kolben --help` takes 55 ms instead of 80 ms (benchmarks/startup.py).
    """
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    if any(getattr(finder, "__name__", None) not in _READ_FOLDERS for finder in finders):
        return True
    return any(map(_may_name_plugins, sys.path))


def _may_name_plugins(place: str) -> bool:
    """Say whether a package in a folder may; of a zip file or an egg it is not looked up."""
    if place.lower().endswith(".egg"):
        return True
    try:
        names = os.listdir(place or ".")
    except NotADirectoryError:
        return True
    except OSError:
        return False
    return any(
        _names_plugins(os.path.join(place, name, "entry_points.txt"))
        for name in names
        if name.lower().endswith((".dist-info", ".egg-info"))
    )


def _names_plugins(file: str) -> bool:
    """Say whether a file of entry points has one of our groups in it."""
    try:
        with open(file, "rb") as opened:
            text = opened.read()
    except OSError:
        return False
    return any(group.encode() in text for group in GROUPS)
