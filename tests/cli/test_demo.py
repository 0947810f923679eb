"""`kolben demo` as a process: its address, its port, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.slow

PATIENCE_S = 20


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start the demo in a folder that also takes its temporary files."""
    return subprocess.Popen(
        [sys.executable, "-m", "kolben", "demo", *options],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_says_where_it_is_once_it_is_there_and_ends_with_its_streams_open(
    tmp_path: Path,
) -> None:
    # A package of the current directory is not the one that is meant.
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    with start(tmp_path, "--port", "0") as demo:
        assert demo.stdout is not None
        address = demo.stdout.readline().removeprefix("Kolben demo: ").strip()
        port = address.rstrip("/").rpartition(":")[2]
        with start(tmp_path, "--port", port) as second:
            said = second.communicate(timeout=PATIENCE_S)[1]
        assert second.returncode == 1
        assert f"The demo cannot listen on 127.0.0.1, port {port}: " in said
        with urlopen(f"{address}questions/1/events", timeout=PATIENCE_S) as stream:
            assert stream.readline() == b"retry: 10000\n"
            demo.send_signal(signal.SIGINT)
            said = demo.communicate(timeout=PATIENCE_S)[1]
    assert demo.returncode == 0
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["board"]
