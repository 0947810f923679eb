"""Question 5: Flask-SQLAlchemy and the signals of SQLALCHEMY_TRACK_MODIFICATIONS."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.environment import Environment
from tests.user_environment import SQLALCHEMIES, environment_with_sqlalchemy

pytestmark = pytest.mark.slow

SCRIPT = """
import kolben
from users_of import users_of
from flask_sqlalchemy.track_modifications import before_models_committed, models_committed

with users_of("sqlite:///:memory:", **{config}) as (app, db, User):
    assert isinstance(app, kolben.Flask)
    told = []
    for name, signal in (("before", before_models_committed), ("after", models_committed)):
        def tell(sender, changes, name=name):
            told.append((name, sender is app, [(user.id, change) for user, change in changes]))
        signal.connect(tell, weak=False)
    User.query.filter_by(id=1).one().name = "Ada"
    db.session.delete(db.session.get(User, 2))
    db.session.add(User(id=10))
    db.session.commit()
    for name, of_app, changes in told:
        print(name, of_app, sorted(changes))
"""


@pytest.fixture(scope="module", params=SQLALCHEMIES)
def users(request: pytest.FixtureRequest) -> Environment:
    """An environment with each SQLAlchemy that users have."""
    return environment_with_sqlalchemy(request.param)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, ""),
        ({"SQLALCHEMY_TRACK_MODIFICATIONS": False}, ""),
        (
            {"SQLALCHEMY_TRACK_MODIFICATIONS": True},
            "before True [(1, 'update'), (2, 'delete'), (10, 'insert')]\n"
            "after True [(1, 'update'), (2, 'delete'), (10, 'insert')]\n",
        ),
    ],
    ids=["by default", "off", "on"],
)
def test_it_turns_the_signals_on_and_nothing_warns(
    run: Callable[..., str], tmp_path: Path, config: dict[str, bool], told: str
) -> None:
    shutil.copy(Path(__file__).with_name("users_of.py"), tmp_path)
    assert run("python", "-W", "error", "-c", SCRIPT.format(config=config)) == told


def test_it_must_be_set_before_init_app(run: Callable[..., str]) -> None:
    assert "0 1\n" == run(
        "python",
        "-W",
        "error",
        "-c",
        """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.track_modifications import models_committed

def count(before):
    app = Flask("app")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///:memory:"
    db = SQLAlchemy()
    if before:
        app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = True
    db.init_app(app)
    app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = True
    class Pet(db.Model):
        id = db.Column(db.Integer, primary_key=True)
    told = []
    with models_committed.connected_to(lambda sender, changes: told.append(changes)):
        with app.app_context():
            db.create_all()
            db.session.add(Pet())
            db.session.commit()
            db.engine.dispose()
    return len(told)

print(count(before=False), count(before=True))
""",
    )
