"""Error pages: HTML for people, JSON for programs."""

from __future__ import annotations

from flask import Flask, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException


def as_json(error: HTTPException) -> ResponseReturnValue:
    """Answer an error to a program: the API's caller or the hook's."""
    response = jsonify(error={"code": error.code, "name": error.name, "text": error.description})
    response.status_code = error.code or 500
    # What the error itself wants to say, as Allow for a 405.
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value
    return response


def as_page(error: HTTPException) -> ResponseReturnValue:
    """Answer an error that has no page of its own."""
    if _is_for_program():
        return as_json(error)
    return render_template("errors/any.html", error=error), error.code or 500


def not_found(error: HTTPException) -> ResponseReturnValue:
    """Answer 404: unknown addresses, and what was deleted or hidden."""
    if _is_for_program():
        return as_json(error)
    return render_template("errors/404.html"), 404


def failed(error: HTTPException) -> ResponseReturnValue:
    """Answer 500 with a page that needs no database: it may be what has failed."""
    if _is_for_program():
        return as_json(error)
    return render_template("errors/500.html", title=current_app.config["TITLE"]), 500


def init_app(app: Flask) -> None:
    """Answer every error of the app."""
    app.register_error_handler(HTTPException, as_page)
    app.register_error_handler(404, not_found)
    app.register_error_handler(500, failed)


def _is_for_program() -> bool:
    # An unknown address has no blueprint, so the blueprint's own handler never sees it.
    return request.path.startswith(("/api/", "/hooks/"))
