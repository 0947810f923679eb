"""`kolben drop-in`, in throw-away virtual environments with the real Flask and without."""

from __future__ import annotations

import json
import os
import site
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from kolben import environment_switch
from kolben.cli.drop_in_commands import drop_in_group
from kolben.environment_switch import Findings

REPOSITORY = Path(__file__).parents[2]
REAL_FLASK = "3.1.3"

# Tells which Flask a process has: by HTTP, and for a command by a file written at its end.
HELLO = """
import atexit, json, os, sys
from flask import Flask
from flask.json import jsonify

def look():
    files = [str(getattr(module, "__file__", None)) for module in list(sys.modules.values())]
    real = [file for file in files if "/site-packages/flask/" in file]
    return {"flask": Flask.__module__, "real": real, "argv": sys.argv[:1]}

@atexit.register
def tell():
    if "TELL" in os.environ:
        with open(os.environ["TELL"], "w") as file:
            json.dump(look(), file)

app = Flask(__name__)

@app.get("/")
def index():
    return jsonify(look())
"""

DATABASE = """
from hello import app
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///" + app.root_path + "/songs.sqlite"
db = SQLAlchemy(app)
Migrate(app, db)

class Song(db.Model):
    id = db.Column(db.Integer, primary_key=True)
"""

OWN_TEST = """
import json, subprocess, sys, unittest

class StartsAProcess(unittest.TestCase):
    def test_it(self):
        code = "import hello, json; print(json.dumps(hello.look()))"
        told = subprocess.check_output([sys.executable, "-c", code])
        for found in (__import__("hello").look(), json.loads(told)):
            self.assertEqual(found["flask"], "kolben.app")
            self.assertEqual(found["real"], [])
"""


class Environment:
    """A virtual environment, and a directory with an app in which its programs are started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.work = folder / "work"

    def make(self, *requirements: str) -> None:
        venv.create(self.folder, symlinks=True)
        self.pip("install", "--quiet", *requirements)
        self.work.mkdir()
        (self.work / "hello.py").write_text(HELLO)
        (self.work / "database.py").write_text(DATABASE)
        (self.work / "test_own.py").write_text(OWN_TEST)

    def pip(self, *args: str) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python")]
        done = subprocess.run([*pip, *args], capture_output=True, text=True, check=False)
        if "No matching distribution" in done.stderr:
            pytest.skip(f"the package index is not there: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr

    def variables(self, **extra: str) -> dict[str, str]:
        foreign = ("KOLBEN_", "FLASK_", "PYTHON", "VIRTUAL_ENV", "COVERAGE_")
        kept = {name: v for name, v in os.environ.items() if not name.startswith(foreign)}
        return kept | extra

    def start(self, program: str, *args: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / program, *args],
            cwd=self.work,
            env=self.variables(**extra),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def run(self, program: str, *args: str, **extra: str) -> str:
        """Return what a program prints; it must succeed and say nothing on stderr."""
        done = self.start(program, *args, **extra)
        assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
        return done.stdout

    def look(self, program: str, *args: str) -> dict[str, object]:
        """Run a command that loads the app; return which Flask it had in the end."""
        told = self.work / "told.json"
        told.unlink(missing_ok=True)
        done = self.start(program, *args, TELL=str(told))
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, object] = json.loads(told.read_text())
        return found

    @contextmanager
    def serve(self, program: str, *args: str) -> Iterator[dict[str, object]]:
        """Start a server on `{port}`; give which Flask its app has."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        command = [self.bin / program, *(arg.format(port=port) for arg in args)]
        log = self.work / "server.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                command, cwd=self.work, env=self.variables(), stdout=output, stderr=output
            )
        try:
            yield json.loads(self._get(f"http://127.0.0.1:{port}/", server, log))
        finally:
            server.terminate()
            server.wait(20)

    def _get(self, url: str, server: subprocess.Popen[bytes], log: Path) -> bytes:
        for _ in range(200):
            assert server.poll() is None, log.read_text()
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    content: bytes = answer.read()
                    return content
            except OSError:
                time.sleep(0.1)
        raise AssertionError(log.read_text())

    @property
    def pth(self) -> Path:
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / name / "site-packages" / environment_switch.PTH_NAME


@pytest.fixture(scope="module")
def made_with_flask(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("with_flask") / "venv")
    environment.make(str(REPOSITORY), f"flask=={REAL_FLASK}", "gunicorn", "Flask-Migrate")
    return environment


