"""The import hook: questions sent by another program, proved by a signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from flask import Blueprint, abort, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from board import errors
from board.database import connection
from board.forms import Draft
from board.store import accounts, imports, questions

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")
blueprint.register_error_handler(HTTPException, errors.as_json)

SIGNATURE_HEADER = "X-Board-Signature"
IMPORTER = "importer"
MOST_QUESTIONS = 50


def signature(body: bytes) -> str:
    """Give the header's value for a body: HMAC-SHA256 with the hook's secret."""
    secret = str(current_app.config["HOOK_SECRET"]).encode()
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


@blueprint.post("/import")
def import_questions() -> ResponseReturnValue:
    """Add the questions of a signed body; the same body again adds nothing."""
    # The signature is over the bytes as they came, whatever content type they claim.
    body = request.get_data()
    sent = request.headers.get(SIGNATURE_HEADER, "")
    if not hmac.compare_digest(signature(body).encode(), sent.encode()):
        abort(403, f"The header {SIGNATURE_HEADER} does not fit the body.")
    drafts = [_draft(number, entry) for number, entry in enumerate(_entries(body), 1)]
    with connection():
        if not imports.note(hashlib.sha256(body).hexdigest()):
            return {"added": 0, "note": "This body was imported before."}
        account = accounts.find_by_name(IMPORTER)
        author_id = account.id if account else accounts.add(IMPORTER, None)
        for draft in drafts:
            questions.add(author_id, draft.title, draft.body, draft.tags)
    return {"added": len(drafts)}, 201


def _entries(body: bytes) -> list[Any]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        abort(400, "The body is not JSON.")
    entries = sent.get("questions") if isinstance(sent, dict) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_QUESTIONS:
        abort(400, f'Send {{"questions": […]}} with 1 to {MOST_QUESTIONS} of them.')
    return entries


def _draft(number: int, entry: object) -> Draft:
    if not isinstance(entry, dict):
        abort(422, f"Question {number} is not an object.")
    tags = entry.get("tags", [])
    text = " ".join(map(str, tags)) if isinstance(tags, list) else str(tags)
    draft = Draft.of(str(entry.get("title", "")), str(entry.get("body", "")), text)
    if draft.problems:
        name, problem = next(iter(draft.problems.items()))
        abort(422, f"Question {number}, {name}: {problem}")
    return draft
