"""The Pythons of this machine and what is installed in them, learnt from the disk alone.

Rule: no other interpreter is started, and the search ends after a fixed number of them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import all_suffixes
from importlib.metadata import Distribution, distributions
from pathlib import Path

# Far more than a developer's machine has; a PATH of a build server may be endless.
MAX_INTERPRETERS = 40
MAX_DISTRIBUTIONS = 3_000

_EXECUTABLE = re.compile(r"(python|pypy)[\d.]*(\.exe)?", re.ASCII)
_SITE_PATTERNS = (
    "lib/python3*/site-packages",
    "lib64/python3*/site-packages",
    "lib/python3*/dist-packages",
    "lib/python3/dist-packages",
    "local/lib/python3*/dist-packages",
    "lib/pypy3*/site-packages",
    "Lib/site-packages",
)
_PROJECT_ENVIRONMENTS = (".venv", "venv", "env", ".env")


@dataclass(frozen=True)
class Place:
    """Somewhere a module lies: the interpreter to start, and its directory of packages."""

    executable: str
    directory: str


def describe_environment() -> str:
    """Say which kind of environment the running interpreter belongs to."""
    if sys.prefix != sys.base_prefix:
        return f"virtual environment {sys.prefix}"
    if os.environ.get("CONDA_PREFIX") == sys.prefix:
        return f"conda environment {sys.prefix}"
    return f"no virtual environment ({sys.prefix})"


def activated_elsewhere() -> str | None:
    """Return the environment this terminal has activated, if another one is running."""
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    if not active or os.path.realpath(active) == os.path.realpath(sys.prefix):
        return None
    return active


def is_externally_managed() -> bool:
    """Say whether pip refuses to install into this Python (PEP 668) as the system owns it."""
    if sys.prefix != sys.base_prefix:
        return False
    return os.path.exists(os.path.join(os.path.dirname(os.__file__), "EXTERNALLY-MANAGED"))


def find_elsewhere(module: str, beside: str) -> list[Place]:
    """List the other Pythons that have a top-level module.

    Looks at the environment in `beside`, at PATH, and at the interpreter below this environment.
    """
    found: list[Place] = []
    seen = {os.path.realpath(path) for path in sys.path if path}
    for prefix, executable in _prefixes(beside):
        for directory in _site_directories(prefix):
            real = os.path.realpath(directory)
            if real not in seen and has_module(directory, module):
                found.append(Place(_interpreter_of(prefix, directory) or executable, directory))
            seen.add(real)
    return found


def has_module(directory: str, module: str) -> bool:
    """Say whether a directory holds a module or package of a name."""
    base = os.path.join(directory, module)
    if os.path.isfile(os.path.join(base, "__init__.py")):
        return True
    return any(os.path.isfile(base + suffix) for suffix in all_suffixes())


def distribution_in(directory: str | None, module: str) -> str | None:
    """Return which distribution brought a module into a directory; None: into this Python."""
    found = distributions() if directory is None else distributions(path=[directory])
    for _, distribution in zip(range(MAX_DISTRIBUTIONS), found, strict=False):
        if module in module_names(distribution):
            return str(distribution.metadata["Name"])
    return None


def module_names(distribution: Distribution) -> set[str]:
    """List the top-level modules of a distribution."""
    names = set((distribution.read_text("top_level.txt") or "").split())
    if names:
        return names
    # Newer build tools don't write that file; the record lists what was installed.
    parts = (file.parts[0] for file in distribution.files or () if file.parts)
    return {
        part.partition(".")[0]
        for part in parts
        if not part.endswith((".dist-info", ".egg-info", ".pth", "..", "__pycache__"))
    }


def _prefixes(beside: str) -> Iterator[tuple[str, str]]:
    """Yield (prefix, an executable of it) of the Pythons around, at most MAX_INTERPRETERS."""
    seen = {os.path.realpath(sys.prefix)}
    for count, executable in enumerate(_executables(beside)):
        if count >= MAX_INTERPRETERS:
            return
        prefix = _prefix_of(executable)
        if os.path.realpath(prefix) not in seen:
            seen.add(os.path.realpath(prefix))
            yield prefix, executable


def _executables(beside: str) -> Iterator[str]:
    """Yield Pythons: of the project's environment, on PATH, and the one below this environment."""
    project = [
        os.path.join(beside, name, scripts)
        for name in _PROJECT_ENVIRONMENTS
        for scripts in ("bin", "Scripts")
    ]
    for directory in [*project, *os.environ.get("PATH", "").split(os.pathsep)]:
        try:
            names = sorted(os.listdir(directory or "."))
        except OSError:
            continue
        yield from (os.path.join(directory, name) for name in names if _EXECUTABLE.fullmatch(name))
    yield getattr(sys, "_base_executable", sys.executable)


def _prefix_of(executable: str) -> str:
    """Return the directory an interpreter is installed in; of an environment, its own."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(executable)))
    if os.path.exists(os.path.join(own, "pyvenv.cfg")):
        return own
    # On Windows the executable lies in the prefix itself.
    real = os.path.realpath(executable)
    return os.path.dirname(real) if os.name == "nt" else os.path.dirname(os.path.dirname(real))


def _site_directories(prefix: str) -> list[str]:
    """List the directories of installed packages below a prefix."""
    found = []
    for pattern in _SITE_PATTERNS:
        found += [str(path) for path in sorted(Path(prefix).glob(pattern))]
    return found


def _interpreter_of(prefix: str, directory: str) -> str | None:
    """Return the interpreter of the version that a directory of packages is for, if it exists."""
    version = re.search(r"(python|pypy)3\.\d+", directory)
    name = version.group() if version else "python3"
    path = os.path.join(prefix, "bin", name)
    return path if os.path.exists(path) else None
