"""Apps with the real Flask-SQLAlchemy are served, explained and judged by the doctor."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.environment import Environment
from tests.questions.programs import Program
from tests.user_environment import SQLALCHEMIES, environment_with_sqlalchemy

MADE_AT_ONCE = """
app = Flask(__name__)
configure(app)
db = SQLAlchemy(app)
app.get("/")(index)
"""
BY_A_FACTORY = """
db = SQLAlchemy()
def create_app():
    app = Flask(__name__)
    configure(app)
    db.init_app(app)
    app.get("/")(index)
    return app
"""
APP = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

def configure(app):
    app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///shop.db"
    app.config["SQLALCHEMY_BINDS"] = {"users": "sqlite:///users.db"}
def index():
    return str(db.session.execute(db.text("select 6 * 7")).scalar())
"""
POOLS = [("of the bind 'users'", 15), ("of the default bind", 15)]


@pytest.fixture(scope="module", params=SQLALCHEMIES)
def users(request: pytest.FixtureRequest) -> Environment:
    return environment_with_sqlalchemy(request.param)


@pytest.fixture(params=[MADE_AT_ONCE, BY_A_FACTORY], ids=["at once", "factory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the app."""
    (tmp_path / "shop.py").write_text(APP + request.param, "utf-8")
    return tmp_path


def said_by(users: Environment, folder: Path, *words: str) -> str:
    """Run a command of Kolben on the app, which ends well; return what it prints."""
    done = subprocess.run(
        [users.scripts / "kolben", "--app", "shop", *words],
        cwd=folder,
        env=users.environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


@pytest.fixture(params=["rsgi", "asgi", "wsgi"])
def served(request: pytest.FixtureRequest, users: Environment, folder: Path) -> Iterator[Program]:
    command = f"kolben --app shop serve --port {{port}} --interface {request.param}"
    program = Program(users, folder, *command.split())
    yield program.wait_until_open()
    program.end()


def test_it_is_served_and_nothing_is_warned_of(served: Program) -> None:
    assert (200, "42") == served.get("/")
    assert "Warning" not in served.printed
    assert "Error" not in served.printed


def test_explain_names_the_binds(users: Environment, folder: Path) -> None:
    told = json.loads(said_by(users, folder, "serve", "--explain", "--json"))
    assert POOLS == sorted((pool["name"], pool["most"]) for pool in told["pools"])
    assert [] == told["warnings"]


def test_the_doctor_judges_the_pools(users: Environment, folder: Path) -> None:
    found = json.loads(said_by(users, folder, "doctor", "--json", "--threads", "16"))["findings"]
    reasons = sorted(one["reason"] for one in found if one["check"] == "pools")
    assert [name for name, _ in POOLS] == [
        reason.removeprefix("The database pool ").partition(" holds 15 connections")[0]
        for reason in reasons
    ]
    cures = {one["cure"] for one in found if one["check"] == "pools"}
    (cure,) = cures
    assert "SQLALCHEMY_ENGINE_OPTIONS = {'pool_size': 16}" in cure
    assert [] == [one for one in found if one["check"] == "extensions"]
