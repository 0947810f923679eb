"""What --cert, --key and lists of paths take."""

from __future__ import annotations

import os
import ssl
import sys
import types
from typing import Any

import click
import pytest

from kolben.cli import run_command


def parse(*args: str) -> dict[str, Any]:
    return run_command.make_context("run", list(args)).params


@pytest.mark.parametrize(
    "args",
    [("--cert", __file__, "--key", __file__), ("--key", __file__, "--cert", __file__)],
    ids=["cert first", "key first"],
)
def test_certificate_and_key_become_a_pair(args: tuple[str, ...]) -> None:
    assert (__file__, __file__) == parse(*args)["cert"]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Make 'own_context' the name of an SSLContext, 'absent' that of nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    monkeypatch.setitem(sys.modules, "own_context", context)  # type: ignore[arg-type]  # as Flask
    monkeypatch.setitem(sys.modules, "absent", None)  # type: ignore[arg-type]  # forbids import
    monkeypatch.setitem(sys.modules, "cryptography", types.ModuleType("cryptography"))
    return context


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--cert", __file__], "--key is required"),
        (["--key", __file__], "--key needs --cert"),
        (["--cert", "adhoc", "--key", __file__], "'adhoc' and an SSLContext have a key"),
        (["--cert", "own_context", "--key", __file__], "'adhoc' and an SSLContext have a key"),
        (["--cert", "absent"], "does not exist"),
        (["--cert", "click"], "does not exist"),
        (["--extra-files", "/absent"], None),
    ],
)
def test_what_does_not_fit_together_is_refused(args: list[str], said: str | None) -> None:
    if said is None:
        assert ["/absent"] == parse(*args)["extra_files"]
        return
    with pytest.raises(click.BadParameter, match=said):
        parse(*args)


def test_adhoc_and_an_ssl_context_need_no_key(names: ssl.SSLContext) -> None:
    assert "adhoc" == parse("--cert", "adhoc")["cert"]
    assert "adhoc" == parse("--cert", "AdHoc")["cert"]
    assert names is parse("--cert", "own_context")["cert"]


def test_adhoc_needs_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)  # type: ignore[arg-type]  # forbids it
    with pytest.raises(click.BadParameter, match="needs the package 'cryptography'"):
        parse("--cert", "adhoc")


def test_a_python_without_ssl_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ssl", None)  # type: ignore[arg-type]  # forbids it
    with pytest.raises(click.BadParameter, match="built without SSL"):
        parse("--cert", __file__)


@pytest.mark.parametrize("option", ["extra_files", "exclude_patterns"])
def test_several_paths_are_separated_as_in_path(option: str) -> None:
    value = os.pathsep.join(["a", "*/b", "c"])
    assert ["a", "*/b", "c"] == parse(f"--{option.replace('_', '-')}", value)[option]


@pytest.mark.parametrize("name", ["KOLBEN_RUN_EXTRA_FILES", "FLASK_RUN_EXTRA_FILES"])
def test_paths_from_the_environment_are_separated_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, os.pathsep.join(["a", "b"]))
    context = run_command.make_context("run", [], auto_envvar_prefix="FLASK_RUN")
    assert ["a", "b"] == context.params["extra_files"]
