"""Import hooks for Flask's modules fire, by the names that they were registered for."""

from __future__ import annotations

import pytest

from tests.fresh_interpreter import Interpreter

# As tracers write them: a finder that finds nothing by itself, and looks at each module by the
# name that it says it has. `fired` has what the hooks of `awaited` saw.
HOOKS = """
import importlib.util, sys

awaited = {}
fired = []

class Loader:
    def __init__(self, loader):
        self.loader = loader
    def create_module(self, spec):
        return self.loader.create_module(spec)
    def exec_module(self, module):
        self.loader.exec_module(module)
        for hook in awaited.pop(module.__name__, ()):
            hook(module)

class Finder:
    def __init__(self):
        self.asked = set()
    def find_spec(self, name, path=None, target=None):
        if name not in awaited or name in self.asked:
            return None
        self.asked.add(name)
        try:
            spec = importlib.util.find_spec(name)
            if spec is not None and not isinstance(spec.loader, Loader):
                spec.loader = Loader(spec.loader)
            return spec
        finally:
            self.asked.discard(name)

def see(module):
    fired.append(module.__name__)
    assert module is sys.modules[module.__name__]
    if module.__name__ == "flask.app":
        own = module.Flask.add_url_rule
        def add_url_rule(self, rule, *args, **options):
            return own(self, "/seen" + rule, *args, **options)
        module.Flask.add_url_rule = add_url_rule
    if module.__name__ == "flask.templating":
        module.render_template = lambda name: "wrapped " + name

def hook(*names):
    for name in names:
        if name in sys.modules:
            see(sys.modules[name])
        else:
            awaited.setdefault(name, []).append(see)
"""
BEFORE = HOOKS + "sys.meta_path.insert(0, Finder())\nimport kolben.drop_in\n"
AFTER = HOOKS + "import kolben.drop_in\nsys.meta_path.insert(0, Finder())\n"
TWICE = BEFORE + "sys.meta_path.insert(0, Finder())\nsys.meta_path.append(Finder())\n"
LATE = HOOKS + "import kolben.drop_in; from kolben import Flask, render_template, request\n"


@pytest.mark.parametrize("start", [BEFORE, AFTER, TWICE], ids=["before", "after", "among others"])
@pytest.mark.parametrize(
    "statement",
    [
        "from flask import Flask, render_template",
        "import flask; Flask = flask.Flask; render_template = flask.render_template",
        "from flask.app import Flask; from flask.templating import render_template",
        "from kolben import Flask, render_template",
        "from kolben import Kolben as Flask, render_template",
    ],
)
def test_a_hook_fires_however_flask_is_imported(
    python: Interpreter, start: str, statement: str
) -> None:
    python.run(f"""{start}
hook("flask", "flask.app", "flask.templating", "flask.blueprints")
{statement}
assert sorted(fired) == ["flask", "flask.app", "flask.blueprints", "flask.templating"], fired
app = Flask("hooked")
app.add_url_rule("/", "view", lambda: render_template("a"))
assert app.test_client().get("/seen/").text == "wrapped a"
""")


def test_a_module_has_its_own_name_again_when_its_hooks_have_fired(python: Interpreter) -> None:
    python.run(f"""{BEFORE}
hook("flask", "flask.app", "flask.sansio.app")
import flask, kolben
from flask import Flask
import flask.app, flask.sansio.app
for module, name in (
    (flask, "kolben"), (flask.app, "kolben.app"), (flask.sansio.app, "kolben.app_setup")
):
    assert module is sys.modules[name]
    assert module.__name__ == module.__spec__.name == name
    assert module.__loader__ is module.__spec__.loader
    assert type(module.__loader__).__name__ == "SourceFileLoader"
assert importlib.reload(flask.app) is flask.app
""")


def test_a_hook_that_fails_is_an_error_of_the_import_and_the_module_keeps_its_name(
    python: Interpreter,
) -> None:
    python.run(f"""{BEFORE}
def fail(module):
    raise LookupError(module.__name__)
awaited["flask.app"] = [fail]
try:
    import flask.app
except LookupError as error:
    assert error.args == ("flask.app",)
else:
    raise AssertionError
assert sys.modules["kolben.app"].__name__ == "kolben.app"
assert sys.modules["kolben.app"].__spec__.name == "kolben.app"
import flask.app
assert flask.app.Flask is sys.modules["kolben.app"].Flask
""")


def test_what_is_traced_is_named_as_on_flask(python: Interpreter) -> None:
    python.run(f"""{BEFORE}
hook("flask.app", "flask.templating")
from flask import Flask, Blueprint, render_template_string
assert Flask.__module__ == "flask.app"
assert render_template_string.__module__ == "flask.templating"
assert Blueprint.__module__ == "kolben.blueprints"
assert Flask("x").view_functions["static"].__qualname__ == "Flask.__init__.<locals>.<lambda>"
""")


@pytest.mark.parametrize("name", ["flask", "flask.app", "flask.templating", "flask.globals"])
def test_hooks_that_come_late_find_what_is_loaded(python: Interpreter, name: str) -> None:
    python.run(f"""{LATE}
hook({name!r})
assert fired == [sys.modules[{name!r}].__name__], fired
""")


def test_without_hooks_nothing_more_is_loaded_and_names_stay(python: Interpreter) -> None:
    python.run(f"""{BEFORE}
from flask import Flask
assert Flask.__module__ == "kolben.app"
assert not {{"kolben.cli", "kolben.templating", "kolben.testing"}} & sys.modules.keys()
assert "flask.app" in sys.modules and "flask.templating" not in sys.modules
""")


def test_a_loader_that_is_used_by_hand_leaves_no_flask_name(python: Interpreter) -> None:
    python.run(f"""{BEFORE}
spec = importlib.util.find_spec("flask.app")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert module.__name__ == module.__spec__.name == "kolben.app"
""")


def test_a_finder_that_knows_the_real_flask_is_not_asked_for_it(python: Interpreter) -> None:
    python.run(f"""{HOOKS}
from importlib.machinery import ModuleSpec
class Other:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return ModuleSpec(name, None, origin="elsewhere") if name.startswith("flask") else None
sys.meta_path.insert(0, Other)
import kolben
import flask.app
assert flask.app is sys.modules["kolben.app"]
""")
