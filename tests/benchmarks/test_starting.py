"""Starting a process is measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.starting import STARTS, start
from benchmarks.turns import NotThereError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
PYTHON = Path(sys.executable)


def test_a_process_tells_its_cpu_time_and_its_memory() -> None:
    small = start(PYTHON, "")
    large = start(PYTHON, "x = b'x' * 50_000_000; sum(range(3_000_000))")
    assert 0 < small["cpu_s"] < large["cpu_s"]
    assert large["kilobytes"] - small["kilobytes"] > 40_000


def test_kolbens_help_is_measured_to_its_end() -> None:
    assert start(PYTHON, STARTS["kolben --help"][1])["cpu_s"] > 0


def test_what_fails_is_not_measured() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        start(PYTHON, "import nothing_of_this_name")


def test_an_environment_that_is_missing_is_named() -> None:
    with pytest.raises(NotThereError, match="`python -m benchmarks"):
        start(Path("/nowhere/python"), "")
