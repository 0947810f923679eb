"""`flask`, and every `flask.x`, is Kolben's own module: each claim in an interpreter of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fresh_interpreter import Interpreter

MODULES = (
    "app blueprints cli config ctx debughelpers globals helpers json json.provider json.tag"
    " logging scaffold sessions signals templating testing typing views wrappers"
).split()

NAMESAKES = [(f"flask.{name}", f"kolben.{name}") for name in MODULES] + [
    ("flask", "kolben"),
    ("flask.__main__", "kolben.__main__"),
    ("flask.sansio.app", "kolben.app_setup"),
    ("flask.sansio.blueprints", "kolben.blueprints"),
    ("flask.sansio.scaffold", "kolben.scaffold"),
]


class TestModules:
    @pytest.mark.parametrize(("flask_name", "own_name"), NAMESAKES)
    def test_a_flask_name_is_the_module_that_has_its_names(
        self, python: Interpreter, flask_name: str, own_name: str
    ) -> None:
        python.run(f"""
import kolben, sys
from importlib import import_module
answer = import_module({flask_name!r})
assert answer is import_module({own_name!r}) is sys.modules[{flask_name!r}]
assert answer.__name__ == answer.__spec__.name == {own_name!r}
assert answer.__package__ == answer.__spec__.parent, answer.__package__
""")

    def test_names_are_the_same_in_any_order_of_imports(self, python: Interpreter) -> None:
        for order in (NAMESAKES, NAMESAKES[::-1]):
            python.run(f"""
import kolben, sys
from importlib import import_module
for flask_name, own_name in {order!r}:
    import_module(flask_name)
for flask_name, own_name in {order!r}:
    assert import_module(own_name) is import_module(flask_name), flask_name
files = {{}}
for name, module in sys.modules.items():
    if name.startswith(("flask", "kolben")) and getattr(module, "__file__", None):
        assert files.setdefault(module.__file__, module) is module, name
""")

    def test_classes_are_the_same_under_both_names(self, python: Interpreter) -> None:
        python.run("""
import kolben
import flask, flask.app, flask.sansio.app, flask.sansio.scaffold, flask.views, kolben.views
assert flask.Flask is kolben.Flask is kolben.Kolben is flask.app.Flask
app = kolben.Kolben("name")
assert isinstance(app, flask.Flask) and isinstance(app, flask.sansio.app.App)
assert issubclass(flask.Blueprint, flask.sansio.scaffold.Scaffold)
assert flask.views.MethodView is kolben.views.MethodView
assert isinstance(flask.Response(), kolben.Response)
""")

    def test_sansio_is_a_package_without_a_file(self, python: Interpreter) -> None:
        python.run("""
import kolben, importlib, pkgutil
import flask.sansio
from flask.sansio import app, scaffold
import kolben.app_setup
assert app is kolben.app_setup and flask.sansio is kolben.sansio
assert not hasattr(flask.sansio, "__file__") and flask.sansio.__path__ == []
assert list(pkgutil.iter_modules(flask.sansio.__path__)) == []
assert importlib.reload(flask.sansio) is flask.sansio
""")

    @pytest.mark.parametrize("attempt", range(3))
    def test_names_can_be_imported_from_threads_at_once(
        self, python: Interpreter, attempt: int
    ) -> None:
        python.run(f"""
import faulthandler, kolben, random, sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import Barrier
faulthandler.dump_traceback_later(60, exit=True)
names = [name for name, own_name in {NAMESAKES!r}]
random.Random({attempt}).shuffle(names)
public = kolben.__all__[::3]
start = Barrier(len(names) + len(public))
def load(name):
    start.wait()
    return import_module(name)
def look(name):
    start.wait()
    return getattr(kolben, name)
with ThreadPoolExecutor(start.parties) as pool:
    looks = [pool.submit(look, name) for name in public]
    modules = dict(zip(names, pool.map(load, names)))
assert [getattr(kolben, name) for name in public] == [found.result() for found in looks]
for flask_name, own_name in {NAMESAKES!r}:
    assert modules[flask_name] is import_module(own_name), flask_name
    assert modules[flask_name].__spec__.name == own_name, modules[flask_name].__spec__
""")

    def test_relative_imports_in_kolbens_packages_do_not_warn(self, python: Interpreter) -> None:
        python.run("""
import kolben, flask.json
exec("from . import tag", vars(flask.json))
assert flask.json.tag.__name__ == "kolben.json.tag"
""")


class TestUnknownNames:
    @pytest.mark.parametrize(
        "statement",
        ["import flask.nope", "from flask.nope import x", "import flask.sansio.nope"],
    )
    def test_an_unknown_module_is_an_error_with_the_cure(
        self, python: Interpreter, statement: str
    ) -> None:
        error = python.fail(f"import kolben\n{statement}")
        assert error.startswith("ModuleNotFoundError: No module named 'flask.")
        assert "Upgrade the package" in error
        assert "KOLBEN_DROP_IN=0" in error

    def test_the_error_names_the_module_as_every_such_error_does(self, python: Interpreter) -> None:
        assert "flask.nope" == python.run("""
