"""Makes the table of names that Kolben's modules lend, of what an installed Flask says."""

from __future__ import annotations

import json
import subprocess
import tomllib
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any

from conformance.environment import Environment
from conformance.names.ask import used_in
from conformance.suites import CHECKOUT, ConformanceError

TABLE = CHECKOUT / "src" / "kolben" / "flask_names" / "table.py"
ROLES = Path(__file__).parent / "roles.toml"
HEAD = '''"""Where each name leads that Flask's module has and Kolben's lends.

Made by `python -m conformance names --write` of Flask {version}; do not change it by hand.
"""

from __future__ import annotations

NAMES: dict[str, dict[str, str]] = {{
'''


def ask_flask(environment: Environment) -> dict[str, Any]:
    """Return all names and attributes of the Flask that is installed in an environment."""
    command = environment.command(Path(__file__).parent / "ask.py")
    environ = {**environment.environ(), "KOLBEN_DROP_IN": "0"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConformanceError(f"Flask's names cannot be read:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def own_module(flask_name: str) -> str:
    """Return the name of Kolben's module that answers for one of Flask's."""
    if flask_name == "flask.sansio":
        return flask_name
    return import_module(flask_name).__name__


def place_of(where: str) -> str:
    """Return where Kolben has what Flask imports from `where`."""
    home, _, name = where.partition(":")
    if home != "flask" and not home.startswith("flask."):
        return where
    if home == "flask":
        return f"kolben.{name}:"
    return f"{own_module(home)}:{name}"


def lent_names(names: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return for each of Kolben's modules the names that it lacks, and where each leads."""
    import_module("kolben")
    roles = tomllib.loads(ROLES.read_text("utf-8"))
    found: dict[str, dict[str, str]] = {}
    for flask_name, entries in names.items():
        own = own_module(flask_name)
        here = {*vars(import_module(own)), *getattr(import_module(own), "_HOMES", ())}
        for name in sorted(entries.keys() - here):
            where = roles.get(flask_name, {}).get(name)
            if where is None and entries[name].startswith("own"):
                raise ConformanceError(
                    f"{own} has no {name!r}, which {flask_name} defines: say in {ROLES.name} where"
                    " Kolben has it."
                )
            place = where or place_of(entries[name])
            if found.setdefault(own, {}).setdefault(name, place) != place:
                raise ConformanceError(f"{own}.{name} would be {found[own][name]} and {place}.")
    return found


def text_of(lent: dict[str, dict[str, str]], version: str) -> str:
    """Return the text of the table's file."""
    lines = [HEAD.format(version=version)]
    for module, names in sorted(lent.items()):
        lines.append(f'    "{module}": {{\n')
        lines += [f'        "{name}": "{names[name]}",\n' for name in sorted(names)]
        lines.append("    },\n")
    return "".join([*lines, "}\n"])


def differences(answer: dict[str, Any]) -> list[str]:
    """List each name and attribute of Flask's that is missing here, or is something else."""
    import_module("kolben")
    found = []
    for flask_name, entries in answer["names"].items():
        module = import_module(flask_name)
        for name, where in entries.items():
            fault = _fault(module, name, where)
            if fault:
                found.append(f"{flask_name}.{name} {fault}")
    for spelt, attributes in answer["attributes"].items():
        home, _, name = spelt.partition(":")
        kind = getattr(import_module(home), name)
        found += [
            f"{spelt}.{lacking} is missing" for lacking in sorted({*attributes} - {*dir(kind)})
        ]
    return found


def inert_names(answer: dict[str, Any]) -> dict[str, list[str]]:
    """Return for each of Flask's modules the names whose patch acts there and does not here.

    It acts where a function of the module looks the name up.
    """
    import_module("kolben")
    found = {}
    for flask_name, entries in answer["names"].items():
        used_here = used_in(getattr(import_module(own_module(flask_name)), "__file__", None))
        inert = (entries.keys() & {*answer["used"][flask_name]}) - {*used_here}
        if inert:
            found[flask_name] = sorted(inert)
    return found


def inert_text(inert: dict[str, list[str]]) -> str:
    """Return the list as it stands in the manual."""
    return "".join(
        f"- `{module}`: {', '.join(f'`{name}`' for name in names)}\n"
        for module, names in inert.items()
    )


def _fault(module: Any, name: str, where: str) -> str:
    """Say what is wrong with a name of one of Kolben's modules; "" if nothing is."""
    try:
        value = getattr(module, name)
    except AttributeError:
        return "is missing"
    kind = object.__getattribute__(value, "__class__")
    if where.startswith("own "):
        wanted = where[4:]
        is_right = {
            "function": callable(value),
            "type": isinstance(value, type),
            "ABCMeta": isinstance(value, type),
            # Python lets nobody derive from this class: one that has all of its methods.
            "ContextVar": {*dir(ContextVar)} <= {*dir(value), "__class_getitem__", "__hash__"},
        }.get(wanted, wanted in {base.__name__ for base in kind.__mro__})
        return "" if is_right else f"is a {kind.__name__} instead of a {wanted}"
    home, _, inner = place_of(where).partition(":")
    wanted_value = getattr(import_module(home), inner) if inner else import_module(home)
    return "" if value is wanted_value else f"is {value!r} instead of {wanted_value!r}"
