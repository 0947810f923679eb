"""`scripts/changelog` shows fragments, and makes them a section of a release."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout with a changelog of its own."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "changelog").mkdir()
    shutil.copy(CHECKOUT / "scripts" / "changelog", tmp_path / "scripts")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\nWords.\n\n## 0.1.0, 2026-01-01\n\n- Old.\n"
    )
    (tmp_path / "changelog" / "README.md").write_text("How.\n")
    return tmp_path


def fragment(copy: Path, name: str, text: str) -> None:
    (copy / "changelog" / name).write_text(text)


def run(copy: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(copy / "scripts" / "changelog"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_it_shows_fragments_by_kind(copy: Path) -> None:
    fragment(copy, "fixed-b.md", "The second.\n")
    fragment(copy, "added-a.md", "The first,\nof two lines.\n\nAnd a paragraph.\n")
    expected = """\
### Added

- The first,
  of two lines.

  And a paragraph.

### Fixed

- The second.
"""
    assert (0, expected) == run(copy)
    assert (copy / "changelog" / "added-a.md").exists()


def test_a_release_takes_them_into_the_changelog(copy: Path) -> None:
    fragment(copy, "added-a.md", "The first.\n")
    assert (0, "") == run(copy, "0.2.0")
    head, new, old = (copy / "CHANGELOG.md").read_text().split("\n## ")
    assert "# Changelog\n\nWords.\n" == head
    assert new.startswith("0.2.0, 20")
    assert new.endswith("\n\n### Added\n\n- The first.\n")
    assert "0.1.0, 2026-01-01\n\n- Old.\n" == old
    assert ["README.md"] == [file.name for file in (copy / "changelog").iterdir()]


def test_without_a_fragment_there_is_nothing_to_release(copy: Path) -> None:
    before = (copy / "CHANGELOG.md").read_text()
    assert (0, "No fragment: nothing has changed.\n") == run(copy)
    assert (1, "There is no fragment to release.\n") == run(copy, "0.2.0")
    assert before == (copy / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["0.2.0", "0.3.0"], 2)])
def test_it_says_how_it_is_used(copy: Path, arguments: list[str], status: int) -> None:
    result, printed = run(copy, *arguments)
    assert status == result
    assert "scripts/changelog 0.2.0" in printed
