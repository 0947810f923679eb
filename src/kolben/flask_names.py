"""Leads from each name in the `flask` package to the Kolben module that has what it names."""

from __future__ import annotations

from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any

# A package of Flask's that holds nothing but the modules below.
EMPTY_PACKAGE = "flask.sansio"

# Every other flask.x is kolben.x.
MOVED = {
    "flask.sansio.app": "kolben.app_setup",
    "flask.sansio.blueprints": "kolben.blueprints",
    "flask.sansio.scaffold": "kolben.scaffold",
}


def find_namesake(name: str) -> ModuleSpec | None:
    """Return the spec under which a Flask name is imported; None where Kolben has no such module.

    Nothing of the framework is imported here but the packages above the module.
    """
    if name == EMPTY_PACKAGE:
        return ModuleSpec(name, EmptyPackageLoader(), is_package=True)
    if name.startswith(EMPTY_PACKAGE + ".") and name not in MOVED:
        return None
    own = _find_own(MOVED.get(name, "kolben" + name.removeprefix("flask")))
    if own is None:
        return None
    spec = ModuleSpec(name, NamesakeLoader(own), origin=own.origin)
    spec.has_location = own.has_location
    if own.submodule_search_locations is not None:
        spec.submodule_search_locations = list(own.submodule_search_locations)
    return spec


class NamesakeLoader(Loader):
    """Give Kolben's module itself to the import system, and leave no trace of the Flask name on it."""

    def __init__(self, own: ModuleSpec) -> None:
        self.own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return Kolben's module, imported under its own name."""
        if self.own.name != "kolben":
            # FLASK: `import flask` loads all of it, so threads that begin at once wait for one
            # another. Here they wait at the app; Werkzeug's modules, which import one another in
            # circles, fail when several threads load them by several ways.
            import_module("kolben.app")
        module = import_module(self.own.name)
        self.own = _undisguised(module.__spec__) or self.own
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Put the module's own spec back, which the import system has just replaced.

        Without it relative imports in the module warn, and a reload asks for the wrong name.
        """
        module.__spec__ = self.own

    def is_package(self, name: str) -> bool:
        """Whether Kolben's module is a package."""
        return self.own.submodule_search_locations is not None

    def get_code(self, name: str) -> CodeType | None:
        """Return the code of Kolben's module, for `python -m flask`."""
        code: CodeType | None = self._ask_own_loader("get_code")
        return code

    def get_source(self, name: str) -> str | None:
        """Return the source text of Kolben's module, for tracebacks and debuggers."""
        source: str | None = self._ask_own_loader("get_source")
        return source

    def _ask_own_loader(self, question: str) -> Any:
        answer = getattr(self.own.loader, question, None)
        return None if answer is None else answer(self.own.name)


class EmptyPackageLoader(Loader):
    """Make the package of Flask's that has no file in Kolben."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system to make a plain module."""

    def exec_module(self, module: ModuleType) -> None:
        """Say what the module is for; there is nothing to run."""
        module.__doc__ = "Flask's names for what kolben.app_setup, scaffold and blueprints hold."


def _find_own(name: str) -> ModuleSpec | None:
    try:
        return _undisguised(find_spec(name))
    except ModuleNotFoundError as error:
        # The module above it is absent or no package; what *that* fails to import is another matter.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        return None


def _undisguised(spec: ModuleSpec | None) -> ModuleSpec | None:
    """Return a module's own spec, also while another thread is giving the module a Flask name."""
    if spec is not None and isinstance(spec.loader, NamesakeLoader):
        return spec.loader.own
    return spec
