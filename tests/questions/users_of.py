"""An app with a table of users, for the questions about Flask-SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy


@contextmanager
def users_of(url: str, table: str = "users", **config: Any) -> Iterator[tuple[Flask, Any, Any]]:
    """Give app, db and User with the users 1 to 9 in a table of its own, dropped at the end."""
    app = Flask("users_of")
    app.config.update(config, SQLALCHEMY_DATABASE_URI=url)
    db = SQLAlchemy(app)

    class User(db.Model):
        __tablename__ = table
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String(50), default="somebody")

    with app.app_context():
        db.create_all()
        try:
            db.session.add_all([User(id=number) for number in range(1, 10)])
            db.session.commit()
            yield app, db, User
        finally:
            # What still has the table open would keep it from being dropped.
            db.session.remove()
            db.drop_all()
            for engine in db.engines.values():
                engine.dispose()