@pytest.fixture(scope="module")
def made_without_flask(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("without_flask") / "venv")
    environment.make(str(REPOSITORY), "gunicorn", "Flask-Migrate")
    environment.pip("uninstall", "--quiet", "--yes", "flask")
    return environment


@pytest.fixture
def with_flask(made_with_flask: Environment) -> Environment:
    """An environment with Kolben and the real Flask, not switched."""
    made_with_flask.pth.unlink(missing_ok=True)
    return made_with_flask


@pytest.fixture
def without_flask(made_without_flask: Environment) -> Environment:
    """An environment with Kolben and without Flask, not switched."""
    made_without_flask.pth.unlink(missing_ok=True)
    return made_without_flask


@pytest.fixture(params=["with_flask", "without_flask"])
def switched(request: pytest.FixtureRequest) -> Environment:
    """An environment in which `flask` is Kolben, with the real Flask installed and without."""
    environment: Environment = request.getfixturevalue(request.param)
    environment.run("kolben", "drop-in", "enable")
    return environment


KOLBEN_ALONE = {"flask": "kolben.app", "real": []}


def is_kolben_alone(found: dict[str, object]) -> bool:
    return KOLBEN_ALONE == {name: found[name] for name in KOLBEN_ALONE}


@pytest.mark.slow
class TestSwitching:
    def test_enable_makes_flask_kolben_and_disable_gives_it_back(
        self, with_flask: Environment
    ) -> None:
        which = ("-c", "import flask; print(flask.Flask.__module__)")
        assert "flask.app\n" == with_flask.run("python", *which)
        said = with_flask.run("kolben", "drop-in", "enable")
        assert said.startswith(f"Wrote {with_flask.pth}\n`import flask` gives Kolben")
        assert "kolben.app\n" == with_flask.run("python", *which)
        assert "flask.app\n" == with_flask.run("python", *which, KOLBEN_DROP_IN="0")
        said = with_flask.run("kolben", "drop-in", "disable")
        assert said.startswith(f"Removed {with_flask.pth}\n`import flask` gives the real Flask")
        assert "flask.app\n" == with_flask.run("python", *which)
        assert not with_flask.pth.exists()

    def test_the_switch_is_one_line(self, switched: Environment) -> None:
        (line,) = switched.pth.read_text("ascii").splitlines()
        assert line.startswith("import sys; ")
        assert line.endswith("# undo: kolben drop-in disable")
        assert not list(switched.pth.parent.glob(f"{switched.pth.name}.*"))

    def test_enable_and_disable_may_be_repeated(self, with_flask: Environment) -> None:
        first = with_flask.run("kolben", "drop-in", "enable")
        assert first == with_flask.run("kolben", "drop-in", "enable")
        with_flask.run("kolben", "drop-in", "disable")
        assert "Nothing to remove" in with_flask.run("kolben", "drop-in", "disable")

    def test_without_flask_it_says_that_there_is_no_flask_program(
        self, without_flask: Environment
    ) -> None:
        assert "There is no `flask` program here" in without_flask.run(
            "kolben", "drop-in", "enable"
        )

    def test_an_interpreter_loads_no_part_of_the_framework_at_its_start(
        self, switched: Environment
    ) -> None:
        code = "import sys; print(*(m for m in sys.modules if m.startswith(('flask', 'kolben'))))"
        loaded = switched.run("python", "-c", code).split()
        assert ["kolben", "kolben.drop_in"] == sorted(loaded)

    def test_no_warning_comes_of_it(self, switched: Environment) -> None:
        switched.run("python", "-W", "error", "-c", "import flask; flask.Flask(__name__)")

    def test_a_kolben_that_is_gone_is_no_error_at_every_start(self, switched: Environment) -> None:
        package = switched.pth.parent / "kolben"
        away = package.with_name("away")
        package.rename(away)
        try:
            assert "1\n" == switched.run("python", "-c", "print(1)")
            said = CliRunner().invoke(
                drop_in_group, ["status", "--python", str(switched.bin / "python")]
            )
            assert "Kolben is not installed, although" in said.output
            assert f"{switched.pth} asks for it: remove that file." in said.output
        finally:
            away.rename(package)


