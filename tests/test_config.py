"""Config: filled from files, objects, mappings and the environment."""

from __future__ import annotations

import copy
import json
import os
import pickle
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kolben.config import Config, ConfigAttribute


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path, {"DEBUG": False})


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    environ: dict[str, str] = {}
    monkeypatch.setattr("os.environ", environ)
    return environ


# Objects


class Base:
    KEPT = "base"
    lower = "left out"
    Mixed = "left out"


class Derived(Base):
    OWN = "derived"

    @property
    def WORKED_OUT(self) -> str:
        return self.OWN.upper()


def test_from_object_takes_capitals_of_a_class_and_its_bases(config: Config) -> None:
    config.from_object(Derived)
    assert {"KEPT": "base", "OWN": "derived", "DEBUG": False}.items() <= config.items()
    assert not {"lower", "Mixed"} & config.keys()


def test_from_object_reads_the_properties_of_an_instance(config: Config) -> None:
    config.from_object(Derived())
    assert config["WORKED_OUT"] == "DERIVED"


def test_from_object_imports_a_name(config: Config) -> None:
    config.from_object("stat")
    assert config["ST_SIZE"] == 6


def test_from_object_says_which_import_failed(config: Config) -> None:
    with pytest.raises(ImportError, match=r"no_such_module"):
        config.from_object("no_such_module.Config")


# Mappings


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (({"A": 1, "low": 2},), {}),
        (([("A", 1), ("low", 2)],), {}),
        ((), {"A": 1, "low": 2}),
        (({"A": 0},), {"A": 1, "low": 2}),
    ],
)
def test_from_mapping_takes_capitals(
    config: Config, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    assert config.from_mapping(*args, **kwargs) is True
    assert config == {"DEBUG": False, "A": 1}


def test_from_mapping_takes_one_mapping(config: Config) -> None:
    with pytest.raises(TypeError):
        config.from_mapping({}, {})  # type: ignore[call-arg]  # the error is the test


# Python files


def test_from_pyfile_runs_a_file(config: Config, tmp_path: Path) -> None:
    (tmp_path / "settings.cfg").write_text("A = 1 + 1\nlow = 2\nNAME = __name__\nF = __file__")
    assert config.from_pyfile("settings.cfg") is True
    path = os.fspath(tmp_path / "settings.cfg")
    assert config == {"DEBUG": False, "A": 2, "NAME": "config", "F": path}


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-15", "latin-1"])
def test_from_pyfile_obeys_a_coding_line(config: Config, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "c.py"
    file.write_text(f'# -*- coding: {encoding} -*-\nA = "föö"\n', encoding)
    config.from_pyfile(file)
    assert config["A"] == "föö"


def test_from_pyfile_does_not_hide_errors_in_the_file(config: Config, tmp_path: Path) -> None:
    (tmp_path / "c.py").write_text("open('/no/such/file')")
    with pytest.raises(FileNotFoundError, match="No such file"):
        config.from_pyfile("c.py", silent=True)
    (tmp_path / "c.py").write_text("1 / 0")
    with pytest.raises(ZeroDivisionError):
        config.from_pyfile("c.py")


def load_pyfile(config: Config, name: str, silent: bool) -> bool:
    return config.from_pyfile(name, silent=silent)


def load_json(config: Config, name: str, silent: bool) -> bool:
    return config.from_file(name, json.load, silent=silent)


@pytest.mark.parametrize("load", [load_pyfile, load_json])
@pytest.mark.parametrize("name", ["missing.cfg", ".", "file/inside"])
def test_a_file_that_is_not_there(config: Config, tmp_path: Path, load: Any, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Unable to load configuration file \(.+\): '.+'") as raised:
        load(config, name, False)
    assert str(raised.value).endswith(f"{os.path.join(tmp_path, name)}'")
    assert load(config, name, True) is False


def test_silent_is_only_about_files_that_are_not_there(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(PermissionError, match="Unable to load configuration file"):
        config.from_pyfile("secret.cfg", silent=True)


# Data files


def test_from_file_takes_json(config: Config, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"A": 1, "low": 2}')
    assert config.from_file("c.json", json.load) is True
    assert config == {"DEBUG": False, "A": 1}


def test_from_file_takes_binary_for_toml(config: Config, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("A = 1")
    assert config.from_file(tmp_path / "c.toml", tomllib.load, text=False) is True
    assert config["A"] == 1


# The environment


def test_from_envvar_takes_the_file_that_it_names(
    config: Config, tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "c.py").write_text("A = 1")
    environ["SETTINGS"] = "c.py"
    assert config.from_envvar("SETTINGS") is True
    assert config["A"] == 1


@pytest.mark.parametrize("present", [{}, {"SETTINGS": ""}])
def test_from_envvar_without_the_variable(
    config: Config, environ: dict[str, str], present: dict[str, str]
) -> None:
    environ.update(present)
    with pytest.raises(RuntimeError, match=r"'SETTINGS' is not set.*export SETTINGS="):
        config.from_envvar("SETTINGS")
    assert config.from_envvar("SETTINGS", silent=True) is False


def test_from_envvar_with_a_file_that_is_missing(config: Config, environ: dict[str, str]) -> None:
    environ["SETTINGS"] = "missing.py"
    with pytest.raises(OSError, match=r"missing\.py"):
        config.from_envvar("SETTINGS")
    assert config.from_envvar("SETTINGS", silent=True) is False


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("value", "value"), ("true", True), ("True", "True"), ("1", 1), ("1.5", 1.5),
        ("[1, 2]", [1, 2]), ('{"k": "v"}', {"k": "v"}), ("null", None), ('{"a"', '{"a"'),
        ("", ""),
    ],
)  # fmt: skip
def test_from_prefixed_env_reads_json_else_text(
    config: Config, environ: dict[str, str], text: str, value: Any
) -> None:
    environ["FLASK_A"] = text
    assert config.from_prefixed_env() is True
    assert config["A"] == value


def test_from_prefixed_env_takes_another_prefix_and_loads(
    config: Config, environ: dict[str, str]
) -> None:
    environ.update(MY_A="1", FLASK_A="2", MYOTHER="3")
    config.from_prefixed_env("MY", loads=lambda text: text * 2)
    assert config == {"DEBUG": False, "A": "11"}


def test_from_prefixed_env_sets_keys_inside_of_dicts(
    config: Config, environ: dict[str, str]
) -> None:
    config["OLD"] = {"ok": "value", "flag": True, "inner": {"ik": 1}}
    environ.update(
        FLASK_OLD__ok="other",
        FLASK_OLD__inner__ik="2",
        FLASK_OLD__new__more='{"k": false}',
        FLASK_NEW__K="v",
    )
    config.from_prefixed_env()
    assert config["OLD"] == {
        "ok": "other",
        "flag": True,
        "inner": {"ik": 2},
        "new": {"more": {"k": False}},
    }
    assert config["NEW"] == {"K": "v"}


@pytest.mark.parametrize("name", ["FLASK_NUMBER__a", "FLASK_NUMBER__a__b"])
def test_from_prefixed_env_names_the_variable_that_does_not_fit(
    config: Config, environ: dict[str, str], name: str
) -> None:
    config["NUMBER"] = 1
    environ[name] = "1"
    with pytest.raises(TypeError, match=rf"{name}.*config\['NUMBER'\]"):
        config.from_prefixed_env()


# Reading


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"type": "fs", "path": "/tmp"}),
        ({"lowercase": False}, {"TYPE": "fs", "PATH": "/tmp"}),
        ({"trim_namespace": False}, {"store_type": "fs", "store_path": "/tmp"}),
        (
            {"lowercase": False, "trim_namespace": False},
            {"STORE_TYPE": "fs", "STORE_PATH": "/tmp"},
        ),
    ],
)
def test_get_namespace(config: Config, options: dict[str, bool], expected: dict[str, str]) -> None:
    config.update(STORE_TYPE="fs", STORE_PATH="/tmp", OTHER=1)
    assert config.get_namespace("STORE_", **options) == expected


