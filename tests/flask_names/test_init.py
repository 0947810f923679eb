"""Names that modules lend: as attributes, to imports, to `patch`, and what older Flasks had."""

from __future__ import annotations

import builtins
import importlib
from unittest.mock import patch

import click
import itsdangerous
import jinja2
import pytest
import werkzeug.exceptions
import werkzeug.routing

import kolben
import kolben.app
import kolben.globals
import kolben.helpers
import kolben.json
from kolben.core import current
from kolben.flask_names.gone import GONE
from kolben.flask_names.table import NAMES
from tests.fresh_interpreter import Interpreter

LENT = [(module, name) for module, names in NAMES.items() for name in names]


# Not as parameters: pytest would ask a proxy for its name.
VALUES: dict[str, object] = {
    "flask.app:Rule": werkzeug.routing.Rule,
    "flask.sansio.app:Rule": werkzeug.routing.Rule,
    "flask.cli:click": click,
    "flask.sansio.scaffold:BaseLoader": jinja2.BaseLoader,
    "flask.sessions:BadSignature": itsdangerous.BadSignature,
    "flask.helpers:current_app": kolben.globals.current_app,
    "flask.helpers:_wz_abort": werkzeug.exceptions.abort,
    "flask.ctx:_cv_app": kolben.globals._cv_app,
    "flask.globals:_no_app_msg": current.NO_APP,
    "flask.json.tag:dumps": kolben.json.dumps,
}


@pytest.mark.parametrize("place", VALUES)
def test_a_name_of_flasks_module_is_what_it_is_there(place: str) -> None:
    module, name = place.split(":")
    assert getattr(importlib.import_module(module), name) is VALUES[place]


@pytest.mark.parametrize(("module", "name"), LENT, ids=lambda part: part)
def test_each_lent_name_can_be_patched_and_is_put_back(module: str, name: str) -> None:
    home = importlib.import_module(module)
    before = getattr(home, name)
    for _ in range(2):
        with patch(f"{module}.{name}", LENT):
            assert getattr(home, name) is LENT
        assert getattr(home, name) is before
        assert name not in vars(home)


def test_a_lent_name_can_be_set_by_pytest_and_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = vars(kolben.app).copy()
    with monkeypatch.context() as patched:
        patched.setattr("flask.app.Rule", 1)
        assert kolben.app.Rule == 1
    assert kolben.app.Rule is werkzeug.routing.Rule
    assert before.keys() <= vars(kolben.app).keys()


def test_no_lent_name_could_hide_a_builtin_from_the_module() -> None:
    assert not [name for _, name in LENT if hasattr(builtins, name)]


def test_a_star_import_gives_what_flask_gives(python: Interpreter) -> None:
    python.run("""
import kolben
from flask.app import *
import werkzeug.routing, click as real_click
assert Rule is werkzeug.routing.Rule and Flask is kolben.Flask and click is real_click
assert "_cv_app" not in globals()
""")


def test_dir_lists_lent_names_beside_the_modules_own() -> None:
    assert {"Rule", "_cv_app", "Flask", "annotations"} <= set(dir(kolben.app))


def test_lent_names_load_nothing_before_they_are_asked_for(python: Interpreter) -> None:
    python.run("""
import kolben, sys
import flask.app
assert not [name for name in sys.modules if name.startswith("kolben.flask_names.")]
assert "kolben.cli" not in sys.modules
from flask.app import cli
assert cli is sys.modules["kolben.cli"]
""")


OLD = [(module, name) for module, names in GONE.items() for name in names]


@pytest.mark.parametrize(("module", "name"), OLD, ids=lambda part: part)
def test_a_name_of_an_older_flask_says_what_to_write(module: str, name: str) -> None:
    home = importlib.import_module(module)
    assert not hasattr(home, name)
    with pytest.raises(AttributeError, match="has no 'flask") as attribute:
        getattr(home, name)
    with pytest.raises(ImportError, match="has no 'flask") as statement:
        exec(f"from {module} import {name}")
    assert str(attribute.value).endswith(str(statement.value))


def test_the_cure_of_a_name_works() -> None:
    cured = 0
    for names in GONE.values():
        for cure in names.values():
            if cure.startswith("write `from "):
                exec(cure.split("`")[1])
                cured += 1
    assert cured > 15


@pytest.mark.parametrize("name", ["nope", "__nope__", "__path__"])
def test_any_other_name_is_an_ordinary_error(name: str) -> None:
    with pytest.raises(
        AttributeError, match=rf"module .kolben\.helpers. has no attribute .{name}.$"
    ):
        getattr(kolben.helpers, name)
    with pytest.raises(ImportError, match=rf"cannot import name .{name}. from"):
        exec(f"from kolben.helpers import {name}")


def test_the_package_lends_as_its_modules_do() -> None:
    assert kolben.t is importlib.import_module("typing")
    with pytest.raises(AttributeError, match=r"no attribute 'Module'\. .*flask\.Blueprint"):
        getattr(kolben, "Module")  # noqa: B009
