"""Switches a whole environment between Kolben and the real Flask, and says which one it gives.

What it writes is read by the `site` module at the start of every interpreter of the environment.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from kolben.version import FLASK_VERSION

# Interpreters read .pth files in the order of their names: this one comes after the files of
# editable installs (`_kolben.pth`, `__editable__…`) and before any that begins with a letter.
PTH_NAME = "_kolben_drop_in.pth"

# The second try is for an interpreter that reads this file before it has put Kolben's folder on
# its path: a user's .pth is read before the environment's, an environment's before the system's.
# A Kolben that is gone must not print a traceback at every start: then nothing happens.
_CODE = """\
try:
    import kolben.drop_in
except ModuleNotFoundError:
    sys.modules.pop("kolben", None)
    sys.path.append({folder})
    try:
        import kolben.drop_in
    except ModuleNotFoundError:
        pass
    finally:
        sys.path.pop()
"""

# Runs in the interpreter that is asked about, which may be older than Kolben allows and may have
# no Kolben: it imports neither Flask.
_PROBE = """\
import importlib.util, json, os, site, sys

def place(spec):
    if spec is None:
        return None
    return spec.origin or (list(spec.submodule_search_locations or ()) or [None])[0]

def find(name):
    for finder in sys.meta_path:
        if getattr(finder, "__name__", None) != "FlaskFinder" and hasattr(finder, "find_spec"):
            spec = finder.find_spec(name, None)
            if spec is not None:
                return place(spec)

def version(name, path):
    try:
        from importlib.metadata import distribution
        found = distribution(name)
        folder = os.path.realpath(str(found.locate_file("")))
    except Exception:
        return None
    if type(found).__module__ == "kolben.flask_distribution":
        return None
    inside = path and os.path.realpath(path).startswith(folder + os.sep)
    return found.version if inside or name == "kolben" else None

folders = list(site.getsitepackages())
if site.ENABLE_USER_SITE:
    folders.append(site.getusersitepackages())
files = [os.path.join(folder, sys.argv[1]) for folder in folders]
drop_in = sys.modules.get("kolben.drop_in")
flask = find("flask")
kolben = find("kolben")
print(json.dumps({
    "python": sys.executable,
    "answered": drop_in is not None and drop_in.is_installed(),
    "switch": os.environ.get("KOLBEN_DROP_IN"),
    "pth": [file for file in dict.fromkeys(files) if os.path.isfile(file)],
    "kolben": kolben,
    "kolben_version": version("kolben", kolben),
    "flask": flask,
    "flask_version": version("flask", flask),
}))
"""


class SwitchError(Exception):
    """The environment cannot be switched, or not be asked; says why and what to do."""


@dataclass(frozen=True)
class Findings:
    """What a fresh interpreter of an environment does with `import flask`.

    python: the interpreter's path.
    answered: Kolben answers as soon as the interpreter has started.
    switch: the value of KOLBEN_DROP_IN, None if it is not set.
    pth: the files in which the environment is switched to Kolben.
    kolben, flask: where each package lies, None where there is none.
    errors: what the interpreter printed at its start about those files.
    """

    python: str
    answered: bool
    switch: str | None
    pth: tuple[str, ...]
    kolben: str | None
    kolben_version: str | None
    flask: str | None
    flask_version: str | None
    errors: tuple[str, ...] = ()


def enable() -> Path:
    """Make `flask` Kolben in every interpreter of the active environment; return the file written.

    Goes to the user's own site-packages where, outside a virtual environment, the interpreter's
    cannot be written to. SwitchError if there is no folder for it.
    """
    refusals = []
    for folder in _writable_candidates():
        file = folder / PTH_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(file, make_line())
        except OSError as error:
            refusals.append(f"{folder}: {error.strerror or error}")
        else:
            return file
    raise SwitchError(
        "Cannot write the switch into this environment"
        f" ({'; '.join(refusals) or 'it has no site-packages that an interpreter reads'})."
        " Run the command as the owner of the environment, or make a virtual environment."
    )


def disable() -> list[Path]:
    """Take Kolben out of the start of the active environment; return the files removed.

    SwitchError if a file is there and cannot be removed.
    """
    removed = []
    for file in find_switches():
        try:
            file.unlink()
        except OSError as error:
            raise SwitchError(
                f"Cannot remove {file} ({error.strerror or error})."
                " Remove it as the owner of the folder."
            ) from error
        removed.append(file)
    return removed


def find_switches() -> list[Path]:
    """Return the files that switch the active environment to Kolben, the user's own included."""
    folders = dict.fromkeys([*site.getsitepackages(), site.getusersitepackages()])
    return [file for folder in folders if (file := Path(folder, PTH_NAME)).is_file()]


