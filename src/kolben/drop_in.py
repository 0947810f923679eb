"""Answers `import flask`, and every `flask.x`, with Kolben's own modules.

Rule: this file imports only what every interpreter has loaded before it reads its first line of
code, for after `kolben drop-in enable` it runs at the start of every process. And to *find* a
module it never imports one: the import system holds its one global lock while it asks a finder, so
that two threads would wait for each other for ever.

PYTEST_DONT_REWRITE: it holds no assertion, and it may be loaded before `pytest -p kolben.drop_in`.
"""

from __future__ import annotations

import os
import sys
from _collections_abc import Callable
from _frozen_importlib import BuiltinImporter, FrozenImporter, ModuleSpec
from _frozen_importlib_external import PathFinder
from _thread import allocate_lock, get_ident

SWITCH = "KOLBEN_DROP_IN"

# A package of Flask's that holds nothing but the modules below.
EMPTY_PACKAGE = "flask.sansio"

# Every other flask.x is kolben.x.
MOVED = {
    "flask.sansio.app": "kolben.app_setup",
    "flask.sansio.blueprints": "kolben.blueprints",
    "flask.sansio.scaffold": "kolben.scaffold",
}

# FLASK: names of older Flasks that code in the wild still imports, and what to write instead.
GONE = {
    "Markup": "write `from markupsafe import Markup`",
    "escape": "write `from markupsafe import escape`",
    "safe_join": "write `from werkzeug.utils import safe_join`",
    "_app_ctx_stack": "write `from flask.globals import app_ctx`, or use `flask.g`",
    "_request_ctx_stack": "write `from flask.globals import request_ctx`, or use `flask.g`",
    "json_available": "JSON is always there: take the test out",
    "signals_available": "signals are always there: take the test out",
    "Module": "write `flask.Blueprint`",
    "ext": "an extension has its own package: write `import flask_name`, not `flask.ext.name`",
}

# In the order in which an import of Flask loads them, but for packages, which come first.
_LOADED_BY_FLASK = (
    "flask.json",
    "flask.json.tag",
    "flask.json.provider",
    "flask.globals",
    "flask.signals",
    "flask.config",
    "flask.helpers",
    "flask.ctx",
    "flask.logging",
    "flask.wrappers",
    "flask.templating",
    "flask.sessions",
    "flask.sansio.scaffold",
    "flask.sansio.blueprints",
    "flask.sansio.app",
    "flask.blueprints",
    "flask.cli",
    "flask.app",
    "flask",
)
# What an app imports by itself; Kolben may have loaded it for another reason.
_LOADED_BY_APPS = ("flask.debughelpers", "flask.testing", "flask.typing", "flask.views")

# Of these, those that hooks were asked about; and the threads that are at it.
_asked: set[str] = set()
_firing: set[int] = set()
_Function = type(os.walk)

_PYTHONS_FINDERS = (BuiltinImporter, FrozenImporter, PathFinder)
_installing = allocate_lock()

# A lazy import loads nothing until its name is used.
_LAZY_HINT = (
    ""
    if sys.version_info < (3, 15)
    else " Where imports are lazy (`lazy import`, `-X lazy_imports=all`), call"
    " `kolben.drop_in.install()` in the line after that import."
)


def install() -> bool:
    """Put the finder first on `sys.meta_path`, once; say whether `flask` is Kolben from here on.

    False when the environment forbids it (`KOLBEN_DROP_IN=0`).
    ImportError when the real Flask is already imported: two Flasks in one process share no class,
    so the app would fail later and far from the cause.
    """
    if is_forbidden():
        return False
    with _installing:
        if is_installed():
            return True
        real = sys.modules.get("flask")
        # A module that Kolben answered with is called `kolben`, whatever it was asked for as.
        if getattr(real, "__name__", None) == "flask":
            raise ImportError(
                f"Kolben cannot answer `import flask` any more: the real Flask"
                f" ({getattr(real, '__file__', None)}) is already imported in this process."
                " Put `import kolben.drop_in` before the first `import flask`, or run"
                " `kolben drop-in enable` once for the whole environment."
                f"{_LAZY_HINT}"
                f" To have both side by side, set {SWITCH}=0.",
                name="flask",
            )
        sys.meta_path.insert(0, FlaskFinder)
    return True


def is_installed() -> bool:
    """Whether `import flask` is answered by Kolben in this process."""
    return any(_is_own(finder) for finder in sys.meta_path)


def is_forbidden() -> bool:
    """Whether the environment says that `flask` has to stay the real one."""
    return os.environ.get(SWITCH, "").strip() == "0"


def explain_gone(name: str) -> str:
    """Say what became of a name that older Flasks had."""
    return f"Flask 3.1 has no {name!r} any more, nor has Kolben in its place: {GONE[name]}."


