"""Which app a command gets: from a module, a name, a factory, a file."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kolben import Flask
from kolben.discovery import (
    AppImportError,
    NoAppException,
    find_app_by_string,
    find_best_app,
    format_own_traceback,
    is_app,
    load_from_path,
    locate_app,
    prepare_import,
    split_import_path,
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory; its modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def module(**names: Any) -> types.ModuleType:
    made = types.ModuleType("shop")
    vars(made).update(names)
    return made


def make(name: str = "made") -> Flask:
    return Flask(name)


def needs_two(one: object, two: object) -> Flask:
    return Flask(f"{one}-{two}")


def fails_inside() -> Flask:
    raise TypeError("inside the factory")


def gives_nothing() -> None:
    return None


ONE, TWO = Flask("one"), Flask("two")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"app": ONE}, "one"),
        ({"application": ONE}, "one"),
        ({"app": ONE, "application": TWO, "other": TWO}, "one"),
        ({"app": "no app", "application": ONE}, "one"),
        ({"shop": ONE}, "one"),
        ({"shop": ONE, "same": ONE}, "one"),
        ({"create_app": make}, "made"),
        ({"make_app": make}, "made"),
        ({"shop": ONE, "create_app": make}, "one"),
        ({"create_app": gives_nothing, "make_app": make}, "made"),
        ({"create_app": lambda **options: Flask("with options")}, "with options"),
    ],
)
def test_the_best_app_of_a_module_is_found(names: dict[str, Any], expected: str) -> None:
    assert expected == find_best_app(module(**names)).name


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({}, "has no app called 'app' or 'application'"),
        ({"app": "no app"}, "Say which name it is: 'shop:name'"),
        ({"a": ONE, "b": TWO}, r"several apps: a, b. Say which one: 'shop:a'"),
        ({"create_app": needs_two}, "'create_app' .* wants arguments"),
        ({"create_app": gives_nothing}, "no factory .* that returns one"),
    ],
)
def test_why_there_is_no_best_app_is_said(names: dict[str, Any], said: str) -> None:
    with pytest.raises(NoAppException, match=said):
        find_best_app(module(**names))


def test_a_type_error_inside_a_factory_is_the_factorys() -> None:
    with pytest.raises(TypeError, match="inside the factory"):
        find_best_app(module(create_app=fails_inside))
    with pytest.raises(TypeError, match="inside the factory"):
        find_app_by_string(module(create_app=fails_inside), "create_app()")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("app", "one"),
        (" app ", "one"),
        ("make", "made"),
        ("make()", "made"),
        (" make ( 'dev', ) ", "dev"),
        ("needs_two('a', two=[1, 2])", "a-[1, 2]"),
        ("Shop('class')", "class"),
    ],
)
def test_a_name_or_a_call_leads_to_the_app(reference: str, expected: str) -> None:
    class Shop(Flask):
        pass

    names = module(app=ONE, make=make, needs_two=needs_two, Shop=Shop)
    assert expected == find_app_by_string(names, reference).name


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("create_app(", "neither a name nor a call"),
        ("1 + 1", "neither a name nor a call"),
        ("a.b", "neither a name nor a call"),
        ("", "neither a name nor a call"),
        ("a.b()", "must be a simple name"),
        ("make(other)", "must be literals"),
        ("make(**{'a': 1})", "cannot be called as"),
        ("mak", "has no 'mak'. Did you mean 'make'?"),
        ("zzz", "has no 'zzz'"),
        ("make(1, 2)", r"cannot be called as 'make\(1, 2\)'"),
        ("needs_two", "cannot be called as 'needs_two'"),
        ("number", "'shop:number' is not an app but int"),
        ("number()", "'shop:number\\(\\)' is not an app but int"),
        ("gives_nothing", "is not an app but NoneType"),
    ],
)
def test_why_a_reference_leads_nowhere_is_said(reference: str, said: str) -> None:
    names = module(make=make, needs_two=needs_two, number=3, gives_nothing=gives_nothing)
    with pytest.raises(NoAppException, match=said):
        find_app_by_string(names, reference)


@pytest.mark.parametrize(
    ("path", "directory", "expected"),
    [
        ("test", "", "test"),
        ("test.py", "", "test"),
        ("a/test", "a", "test"),
        ("test/__init__.py", "", "test"),
        ("test/__init__", "", "test"),
        ("test.a.b", "", "test.a.b"),
        ("shop/inner/web", "", "shop.inner.web"),
        ("shop/inner/__init__.py", "", "shop.inner"),
        ("shop/notes.txt", "", "shop.notes.txt"),
    ],
)
def test_a_path_becomes_a_module_and_its_directory_importable(
    path: str, directory: str, expected: str, project: Path
) -> None:
    (project / "shop" / "inner").mkdir(parents=True)
    (project / "shop" / "__init__.py").touch()
    (project / "shop" / "inner" / "__init__.py").touch()
    assert expected == prepare_import(path)
    assert os.path.realpath(project / directory) == sys.path[0]
    # A second time does not make the path longer.
    length = len(sys.path)
    prepare_import(path)
    assert length == len(sys.path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("hello", ("hello", None)),
        ("hello:app", ("hello", "app")),
        (r"C:\web\hello.py", (r"C:\web\hello.py", None)),
        (r"C:\web\hello.py:app", (r"C:\web\hello.py", "app")),
        ("hello:make('a:b')", ("hello", "make('a:b')")),
    ],
)
def test_the_colon_of_a_drive_is_not_the_one_before_the_name(
    path: str, expected: tuple[str, str | None]
) -> None:
    assert expected == split_import_path(path)


def test_wsgi_py_goes_before_app_py(project: Path) -> None:
    (project / "app.py").write_text("from kolben import Flask\nx = Flask('from app.py')")
    assert "from app.py" == load_from_path(None).name
    (project / "wsgi.py").write_text("from kolben import Flask\nx = Flask('from wsgi.py')")
    assert "from wsgi.py" == load_from_path(None).name


def test_where_nothing_is_found_all_three_ways_are_named(project: Path) -> None:
    with pytest.raises(NoAppException, match=r"--app .*KOLBEN_APP or FLASK_APP.*'wsgi.py'"):
        load_from_path(None)


def test_a_module_that_is_not_there_is_told_with_the_nearest_file(project: Path) -> None:
    (project / "hello.py").touch()
    with pytest.raises(NoAppException, match=r"no module 'helo' .* Did you mean 'hello'\?"):
        load_from_path("helo")
    assert locate_app("helo", None, raise_if_not_found=False) is None


@pytest.mark.parametrize("may_be_absent", [True, False])
def test_an_app_that_fails_to_import_shows_its_own_traceback(
    may_be_absent: bool, project: Path
) -> None:
    (project / "outer.py").write_text("import inner")
    (project / "inner.py").write_text("\nimport a_module_that_is_missing")
    prepare_import("outer")
    with pytest.raises(AppImportError) as caught:
        locate_app("outer", None, raise_if_not_found=not may_be_absent)
    text = caught.value.format_message()
    assert f'File "{project / "outer.py"}", line 1' in text
    assert f'File "{project / "inner.py"}", line 2' in text
    assert "ModuleNotFoundError: No module named 'a_module_that_is_missing'" in text
    assert "kolben/discovery.py" not in text
    assert f"{sys.executable} -m pip install" in text


@pytest.mark.parametrize(
    ("text", "kind"), [("def (", SyntaxError), ("1 / 0", ZeroDivisionError), ("x.y", NameError)]
)
def test_any_other_error_of_the_app_goes_through(
    text: str, kind: type[Exception], project: Path
) -> None:
    (project / "broken.py").write_text(text)
    with pytest.raises(kind) as caught:
        load_from_path("broken")
    shown = format_own_traceback(caught.value)
    assert f'File "{project / "broken.py"}", line 1' in shown
    assert "discovery.py" not in shown


def test_an_error_of_our_own_keeps_its_traceback() -> None:
    with pytest.raises(NoAppException) as caught:
        find_app_by_string(module(), "nothing")
    assert "discovery.py" in format_own_traceback(caught.value)


def test_an_app_of_the_real_flask_is_told_from_no_app() -> None:
    stranger = type("Flask", (), {"__module__": "flask.app"})
    assert not is_app(stranger())
    with pytest.raises(NoAppException, match="holds an app of the real Flask"):
        find_best_app(module(app=stranger()))


@pytest.mark.parametrize("value", [None, Flask, "app", object()], ids=repr)
def test_what_is_no_app_is_not_taken_for_one(value: object) -> None:
    assert not is_app(value)


def test_an_app_is_known_by_its_class() -> None:
    class Own(Flask):
        pass

    found: list[Callable[[str], Flask]] = [Flask, Own]
    assert all(is_app(kind("name")) for kind in found)
