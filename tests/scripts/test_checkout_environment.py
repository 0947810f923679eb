"""The scripts that a newcomer runs first make the environment that they need."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.running import wait_for
from tests.services import give_up

CHECKOUT = Path(__file__).parents[2]
NEEDED = ("LICENSE", "README.md", "examples", "pyproject.toml", "scripts", "src")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, for an environment that is not there yet."""
    file = CHECKOUT / "scripts" / "checkout_environment.py"
    spec = importlib.util.spec_from_file_location("checkout_environment", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    monkeypatch.setattr(made, "FOLDER", tmp_path)
    monkeypatch.setattr(made, "PYTHON", tmp_path / "bin" / "python")
    monkeypatch.setattr(made, "STAMP", tmp_path / "stamp")
    return made


@pytest.mark.parametrize(
    ("installed", "asked", "expected"),
    [
        ("", "", True),
        ("", "test", False),
        ("test", "", True),
        ("test", "dev", False),
        ("dev", "test", True),
    ],
)
def test_what_is_installed_has_what_comes_before_it(
    module: ModuleType, installed: str, asked: str, expected: bool
) -> None:
    assert not module._is_installed(asked)
    module.STAMP.write_text(f"{installed} {module._fingerprint()}")
    assert expected == module._is_installed(asked)


def test_another_pyproject_is_installed_anew(module: ModuleType) -> None:
    module.STAMP.write_text("dev 0123")
    assert not module._is_installed("")


def test_an_old_python_is_refused_with_the_cure(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OLDEST", (9, 9))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=r"Kolben needs Python 9\.9 or newer; this is 3\."):
        module._demand_python()


def test_a_folder_that_is_no_environment_is_left_alone(module: ModuleType) -> None:
    module.STAMP.write_text("of somebody else")
    with pytest.raises(SystemExit, match="Remove it first"):
        module._make()
    assert "of somebody else" == module.STAMP.read_text()


@pytest.fixture
def clean_copy(tmp_path: Path) -> Iterator[Path]:
    """A copy of the checkout as a newcomer has it."""
    for name in NEEDED:
        source = CHECKOUT / name
        if source.is_dir():
            left_out = shutil.ignore_patterns("__pycache__", "instance", ".*")
            shutil.copytree(source, tmp_path / name, ignore=left_out)
        else:
            shutil.copy(source, tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path / ".venv", ignore_errors=True)


@pytest.mark.slow
def test_the_demo_runs_in_a_clean_copy(clean_copy: Path) -> None:
    printed = clean_copy / "printed"
    variables = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(clean_copy / "scripts" / "demo"), "--port", "0"],
            cwd=clean_copy.parent,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: process.poll() is not None or "to end it" in printed.read_text(), 240)
        said = printed.read_text()
        if "No matching distribution" in said:
            give_up(f"The package index is not there: {said}")
        address = re.search(r"^Kolben demo: (\S+)$", said, re.MULTILINE)
        assert address is not None, said
        with urllib.request.urlopen(address[1], timeout=20) as answer:
            assert b"</html>" in answer.read()
    finally:
        process.terminate()
        process.wait(20)
    assert (clean_copy / ".venv" / "kolben-installed").exists()