def make_line() -> str:
    """Return the one line of the .pth file."""
    # ASCII throughout: before Python 3.13 the file is read in the locale's encoding.
    code = ascii(_CODE.format(folder=ascii(str(Path(__file__).parent.parent))))
    return f"import sys; exec({code}, {{'sys': sys}})  # undo: kolben drop-in disable\n"


def look(python: str = sys.executable) -> Findings:
    """Ask a fresh interpreter, started here and now, what it does with `import flask`.

    SwitchError if it cannot be run, or does not answer within half a minute.
    """
    try:
        answer = subprocess.run(
            [python, "-c", _PROBE, PTH_NAME], capture_output=True, text=True, timeout=30, check=True
        )
        found = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        said = getattr(error, "stderr", None) or error
        raise SwitchError(
            f"The interpreter {python!r} does not answer: {said}."
            " Give the path of a Python, such as venv/bin/python."
        ) from error
    found["pth"] = tuple(found["pth"])
    return Findings(**found, errors=_find_errors(answer.stderr))


def explain(found: Findings) -> list[str]:
    """Say which flask an environment gives, and why, in lines to print."""
    return [
        f"`import flask` gives {_name_flask(found)}",
        f"  because {_name_cause(found)}",
        f"  interpreter: {found.python}",
        f"  Kolben:      {_name_package(found.kolben, found.kolben_version)}",
        f"  Flask:       {_name_package(found.flask, found.flask_version)}",
        *(f"  at its start it said: {error}" for error in found.errors),
    ]


def find_flask_command() -> Path | None:
    """Return the `flask` program of the active environment, which belongs to the real Flask."""
    scripts = Path(sysconfig.get_path("scripts"))
    return next(
        (file for name in ("flask", "flask.exe") if (file := scripts / name).exists()), None
    )


def find_other_environment() -> Path | None:
    """Return the activated virtual environment if it is not the one whose Kolben is running."""
    activated = os.environ.get("VIRTUAL_ENV")
    if not activated or os.path.realpath(activated) == os.path.realpath(sys.prefix):
        return None
    return Path(activated)


def _find_errors(stderr: str) -> tuple[str, ...]:
    """Return what went wrong in the .pth file, without the traceback that `site` prints of it."""
    if PTH_NAME not in stderr:
        return ()
    return tuple(line.strip() for line in stderr.splitlines() if "Error: " in line)


def _name_flask(found: Findings) -> str:
    if found.answered:
        return f"Kolben, which keeps the behaviour of Flask {FLASK_VERSION}."
    if found.flask is None:
        return "an error: there is no flask here."
    if found.flask_version is None:
        return f"{found.flask}, which is no installed Flask: rename it if it is yours."
    return f"the real Flask {found.flask_version}."


def _name_cause(found: Findings) -> str:
    files = ", ".join(found.pth)
    if found.answered:
        return f"{files} says so." if files else "something imports Kolben at every start."
    if found.switch is not None and found.switch.strip() == "0":
        return "the variable KOLBEN_DROP_IN=0 forbids Kolben to answer."
    if not files and found.kolben is None:
        return "Kolben is not installed."
    if not files:
        return (
            "the environment is not switched (`kolben drop-in enable` does it)."
            " Programs that import Kolben first, as the `kolben` command does, get it all the same."
        )
    if found.kolben is None:
        return f"Kolben is not installed, although {files} asks for it: remove that file."
    return f"{files} did not work: start the interpreter by hand and read what it says."


def _name_package(path: str | None, version: str | None) -> str:
    return "not installed" if path is None else f"{version or 'of unknown version'}, {path}"


def _writable_candidates() -> list[Path]:
    """List the folders to try, the environment's own first."""
    own = sysconfig.get_path("purelib")
    read_at_start = site.getsitepackages()
    folders = [own] if own in read_at_start else []
    if sys.prefix == sys.base_prefix:
        # In a virtual environment the others may belong to every environment of the machine.
        folders += read_at_start
        if site.ENABLE_USER_SITE:
            folders.append(site.getusersitepackages())
    return [Path(folder) for folder in dict.fromkeys(folders)]


def _write(file: Path, text: str) -> None:
    """Write a file whole or not at all: interpreters may start at this very moment."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        # SECURITY: every start of the interpreter runs it, so nobody else may write it.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(text)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