class FlaskFinder:
    """Find Kolben's module for a name that begins with `flask`."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the spec that leads from a Flask name to Kolben's module, or None.

        ModuleNotFoundError for a name that neither Flask 3.1 nor Kolben has, ImportError for one
        that Flask took out: both name the cure. Who merely asks (`importlib.util.find_spec`) gets
        None, as for any absent module.
        """
        if name.startswith("flask.") or name == "flask":
            spec = _find_namesake(name, path)
            if spec is None and _is_import():
                raise ModuleNotFoundError(_explain_unknown(name), name=name)
            return None if spec is None else _as_hooked(spec, path, target)
        # `from flask import Markup` asks the module, which is called kolben, and then comes here.
        if name.startswith("kolben.") and name[7:] in GONE and _is_import():
            raise ImportError(explain_gone(name[7:]), name="flask")
        return None

    @staticmethod
    def find_distributions(context: object) -> list[object]:
        """Answer `importlib.metadata.version("flask")` where no real Flask is installed."""
        from kolben.flask_distribution import find_distribution  # starts faster without it

        return find_distribution(context)


class NamesakeSpec(ModuleSpec):
    """Leads from a Flask name to Kolben's module, and gives it back its own name at the end.

    An import hook wraps the loader, and looks at the module's name once that is through. The last
    thing that the import system does to a spec is to say that it is not initializing any more.
    """

    at_end: Callable[[], None] | None = None

    @property
    def _initializing(self) -> bool:
        return bool(self.__dict__.get("_initializing"))

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        self.__dict__["_initializing"] = value
        if not value and self.at_end is not None:
            self.at_end()
            self.at_end = None


class NamesakeLoader:
    """Give Kolben's module itself to the import system, without a trace of the Flask name on it."""

    is_hooked = False

    def __init__(self, own: ModuleSpec) -> None:
        self.own = own

    def create_module(self, spec: ModuleSpec) -> object:
        """Return Kolben's module, imported under its own name."""
        from importlib import import_module  # starts faster without it

        loader: object = spec.loader
        self.is_hooked = loader is not self
        if self.own.name != "kolben":
            # FLASK: `import flask` loads all of it, so threads that begin at once wait for one
            # another. Here they wait at the app; Werkzeug's modules, which import one another in
            # circles, fail when several threads load them by several ways.
            import_module("kolben.app")
        module = import_module(self.own.name)
        self.own = _own_spec_of(module) or self.own
        return module

    def exec_module(self, module: object) -> None:
        """Give the module its own spec again, which the import system has just replaced.

        Where an import hook waits for it, it has the Flask name and spec until that has fired.
        """
        names = vars(module)
        spec: object = names["__spec__"]
        # `import flask` loads nothing: hooks see the rest when a name is asked for.
        if self.own.name == "kolben.app":
            lend_flask_names()
        asks_hooks = self.is_hooked or (self.own.name != "kolben" and find_import_hooks())
        if not (asks_hooks and isinstance(spec, NamesakeSpec) and spec._initializing):
            self.give_back(module)
            return
        fire_import_hooks()
        if self.is_hooked:
            name_as_flask_does(names, spec.name)
            names["__name__"] = spec.name
            spec.at_end = lambda: self.give_back(module)
        else:
            self.give_back(module)

    def give_back(self, module: object) -> None:
        """Give a module its own name, spec and loader.

        With another spec relative imports in it warn, and a reload asks for the wrong name.
        """
        own = self.own
        vars(module).update(__name__=own.name, __spec__=own, __loader__=own.loader)

    def is_package(self, name: str) -> bool:
        """Whether Kolben's module is a package."""
        return self.own.submodule_search_locations is not None

    def get_code(self, name: str) -> object:
        """Return the code of Kolben's module, for `python -m flask`."""
        return self._ask_own_loader("get_code")

    def get_source(self, name: str) -> object:
        """Return the source text of Kolben's module, for tracebacks and debuggers."""
        return self._ask_own_loader("get_source")

    def _ask_own_loader(self, question: str) -> object:
        ask = getattr(self.own.loader, question, None)
        return None if ask is None else ask(self.own.name)


class EmptyPackageLoader:
    """Make the package of Flask's that has no file in Kolben."""

    def create_module(self, spec: object) -> None:
        """Leave it to the import system to make a plain module."""

    def exec_module(self, module: object) -> None:
        """Say what the module is for; there is nothing to run."""
        vars(module)["__doc__"] = "Flask's names for what kolben.app_setup and scaffold hold."


def find_import_hooks() -> list[Callable[..., object]]:
    """Return how to ask the finders that are neither Python's nor ours: hooks may be among them."""
    return [
        find_spec
        for finder in sys.meta_path
        if finder not in _PYTHONS_FINDERS and not _is_own(finder)
        if (find_spec := getattr(finder, "find_spec", None)) is not None
    ]