import kolben
try:
    import flask.nope
except ModuleNotFoundError as error:
    print(error.name)
""")

    @pytest.mark.parametrize(
        ("statement", "kind", "cure"),
        [
            ("from flask import Markup", "ImportError", "from markupsafe import Markup"),
            ("from flask import escape", "ImportError", "from markupsafe import escape"),
            ("from flask import _request_ctx_stack", "ImportError", "request_ctx"),
            ("import flask; flask.Markup", "AttributeError", "from markupsafe import Markup"),
            ("from flask.ext.wtf import Form", "ModuleNotFoundError", "import flask_name"),
        ],
    )
    def test_a_name_of_an_older_flask_says_what_to_write(
        self, python: Interpreter, statement: str, kind: str, cure: str
    ) -> None:
        error = python.fail(f"import kolben\n{statement}")
        assert error.startswith(f"{kind}: ")
        assert cure in error

    def test_a_module_that_fails_says_what_it_misses_itself(
        self, python: Interpreter, tmp_path: Path
    ) -> None:
        (tmp_path / "extra").mkdir()
        (tmp_path / "extra" / "plugin.py").write_text("import not_there")
        error = python.fail("""
import kolben
kolben.__path__.append("extra")
import flask.plugin
""")
        assert "ModuleNotFoundError: No module named 'not_there'" == error

    def test_a_question_for_a_module_is_not_answered_by_an_error(self, python: Interpreter) -> None:
        python.run("""
import kolben
from importlib.util import find_spec
assert find_spec("flask.nope") is None
assert find_spec("kolben.Markup") is None
import flask
assert not hasattr(flask, "Markup") and not hasattr(flask, "nope")
""")


class TestImportTools:
    def test_find_spec_names_the_file_without_loading_it(self, python: Interpreter) -> None:
        python.run("""
import kolben, sys
from importlib.util import find_spec
spec = find_spec("flask")
assert spec.name == "flask" and spec.origin == kolben.__file__ and spec.has_location
assert list(spec.submodule_search_locations) == list(kolben.__path__)
assert find_spec("flask.app").origin.endswith("app.py")
assert find_spec("flask.json").submodule_search_locations
assert "kolben.app" not in sys.modules
assert find_spec("flask.json.tag").origin.endswith("tag.py")
import flask
assert find_spec("flask").name == "kolben"
""")

    def test_reload_keeps_the_module(self, python: Interpreter) -> None:
        python.run("""
import kolben, sys
from importlib import reload
import flask, flask.json.tag, flask.views, flask.app
before = flask.Flask
assert reload(flask) is kolben and flask.Flask is before
assert reload(flask.json.tag) is sys.modules["kolben.json.tag"] is sys.modules["flask.json.tag"]
assert reload(flask.app) is kolben.app
reload(flask)
assert flask.Flask is kolben.app.Flask is not before
assert 1 == sum(getattr(f, "__name__", "") == "FlaskFinder" for f in sys.meta_path)
""")

    def test_pkgutil_walks_the_package(self, python: Interpreter) -> None:
        python.run("""
import kolben, pkgutil
import flask
found = {module.name for module in pkgutil.iter_modules(flask.__path__, "flask.")}
assert {"flask.app", "flask.json", "flask.views"} <= found
assert pkgutil.resolve_name("flask.json.tag:TagDict").__name__ == "TagDict"
assert pkgutil.get_data("flask", "__init__.py").startswith(b'\"\"\"')
""")

    def test_inspect_finds_files_and_sources(self, python: Interpreter) -> None:
        python.run("""
import kolben, inspect
import flask, flask.views
assert inspect.getsourcefile(flask) == kolben.__file__
assert "class View" in inspect.getsource(flask.views)
assert inspect.getmodule(flask.views.View) is flask.views
assert inspect.getsource(flask.Flask).startswith("class Flask")
dict(inspect.getmembers(flask))
""")

    def test_names_can_be_patched_and_put_back(self, python: Interpreter) -> None:
        python.run("""
import kolben
from unittest.mock import patch
import flask
with patch("flask.url_for", lambda endpoint: "patched"):
    assert flask.url_for("x") == kolben.url_for("x") == "patched"
from kolben.helpers import url_for
assert flask.url_for is url_for
with patch("flask.helpers.url_for") as patched:
    assert flask.helpers.url_for is patched
