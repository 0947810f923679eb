"""Plugins are found wherever importlib.metadata finds them, and it is not loaded for none."""

from __future__ import annotations

import os
import sys
import zipfile
from importlib.machinery import PathFinder
from importlib.metadata import MetadataPathFinder, entry_points
from pathlib import Path
from typing import Any

import pytest

from kolben.cli.plugins import GROUPS, find_plugins, may_have_plugins
from kolben.drop_in import FlaskFinder
from tests.fresh_interpreter import Interpreter

POINTS = "[console_scripts]\nother = plug:two\n\n[flask.commands]\none = plug:one\n"
NO_COMMANDS = "[console_scripts]\none = plug:one\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which packages are looked for."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [FlaskFinder, PathFinder])
    return tmp_path


def install(folder: Path, metadata: str, points: str | None) -> None:
    """Put the metadata of a package into a folder."""
    place = folder / metadata
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1\n")
    if points is not None:
        (place / "entry_points.txt").write_text(points)


@pytest.mark.parametrize(
    "metadata", ["plug-1.dist-info", "plug.egg-info", "Plug-1.DIST-INFO"], ids=str
)
def test_a_plugin_is_seen_as_importlib_metadata_sees_it(folder: Path, metadata: str) -> None:
    install(folder, metadata, POINTS)
    assert may_have_plugins()
    assert ["one"] == list(find_plugins()) == [p.name for p in entry_points(group=GROUPS[1])]


@pytest.mark.parametrize("points", [None, "", NO_COMMANDS], ids=["no file", "empty", "others"])
def test_a_package_without_commands_is_none(folder: Path, points: str | None) -> None:
    install(folder, "plug-1.dist-info", points)
    install(folder, "plug", POINTS)
    (folder / "old.egg-info").write_text("Name: old\n")
    assert not may_have_plugins()
    assert {} == find_plugins()


def test_the_current_folder_and_missing_ones_are_looked_through_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [os.path.join(folder, "missing"), ""])
    monkeypatch.chdir(folder)
    assert not may_have_plugins()
    install(folder, "plug-1.dist-info", POINTS)
    assert may_have_plugins()


def test_what_is_in_an_archive_is_left_to_importlib_metadata(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = folder / "plug.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("plug-1.dist-info/METADATA", "Name: plug\n")
        opened.writestr("plug-1.dist-info/entry_points.txt", POINTS)
    monkeypatch.setattr(sys, "path", [str(archive)])
    assert may_have_plugins()
    assert ["one"] == list(find_plugins())


def test_an_egg_is_left_to_importlib_metadata(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(folder / "plug-1.egg", "EGG-INFO", POINTS)
    monkeypatch.setattr(sys, "path", [str(folder / "plug-1.egg")])
    assert may_have_plugins()
    assert ["one"] == list(find_plugins())


def test_another_finder_may_know_of_plugins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        @staticmethod
        def find_spec(*args: Any) -> None:
            return None

        @staticmethod
        def find_distributions(context: Any) -> Any:
            place = os.path.join(folder, "elsewhere")
            return MetadataPathFinder.find_distributions(
                MetadataPathFinder.Context(name=context.name, path=[place])
            )

    install(folder / "elsewhere", "plug-1.dist-info", POINTS)
    assert not may_have_plugins()
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Elsewhere])
    assert may_have_plugins()
    assert ["one"] == list(find_plugins())


def test_a_command_of_ours_goes_before_flasks_of_one_name(folder: Path) -> None:
    points = "[flask.commands]\none = plug:theirs\n\n[kolben.commands]\none = plug:ours\n"
    install(folder, "plug-1.dist-info", points)
    assert "plug:ours" == find_plugins()["one"].value


def test_without_plugins_importlib_metadata_stays_unloaded(python: Interpreter) -> None:
    code = (
        "import sys\n"
        "from kolben.cli.plugins import find_plugins\n"
        "sys.path[:] = ['.']\n"
        "print(find_plugins(), 'importlib.metadata' in sys.modules)"
    )
    assert "{} False" == python.run(code)
