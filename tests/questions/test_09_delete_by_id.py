"""Question 9: rows deleted by id with Flask-SQLAlchemy, on three databases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.environment import Environment
from tests.user_environment import SQLALCHEMIES, environment_with_sqlalchemy

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
from threading import Thread
from sqlalchemy import event
from users_of import users_of

with users_of(*sys.argv[1:]) as (app, db, User):
    sent = []
    event.listen(db.engine, "before_cursor_execute", lambda *told: sent.append(told[2].split()[0]))

    def left():
        return [user.id for user in User.query.order_by(User.id)]

    print("by keyword:", User.query.filter_by(id=1).delete(), *sent)
    db.session.commit()
    print("one that is not there:", User.query.filter_by(id=123).delete())
    print("by expression:", User.query.filter(User.id == 2).delete())
    db.session.commit()
    obj = db.session.get(User, 3)
    db.session.delete(obj)
    db.session.commit()
    db.session.execute(User.__table__.delete().where(User.id.in_([4, 5, 6])))
    db.session.commit()
    print("left:", left())
    db.session.remove()

    @app.route("/<int:number>/<word>")
    def delete(number, word):
        User.query.filter_by(id=number).delete()
        if word == "commit":
            db.session.commit()
        return "deleted"

    def visit():
        print(app.test_client().get("/7/forget").text, app.test_client().get("/8/commit").text)

    # In a thread no context of the script is around the requests, which end the session so.
    thread = Thread(target=visit)
    thread.start()
    thread.join()
    print("left:", left())
"""


@pytest.fixture(scope="module", params=SQLALCHEMIES)
def users(request: pytest.FixtureRequest) -> Environment:
    """An environment with each SQLAlchemy that users have."""
    return environment_with_sqlalchemy(request.param)


@pytest.fixture(params=["SQLite", "PostgreSQL", "MariaDB"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database, with the driver to use."""
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path / 'users.sqlite'}"
    if request.param == "PostgreSQL":
        found: str = request.getfixturevalue("postgresql_url")
        return found.replace("postgresql:", "postgresql+psycopg:")
    found = request.getfixturevalue("mariadb_url")
    return found.replace("mysql:", "mysql+pymysql:")


def test_rows_are_deleted_without_being_loaded(
    run: Callable[..., str], url: str, tmp_path: Path
) -> None:
    shutil.copy(Path(__file__).with_name("users_of.py"), tmp_path)
    table = f"kolben_users_{os.getpid()}"
    said = run("python", "-W", "error", "-c", SCRIPT, url, table)
    assert said.splitlines() == [
        "by keyword: 1 DELETE",
        "one that is not there: 0",
        "by expression: 1",
        "left: [7, 8, 9]",
        "deleted deleted",
        "left: [7, 9]",
    ]