@pytest.mark.slow
class TestPrograms:
    def test_gunicorn_serves_with_kolben_alone(self, switched: Environment) -> None:
        with switched.serve("gunicorn", "--bind=127.0.0.1:{port}", "hello:app") as found:
            assert is_kolben_alone(found)

    def test_the_flask_program_runs_kolbens_command_line(self, with_flask: Environment) -> None:
        with_flask.run("kolben", "drop-in", "enable")
        arguments = ("--app=hello", "run", "--port={port}")
        with with_flask.serve("flask", *arguments) as found:
            assert is_kolben_alone(found)
            assert found["argv"] == [str(with_flask.bin / "flask")]

    def test_python_m_flask_runs_kolbens_command_line(self, switched: Environment) -> None:
        arguments = ("-m", "flask", "--app=hello", "run", "--port={port}")
        with switched.serve("python", *arguments) as found:
            assert is_kolben_alone(found)
        assert "Usage: python -m flask " in switched.run(
            "python", "-m", "flask", "--app=hello", "--help"
        )

    @pytest.mark.parametrize("program", ["flask", "kolben", "python"])
    def test_flask_migrate_upgrades_with_kolben_alone(
        self, with_flask: Environment, program: str
    ) -> None:
        with_flask.run("kolben", "drop-in", "enable")
        self.migrate(with_flask, program)

    @pytest.mark.parametrize("program", ["kolben", "python"])
    def test_flask_migrate_upgrades_where_there_is_no_flask(
        self, without_flask: Environment, program: str
    ) -> None:
        without_flask.run("kolben", "drop-in", "enable")
        self.migrate(without_flask, program)

    def test_the_kolben_command_needs_no_switch(self, with_flask: Environment) -> None:
        assert is_kolben_alone(with_flask.look("kolben", "--app=hello", "routes"))

    def test_a_process_that_a_test_starts_has_kolben_alone(self, switched: Environment) -> None:
        done = switched.start("python", "-m", "unittest", "test_own")
        assert done.returncode == 0, done.stderr

    def migrate(self, environment: Environment, program: str) -> None:
        command = [program, *(["-m", "flask"] if program == "python" else []), "--app=database"]
        folder = f"--directory=migrations_{program}"
        (environment.work / "songs.sqlite").unlink(missing_ok=True)
        environment.look(*command, "db", "init", folder)
        environment.look(*command, "db", "migrate", folder)
        assert is_kolben_alone(environment.look(*command, "db", "upgrade", folder))
        assert b"CREATE TABLE song" in (environment.work / "songs.sqlite").read_bytes()


@pytest.mark.slow
class TestStatus:
    def test_it_names_the_real_flask_and_where_it_is(self, with_flask: Environment) -> None:
        said = with_flask.run("kolben", "drop-in", "status").splitlines()
        assert f"`import flask` gives the real Flask {REAL_FLASK}." == said[0]
        assert "`kolben drop-in enable` does it" in said[1]
        assert said[4].endswith(f"{REAL_FLASK}, {with_flask.pth.parent / 'flask/__init__.py'}")

    def test_it_says_that_there_is_none(self, without_flask: Environment) -> None:
        said = without_flask.run("kolben", "drop-in", "status").splitlines()
        assert "`import flask` gives an error: there is no flask here." == said[0]

    def test_it_says_why_it_is_kolben(self, switched: Environment) -> None:
        said = switched.run("kolben", "drop-in", "status").splitlines()
        assert said[0].startswith("`import flask` gives Kolben")
        assert f"  because {switched.pth} says so." == said[1]

    def test_it_says_that_the_environment_forbids_it(self, switched: Environment) -> None:
        said = switched.run("kolben", "drop-in", "status", KOLBEN_DROP_IN="0")
        assert "KOLBEN_DROP_IN=0 forbids Kolben to answer" in said

    def test_it_asks_another_interpreter(
        self, with_flask: Environment, without_flask: Environment
    ) -> None:
        other = str(without_flask.bin / "python")
        said = with_flask.run("kolben", "drop-in", "status", "--python", other)
        assert "there is no flask here" in said
        assert f"interpreter: {other}" in said

    def test_a_file_of_the_users_own_named_flask_is_recognised(
        self, with_flask: Environment, tmp_path: Path
    ) -> None:
        own = with_flask.work / "flask.py"
        own.write_text("")
        try:
            said = with_flask.run("kolben", "drop-in", "status")
        finally:
            own.unlink()
        assert "which is no installed Flask: rename it if it is yours." in said
        assert str(own) in said

    def test_a_program_that_is_no_python_is_an_error(self) -> None:
        for program in ("/no/such/python", "true", "false"):
            said = CliRunner().invoke(drop_in_group, ["status", "--python", program])
            assert said.exit_code == 1
            assert f"{program!r} does not answer" in said.output
            assert "Give the path of a Python" in said.output

    def test_another_activated_environment_is_pointed_out(self, with_flask: Environment) -> None:
        done = with_flask.start("kolben", "drop-in", "status", VIRTUAL_ENV="/srv/other")
        assert "the activated environment is /srv/other, but this Kolben belongs" in done.stderr
        with_flask.run("kolben", "drop-in", "status", VIRTUAL_ENV=str(with_flask.folder))

    def test_what_goes_wrong_at_the_start_is_shown(self, with_flask: Environment) -> None:
        with_flask.run("kolben", "drop-in", "enable")
        early = with_flask.pth.with_name("Early.pth")
        early.write_text("import flask\n")
        try:
            done = with_flask.start("kolben", "drop-in", "status", KOLBEN_DROP_IN="")
            python = str(with_flask.bin / "python")
            said = CliRunner().invoke(drop_in_group, ["status", "--python", python])
        finally:
            early.unlink()
        assert "is already imported in this process" in done.stderr
        assert f"gives the real Flask {REAL_FLASK}" in said.output
        assert "at its start it said: ImportError: Kolben cannot answer" in said.output


