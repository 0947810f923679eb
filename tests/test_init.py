"""The public names: all that Flask 3.1 exports, none loaded before it is asked for."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import kolben
from kolben.version import FLASK_VERSION

SOURCE = Path(kolben.__file__).read_text(encoding="utf-8")

# What `dir(flask)` shows in Flask 3.1.3 without the names that begin with an underscore.
FLASK_NAMES = (
    "Blueprint Config Flask Request Response abort after_this_request appcontext_popped"
    " appcontext_pushed appcontext_tearing_down before_render_template copy_current_request_context"
    " current_app flash g get_flashed_messages get_template_attribute got_request_exception"
    " has_app_context has_request_context jsonify make_response message_flashed redirect"
    " render_template render_template_string request request_finished request_started"
    " request_tearing_down send_file send_from_directory session stream_template"
    " stream_template_string stream_with_context template_rendered url_for"
).split()
FLASK_MODULES = (
    "app blueprints cli config ctx globals helpers json logging sessions signals templating typing"
    " wrappers"
).split()


def read_type_checking_imports() -> dict[str, str]:
    """Return what the file imports for type checkers alone, as name -> "module:name there"."""
    block = next(
        node
        for node in ast.parse(SOURCE).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    return {
        name.asname or name.name: f"{statement.module}:{name.name}"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for name in statement.names
    }


def load_in_new_process(code: str) -> set[str]:
    """Return the modules of Flask's and Kolben's that are loaded after a snippet."""
    code += "\nimport sys; print(*(m for m in sys.modules if m.startswith(('flask', 'kolben'))))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", FLASK_NAMES)
def test_each_name_that_flask_exports_is_there(name: str) -> None:
    home = importlib.import_module(kolben._HOMES[name])
    assert getattr(kolben, name) is getattr(home, name)
    assert name in dir(kolben)


@pytest.mark.parametrize("name", FLASK_MODULES)
def test_each_module_that_flask_shows_is_an_attribute(name: str) -> None:
    loaded = load_in_new_process(f"import kolben; assert kolben.{name}.__name__ == 'kolben.{name}'")
    assert f"kolben.{name}" in loaded


def test_sansio_is_an_attribute() -> None:
    assert "flask.sansio" in load_in_new_process("import kolben; kolben.sansio.__path__")


def test_kolben_is_the_class_flask() -> None:
    assert kolben.Kolben is kolben.Flask


def test_star_import_brings_all_public_names_and_no_more() -> None:
    names: dict[str, object] = {}
    exec("from kolben import *", names)
    del names["__builtins__"]
    assert {*FLASK_NAMES, *FLASK_MODULES, "Kolben"} == set(names)


def test_type_checkers_see_what_is_there_at_run_time() -> None:
    at_run_time = {name: f"{module}:{name}" for name, module in kolben._HOMES.items()}
    at_run_time["Kolben"] = "kolben.app:Flask"
    at_run_time |= {name: f"kolben:{name}" for name in kolben._MODULES}
    assert at_run_time == read_type_checking_imports()
    assert sorted(at_run_time) == sorted((*kolben.__all__, *kolben._BEYOND_FLASK))


def test_no_file_of_the_package_hides_a_public_name() -> None:
    files = {module.name for module in pkgutil.iter_modules(kolben.__path__)}
    assert not files & set(kolben._HOMES)


def test_importing_kolben_loads_no_part_of_the_framework() -> None:
    assert {"kolben", "kolben.drop_in"} == load_in_new_process("import kolben")


def test_importing_flask_loads_no_part_of_the_framework() -> None:
    expected = {"flask", "kolben", "kolben.drop_in"}
    assert expected == load_in_new_process("import kolben.drop_in; import flask")


def test_a_name_is_looked_up_once() -> None:
    assert kolben.url_for is vars(kolben)["url_for"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'kolben' has no attribute 'flsk'") as caught:
        kolben.flsk  # noqa: B018
    assert "flsk" == caught.value.name


def test_version_is_flasks_and_deprecated_as_there() -> None:
    with pytest.warns(
        DeprecationWarning, match="^The '__version__' attribute is deprecated"
    ) as got:
        version = kolben.__version__
    assert FLASK_VERSION == version
    assert __file__ == got[0].filename
    assert "__version__" not in dir(kolben)


def test_kolbens_own_version_is_its_distributions() -> None:
    from kolben.version import VERSION

    assert VERSION == importlib.metadata.version("kolben")
