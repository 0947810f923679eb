"""Question 3: an app that cannot be imported says why, and the one line to run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.environment import Environment
from tests.dev.test_missing_module import make_interpreter
from tests.questions.programs import Program
from tests.running import wait_for

pytestmark = pytest.mark.slow

APP = "from flask import Flask\nimport {module}\napp = Flask(__name__)\n"


@pytest.mark.parametrize(
    "command",
    [["routes"], ["run", "--port", "{port}"], ["serve", "--port", "{port}"], ["shell"]],
    ids=lambda command: command[0],
)
def test_the_plain_case(
    run: Callable[..., str], users: Environment, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "hello.py").write_text(APP.format(module="bs4"))
    elsewhere = make_interpreter(tmp_path / "elsewhere", "bs4", "beautifulsoup4")
    path = f"{tmp_path / 'elsewhere' / 'bin'}{os.pathsep}{users.environ()['PATH']}"
    said = run("kolben", "--app", "hello", *command, fails=True, PATH=path)
    python = users.scripts / "python"
    assert "ModuleNotFoundError: No module named 'bs4'" in said
    assert f"Python in use:  {python}" in said
    assert f"environment:    virtual environment {users.folder}" in said
    assert f"installed in:   {tmp_path / 'elsewhere' / 'bin'}" in said
    assert f"({elsewhere}): another Python" in said
    assert "distribution:   beautifulsoup4\n" in said
    assert said.endswith(" -m pip install beautifulsoup4\n")
    assert said.splitlines()[-1].lstrip().startswith(str(python))


def test_nothing_is_installed_by_itself(
    run: Callable[..., str], users: Environment, tmp_path: Path
) -> None:
    (tmp_path / "hello.py").write_text(APP.format(module="bs4"))
    before = sorted(users.site_packages.iterdir())
    run("kolben", "--app", "hello", "routes", fails=True)
    assert before == sorted(users.site_packages.iterdir())


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("cv2", "opencv-python"),
        ("sklearn", "scikit-learn"),
        ("yaml", "PyYAML"),
        ("PIL", "pillow"),
    ],
)
def test_the_distribution_that_provides_it(
    run: Callable[..., str], tmp_path: Path, module: str, distribution: str
) -> None:
    (tmp_path / "hello.py").write_text(APP.format(module=module))
    said = run("kolben", "--app", "hello", "routes", fails=True)
    assert said.endswith(f" -m pip install {distribution}\n")


def test_the_metadata_of_another_python_is_read(
    run: Callable[..., str], users: Environment, tmp_path: Path
) -> None:
    (tmp_path / "hello.py").write_text(APP.format(module="quite_unknown"))
    make_interpreter(tmp_path / "elsewhere", "quite_unknown", "its-real-name")
    path = f"{tmp_path / 'elsewhere' / 'bin'}{os.pathsep}{users.environ()['PATH']}"
    said = run("kolben", "--app", "hello", "routes", fails=True, PATH=path)
    assert said.endswith(" -m pip install its-real-name\n")


def test_a_module_of_ones_own_that_is_misspelt(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(APP.format(module="helprs"))
    (tmp_path / "helpers.py").touch()
    said = run("kolben", "--app", "hello", "routes", fails=True)
    assert said.endswith("Did you mean `import helpers`?\n")
    assert "pip" not in said


def test_a_circular_import(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(
        "from flask import Flask\nfrom views import index\napp = Flask(__name__)\n"
    )
    (tmp_path / "views.py").write_text("from hello import app\n")
    said = run("kolben", "--app", "hello", "routes", fails=True)
    assert "This is a circular import: 'hello'" in said
    assert f"{tmp_path / 'hello.py'}, line 2" in said
    assert f"{tmp_path / 'views.py'}, line 1" in said
    assert "pip" not in said


def test_the_app_itself_is_misspelt(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "hello.py").touch()
    said = run("kolben", "--app", "helo", "routes", fails=True)
    assert "Did you mean 'hello'?" in said


def test_after_a_repair_the_reloader_goes_on(start: Callable[..., Program], tmp_path: Path) -> None:
    app = tmp_path / "hello.py"
    app.write_text("from flask import Flask\napp = Flask(__name__)\n")
    program = start("kolben", "--app", "hello", "run", "--debug", "--port", "{port}")
    program.wait_until_open()
    app.write_text(APP.format(module="bs4"))
    wait_for(lambda: "pip install beautifulsoup4" in program.printed)
    app.write_text("from flask import Flask\napp = Flask(__name__)\napp.get('/')(lambda: 'well')\n")
    program.wait_for_answer("/", (200, "well"))
