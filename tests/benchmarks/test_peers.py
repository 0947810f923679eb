"""Every framework has an environment whose versions are known."""

from __future__ import annotations

import json
import os

import pytest

from benchmarks.inprocess import SIDES
from benchmarks.peers import PINS, clean_environ, environments, names_of
from benchmarks.servers.known import SERVERS


def test_every_side_has_an_environment() -> None:
    wanted = {environment for environment, _ in SIDES.values()}
    wanted |= {server.environment for server in SERVERS.values()}
    assert wanted == set(environments())


def test_every_package_has_one_version() -> None:
    for environment in environments().values():
        for package in environment["packages"]:
            assert package.count("==") == 1, package


def test_what_packages_bring_along_is_pinned() -> None:
    pins = json.loads(PINS.read_text("utf-8"))["environments"]
    assert set(pins) == set(environments())
    for name, kept in pins.items():
        assert all("==" in pin for pin in kept)
        pinned = {pin.partition("==")[0].lower() for pin in kept}
        assert names_of(name) - {"kolben", "falcon-cython"} <= pinned


def test_settings_of_the_shell_do_not_reach_what_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("FLASK_DEBUG", "1")
    kept = clean_environ()
    assert "PYTHONPATH" not in kept
    assert "FLASK_DEBUG" not in kept
    assert kept["PATH"] == os.environ["PATH"]
