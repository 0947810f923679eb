"""Tests of conformance/audit.py and of the recorder it reads from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.audit import Interpreter, read_records, void_reasons
from conformance.suites import HERE


def record(tmp_path: Path, code: str) -> list[Interpreter]:
    """Run code in an interpreter with the recorder and two packages called flask, one real."""
    for name in ("audit", "flask", "elsewhere/flask"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "flask" / "__init__.py").touch()
    (tmp_path / "elsewhere" / "flask" / "__init__.py").touch()
    shutil.copy(HERE / "inside" / "conformance_audit.py", tmp_path)
    start = f"import os, sys; sys.prefix = {str(tmp_path)!r}; sys.path.insert(0, sys.prefix)"
    begin = f"{start}; import conformance_audit\n"
    subprocess.run([sys.executable, "-c", begin + code], check=True, timeout=60)
    return read_records(tmp_path / "audit")


def aliased(code: str) -> str:
    """Return code that runs with a finder of the alias's name and `flask` found elsewhere."""
    return (
        "class FlaskFinder:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None): return None\n"
        "FlaskFinder.__module__ = 'kolben.drop_in'\n"
        "sys.meta_path.insert(0, FlaskFinder)\n"
        "sys.path.insert(0, os.path.join(sys.prefix, 'elsewhere'))\n" + code
    )


def test_a_run_in_which_all_take_the_alias_counts(tmp_path: Path) -> None:
    interpreters = record(tmp_path, aliased("import flask"))
    assert [(i.used_flask, i.wrote_exit) for i in interpreters] == [(True, True)]
    assert void_reasons(interpreters) == []


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import flask", id="import statement"),
        pytest.param("import importlib; importlib.import_module('flask')", id="import_module"),
        pytest.param("import runpy; runpy.run_path(sys.prefix + '/flask/__init__.py')", id="run"),
        pytest.param("import flask; del sys.modules['flask']", id="taken out again"),
        pytest.param("import flask; sys.stdout.flush(); os._exit(0)", id="no regular exit"),
        pytest.param("import flask; sys.prefix = '/nowhere'; os.environ.clear()", id="hidden"),
    ],
)
def test_a_run_that_executes_a_real_file_is_void(tmp_path: Path, code: str) -> None:
    reason, *_ = void_reasons(record(tmp_path, code))
    assert reason.endswith(f"ran the real Flask: {tmp_path / 'flask' / '__init__.py'}")


def test_the_finder_being_there_does_not_excuse_a_real_file(tmp_path: Path) -> None:
    code = aliased("import flask; del sys.modules['flask'], sys.path[0]; import flask")
    assert "ran the real Flask" in "".join(void_reasons(record(tmp_path, code)))


def test_flask_without_the_alias_is_void_where_no_real_one_is_found(tmp_path: Path) -> None:
    code = "sys.path.remove(sys.prefix)\ntry: import flask\nexcept ImportError: pass"
    (reason,) = void_reasons(record(tmp_path, code))
    assert reason.endswith("asked for flask while the alias was not live")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_that_is_never_ended_regularly_is_seen(tmp_path: Path) -> None:
    code = aliased(
        "import flask\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    del sys.modules['flask'], sys.path[0]\n"
        "    import flask\n"
        "    os.kill(os.getpid(), 9)\n"
        "os.waitpid(child, 0)\n"
    )
    interpreters = record(tmp_path, code)
    assert len(interpreters) == 2
    (child,) = (i for i in interpreters if i.forked_from)
    assert not child.wrote_exit
    (reason,) = void_reasons(interpreters)
    assert reason.startswith(f"process {child.pid} ")


def test_a_run_in_which_nobody_asks_for_flask_is_void(tmp_path: Path) -> None:
    (reason,) = void_reasons(record(tmp_path, "import json"))
    assert "nothing was tested" in reason


def test_a_run_without_records_is_void(tmp_path: Path) -> None:
    (reason,) = void_reasons(read_records(tmp_path))
    assert "nothing was tested" in reason


def test_an_unknown_event_is_an_error() -> None:
    with pytest.raises(ValueError, match="'sleep' is no event"):
        Interpreter(pid=1).take({"event": "sleep"})
