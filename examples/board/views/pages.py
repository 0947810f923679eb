"""The pages around the questions: what this board is."""

from __future__ import annotations

from flask import Blueprint, render_template

blueprint = Blueprint("pages", __name__)


@blueprint.get("/about")
def about() -> str:
    """Explain the board, its API, its feed and its hook."""
    return render_template("about.html")
