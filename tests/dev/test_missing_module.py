"""Why an import failed, told from real throw-away apps, packages and interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from kolben.dev import interpreters, missing_module
from kolben.dev.module_names import DISTRIBUTIONS
from tests.interpreters import IS_PYPY

# The app's directory goes on the path first, as with a real start, where Kolben is loaded by then.
TELL = """\
import sys
from kolben.dev.missing_module import print_explanation
sys.path.insert(0, {directory!r})
try:
    import {module}
except Exception as error:
    print_explanation(error)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    return directory


def write(project: Path, **files: str) -> None:
    """Write modules; `pkg__mod` is pkg/mod.py."""
    for name, text in files.items():
        path = project.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        if path.parent != project:
            (path.parent / "__init__.py").touch()
        path.write_text(text)


def tell(project: Path, module: str, **variables: str) -> str:
    """Return what is said when a module of the project is imported in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", TELL.format(directory=str(project), module=module)],
        cwd=project,
        env={"PATH": "", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def make_interpreter(directory: Path, module: str, distribution: str) -> Path:
    """Make an environment that has a module, with the metadata an installer leaves."""
    venv.create(directory, with_pip=False, symlinks=True)
    (packages,) = directory.glob("lib/py*3*/site-packages")
    (packages / module).mkdir()
    (packages / module / "__init__.py").touch()
    info = packages / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{module}/__init__.py,,\n{info.name}/METADATA,,\n")
    return packages


@pytest.mark.parametrize(
    ("statement", "distribution"),
    [
        ("import bs4_missing", None),
        ("import wx", "wxPython"),
        ("from saml2.client import Saml2Client", "pysaml2"),
        ("import flask_made_up", "flask-made-up"),
        ("from google.cloud import firestore", "google-cloud-firestore"),
        ("import google.cloud.storage as s", "google-cloud-storage"),
    ],
    ids=str,
)
def test_a_missing_library_is_told_with_one_line_to_run(
    statement: str, distribution: str | None, project: Path
) -> None:
    write(project, bad=statement)
    said = tell(project, "bad")
    assert f"Python in use:  {sys.executable}" in said
    assert "environment:" in said
    assert f"{sys.executable} -m pip install {distribution or 'NAME'}\n" in said


def test_a_guessed_name_is_never_given_to_pip(project: Path) -> None:
    write(project, bad="import some_made_up_thing")
    said = tell(project, "bad")
    assert "look up its name" in said
    assert "install some" not in said


@pytest.mark.parametrize("where", ["PATH", "project"])
@pytest.mark.skipif(os.name == "nt", reason="the throw-away interpreter is made of symlinks")
def test_another_python_that_has_the_module_is_named(
    where: str, project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" if where == "PATH" else project / ".venv"
    packages = make_interpreter(other, "found_elsewhere", "the-real-name")
    write(project, bad="import found_elsewhere")
    said = tell(project, "bad", **({"PATH": str(other / "bin")} if where == "PATH" else {}))
    # A PyPy's environment has `python`, `pypy` and `pypy3`, and none named as its folder.
    name = "py" if IS_PYPY else "python3"
    assert f"installed in:   {other / 'bin' / name}" in said
    assert str(packages) in said
    # Its metadata says what the table does not know.
    assert f"{sys.executable} -m pip install the-real-name\n" in said


def test_an_environment_that_is_activated_but_not_running_is_named(project: Path) -> None:
    write(project, bad="import bs4_missing")
    said = tell(project, "bad", VIRTUAL_ENV="/somewhere/else")
    assert "activated:      /somewhere/else, but that is not the one that runs this" in said


def test_a_misspelt_module_of_the_users_own_is_told_from_a_library(project: Path) -> None:
    write(project, bad="import helprs", helpers="")
    said = tell(project, "bad")
    assert "Did you mean `import helpers`?" in said
    assert "pip install" not in said


def test_a_misspelt_library_is_proposed(project: Path) -> None:
    write(project, bad="import jinja3")
    said = tell(project, "bad")
    assert "Did you mean `import jinja2`?" in said
    assert "pip install" not in said


def test_a_module_inside_the_same_package_is_told_from_a_library(project: Path) -> None:
    write(project, shop__app="import tools", shop__tools="")
    said = tell(project, "shop.app")
    assert "write `from shop import tools` or `from . import tools`" in said
    assert "pip install" not in said


def test_a_module_that_is_not_on_the_path_is_told_from_a_library(project: Path) -> None:
    (project / "lib").mkdir()
    (project / "lib" / "tools.py").touch()
    write(project, bad="exec(compile('import tools', 'lib/run.py', 'exec'))")
    (project / "lib" / "run.py").write_text("import tools")
    said = tell(project, "bad")
    assert f"put it on PYTHONPATH: {project / 'lib'}" in said


def test_a_circular_import_is_told_with_its_way_round(project: Path) -> None:
    write(project, one="import two\nx = 1", two="\nfrom one import x")
    said = tell(project, "one")
    assert "This is a circular import: 'one'" in said
    assert f"{project / 'one.py'}, line 1" in said
    assert f"{project / 'two.py'}, line 2" in said
    assert "pip install" not in said


def test_a_circle_met_through_an_attribute_is_told_as_well(project: Path) -> None:
    write(project, one="import two\nx = 1", two="import one\none.x")
    assert "This is a circular import: 'one'" in tell(project, "one")


def test_a_file_that_hides_an_installed_library_is_found(project: Path) -> None:
    write(project, click="from click import echo", wave="import wave.reader")
    assert "hides it" in tell(project, "click")
    said = tell(project, "wave")
    assert f"Your own {project / 'wave.py'} has the name of the library 'wave'" in said


def test_a_file_named_like_a_library_that_is_missing_is_found(project: Path) -> None:
    write(project, celery_x="from celery_x import Celery", requests_x="", bad="import requests_x.a")
    assert "imports itself" in tell(project, "celery_x")
    said = tell(project, "bad")
    assert f"single file {project / 'requests_x.py'}, not a package with 'a'" in said


def test_a_missing_name_is_told_with_version_and_nearest_name(project: Path) -> None:
    write(project, bad="from click import ecko")
    assert "The module 'click' (click " in (said := tell(project, "bad"))
    assert "has no 'ecko'. Did you mean 'echo'?" in said


def test_a_missing_submodule_is_told_with_the_nearest_one(project: Path) -> None:
    write(project, bad="import werkzeug.rooting")
    assert "Did you mean `werkzeug.routing`?" in tell(project, "bad")


def test_the_distributions_name_used_as_a_module_is_told(project: Path) -> None:
    write(project, bad="import beautifulsoup4", bad2="import scikit_learn", bad3="import pyyaml")
    assert "write `import bs4`" in tell(project, "bad")
    assert "write `import sklearn`" in tell(project, "bad2")
    assert "write `import yaml`" in tell(project, "bad3")


def test_a_relative_import_in_a_file_of_no_package_is_told(project: Path) -> None:
    write(project, bad="x = 1\nfrom . import helpers")
    said = tell(project, "bad")
    assert f"Line 2 of {project / 'bad.py'}" in said
    assert "Leave the dot out" in said


def test_a_module_that_left_python_is_told_with_its_successor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert "Python 3.12 no longer has the module 'distutils'" in missing_module.explain_missing(
        "distutils", []
    )


def test_a_part_of_python_that_was_not_built_is_no_library(project: Path) -> None:
    said = missing_module.explain_missing("_tkinter", [str(project)])
    assert "was built without it" in said
    assert "pip install" not in said


def test_an_installation_whose_files_are_gone_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "gone-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gone\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("gone_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = missing_module.explain_missing("gone_module", [])
    assert f"{sys.executable} -m pip install --force-reinstall gone" in said


def test_pip_is_brought_first_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_module.importlib.util, "find_spec", lambda name: None)
    said = missing_module.explain_missing("bs4_missing", [])
    assert f"{sys.executable} -m ensurepip\n" in said


def test_a_python_of_the_operating_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_module, "is_externally_managed", lambda: True)
    said = missing_module.explain_missing("wx", [])
    assert f"{sys.executable} -m venv .venv\n" in said


@pytest.mark.parametrize(
    "error",
    [
        ValueError("not about imports"),
        ModuleNotFoundError("made by hand"),
        ImportError("libfoo.so.1: cannot open shared object file"),
        ImportError("attempted relative import with no known parent package"),
    ],
    ids=repr,
)
def test_nothing_is_said_where_nothing_is_known(error: Exception) -> None:
    assert "" == missing_module.explain(error)


def test_the_search_for_other_pythons_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(interpreters.MAX_INTERPRETERS * 3):
        prefix = tmp_path / f"env{number}"
        (prefix / "bin").mkdir(parents=True)
        (prefix / "pyvenv.cfg").touch()
        (prefix / "bin" / "python3").touch()
        packages = prefix / "lib" / "python3.11" / "site-packages"
        packages.mkdir(parents=True)
        (packages / "everywhere.py").touch()
    path = os.pathsep.join(str(directory) for directory in tmp_path.glob("env*/bin"))
    monkeypatch.setenv("PATH", path)
    found = interpreters.find_elsewhere("everywhere", str(tmp_path))
    assert interpreters.MAX_INTERPRETERS == len(found)


def test_every_entry_of_the_table_tells_more_than_the_modules_name_or_is_well_known() -> None:
    assert len(DISTRIBUTIONS) > 60
    assert all(name.strip() == name and name for name in DISTRIBUTIONS.values())
