"""Why an import failed, and the one line that cures it.

Rule: nothing is ever installed, and no module of the app is imported here.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import linecache
import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from importlib.metadata import distribution as get_distribution

from kolben.dev.interpreters import (
    activated_elsewhere,
    describe_environment,
    distribution_in,
    find_elsewhere,
    has_module,
    is_externally_managed,
    module_names,
)
from kolben.dev.module_names import DISTRIBUTIONS, REMOVED_FROM_PYTHON

CIRCULAR = "partially initialized module"
# What Python 3.13 says instead, of a file that lies beside the program; of a typing error as well.
RENAMING = "(consider renaming '"
NO_PARENT = "attempted relative import"


def print_explanation(error: BaseException) -> None:
    """Write what `explain` says of an exception to stderr, with an empty line before it."""
    text = explain(error)
    if text:
        sys.stderr.write(f"\n{text}\n")
        sys.stderr.flush()


def explain(error: BaseException) -> str:
    """Say why an import failed and what to do; an empty string where nothing is known.

    Three kinds are told apart: a missing library, a module of the user's own that is misspelt
    or not on the path, and modules that import each other in a circle.
    """
    if CIRCULAR in str(error) or _is_unsaid_circle(error):
        return _explain_circle(error)
    if not isinstance(error, ImportError):
        return ""
    if NO_PARENT in str(error):
        return _explain_relative(error)
    if not isinstance(error, ModuleNotFoundError):
        return _explain_missing_name(error)
    if not error.name:
        return ""
    return explain_missing(_full_name(error, error.name), own_directories(error))


def explain_missing(name: str, directories: list[str]) -> str:
    """Say what to do about a module that was not found.

    directories: where the app's own files lie, the most likely first.
    """
    top, _, rest = name.partition(".")
    if rest and top in sys.modules and name not in DISTRIBUTIONS:
        return _explain_missing_part(name)
    for file in (os.path.join(directory, f"{top}.py") for directory in directories if rest):
        hidden = _find_hidden(top, file) if os.path.isfile(file) else None
        if hidden:
            return _tell_shadow(top, file, hidden)
    if top in REMOVED_FROM_PYTHON and sys.version_info >= REMOVED_FROM_PYTHON[top][0]:
        (major, minor), instead = REMOVED_FROM_PYTHON[top]
        return f"Python {major}.{minor} no longer has the module {top!r}. Use {instead} instead."
    if top.lstrip("_") in sys.stdlib_module_names or top in sys.stdlib_module_names:
        return (
            f"{top!r} belongs to Python itself, but {sys.executable} was built without it."
            " Install the operating system's package for it, or another build of Python."
        )
    own = _explain_own_module(top, directories)
    distribution = find_distribution_name(name)
    if own and distribution is None:
        return own
    return _explain_distribution_name(top) or _explain_library(name, distribution)


def find_distribution_name(module: str) -> str | None:
    """Return the distribution that provides a module, as installed metadata or the table say."""
    top = module.partition(".")[0]
    known = distribution_in(None, top) or DISTRIBUTIONS.get(module) or DISTRIBUTIONS.get(top)
    if known is None and top.startswith("flask_"):
        # The naming rule that Flask's extensions keep; pip does not mind upper case.
        return top.replace("_", "-")
    return known


def nearest_files(name: str, directories: Iterable[str]) -> list[str]:
    """List the modules and packages in directories that are written like a name, best first."""
    modules = {module for directory in directories for module in _modules_in(directory)}
    return difflib.get_close_matches(name, sorted(modules), n=3, cutoff=0.7)


def own_directories(error: BaseException) -> list[str]:
    """List the directories of the user's own files in a traceback, the innermost first."""
    found: dict[str, None] = {}
    for file, _ in reversed(_own_steps(error)):
        found.setdefault(os.path.dirname(os.path.abspath(file)))
    found.setdefault(os.path.abspath(sys.path[0] or "."))
    found.setdefault(os.getcwd())
    return list(found)


def _own_steps(error: BaseException) -> list[tuple[str, int]]:
    """List (file, line) of a traceback, without the import system, libraries, and Kolben."""
    here = os.path.dirname(os.path.dirname(__file__))
    steps = []
    step = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if os.path.isfile(file) and not file.startswith(here) and not _is_installed(file):
            steps.append((file, step.tb_lineno))
        step = step.tb_next
    return steps


def _is_installed(file: str) -> bool:
    parts = os.path.normpath(file).split(os.sep)
    standard = os.path.dirname(os.__file__)
    return "site-packages" in parts or "dist-packages" in parts or file.startswith(standard)


def _modules_in(directory: str) -> list[str]:
    """List the names that can be imported from a directory."""
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    modules = [name[:-3] for name in names if name.endswith(".py") and name != "__init__.py"]
    packages = [
        name for name in names if os.path.isfile(os.path.join(directory, name, "__init__.py"))
    ]
    return modules + packages


