"""The virtual environment of this checkout, `.venv`: made, filled and entered by the scripts here.

Rule: this file needs nothing but the standard library, and an old Python can still read it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDER = CHECKOUT / ".venv"
PYTHON = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# Beside what is installed, so that a new environment has none.
STAMP = FOLDER / "kolben-installed"
OLDEST = (3, 11)
# What can be asked for; each has all that the ones before it have.
EXTRAS = ("", "test", "dev")


def enter(extra: str = "") -> None:
    """Go on in the checkout's environment with Kolben and `extra` installed in it.

    Starts the running script anew, with that environment's Python, unless it is there already.
    """
    is_inside = FOLDER.exists() and os.path.samefile(sys.prefix, FOLDER)
    if not _is_installed(extra):
        if not is_inside:
            _demand_python()
            _make()
        _install(extra)
    elif is_inside:
        return
    command = [str(PYTHON), str(Path(sys.argv[0]).resolve()), *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def _demand_python() -> None:
    """Start anew with a Python that is new enough, or end with the cure."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(20, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            os.execv(found, [found, *sys.argv])
    sys.exit(
        f"Kolben needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}"
        f" ({sys.executable}). Install a newer one and run: python3.{OLDEST[1]} {sys.argv[0]}"
    )


def _is_installed(extra: str) -> bool:
    """Say whether the environment has what is asked for, as pyproject.toml has it now."""
    try:
        level, _, fingerprint = STAMP.read_text("utf-8").partition(" ")
    except OSError:
        return False
    return fingerprint == _fingerprint() and EXTRAS.index(level) >= EXTRAS.index(extra)


def _fingerprint() -> str:
    parts = (str(CHECKOUT).encode(), (CHECKOUT / "pyproject.toml").read_bytes())
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _make() -> None:
    """Make the environment, with pip if this Python can, unless it is there."""
    if _run(PYTHON, "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"):
        return
    if FOLDER.exists():
        sys.exit(f"{FOLDER} is no environment of a Python that is new enough. Remove it first.")
    print(f"Making a virtual environment in {FOLDER.name} ...", flush=True)
    if not _run(sys.executable, "-m", "venv", FOLDER):
        # Debian has `venv` in python3, and what puts pip into it in python3-venv.
        shutil.rmtree(FOLDER, ignore_errors=True)
        if not _run(sys.executable, "-m", "venv", "--without-pip", FOLDER):
            sys.exit(f"{sys.executable} has no module `venv`. On Debian: apt install python3-venv")


def _install(extra: str) -> None:
    """Install this checkout, editable, with what the extra names."""
    wanted = f"{CHECKOUT}[{extra}]" if extra else str(CHECKOUT)
    print(f"Installing Kolben{f' and its {extra} tools' if extra else ''} ...", flush=True)
    command = [*_pip(), "install", "--quiet", "--disable-pip-version-check", "--editable", wanted]
    if subprocess.call(command, env={**os.environ, "PIP_USER": "0"}):
        sys.exit("pip could not install that; what it printed above says why.")
    STAMP.write_text(f"{extra} {_fingerprint()}", "utf-8")


def _pip() -> list[str]:
    """Return the command of a pip that installs into the environment."""
    if _run(PYTHON, "-m", "pip", "--version"):
        return [str(PYTHON), "-m", "pip"]
    # This Python's own pip can do it too, even one that its system manages (PEP 668).
    if _run(sys.executable, "-m", "pip", "--python", PYTHON, "--version"):
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    sys.exit(f"{sys.executable} has no pip (22.3 or newer). On Debian: apt install python3-venv")


def _run(*command: str | Path) -> bool:
    """Say whether a command succeeds; what it prints is of no interest."""
    try:
        done = subprocess.run([*map(str, command)], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
