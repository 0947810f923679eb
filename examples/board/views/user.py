"""Accounts: sign up, log in and out, profile, settings."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, abort, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from board import forms
from board.database import connection
from board.guard import begin_session, check_login, login_required, safe_next
from board.store import accounts, answers, questions
from board.store.questions import Search

blueprint = Blueprint("user", __name__, url_prefix="/user")


@blueprint.route("/sign-up", methods=["GET", "POST"])
def sign_up() -> ResponseReturnValue:
    """Make an account, and log in with it."""
    if request.method == "GET":
        return render_template("user/sign_up.html", problems={})
    name = request.form.get("name", "")
    problems = forms.check_sign_up(request.form)
    if not problems:
        try:
            with connection():
                number = accounts.add(name, request.form["password"])
        except sqlite3.IntegrityError:
            problems["name"] = f"The name {name!r} is taken."
        else:
            begin_session(accounts.find(number) or abort(500))
            flash(f"Welcome to the board, {name}.", "success")
            return redirect(safe_next(request.form.get("next")))
    return render_template("user/sign_up.html", problems=problems), 422


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Log in, and go on to where the visitor wanted to go."""
    if request.method == "GET":
        return render_template("user/login.html", problems={})
    account = check_login(request.form.get("name", ""), request.form.get("password", ""))
    if account is None:
        problems = {"password": "Name or password is wrong."}
        return render_template("user/login.html", problems=problems), 422
    begin_session(account)
    flash(f"Logged in as {account.name}.", "success")
    return redirect(safe_next(request.form.get("next")))


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """Log out."""
    session.clear()
    flash("You are logged out.", "info")
    return redirect(url_for("questions.index"))


@blueprint.get("/profile/<name>")
def profile(name: str) -> str:
    """Show an account and its questions."""
    account = accounts.find_by_name(name) or abort(404)
    page = questions.page(Search(author_id=account.id), 1, per_page=20)
    return render_template(
        "user/profile.html",
        account=account,
        page=page,
        answer_count=answers.count_of_author(account.id),
    )


@blueprint.get("/settings")
@login_required
def settings() -> str:
    """Show the forms for profile text and password."""
    return render_template("user/settings.html", about=g.account.about, problems={})


@blueprint.post("/settings/about")
@login_required
def change_about() -> ResponseReturnValue:
    """Change the text of one's profile."""
    about, problems = forms.check_about(request.form.get("about", ""))
    if problems:
        return render_template("user/settings.html", about=about, problems=problems), 422
    with connection():
        accounts.set_about(g.account.id, about)
    flash("Your profile is changed.", "success")
    return redirect(url_for(".profile", name=g.account.name))


@blueprint.post("/settings/password")
@login_required
def change_password() -> ResponseReturnValue:
    """Change one's password; all other sessions of the account end."""
    password, problems = request.form.get("password", ""), {}
    forms.check_length(problems, "password", password, forms.PASSWORD_LENGTHS)
    if check_login(g.account.name, request.form.get("old_password", "")) is None:
        problems["old_password"] = "This is not your password."
    if problems:
        about = g.account.about
        return render_template("user/settings.html", about=about, problems=problems), 422
    with connection():
        accounts.set_password(g.account.id, password)
    begin_session(accounts.find(g.account.id) or abort(500))
    flash("Your password is changed, and every other session has ended.", "success")
    return redirect(url_for(".settings"))
