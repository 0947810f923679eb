"""Answers for the distribution `flask` in importlib.metadata where none is installed."""

from __future__ import annotations

import sys
from importlib.metadata import Distribution
from os import PathLike
from pathlib import Path

from kolben.version import FLASK_VERSION

METADATA = f"""\
Metadata-Version: 2.1
Name: Flask
Version: {FLASK_VERSION}
Summary: Kolben answering in place of Flask.
"""


def find_distribution(context: object) -> list[object]:
    """Return the stand-in for a question about `flask` which nothing installed can answer.

    A walk over all distributions, or over given folders, does not meet it: pip and its like would
    take it for something that can be upgraded or removed.
    """
    name = getattr(context, "name", None)
    if name is None or name.lower() != "flask" or "path" in vars(context):
        return []
    for finder in sys.meta_path:
        if getattr(finder, "__name__", None) == "FlaskFinder":
            continue
        find = getattr(finder, "find_distributions", None)
        if find is not None and any(True for _ in find(context)):
            return []
    return [FlaskStandIn()]


class FlaskStandIn(Distribution):
    """A distribution with a name and a version and no files."""

    def read_text(self, filename: str) -> str | None:
        """Return the text of a metadata file; there is only METADATA."""
        return METADATA if filename == "METADATA" else None

    def locate_file(self, path: str | PathLike[str]) -> Path:
        """Return where a file of the distribution would be: beside the package."""
        return Path(__file__).parent.parent / path
