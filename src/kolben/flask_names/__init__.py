"""Names that Flask's modules have and Kolben's have no use for, each found when it is asked for.

`from flask.app import Rule` works in Flask because its module imports that class. Here the module
of that name ends with `lend_names(globals())`, and `table` says where each name leads. What a name
leads to is imported when somebody asks.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import FrameType
from typing import Any


def lend_names(namespace: dict[str, Any]) -> None:
    """Let a module, given by its globals, answer for all names that Flask's module has.

    As attributes, to `from ... import`, `import *`, `dir()` and `unittest.mock.patch`.
    """
    module: str = namespace["__name__"]

    def find(name: str) -> Any:
        if name == "__all__":
            return [known for known in listed() if not known.startswith("_")]
        return find_name(module, name)

    def listed() -> list[str]:
        return sorted({*namespace, *names_of(module)})

    # Not as functions of the module: a checker that sees __getattr__ takes a misspelt name for a
    # real one.
    namespace["__getattr__"], namespace["__dir__"] = find, listed


def names_of(module: str) -> dict[str, str]:
    """Return the names that a module lends, and where each leads: `module:name`, or `module:`."""
    from kolben.flask_names.table import NAMES  # starts faster without it

    return NAMES.get(module, {})


def find_name(module: str, name: str) -> Any:
    """Return what a lent name of one of Kolben's modules stands for.

    AttributeError for a name that Flask 3.1 does not have either, with the cure if an older one
    had it; that is an ImportError where `from ... import` asks, which would drop the text.
    """
    if name.startswith("__"):
        raise _unknown(module, name, "")
    where = names_of(module).get(name)
    if where is None:
        from kolben.flask_names.gone import explain_gone  # starts faster without it

        cure = explain_gone(module, name)
        if cure and _is_from_import(sys._getframe(2)):
            raise ImportError(cure, name=module)
        raise _unknown(module, name, cure)
    home, _, inner = where.partition(":")
    found = import_module(home)
    return getattr(found, inner) if inner else found


def _unknown(module: str, name: str, cure: str) -> AttributeError:
    text = f"module {module!r} has no attribute {name!r}"
    return AttributeError(f"{text}. {cure}" if cure else text, name=name)


def _is_from_import(frame: FrameType) -> bool:
    """Say whether what a frame does at this moment is to take a name for `from ... import`."""
    from opcode import opname  # starts faster without it

    return opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM"