def _full_name(error: ModuleNotFoundError, name: str) -> str:
    """Return what the failing line wanted to import; the error names only the first part missing.

    `from google.cloud import storage` fails with 'google', which several distributions share.
    """
    steps = _own_steps(error)
    if not steps:
        return name
    try:
        statement = ast.parse(linecache.getline(*steps[-1]).strip()).body[0]
    except (SyntaxError, IndexError):
        return name
    wanted: list[str] = []
    if isinstance(statement, ast.Import):
        wanted = [alias.name for alias in statement.names]
    elif isinstance(statement, ast.ImportFrom) and statement.module:
        wanted = [f"{statement.module}.{alias.name}" for alias in statement.names]
    return next((full for full in wanted if full in DISTRIBUTIONS and full.startswith(name)), name)


def _explain_distribution_name(top: str) -> str:
    """Word the case of an import by the distribution's name, not the module's; else nothing."""
    normal = top.replace("_", "-").lower()
    modules = [module for module, name in DISTRIBUTIONS.items() if name.lower() == normal]
    try:
        installed = module_names(get_distribution(top))
    except PackageNotFoundError:
        installed = set()
    # Beside the module that is meant there may be a compiled part of it, as `_yaml`.
    public = {name for name in installed if not name.startswith("_")} or installed
    names = sorted(public - {top}) or [name for name in modules if name != top]
    if top in installed or top in modules or not names:
        return ""
    return (
        f"{top!r} is the name of the distribution, the one that pip is given."
        f" Its module is called {names[0]!r}: write `import {names[0]}`."
    )


def _explain_library(name: str, distribution: str | None) -> str:
    """Word the case of question 3: a library that this interpreter does not have."""
    top = name.partition(".")[0]
    places = find_elsewhere(top, os.getcwd())
    if distribution is None and places:
        distribution = distribution_in(places[0].directory, top)

    lines = [
        f"The module {name!r} is not installed in the Python that runs this.",
        "",
        f"  Python in use:  {sys.executable} ({sys.version.split()[0]})",
        f"  environment:    {describe_environment()}",
    ]
    active = activated_elsewhere()
    if active is not None:
        lines.append(f"  activated:      {active}, but that is not the one that runs this")
    lines += [
        f"  installed in:   {place.executable} ({place.directory}): another Python"
        for place in places[:3]
    ]
    if not places:
        lines.append("  installed in:   no other Python found on this machine")
    if distribution is None:
        close = difflib.get_close_matches(
            top, {*sys.stdlib_module_names, *DISTRIBUTIONS, *_installed_modules()}, 1, 0.8
        )
        if close:
            return "\n".join([*lines, "", f"Did you mean `import {close[0]}`?"])
        # SECURITY: a guessed name may belong to somebody who waits for just this guess.
        lines.append("  distribution:   unknown: look up its name (it need not be the module's)")
    else:
        lines.append(f"  distribution:   {distribution}")
    return "\n".join([*lines, "", *_how_to_install(distribution or "NAME")])


def _how_to_install(distribution: str) -> list[str]:
    """Return the command to run, after what has to be done first in this environment."""
    command = f"  {sys.executable} -m pip install {distribution}"
    if _is_recorded(distribution):
        return [
            "It is recorded as installed, but its files are gone. Install it once more:",
            "",
            command.replace(" install ", " install --force-reinstall "),
        ]
    if is_externally_managed():
        return [
            "The operating system manages this Python. Make an environment for the app first:",
            "",
            f"  {sys.executable} -m venv .venv",
            f"  {os.path.join('.venv', 'bin', 'python')} -m pip install kolben {distribution}",
        ]
    if importlib.util.find_spec("pip") is None:
        return [
            "Install it there (this environment has no pip yet: the first line brings it):",
            "",
            f"  {sys.executable} -m ensurepip",
            command,
        ]
    return ["Install it there:", "", command]


