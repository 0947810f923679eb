"""The debug flag, dotenv files and root paths, as the environment and the disk say."""

from __future__ import annotations

import importlib
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from kolben import env
from tests.fresh_interpreter import Interpreter


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty directory to work in, and an environment that is put back whole."""
    for name in [n for n in os.environ if n.startswith(("KOLBEN_", "FLASK_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"FLASK_DEBUG": ""}, False),
        ({"FLASK_DEBUG": "0"}, False),
        ({"FLASK_DEBUG": "False"}, False),
        ({"FLASK_DEBUG": "No"}, False),
        ({"FLASK_DEBUG": "True"}, True),
        ({"FLASK_DEBUG": "1"}, True),
        ({"KOLBEN_DEBUG": "1"}, True),
        ({"KOLBEN_DEBUG": "0", "FLASK_DEBUG": "1"}, False),
        ({"KOLBEN_DEBUG": "1", "FLASK_DEBUG": "0"}, True),
        ({"KOLBEN_DEBUG": "", "FLASK_DEBUG": "1"}, True),
    ],
    ids=str,
)
@pytest.mark.usefixtures("clean")
def test_the_debug_flag_is_read_from_ours_first(
    variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert expected is env.get_debug_flag()


@pytest.mark.parametrize(
    ("value", "default", "expected"),
    [
        (None, True, True),
        (None, False, False),
        ("", False, False),
        ("1", True, False),
        ("true", True, False),
        ("0", False, True),
        ("No", False, True),
    ],
)
@pytest.mark.usefixtures("clean")
def test_skip_dotenv_decides_over_the_default(
    value: str | None, default: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("FLASK_SKIP_DOTENV", value)
    assert expected is env.get_load_dotenv(default)


@pytest.mark.usefixtures("clean")
def test_a_set_variable_is_not_hidden_by_an_older_one_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KOLBEN_DEBUG", "0")
    env.set_variable("DEBUG", "1")
    assert env.get_debug_flag()
    monkeypatch.delenv("KOLBEN_DEBUG")
    env.set_variable("DEBUG", "0")
    assert not env.get_debug_flag()
    assert "KOLBEN_DEBUG" not in os.environ


def test_env_goes_before_kolbenenv_before_flaskenv_and_the_process_before_all(
    clean: Path,
) -> None:
    (clean / ".env").write_text("A=env\nHAM=火腿\n", encoding="utf-8")
    (clean / ".kolbenenv").write_text("A=kolben\nB=kolben\n")
    (clean / ".flaskenv").write_text("A=flask\nB=flask\nC=flask\nEGGS=file\nBARE\n")
    os.environ["EGGS"] = "process"
    assert env.load_dotenv()
    assert ["env", "kolben", "flask", "process", "火腿"] == [
        os.environ[name] for name in ("A", "B", "C", "EGGS", "HAM")
    ]
    assert "BARE" not in os.environ
    assert clean == Path.cwd()


def test_dotenv_files_are_found_upwards(clean: Path) -> None:
    (clean / ".env").write_text("UP=1\n")
    below = clean / "a" / "b"
    below.mkdir(parents=True)
    os.chdir(below)
    assert env.load_dotenv()
    assert "1" == os.environ["UP"]


def test_a_given_file_goes_before_the_default_ones(clean: Path) -> None:
    (clean / ".env").write_text("A=env\nB=env\n")
    (clean / "my.env").write_text("A=mine\n")
    assert env.load_dotenv("my.env")
    assert ["mine", "env"] == [os.environ["A"], os.environ["B"]]


def test_only_the_given_file_is_read_without_defaults(clean: Path) -> None:
    (clean / ".env").write_text("B=env\n")
    (clean / "my.env").write_text("A=mine\n")
    assert env.load_dotenv(clean / "my.env", load_defaults=False)
    assert "B" not in os.environ
    assert not env.load_dotenv("absent.env", load_defaults=False)


def test_without_python_dotenv_a_tip_is_given_only_where_files_lie(
    clean: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)
    assert not env.load_dotenv()
    assert "" == capsys.readouterr().err
    (clean / ".env").write_text("A=1\n")
    assert not env.load_dotenv()
    assert "python-dotenv" in capsys.readouterr().err
    assert "A" not in os.environ


def test_python_dotenv_is_loaded_only_for_a_file(python: Interpreter) -> None:
    code = "import sys; from kolben import env; env.load_dotenv(); print('dotenv' in sys.modules)"
    assert "False" == python.run(code)
    (python.directory / ".env").touch()
    assert "True" == python.run(code)


def test_the_root_path_of_a_loaded_module_is_its_directory() -> None:
    assert os.path.dirname(os.path.abspath(env.__file__)) == env.get_root_path("kolben.env")


def test_the_root_path_of_a_module_is_found_without_importing_it(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(clean))
    (clean / "rootpkg").mkdir()
    (clean / "rootpkg" / "__init__.py").write_text("raise RuntimeError('not to be run')")
    (clean / "rootmod.py").write_text("raise RuntimeError('not to be run')")
    assert str(clean / "rootpkg") == env.get_root_path("rootpkg")
    assert str(clean) == env.get_root_path("rootmod")


@pytest.mark.parametrize("name", ["__main__x", "absent_module", "absent.module", "handmade"])
def test_an_unknown_module_lives_in_the_working_directory(
    name: str, clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "handmade", types.ModuleType("handmade"))
    assert str(clean) == env.get_root_path(name)


def test_a_folder_that_nobody_imported_is_not_taken_for_the_module(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(clean))
    (clean / "folderpkg").mkdir()
    assert str(clean) == env.get_root_path("folderpkg")
    assert "folderpkg" not in sys.modules


def test_a_module_without_a_file_is_an_error_with_the_cure(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(clean))
    (clean / "spacepkg").mkdir()
    importlib.import_module("spacepkg")
    for name in ("sys", "spacepkg"):
        with pytest.raises(RuntimeError, match=f"'{name}'.*root_path="):
            env.get_root_path(name)
    del sys.modules["spacepkg"]


def test_a_loader_that_does_not_tell_is_asked_through_the_module(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finder of an import hook may give a loader that has no get_filename."""
    import importlib.machinery

    class Loader:
        def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
            return None

        def exec_module(self, module: types.ModuleType) -> None:
            module.__file__ = str(clean / "hooked.py")

    class Finder:
        def find_spec(
            self, name: str, path: object = None, target: object = None
        ) -> importlib.machinery.ModuleSpec | None:
            if name == "hooked_module":
                return importlib.machinery.ModuleSpec(name, Loader())  # type: ignore[arg-type]  # a bare loader on purpose
            return None

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "hooked_module", raising=False)
    assert str(clean) == env.get_root_path("hooked_module")
    monkeypatch.delitem(sys.modules, "hooked_module", raising=False)


@pytest.mark.parametrize(("told", "expected"), [("1", 1), ("40", 40), ("99999", 99_999)])
def test_the_environment_says_how_many_threads_there_are(
    clean: Path, monkeypatch: pytest.MonkeyPatch, told: str, expected: int
) -> None:
    monkeypatch.setenv("KOLBEN_THREADS", told)
    assert expected == env.read_threads()


@pytest.mark.parametrize("told", ["0", "-1", "four", "4.0", " 4", "٤", "100000", "1" * 5000])
def test_what_is_no_number_of_threads_is_refused(
    clean: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("KOLBEN_THREADS", told)
    with pytest.raises(ValueError, match=r"KOLBEN_THREADS is .* such as 4, or unset it"):
        env.read_threads()


@pytest.mark.parametrize("told", [None, ""])
def test_the_default_is_a_few_threads(
    clean: Path, monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    if told is not None:
        monkeypatch.setenv("KOLBEN_THREADS", told)
    assert 2 < env.read_threads() <= 4


def test_a_system_that_does_not_tell_which_cores_are_ours_tells_how_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert os.cpu_count() == env.usable_cpus()
