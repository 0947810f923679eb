"""Tells, where Flask is installed, all names of its modules and attributes of its classes, as JSON.

Runs as a script in an environment with Flask; imports nothing of this checkout. For each name of a
module: `module:name` or `module:` where the module imports it, else `own KIND`.
"""

from __future__ import annotations

import ast
import dis
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import CodeType, ModuleType

# Has no file of its own, so that pkgutil does not see what is in it.
PACKAGE = "flask.sansio"
# Runs the command line when it is imported.
SCRIPT = "flask.__main__"


def modules_of_flask() -> list[str]:
    """List the names of all modules of Flask, but the script."""
    flask = import_module("flask")
    found = {"flask", PACKAGE}
    for name, path in (("flask", flask.__path__), (PACKAGE, import_module(PACKAGE).__path__)):
        found.update(module.name for module in pkgutil.walk_packages(path, f"{name}."))
    return sorted(found - {SCRIPT})


def imports_of(module: ModuleType) -> dict[str, str]:
    """Return where each name comes from that a module imports when it runs."""
    if module.__file__ is None:
        return {}
    source = Path(module.__file__).read_text("utf-8")
    package = (module.__package__ or "").split(".")
    found: dict[str, str] = {}
    for statement in _statements(ast.parse(source).body):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.asname or alias.name.partition(".")[0]
                found[name] = f"{alias.name if alias.asname else name}:"
        elif isinstance(statement, ast.ImportFrom):
            above = package[: len(package) - statement.level + 1] if statement.level else []
            home = ".".join([*above, *([statement.module] if statement.module else [])])
            for alias in statement.names:
                found[alias.asname or alias.name] = f"{home}:{alias.name}"
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at import, those in `if` and `try` as well."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):
            only_checked = "TYPE_CHECKING" in ast.unparse(statement.test)
            yield from _statements([*([] if only_checked else statement.body), *statement.orelse])
        elif isinstance(statement, ast.Try):
            handlers = [inner for handler in statement.handlers for inner in handler.body]
            yield from _statements([*statement.body, *handlers])


def names_of(module: ModuleType) -> dict[str, str]:
    """Return each name of a module with where it comes from."""
    imports = imports_of(module)
    return {
        name: imports.get(name) or f"own {object.__getattribute__(value, '__class__').__name__}"
        for name, value in sorted(vars(module).items())
        if not name.startswith("__") and f"{module.__name__}.{name}" not in sys.modules
    }


def used_in(file: str | None) -> list[str]:
    """List the global names that the functions of a file look up when they run."""
    if file is None:
        return []
    waiting = [compile(Path(file).read_text("utf-8"), file, "exec")]
    used: set[str] = set()
    while waiting:
        for inner in waiting.pop().co_consts:
            if isinstance(inner, CodeType):
                waiting.append(inner)
                used.update(i.argval for i in dis.get_instructions(inner) if "GLOBAL" in i.opname)
    return sorted(used)


def attributes_of(modules: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """Return what each class has, by the name under which its module defines it."""
    return {
        f"{module}:{name}": sorted(dir(getattr(sys.modules[module], name)))
        for module, names in modules.items()
        for name, where in names.items()
        if where.startswith("own") and inspect.isclass(getattr(sys.modules[module], name))
    }


def main() -> None:
    """Print all of it."""
    names = {name: names_of(import_module(name)) for name in modules_of_flask()}
    used = {name: used_in(sys.modules[name].__file__) for name in names}
    answer = {"names": names, "attributes": attributes_of(names), "used": used}
    json.dump(answer, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
