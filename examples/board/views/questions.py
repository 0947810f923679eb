"""The public part: list, search, read, ask, answer, vote, accept."""

from __future__ import annotations

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from board.database import connection
from board.forms import Draft, check_answer
from board.guard import login_required
from board.live import tell_answer, writer_key
from board.store import answers, questions
from board.store.answers import Answer
from board.store.questions import ORDERS, Page, Question, Search
from board.text import clean

blueprint = Blueprint("questions", __name__)


@blueprint.get("/")
def index() -> str:
    """List the questions, searched, sorted and page by page."""
    search = asked_search()
    page = asked_page(search)
    popular = questions.tag_counts(limit=12)
    return render_template("questions/index.html", search=search, page=page, popular=popular)


@blueprint.get("/tags")
def tags() -> str:
    """List all tags."""
    return render_template("questions/tags.html", tags=questions.tag_counts())


@blueprint.get("/questions/<int:question_id>")
def show(question_id: int) -> str:
    """Show a question with its answers."""
    return _render(question_or_404(question_id))


@blueprint.route("/ask", methods=["GET", "POST"])
@login_required
def ask() -> ResponseReturnValue:
    """Ask a question."""
    form = request.form
    draft = Draft.of(form.get("title", ""), form.get("body", ""), form.get("tags", ""))
    if request.method == "GET":
        draft.problems.clear()
    elif not draft.problems:
        with connection():
            number = questions.add(g.account.id, draft.title, draft.body, draft.tags)
        flash("Your question is on the board.", "success")
        return redirect(url_for(".show", question_id=number))
    return render_template("questions/ask.html", draft=draft), 422 if draft.problems else 200


@blueprint.post("/questions/<int:question_id>/answers")
@login_required
def answer(question_id: int) -> ResponseReturnValue:
    """Answer a question."""
    question = question_or_404(question_id)
    body, problems = check_answer(request.form.get("body", ""))
    if problems:
        return _render(question, body, problems), 422
    with connection():
        number = answers.add(question.id, g.account.id, body)
    tell_answer(question.id, number)
    flash("Thank you for the answer.", "success")
    return redirect(_address(question.id, number))


@blueprint.get("/questions/<int:question_id>/answers")
def newer_answers(question_id: int) -> str:
    """Give the answers after the one that the URL names, as a piece of the question's page."""
    question = question_or_404(question_id)
    known = request.args.get("after", 0, type=int)
    found = [answer for answer in answers.of_question(question.id) if answer.id > known]
    return render_template(
        "questions/answers.html", question=question, answers=found, voted_answers=set()
    )


@blueprint.post("/questions/<int:question_id>/vote")
@login_required
def vote(question_id: int) -> ResponseReturnValue:
    """Give or take back a vote for a question."""
    question = question_or_404(question_id)
    if question.author_id == g.account.id:
        flash("One's own question gets its votes from others.", "error")
    else:
        with connection():
            questions.toggle_vote(question.id, g.account.id)
    return redirect(_address(question.id))


@blueprint.post("/answers/<int:answer_id>/vote")
@login_required
def vote_answer(answer_id: int) -> ResponseReturnValue:
    """Give or take back a vote for an answer."""
    voted, question = _answer_or_404(answer_id)
    if voted.author_id == g.account.id:
        flash("One's own answer gets its votes from others.", "error")
    else:
        with connection():
            answers.toggle_vote(voted.id, g.account.id)
    return redirect(_address(question.id, voted.id))


@blueprint.post("/answers/<int:answer_id>/accept")
@login_required
def accept(answer_id: int) -> ResponseReturnValue:
    """Mark an answer as the one that solved it, or take the mark away."""
    marked, question = _answer_or_404(answer_id)
    if question.author_id != g.account.id:
        abort(403, "Only the person who asked can accept an answer.")
    with connection():
        is_marked = question.accepted_answer_id == marked.id
        questions.accept(question.id, None if is_marked else marked.id)
    return redirect(_address(question.id, marked.id))


def asked_search(*, with_hidden: bool = False) -> Search:
    """Read what to search for from the URL."""
    sort = request.args.get("sort", "newest")
    return Search(
        words=clean(request.args.get("q", "")),
        tag=clean(request.args.get("tag", "")),
        sort=sort if sort in ORDERS else "newest",
        with_hidden=with_hidden,
    )


def asked_page(search: Search) -> Page:
    """Give the page of results whose number is in the URL, or answer 404."""
    number = request.args.get("page", 1, type=int)
    return questions.page(search, number, current_app.config["PER_PAGE"]) or abort(404)


def question_or_404(question_id: int) -> Question:
    """Find a question that this visitor may see, or answer 404."""
    is_admin = g.account is not None and g.account.is_admin
    return questions.find(question_id, with_hidden=is_admin) or abort(404)


def _answer_or_404(answer_id: int) -> tuple[Answer, Question]:
    found = answers.find(answer_id) or abort(404)
    return found, question_or_404(found.question_id)


def _render(question: Question, draft: str = "", problems: dict[str, str] | None = None) -> str:
    account = g.account
    return render_template(
        "questions/show.html",
        question=question,
        answers=answers.of_question(question.id),
        latest=answers.latest(question.id),
        voted=account is not None and questions.has_vote(question.id, account.id),
        voted_answers=answers.voted_by(account.id, question.id) if account else set(),
        writer=writer_key(question.id, account.id) if account else "",
        draft=draft,
        problems=problems or {},
    )


def _address(question_id: int, answer_id: int | None = None) -> str:
    anchor = f"answer-{answer_id}" if answer_id else None
    return url_for(".show", question_id=question_id, _anchor=anchor)
