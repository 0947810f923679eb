"""`shell`: a prompt with the app's names, in a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

APP = """\
from kolben import Flask
app = Flask("shop")

@app.shell_context_processor
def names():
    return {"answer": 41 + 1}
"""


def type_in(directory: Path, *lines: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (directory / "shop.py").write_text(APP)
    return subprocess.run(
        [sys.executable, "-m", "kolben", "--app", "shop", "shell"],
        cwd=directory,
        env={**os.environ, "HOME": str(directory), **variables},
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_apps_names_are_there_and_its_context_is_active(tmp_path: Path) -> None:
    done = type_in(
        tmp_path,
        "print('ANSWER', answer)",
        "from kolben import current_app",
        "print('SAME', current_app._get_current_object() is app)",
    )
    assert "ANSWER 42" in done.stdout
    assert "SAME True" in done.stdout
    assert f"Python {sys.version} on {sys.platform}\nApp: shop\nInstance: " in done.stderr


def test_the_startup_file_runs_first(tmp_path: Path) -> None:
    (tmp_path / "startup.py").write_text("answer = 'overridden'; own = 'from startup'")
    done = type_in(
        tmp_path, "print('GOT', own, answer)", PYTHONSTARTUP=str(tmp_path / "startup.py")
    )
    assert "GOT from startup 42" in done.stdout


def test_the_tab_key_completes_the_shells_names(tmp_path: Path) -> None:
    pytest.importorskip("readline")
    done = type_in(
        tmp_path,
        "import readline",
        "print('COMPLETED', readline.get_completer()('answ', 0))",
    )
    assert "COMPLETED answer" in done.stdout


def test_an_interactive_hook_of_the_user_is_called(tmp_path: Path) -> None:
    (tmp_path / "startup.py").write_text(
        "import sys\nsys.__interactivehook__ = lambda: print('HOOK')"
    )
    done = type_in(tmp_path, "1", PYTHONSTARTUP=str(tmp_path / "startup.py"))
    assert "HOOK" in done.stdout
