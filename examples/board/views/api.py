"""The JSON API: read questions, write answers; every error is JSON too."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from board import errors
from board.database import connection
from board.forms import check_answer
from board.live import tell_answer
from board.store import answers
from board.store.answers import Answer
from board.store.questions import Question
from board.views.questions import asked_page, asked_search, question_or_404

blueprint = Blueprint("api", __name__, url_prefix="/api")
blueprint.register_error_handler(HTTPException, errors.as_json)


@blueprint.get("/questions")
def index() -> ResponseReturnValue:
    """List questions; understands q, tag, sort and page like the web page."""
    page = asked_page(asked_search())
    return {
        "questions": [_question(question) for question in page.items],
        "page": page.number,
        "pages": page.count,
        "total": page.total,
    }


@blueprint.get("/questions/<int:question_id>")
def show(question_id: int) -> ResponseReturnValue:
    """Give a question with its answers."""
    question = question_or_404(question_id)
    return _question(question) | {
        "body": question.body,
        "answers": [_answer(answer, question) for answer in answers.of_question(question.id)],
    }


@blueprint.post("/questions/<int:question_id>/answers")
def answer(question_id: int) -> ResponseReturnValue:
    """Write an answer, with the session of a browser or with HTTP Basic."""
    if g.account is None:
        abort(401, "Send name and password by HTTP Basic to write an answer.")
    question = question_or_404(question_id)
    sent = request.get_json()
    if not isinstance(sent, dict) or not isinstance(sent.get("body"), str):
        abort(400, 'Send an object with the answer as a string: {"body": "…"}.')
    body, problems = check_answer(sent["body"])
    if problems:
        abort(422, problems["body"])
    with connection():
        number = answers.add(question.id, g.account.id, body)
    tell_answer(question.id, number)
    written = answers.find(number) or abort(500)
    response = jsonify(_answer(written, question))
    response.status_code = 201
    response.location = url_for(
        "questions.show", question_id=question.id, _anchor=f"answer-{number}"
    )
    return response


def _question(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "title": question.title,
        "author": question.author,
        "asked_at": question.asked_at,
        "tags": question.tags,
        "votes": question.votes,
        "answer_count": question.answer_count,
        "is_solved": question.accepted_answer_id is not None,
        "url": url_for("questions.show", question_id=question.id, _external=True),
    }


def _answer(answer: Answer, question: Question) -> dict[str, Any]:
    return {
        "id": answer.id,
        "body": answer.body,
        "author": answer.author,
        "answered_at": answer.answered_at,
        "votes": answer.votes,
        "is_accepted": answer.id == question.accepted_answer_id,
    }
