"""The board: a small questions-and-answers site, written as a Flask user would write it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from board import commands, database, errors, guard, live, seed, text
from board.settings import DEFAULTS, kept_secret
from board.views import admin, api, feed, hooks, pages, questions, user, watching


def create_app(
    config: Mapping[str, Any] | None = None, *, instance_path: str | None = None
) -> Flask:
    """Make the board; told nothing, it makes its own database with sample questions.

    config: goes over the defaults and the BOARD_* environment variables.
    instance_path: absolute path of the folder for database and secrets; Flask's if None.
    """
    app = Flask(__name__, instance_path=instance_path)
    folder = Path(app.instance_path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    app.config.from_mapping(DEFAULTS, DATABASE=str(folder / "board.sqlite"))
    app.config.from_prefixed_env("BOARD")
    app.config.from_mapping(config or {})
    for key in ("SECRET_KEY", "HOOK_SECRET"):
        if not app.config.get(key):
            app.config[key] = kept_secret(folder, key.lower())

    for part in (database, text, guard, errors, live):
        part.init_app(app)
    for views in (pages, questions, watching, user, admin, api, feed, hooks, commands):
        app.register_blueprint(views.blueprint)

    with app.app_context():
        seed.fill_if_new()
    return app