def fire_import_hooks() -> None:
    """Let hooks for Flask's modules see them, as if `import flask` had loaded them.

    With Flask `flask.app` comes with every `import flask`; here nobody may ever write it, since
    `flask.Flask` loads kolben.app. So the import that a tracer waits for is made up for.
    """
    thread = get_ident()
    if thread in _firing:
        return
    _firing.add(thread)
    try:
        hooks = find_import_hooks()
        for name in (*_LOADED_BY_FLASK, *_LOADED_BY_APPS):
            if name not in sys.modules:
                _show(name, hooks)
    finally:
        _firing.discard(thread)


def _show(name: str, hooks: list[Callable[..., object]]) -> None:
    """Let hooks see a module, if any of them waits for it."""
    own_name = MOVED.get(name, "kolben" + name[5:])
    own = sys.modules.get(own_name)
    if own is not None or (name in _LOADED_BY_FLASK and name not in _asked):
        _asked.add(name)
        parent = sys.modules.get(own_name.rpartition(".")[0])
        path = getattr(parent, "__path__", None)
        if any(isinstance(find_spec(name, path), NamesakeSpec) for find_spec in hooks):
            __import__(name)


def lend_flask_names() -> None:
    """Let loaded modules be found under their Flask names, by hooks that are registered later."""
    for name in (*_LOADED_BY_FLASK, *_LOADED_BY_APPS):
        own = sys.modules.get(MOVED.get(name, "kolben" + name[5:]))
        if own is None or name in sys.modules:
            continue
        if name in MOVED:
            __import__(name)  # its package has to be made
        else:
            sys.modules[name] = own


def name_as_flask_does(names: dict[str, object], module: str) -> None:
    """Let the classes and functions among a module's names say that they are of Flask's module.

    Tracers name transactions by them: a path that no rule matches is one of
    `flask.app:Flask.handle_http_exception`.
    """
    for value in list(names.values()):
        if isinstance(value, (type, _Function)) and value.__module__ == names["__name__"]:
            value.__module__ = module


def _as_hooked(spec: ModuleSpec, path: object, target: object) -> ModuleSpec:
    """Return a spec as import hooks make it that come after us on `sys.meta_path`.

    Each finds the module in turn, and so comes back here; those that do are asked no more.
    """
    for find_spec in find_import_hooks():
        found = find_spec(spec.name, path, target)
        if isinstance(found, NamesakeSpec) and found.name == spec.name:
            return found
    return spec


def _find_namesake(name: str, path: object) -> ModuleSpec | None:
    if name == EMPTY_PACKAGE:
        return ModuleSpec(name, EmptyPackageLoader(), is_package=True)  # type: ignore[arg-type]  # importlib.abc costs an import
    if name in MOVED:
        package = _find_own("kolben", None)
        path = None if package is None else package.submodule_search_locations
    elif name.startswith(EMPTY_PACKAGE):
        return None
    if path is None and name != "flask":
        return None
    own = _find_own(MOVED.get(name, "kolben" + name[5:]), path)
    if own is None:
        return None
    spec = NamesakeSpec(name, NamesakeLoader(own), origin=own.origin)  # type: ignore[arg-type]  # as above
    spec.has_location = own.has_location
    if own.submodule_search_locations is not None:
        spec.submodule_search_locations = list(own.submodule_search_locations)
    return spec


def _find_own(name: str, path: object) -> ModuleSpec | None:
    """Return the own spec of a module of Kolben's, loaded or not; path: where its package lies."""
    own = _own_spec_of(sys.modules.get(name))
    if own is not None:
        return own
    for finder in sys.meta_path:
        find = None if _is_own(finder) else getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = None if find is None else find(name, path)
        if spec is not None:
            return spec
    return None


def _own_spec_of(module: object) -> ModuleSpec | None:
    """Return a module's own spec, also while another thread is giving the module a Flask name."""
    spec: ModuleSpec | None = getattr(module, "__spec__", None)
    loader: object = getattr(spec, "loader", None)
    return loader.own if isinstance(loader, NamesakeLoader) else spec


def _is_own(finder: object) -> bool:
    # By name: after someone emptied sys.modules there may be a finder of an earlier copy.
    return getattr(finder, "__name__", None) == FlaskFinder.__name__


def _is_import() -> bool:
    """Tell an import statement from a question (`find_spec`), which is not answered by raising.

    The frames are: this one, our find_spec, the import system's _find_spec, and who called it.
    """
    return sys._getframe(3).f_code.co_name == "_find_and_load_unlocked"


def _explain_unknown(name: str) -> str:
    first = name.split(".")[1]
    if first in GONE:
        return explain_gone(first)
    return (
        f"No module named {name!r}: `flask` is Kolben here, which has the modules of Flask 3.1."
        " Upgrade the package that asks for it to a release for Flask 3.1;"
        f" to run this program with the real Flask, set {SWITCH}=0."
    )
