"""Every block of the pages on async, WebSockets, JSON, the command line and serving is true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("package", ["flask", "kolben"])
@pytest.mark.parametrize(
    "page", ["async.md", "cli.md", "json.md", "serve.md", "watching.md", "websockets.md"]
)
def test_the_page_is_true(page: str, package: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("run_page.py"), DOCS / page, package],
        cwd=tmp_path,
        env={n: v for n, v in os.environ.items() if not n.startswith(("KOLBEN_", "FLASK_"))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.fail(done.stderr + done.stdout, pytrace=False)
