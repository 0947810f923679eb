"""User code of these kinds satisfies mypy, does what it says, and mistakes in it are found."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from kolben import Flask
from tests.sockets import first, refusal

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
GOOD = ("classes", "current", "registered", "returns", "sockets")
FOUND = re.compile(r"wrong_code\.py:(\d+): error: .*\[([\w-]+)\]$", re.MULTILINE)
MARKED = re.compile(r"# E: ([\w-]+)$")


def check(*files: str) -> str:
    """Run mypy, as pyproject.toml sets it up, on files of this folder; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *(str(HERE / file) for file in files)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


@pytest.mark.slow
def test_typed_code_is_clean() -> None:
    assert check(*(f"{name}.py" for name in GOOD)).startswith("Success")


@pytest.mark.slow
def test_each_mistake_is_found_where_it_is() -> None:
    lines = (HERE / "wrong_code.py").read_text().splitlines()
    marked = [
        (str(at), found[1]) for at, line in enumerate(lines, 1) if (found := MARKED.search(line))
    ]
    assert marked == FOUND.findall(check("wrong_code.py").replace("\r", ""))


@pytest.mark.parametrize("name", GOOD)
def test_typed_code_runs(name: str) -> None:
    app: Flask = import_module(f"tests.types.{name}").app
    app.testing = True
    client = app.test_client()
    paths = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if not rule.arguments and "GET" in (rule.methods or ()) and not rule.websocket
    ]
    statuses = {path: client.get(path).status_code for path in paths}
    assert {path: 404 if path == "/abort" else 200 for path in paths} == {
        path: 200 if status in {201, 202, 303} else status for path, status in statuses.items()
    }


def test_typed_websockets_run(talk: Callable[..., Any]) -> None:
    app: Flask = import_module("tests.types.sockets").app
    app.secret_key = "a key of the tests"
    assert 401 == refusal(talk, app, "/by-name").status
    cookie: Any = app.session_interface
    cookie = cookie.get_signing_serializer(app).dumps({"user": "Ada"})
    text = talk(app, "/by-name", first, headers={"Cookie": f"session={cookie}"})
    assert "None None none /by-name ws://localhost/by-name" == text


def test_typed_code_uses_client_and_contexts() -> None:
    assert "Ada nobody True" == import_module("tests.types.current").asks()
