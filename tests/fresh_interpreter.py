"""Snippets of Python run in interpreters of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class Interpreter:
    """Fresh interpreters in an empty directory, with every warning an error."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def start(self, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("KOLBEN_", "FLASK_"))}
        return subprocess.run(
            [sys.executable, "-W", "error", *args],
            cwd=self.directory,
            env=kept | {"PYTHONPATH": str(self.directory)} | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def run(self, code: str, **variables: str) -> str:
        """Return what a snippet prints; it must succeed and say nothing on stderr."""
        done = self.start("-c", code, **variables)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.strip()

    def fail(self, code: str, **variables: str) -> str:
        """Return the last line of the traceback of a snippet, which must fail."""
        done = self.start("-c", code, **variables)
        assert done.returncode == 1, done.stdout
        return done.stderr.strip().splitlines()[-1]
