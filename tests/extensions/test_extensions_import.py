"""Extensions run unchanged, and answer on Kolben what they answer on Flask."""

from __future__ import annotations

import ast

import pytest

from tests.extensions.conftest import PROGRAMS, Run

PROGRAM = ast.parse((PROGRAMS / "extension.py").read_text("utf-8"))
EXTENSIONS = [
    node.name
    for node in PROGRAM.body
    if isinstance(node, ast.FunctionDef)
    and any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node))
]


@pytest.mark.parametrize("name", EXTENSIONS)
def test_an_extension_answers_as_on_flask(name: str, on_kolben: Run, on_flask: Run) -> None:
    assert on_flask("extension", name) == on_kolben("extension", name)
