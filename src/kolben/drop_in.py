"""Answers `import flask`, and every `flask.x`, with Kolben's own modules.

Rule: this file imports only what every interpreter has loaded before it reads its first line of
code, for after `kolben drop-in enable` it runs at the start of every process.

PYTEST_DONT_REWRITE: it holds no assertion, and it may be loaded before `pytest -p kolben.drop_in`.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock

SWITCH = "KOLBEN_DROP_IN"

# FLASK: names of older Flasks that code in the wild still imports, and what to write instead.
GONE = {
    "Markup": "write `from markupsafe import Markup`",
    "escape": "write `from markupsafe import escape`",
    "safe_join": "write `from werkzeug.utils import safe_join`",
    "_app_ctx_stack": "keep values on `flask.g`, or write `from flask.globals import app_ctx`",
    "_request_ctx_stack": "keep values on `flask.g`, or write `from flask.globals import request_ctx`",
    "json_available": "JSON is always there: take the test out",
    "signals_available": "signals are always there: take the test out",
    "ext": "an extension has its own package: write `import flask_name`, not `flask.ext.name`",
}

_installing = allocate_lock()


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
                f" To have both side by side, set {SWITCH}=0.",
                name="flask",
            )
        sys.meta_path.insert(0, FlaskFinder)  # type: ignore[arg-type]  # ModuleSpec's name costs an import
    return True


def is_installed() -> bool:
    """Whether `import flask` is answered by Kolben in this process."""
    # By name: after someone emptied sys.modules there may be a finder of an earlier copy.
    return any(getattr(finder, "__name__", None) == "FlaskFinder" for finder in sys.meta_path)


def is_forbidden() -> bool:
    """Whether the environment says that `flask` has to stay the real one."""
    return os.environ.get(SWITCH, "").strip() == "0"


class FlaskFinder:
    """Find Kolben's module for a name that begins with `flask`."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> object:
        """Return the ModuleSpec that leads from a Flask name to Kolben's module, or None.

        ModuleNotFoundError for a name that neither Flask 3.1 nor Kolben has, ImportError for one
        that Flask took out: both name the cure. Who merely asks (`importlib.util.find_spec`) gets
        None, as for any absent module.
        """
        if name.startswith("flask.") or name == "flask":
            from kolben.flask_names import find_namesake  # starts faster without it

            spec = find_namesake(name)
            if spec is None and _is_import():
                raise ModuleNotFoundError(_explain_unknown(name), name=name)
            return spec
        # `from flask import Markup` asks the module, which is called kolben, and then comes here.
        if name.startswith("kolben.") and name[7:] in GONE and _is_import():
            raise ImportError(explain_gone(name[7:]), name="flask")
        return None

    @staticmethod
    def find_distributions(context: object) -> list[object]:
        """Answer `importlib.metadata.version("flask")` where no real Flask is installed."""
        from kolben.flask_distribution import find_distribution  # starts faster without it

        return find_distribution(context)


def explain_gone(name: str) -> str:
    """Say what became of a name that older Flasks had."""
    return f"Flask 3.1 has no {name!r} any more, nor has Kolben in its place: {GONE[name]}."


def _explain_unknown(name: str) -> str:
    first = name.split(".")[1]
    if first in GONE:
        return explain_gone(first)
    return (
        f"No module named {name!r}: `flask` is Kolben here, which has the modules of Flask 3.1."
        " Upgrade the package that asks for it to a release for Flask 3.1;"
        f" to run this program with the real Flask, set {SWITCH}=0."
    )


def _is_import() -> bool:
    """Tell an import statement from a question (`find_spec`), which must not be answered by raising.

    The frames are: this one, our find_spec, the import system's _find_spec, and who called it.
    """
    return sys._getframe(3).f_code.co_name == "_find_and_load_unlocked"  # noqa: SLF001