assert flask.helpers.url_for is url_for
""")

    def test_removed_modules_are_imported_again(self, python: Interpreter) -> None:
        python.run("""
import kolben, sys
import flask, flask.json
for name in [name for name in sys.modules if name.split(".")[0] == "flask"]:
    del sys.modules[name]
import flask as again, flask.json
assert again is kolben
for name in [n for n in sys.modules if n.split(".")[0] in ("flask", "kolben")]:
    del sys.modules[name]
import flask as fresh
import kolben as fresh_kolben
assert fresh is fresh_kolben is not again
assert 1 == sum(getattr(f, "__name__", "") == "FlaskFinder" for f in sys.meta_path)
""")


class TestRunning:
    def test_python_m_flask_runs_kolbens_command(self, python: Interpreter, tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text("import kolben.drop_in")
        done = python.start("-m", "flask", "--help")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("Usage: python -m flask ")
        assert "serve" in done.stdout

    def test_python_m_kolben_runs_kolbens_command(self, python: Interpreter) -> None:
        done = python.start("-m", "kolben", "--help")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("Usage: python -m kolben ")

    @pytest.mark.parametrize("group", ["flask.commands", "kolben.commands"])
    def test_plugins_of_either_name_add_their_commands(
        self, python: Interpreter, tmp_path: Path, group: str
    ) -> None:
        (tmp_path / "plug.py").write_text(
            "import click, flask\n"
            "@click.command()\ndef hello(): click.echo(flask.Flask.__module__)\n"
        )
        (tmp_path / "plug-1.dist-info").mkdir()
        (tmp_path / "plug-1.dist-info" / "METADATA").write_text("Name: plug\nVersion: 1\n")
        (tmp_path / "plug-1.dist-info" / "entry_points.txt").write_text(
            f"[{group}]\nhello = plug:hello\n"
        )
        done = python.start("-m", "kolben", "hello")
        assert (0, "kolben.app\n", "") == (done.returncode, done.stdout, done.stderr)

    def test_runpy_runs_a_module_by_its_flask_name(self, python: Interpreter) -> None:
        printed = python.run("""
import kolben, runpy, sys
names = runpy.run_module("flask.json.tag")
assert names["__name__"] == "flask.json.tag" and "TagDict" in names
sys.argv = ["flask", "--version"]
runpy.run_module("flask", run_name="__main__")
""")
        assert "Python" in printed

    def test_an_app_answers_under_the_flask_name(self, python: Interpreter) -> None:
        assert "200 hello" == python.run("""
import kolben.drop_in
from flask import Flask, request
app = Flask("hello")
@app.get("/")
def hello():
    return request.args["say"]
answer = app.test_client().get("/?say=hello")
print(answer.status_code, answer.text)
""")


# Written by pickle under Flask 3.1.3, protocol 2.
OLD_CONFIG = (
    b"\x80\x02cflask.config\nConfig\nq\x00)\x81q\x01X\x05\x00\x00\x00DEBUGq\x02\x88s}q\x03X\t\x00"
    b"\x00\x00root_pathq\x04X\x04\x00\x00\x00/srvq\x05sb."
)
OLD_RESPONSE = (
    b"\x80\x02cflask.wrappers\nResponse\nq\x00)\x81q\x01}q\x02(X\x07\x00\x00\x00headersq\x03"
    b"cwerkzeug.datastructures.headers\nHeaders\nq\x04)\x81q\x05}q\x06X\x05\x00\x00\x00_listq\x07"
    b"]q\x08(X\x0c\x00\x00\x00Content-Typeq\tX\x18\x00\x00\x00text/html; charset=utf-8q\n\x86q"
    b"\x0bX\x0e\x00\x00\x00Content-Lengthq\x0cX\x01\x00\x00\x001q\r\x86q\x0eesbX\x07\x00\x00\x00"
    b"_statusq\x0fX\x0b\x00\x00\x00201 CREATEDq\x10X\x0c\x00\x00\x00_status_codeq\x11K\xc9X\x12"
    b"\x00\x00\x00direct_passthroughq\x12\x89X\t\x00\x00\x00_on_closeq\x13]q\x14X\x08\x00\x00\x00"
    b"responseq\x15]q\x16c_codecs\nencode\nq\x17X\x01\x00\x00\x00xq\x18X\x06\x00\x00\x00latin1q"
    b"\x19\x86q\x1aRq\x1baub."
)
OLD_NAMES = (
    b"\x80\x02]q\x00(cflask.app\nFlask\nq\x01cflask.blueprints\nBlueprint\nq\x02cflask.wrappers\n"
    b"Request\nq\x03cflask.views\nMethodView\nq\x04cflask.sansio.app\nApp\nq\x05"
    b"cflask.sansio.scaffold\nScaffold\nq\x06cflask.sessions\nSecureCookieSession\nq\x07"
    b"cflask.json.tag\nTagDict\nq\x08cflask.helpers\nurl_for\nq\tcflask.json.provider\n"
    b"DefaultJSONProvider\nq\ncflask.cli\nAppGroup\nq\x0be."
)


class TestPickles:
    def test_names_in_old_pickles_load(self, python: Interpreter) -> None:
        python.run(f"""