FOUND = Findings(
    python="/venv/bin/python",
    answered=False,
    switch=None,
    pth=(),
    kolben="/venv/kolben/__init__.py",
    kolben_version="0.1.0",
    flask=None,
    flask_version=None,
)


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (replace(FOUND, answered=True), "something imports Kolben at every start"),
        (replace(FOUND, answered=True, pth=("/a.pth",)), "/a.pth says so"),
        (replace(FOUND, switch="0", pth=("/a.pth",)), "forbids Kolben"),
        (replace(FOUND, switch="1"), "is not switched"),
        (replace(FOUND, kolben=None), "Kolben is not installed."),
        (replace(FOUND, kolben=None, pth=("/a.pth",)), "although /a.pth asks for it"),
        (replace(FOUND, pth=("/a.pth",)), "/a.pth did not work"),
    ],
)
def test_every_answer_has_its_cause(found: Findings, cause: str) -> None:
    assert cause in environment_switch.explain(found)[1]


class TestFolders:
    """Where the switch goes: with a pretended interpreter, for none may be written to."""

    @pytest.fixture
    def own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "site-packages"
        monkeypatch.setattr(sysconfig, "get_path", lambda name: str(folder))
        monkeypatch.setattr(site, "getsitepackages", lambda: [str(folder)])
        monkeypatch.setattr(site, "getusersitepackages", lambda: str(tmp_path / "user" / "site"))
        monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
        monkeypatch.setattr(sys, "prefix", "/usr")
        monkeypatch.setattr(sys, "base_prefix", "/usr")
        return folder

    def test_it_is_the_interpreters_own(self, own: Path) -> None:
        assert own / environment_switch.PTH_NAME == environment_switch.enable()

    def test_it_is_the_users_where_the_interpreters_cannot_be_written(
        self, own: Path, tmp_path: Path
    ) -> None:
        own.write_text("a file where a folder should be")
        written = environment_switch.enable()
        assert tmp_path / "user" / "site" / environment_switch.PTH_NAME == written
        assert [written] == environment_switch.disable()

    @pytest.mark.parametrize("prefix", ["/usr", "/venv"])
    def test_without_a_folder_it_is_an_error_with_the_cure(
        self, own: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
    ) -> None:
        own.write_text("a file where a folder should be")
        monkeypatch.setattr(site, "ENABLE_USER_SITE", prefix == "/venv")
        monkeypatch.setattr(sys, "prefix", prefix)
        with pytest.raises(environment_switch.SwitchError, match="make a virtual environment"):
            environment_switch.enable()

    def test_a_switch_that_cannot_be_removed_is_an_error_with_the_cure(
        self, own: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: Path) -> None:
            raise PermissionError(13, "Permission denied")

        file = environment_switch.enable()
        monkeypatch.setattr(Path, "unlink", refuse)
        with pytest.raises(environment_switch.SwitchError) as caught:
            environment_switch.disable()
        assert f"Cannot remove {file} (Permission denied)" in str(caught.value)

    def test_the_line_finds_kolben_before_its_folder_is_on_the_path(self) -> None:
        code = (
            "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p];"
            f"exec({environment_switch.make_line()!r});"
            "import flask, kolben; assert flask is kolben"
        )
        subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, timeout=60)
