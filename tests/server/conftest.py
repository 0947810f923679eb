"""Fixtures of the server's tests: what `kolben serve --explain` says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def kolben(tmp_path: Path) -> Callable[..., str]:
    """Run a command on an app's source: `kolben(source, "serve", "--explain")`; give its output.

    fails: whether it is to end with an error; then what it says on stderr is given.
    """

    def run(source: str, *words: str, fails: bool = False, **variables: Any) -> str:
        (tmp_path / "served.py").write_text(source, "utf-8")
        dropped = ("KOLBEN_", "FLASK_", "PYTHONHASHSEED")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        done = subprocess.run(
            [sys.executable, "-m", "kolben", "--app", "served", *words],
            cwd=tmp_path,
            env={**environment, "PYTHONIOENCODING": "utf-8", **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return (done.stdout + done.stderr) if fails else done.stdout

    return run


@pytest.fixture
def explain(kolben: Callable[..., str]) -> Callable[..., str]:
    """Run `kolben serve --explain` on an app's source."""
    return lambda source, *options, **more: kolben(source, "serve", "--explain", *options, **more)
