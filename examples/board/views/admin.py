"""Moderation, for accounts with the role 'admin'."""

from __future__ import annotations

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from board.database import connection
from board.guard import ask_for_login
from board.store import accounts, answers, questions
from board.views.questions import asked_page, asked_search, question_or_404

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.before_request
def require_admin() -> ResponseReturnValue | None:
    """Let nobody but admins in; visitors may log in first."""
    if g.account is None:
        return ask_for_login()
    if not g.account.is_admin:
        abort(403, "This part of the board is for its moderators.")
    return None


@blueprint.get("/")
def index() -> str:
    """List all questions, hidden ones too."""
    search = asked_search(with_hidden=True)
    return render_template("admin/index.html", search=search, page=asked_page(search))


@blueprint.get("/users")
def users() -> str:
    """List all accounts."""
    return render_template("admin/users.html", users=accounts.overview())


@blueprint.post("/questions/<int:question_id>/hide")
def hide(question_id: int) -> ResponseReturnValue:
    """Take a question out of the public's sight."""
    return _set_hidden(question_id, hidden=True)


@blueprint.post("/questions/<int:question_id>/unhide")
def unhide(question_id: int) -> ResponseReturnValue:
    """Put a hidden question back."""
    return _set_hidden(question_id, hidden=False)


@blueprint.route("/questions/<int:question_id>/delete", methods=["GET", "POST"])
def delete(question_id: int) -> ResponseReturnValue:
    """Delete a question for good, after a page that asks whether to."""
    question = question_or_404(question_id)
    if request.method == "GET":
        return render_template("admin/delete.html", question=question)
    with connection():
        questions.delete(question.id)
    flash(f"“{question.title}” is deleted.", "success")
    return redirect(url_for(".index"))


@blueprint.post("/answers/<int:answer_id>/delete")
def delete_answer(answer_id: int) -> ResponseReturnValue:
    """Delete an answer for good."""
    answer = answers.find(answer_id) or abort(404)
    with connection():
        answers.delete(answer.id)
    flash("The answer is deleted.", "success")
    return redirect(url_for("questions.show", question_id=answer.question_id))


def _set_hidden(question_id: int, *, hidden: bool) -> ResponseReturnValue:
    question = question_or_404(question_id)
    with connection():
        questions.set_hidden(question.id, hidden=hidden)
    flash(f"“{question.title}” is {'hidden' if hidden else 'visible again'}.", "success")
    return redirect(url_for(".index"))
