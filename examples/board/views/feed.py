"""The newest questions as an Atom feed (RFC 4287)."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request

from board.database import timestamp
from board.store import questions
from board.store.questions import Search

blueprint = Blueprint("feed", __name__)

ENTRIES = 20


@blueprint.get("/feed.xml")
def atom() -> Response:
    """Give the feed; a reader that has it already gets 304."""
    page = questions.page(Search(), 1, per_page=ENTRIES)
    entries = page.items if page else []
    updated = entries[0].asked_at if entries else timestamp()
    response = make_response(render_template("feed.xml", entries=entries, updated=updated))
    response.mimetype = "application/atom+xml"
    response.add_etag()
    return response.make_conditional(request)
