"""Who is asking, and may they: log-in, roles, CSRF tokens, safe redirects, security headers."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Response, abort, current_app, flash, g, redirect, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from board.store import accounts, failed_logins
from board.store.accounts import Account

P = ParamSpec("P")
R = TypeVar("R")

CHANGING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})

SECURITY_HEADERS = {
    # No script, style or image but our own, no inline ones, no framing.
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def load_account() -> None:
    """Put the account of the session, or of HTTP Basic in the API, into `g.account`."""
    g.account = None
    if request.endpoint == "static":
        return
    if uses_basic():
        g.account = _account_of_basic()
    elif "account" in session:
        account = accounts.find(session["account"])
        if account and account.session_stamp == session.get("stamp"):
            g.account = account
        else:
            session.clear()


def uses_basic() -> bool:
    """Tell whether the request logs in by HTTP Basic, which only the API allows."""
    return request.blueprint == "api" and request.authorization is not None


def check_csrf() -> None:
    """Refuse a change that did not come from a page of this board.

    The hook is excepted: its signature proves more. So is HTTP Basic, which no browser adds
    by itself, as the board never asks for it. An address without a view changes nothing.
    """
    if request.method not in CHANGING_METHODS or request.endpoint is None:
        return
    if request.blueprint == "hooks" or uses_basic():
        return
    expected = session.get("csrf_token", "")
    sent = request.form.get("csrf_token") or request.headers.get("X-CSRF-Token", "")
    if not expected or not hmac.compare_digest(expected.encode(), sent.encode()):
        abort(
            400,
            "The form's CSRF token is missing or out of date."
            " Go back, reload the page and send it again.",
        )


def csrf_token() -> str:
    """Give the session's token, for a hidden field of each form."""
    if "csrf_token" not in session:
        session["csrf_token"] = secrets.token_urlsafe(32)
    token: str = session["csrf_token"]
    return token


def begin_session(account: Account) -> None:
    """Log in: nothing of the session before it is kept."""
    session.clear()
    session["account"] = account.id
    session["stamp"] = account.session_stamp
    g.account = account


def check_login(name: str, password: str) -> Account | None:
    """Find the account for a name and password; 429 after too many failures."""
    address = request.remote_addr or ""
    if failed_logins.too_many(name, address):
        minutes = current_app.config["FAILED_LOGINS_MINUTES"]
        abort(429, f"Too many log-ins have failed for this name. Try again in {minutes} minutes.")
    account = accounts.with_password(name, password)
    if account is None:
        failed_logins.note(name, address)
    return account


def login_required(view: Callable[P, R]) -> Callable[P, R | Any]:
    """Send visitors without a session to the log-in page, and back afterwards."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Any:
        if g.account is None:
            return ask_for_login()
        return view(*args, **kwargs)

    return guarded


def ask_for_login() -> BaseResponse:
    """Send the visitor to the log-in page, which comes back to the page asked for."""
    flash("Please log in first.", "info")
    # Only a page can be asked for again; a form would have to be sent again.
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("user.login", next=target))


def safe_next(target: str | None) -> str:
    r"""Give the path to go on to: `target` if it is one of this site, else the front page.

    SECURITY: browsers read `//host`, `/\host` and a path with tabs in it as another site's.
    """
    if (
        target
        and target.startswith("/")
        and not target.startswith(("//", "/\\"))
        and target.isprintable()
    ):
        return target
    return url_for("questions.index")


def add_security_headers(response: Response) -> Response:
    """Tell the browser what the board's pages never do."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def init_app(app: Flask) -> None:
    """Guard every request of the app."""
    app.before_request(load_account)
    app.before_request(check_csrf)
    app.after_request(add_security_headers)
    app.add_template_global(csrf_token)


def _account_of_basic() -> Account:
    sent = request.authorization
    account = None
    if sent is not None and sent.type == "basic":
        account = check_login(sent.username or "", sent.password or "")
    return account or abort(401, "Name or password is wrong.")
