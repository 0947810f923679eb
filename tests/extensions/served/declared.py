"""What an app of the matrix declares: the package it is of, and what is asked of it.

The file of an app is read here and not imported: its package is in another environment.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

APPS = Path(__file__).parent / "apps"


@dataclass(frozen=True)
class Declared:
    """An app of the matrix.

    package: as pip knows it. shows: the feature in words. ask: the steps (see `asking.py`).
    before: commands that run first, to their end. beside: commands that run as long as the server,
    each with a sentence that it prints when it is ready, or "" to wait until its port `{beside}` is
    open. random: patterns of what differs at each run. problems: checks of the doctor that are to
    find a problem.
    """

    file: Path
    package: str
    shows: str
    ask: list[Any]
    before: list[str] = field(default_factory=list)
    beside: list[tuple[str, str]] = field(default_factory=list)
    random: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The module's name."""
        return self.file.stem


def read_app(file: Path) -> Declared:
    """Read the constants of an app's file that the matrix knows."""
    known = {name.upper(): name for name in Declared.__dataclass_fields__}
    found: dict[str, Any] = {}
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = known.get(node.targets[0].id)
            if name is not None:
                found[name] = ast.literal_eval(node.value)
    return Declared(file, **found)


def read_apps() -> list[Declared]:
    """Read all apps, in the order of their names."""
    return [read_app(file) for file in sorted(APPS.glob("*_app.py"))]