@pytest.mark.parametrize("name", ["__getitem__", "get", "__contains__"])
def test_it_is_read_as_a_dict_is(name: str) -> None:
    assert getattr(Config, name) is getattr(dict, name)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "set": lambda config: config.__setitem__("A", 1),
    "delete": lambda config: config.__delitem__("DEBUG"),
    "or": lambda config: config.__ior__({"A": 1}),
    "clear": lambda config: config.clear(),
    "pop": lambda config: config.pop("DEBUG"),
    "popitem": lambda config: config.popitem(),
    "setdefault": lambda config: config.setdefault("A", 1),
    "update": lambda config: config.update(A=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_is_changed_as_a_dict_is_and_that_is_noted(
    config: Config, change: Callable[[Any], Any]
) -> None:
    plain, before = dict(config), config._version
    assert change(config) == change(plain)
    assert config == plain
    assert config._version is not before


def test_a_change_that_breaks_off_is_noted_too(config: Config) -> None:
    before = config._version
    with pytest.raises(TypeError):
        config.update([("A", 1), None])
    assert config["A"] == 1
    assert config._version is not before


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_a_copy_is_as_it_was(config: Config, clone: Any) -> None:
    made = clone(config)
    assert (type(made), dict(made), made.root_path) == (Config, dict(config), config.root_path)
    before = config._version
    made["A"] = 1
    assert config._version is before


def test_repr_shows_its_class_and_content(config: Config) -> None:
    assert repr(config) == "<Config {'DEBUG': False}>"


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_knows_its_root_path(config: Config, clone: Any) -> None:
    assert clone(config) == config
    assert clone(config).root_path == config.root_path


def test_an_attribute_reads_and_writes_its_key() -> None:
    class App(SimpleNamespace):
        debug = ConfigAttribute[bool]("DEBUG")
        lifetime = ConfigAttribute[str]("LIFETIME", get_converter=lambda s: f"{s} s")

    app = App(config={"DEBUG": False, "LIFETIME": 3})
    assert (app.debug, app.lifetime) == (False, "3 s")
    app.debug = True
    assert app.config["DEBUG"] is True
    assert isinstance(App.debug, ConfigAttribute)