def _is_recorded(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _installed_modules() -> list[str]:
    return [name for path in sys.path[1:] for name in _modules_in(path)]


def _explain_own_module(top: str, directories: list[str]) -> str:
    """Word the case of a module of the user's own: misspelt, or in a package; else nothing."""
    for directory in directories:
        if has_module(directory, top):
            return _explain_not_on_path(top, directory)
    close = nearest_files(top, directories)
    if not close:
        return ""
    where = next(path for path in directories if close[0] in _modules_in(path))
    return (
        f"There is no module {top!r}, but {close[0]!r} is in {where}."
        f" Did you mean `import {close[0]}`?"
    )


def _explain_not_on_path(top: str, directory: str) -> str:
    """Word the case of a file that lies beside the importing one, where Python does not look."""
    text = f"{top!r} is in {directory}, but Python does not look there."
    if os.path.isfile(os.path.join(directory, "__init__.py")):
        package = os.path.basename(directory)
        return (
            f"{text} That directory is the package {package!r}: write `from {package} import {top}`"
            f" or `from . import {top}`."
        )
    return f"{text} Start the command in that directory, or put it on PYTHONPATH: {directory}"


def _explain_missing_part(name: str) -> str:
    """Word the case of a package that is there but lacks a submodule."""
    parent = name
    while parent not in sys.modules:
        parent = parent.rpartition(".")[0]
    missing = name[len(parent) + 1 :].partition(".")[0]
    module = sys.modules[parent]
    file = getattr(module, "__file__", None)
    path = list(getattr(module, "__path__", []))
    if not path:
        hidden = _find_hidden(parent, file)
        if hidden:
            return _tell_shadow(parent, str(file), hidden)
        return (
            f"{parent!r} is the single file {file}, not a package with {missing!r} in it."
            f" If you meant the library {parent!r}, rename your file, which hides it."
        )
    close = nearest_files(missing, path)
    hint = f" Did you mean `{parent}.{close[0]}`?" if close else ""
    distribution = distribution_in(None, parent.partition(".")[0])
    version = f" {_version(distribution)}" if distribution else ""
    return f"The package {parent!r}{version} in {path[0]} has no module {missing!r}.{hint}"


def _version(distribution: str) -> str:
    return f"({distribution} {version(distribution)})"


def _explain_missing_name(error: ImportError) -> str:
    """Word `cannot import name`: the module is there, the name in it is not."""
    name = getattr(error, "name_from", None) or _name_from(str(error))
    module = sys.modules.get(error.name or "")
    if not name or module is None:
        return ""
    hidden = _find_hidden(module.__name__, error.path)
    if hidden:
        return _tell_shadow(module.__name__, str(error.path), hidden)
    close = difflib.get_close_matches(name, dir(module), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    distribution = distribution_in(None, module.__name__.partition(".")[0])
    version = f" {_version(distribution)}" if distribution else ""
    return f"The module {module.__name__!r}{version} has no {name!r}.{hint}"


def _name_from(message: str) -> str | None:
    """Take the name out of "cannot import name 'x' from ..."; Python 3.11 has it nowhere else."""
    before, _, rest = message.partition("cannot import name '")
    return rest.partition("'")[0] if not before and rest else None


def _explain_relative(error: ImportError) -> str:
    steps = _own_steps(error)
    if not steps:
        return ""
    file, line = steps[-1]
    directory = os.path.dirname(os.path.abspath(file))
    return (
        f"Line {line} of {file} imports relative to its package, but it was started as a file of"
        f" its own. Leave the dot out, or make {directory} a package (a file __init__.py in it)"
        f" and start it as '--app {os.path.basename(directory)}'."
    )


def _explain_circle(error: BaseException) -> str:
    """Word the case of modules that import each other, with the way round."""
    name = _partial_module(error)
    file = getattr(sys.modules.get(name or ""), "__file__", None) or getattr(error, "path", None)
    if name and file:
        hidden = _find_hidden(name, file)
        if hidden:
            return _tell_shadow(name, file, hidden)
    steps = _own_steps(error)
    if len({step[0] for step in steps}) == 1:
        return (
            f"{steps[0][0]} imports itself: it has the name of the module {name!r} that it wants"
            " to import. If that is a library, rename your file."
        )
    way = "\n".join(f"  {file}, line {line}" for file, line in steps)
    return (
        f"This is a circular import: {name!r} was still being imported when it was needed.\n\n"
        f"{way}\n\n"
        "Move what both modules need into a third one that imports neither, or do the last of"
        " these imports at the end of its file or inside the function that uses it."
    )


def _is_unsaid_circle(error: BaseException) -> bool:
    """Say whether the file that should be renamed was still being imported."""
    file = str(error).partition(RENAMING)[2].partition("'")[0]
    return file in [own for own, _ in _own_steps(error)]


def _partial_module(error: BaseException) -> str | None:
    """Return the name of the module that was still being imported."""
    # The text comes first: PyPy's AttributeError does not hold the module.
    said = str(error).partition(f"{CIRCULAR} '")[2].partition("'")[0]
    if not said and isinstance(error, AttributeError):
        return getattr(error.obj, "__name__", None)
    return said or getattr(error, "name", None)


def _find_hidden(name: str, file: str | None) -> str | None:
    """Return the file of the library or standard module that a file of the user's own hides."""
    if file is None or "." in name or _is_installed(file):
        return None
    own = os.path.dirname(os.path.abspath(file))
    if os.path.basename(file) == "__init__.py":
        own = os.path.dirname(own)
    spec = PathFinder.find_spec(name, [path for path in sys.path if os.path.abspath(path) != own])
    return spec.origin if spec is not None and spec.origin else None


def _tell_shadow(name: str, file: str, hidden: str) -> str:
    return (
        f"Your own {file} has the name of the library {name!r} ({hidden}) and hides it: wherever"
        f" the library is imported, your file is taken. Rename your file."
    )
