"""What the environment says before any app exists: debug flag, dotenv files, root paths, threads.

Rule: a variable `X` is read as KOLBEN_X first and as FLASK_X after it.
"""

from __future__ import annotations

import importlib.util
import os
import sys

# A later file overrides an earlier one; what the process already has overrides all of them.
DOTENV_NAMES = (".flaskenv", ".kolbenenv", ".env")

_NEGATIVE = frozenset({"0", "false", "no"})


def variable_name(name: str) -> str:
    """Return which of KOLBEN_`name` and FLASK_`name` is set; the latter if neither is."""
    ours = f"KOLBEN_{name}"
    return ours if os.environ.get(ours) else f"FLASK_{name}"


def read_variable(name: str) -> str | None:
    """Return the value of KOLBEN_`name`, else of FLASK_`name`, else None.

    An empty KOLBEN_ variable counts as not set, so that it can be "unset" in a shell's prefix.
    """
    return os.environ.get(variable_name(name))


def set_variable(name: str, value: str) -> None:
    """Set FLASK_`name` for this process and its children, and KOLBEN_`name` where it is set.

    Extensions read the FLASK_ name; a KOLBEN_ one left as it was would hide the new value.
    """
    os.environ[f"FLASK_{name}"] = value
    if f"KOLBEN_{name}" in os.environ:
        os.environ[f"KOLBEN_{name}"] = value


def get_debug_flag() -> bool:
    """Say whether KOLBEN_DEBUG or FLASK_DEBUG turns debug mode on; off unless set."""
    value = read_variable("DEBUG")
    return value.lower() not in _NEGATIVE if value else False


def get_load_dotenv(default: bool = True) -> bool:
    """Say whether the default dotenv files are to be loaded.

    KOLBEN_SKIP_DOTENV or FLASK_SKIP_DOTENV forbids it; `default` holds while neither is set.
    """
    value = read_variable("SKIP_DOTENV")
    return value.lower() in _NEGATIVE if value else default


def load_dotenv(path: str | os.PathLike[str] | None = None, load_defaults: bool = True) -> bool:
    """Set variables from dotenv files; one that the process has already stays as it is.

    path: a file that goes before the default ones.
    load_defaults: look for .env, .kolbenenv and .flaskenv from the working directory upwards;
    .env goes before .kolbenenv, and that before .flaskenv.
    Returns True if any file named a variable; False, too, where python-dotenv is missing.
    """
    names = [name for name in DOTENV_NAMES if load_defaults and _is_in_or_above(name)]
    if path is None and not names:
        return False
    try:
        import dotenv  # starts faster without it
    except ImportError:
        _tell_of_missing_dotenv(path)
        return False

    found: dict[str, str | None] = {}
    for name in names:
        where = dotenv.find_dotenv(name, usecwd=True)
        if where:
            found |= dotenv.dotenv_values(where, encoding="utf-8")
    if path is not None and os.path.isfile(path):
        found |= dotenv.dotenv_values(path, encoding="utf-8")

    for key, value in found.items():
        if value is not None:
            os.environ.setdefault(key, value)
    return bool(found)


def _is_in_or_above(name: str) -> bool:
    """Say whether the working directory, or one above it, has something of that name."""
    folder, above = None, os.getcwd()
    while folder != above:
        folder = above
        if os.path.exists(os.path.join(folder, name)):
            return True
        above = os.path.dirname(folder)
    return False


def get_root_path(import_name: str) -> str:
    """Return the directory of the module or package `import_name`, imported or not.

    A module that cannot be found at all, one run interactively, and a namespace package that is not
    imported yet live in the working directory.
    RuntimeError: the module exists but has no file, like an imported namespace package.
    """
    loaded = sys.modules.get(import_name)
    file = getattr(loaded, "__file__", None)
    if file is None:
        file = _find_file(import_name)
    return os.getcwd() if file is None else os.path.dirname(os.path.abspath(file))


def _find_file(import_name: str) -> str | None:
    """Ask the import system for a module's file; None if there is no such module."""
    try:
        spec = importlib.util.find_spec(import_name)
    except (ImportError, ValueError):
        # A missing parent package; or `__main__` and hand-made modules, which have no spec.
        return None
    if spec is None or spec.loader is None:  # FLASK: also a folder that nobody has imported
        return None
    file: str | None = None
    get_filename = getattr(spec.loader, "get_filename", None)
    if get_filename is not None:
        file = get_filename(import_name)
    else:
        # A loader that does not tell: only the module itself can.
        file = getattr(importlib.import_module(import_name), "__file__", None)
    if file is None:
        raise RuntimeError(
            f"The module {import_name!r} has no file, so its root path is unknown: it is built in,"
            " a namespace package (a directory without __init__.py), or made by an import hook."
            " Pass the directory yourself: root_path='...'."
        )
    return file


def _tell_of_missing_dotenv(path: str | os.PathLike[str] | None) -> None:
    """Say on stderr that dotenv files lie unread, if there are any."""
    if path is not None or any(map(os.path.isfile, DOTENV_NAMES)):
        sys.stderr.write(
            " * Tip: there are dotenv files here, but python-dotenv is not installed."
            f" To read them: {sys.executable} -m pip install python-dotenv\n"
        )


def read_threads() -> int:
    """Return how many threads of this process run plain views: KOLBEN_THREADS, else the default.

    Raises ValueError for what is no number of threads.
    """
    told = os.environ.get("KOLBEN_THREADS")
    if not told:
        return default_threads()
    if told.isascii() and told.isdecimal() and len(told) < 6 and int(told):
        return int(told)
    raise ValueError(
        f"KOLBEN_THREADS is {told!r}. Set it to the number of threads in which views that are not"
        " async run, such as 4, or unset it."
    )


def default_threads() -> int:
    """Return a number of threads that is right while nothing is known of the app.

    More threads than cores help views that wait for a database, and cost those that compute:
    they take the one interpreter lock from each other.
    """
    return min(4, usable_cpus() + 2)


def usable_cpus() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