import kolben, pickle
names = pickle.loads({OLD_NAMES!r})
assert names[0] is kolben.Flask and names[2] is kolben.Request
import flask
assert pickle.loads(pickle.dumps(names)) == names
""")

    def test_objects_in_old_pickles_load(self, python: Interpreter) -> None:
        python.run(f"""
import kolben, pickle
config = pickle.loads({OLD_CONFIG!r})
assert type(config) is kolben.Config and config == {{"DEBUG": True}} and config.root_path == "/srv"
answer = pickle.loads({OLD_RESPONSE!r})
assert type(answer) is kolben.Response
assert (answer.status, answer.get_data(), answer.mimetype) == ("201 CREATED", b"x", "text/html")
assert pickle.loads(b"\\x80\\x02cflask.ctx\\n_AppCtxGlobals\\nq\\x00)\\x81q\\x01.").get("x") is None
""")

    def test_a_spawned_process_gets_the_same_classes(
        self, python: Interpreter, tmp_path: Path
    ) -> None:
        (tmp_path / "main.py").write_text("""
import kolben.drop_in
from multiprocessing import get_context
import flask

def name(config):
    return type(config).__module__, config["A"]

if __name__ == "__main__":
    with get_context("spawn").Pool(1) as pool:
        print(pool.map(name, [flask.Config("/", {"A": 1})]))
""")
        done = python.start("main.py")
        assert "[('kolben.config', 1)]\n" == done.stdout, done.stderr


class TestInstalling:
    def test_importing_kolben_installs_the_finder_first_and_once(self, python: Interpreter) -> None:
        python.run("""
import sys
import kolben
from kolben.drop_in import FlaskFinder, install, is_installed
from threading import Thread
assert sys.meta_path[0] is FlaskFinder and is_installed()
threads = [Thread(target=install) for _ in range(20)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert install() is True
assert sys.meta_path.count(FlaskFinder) == 1
""")

    def test_an_installed_flask_is_not_loaded(self, python: Interpreter, other_flask: str) -> None:
        python.run("import kolben.drop_in, flask; assert flask is kolben and flask.Flask")

    def test_the_environment_forbids_it(self, python: Interpreter, other_flask: str) -> None:
        python.run(
            """
import kolben
from kolben.drop_in import install, is_installed
import flask
assert flask is not kolben and flask.Flask is None and kolben.Flask
assert install() is False and not is_installed()
assert not hasattr(kolben, "sansio")
from kolben import *
""",
            KOLBEN_DROP_IN="0",
        )

    def test_without_any_flask_there_is_none_if_forbidden(self, python: Interpreter) -> None:
        error = python.fail("import kolben\nimport flask", KOLBEN_DROP_IN="0")
        assert "ModuleNotFoundError: No module named 'flask'" == error

    def test_a_flask_imported_before_is_an_error_with_the_cure(
        self, python: Interpreter, other_flask: str, tmp_path: Path
    ) -> None:
        error = python.fail("import flask\nimport kolben")
        assert error.startswith("ImportError: ")
        assert str(tmp_path / "flask" / "__init__.py") in error
        assert "`import kolben.drop_in` before the first `import flask`" in error
        assert "kolben drop-in enable" in error
        assert "KOLBEN_DROP_IN=0" in error

    def test_a_flask_imported_before_may_stay_if_the_environment_says_so(
        self, python: Interpreter, other_flask: str
    ) -> None:
        python.run("import flask\nimport kolben; kolben.Flask", KOLBEN_DROP_IN="0")

    def test_it_is_a_pytest_plugin(self, python: Interpreter, tmp_path: Path) -> None:
        (tmp_path / "test_it.py").write_text(
            "import flask, kolben\ndef test_it(): assert flask is kolben\n"
        )
        for prepare in ("", "import kolben.drop_in"):
            (tmp_path / "sitecustomize.py").write_text(prepare)
            done = python.start(
                "-m", "pytest", "-q", "-p", "kolben.drop_in", "-p", "no:cacheprovider"
            )
            assert done.returncode == 0, done.stdout + done.stderr

    def test_it_imports_nothing_that_is_not_loaded_anyway(self, python: Interpreter) -> None:
        new = python.run("""
import sys
before = set(sys.modules)
import kolben.drop_in
print(*sorted(set(sys.modules) - before))
""")
        assert "__future__ kolben kolben.drop_in" == new
