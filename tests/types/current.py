"""User code, typed: current_app, request, session and g."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from werkzeug.datastructures import FileStorage

from kolben import (
    Flask,
    current_app,
    flash,
    g,
    get_flashed_messages,
    has_request_context,
    request,
    session,
    url_for,
)
from kolben.config import Config

app = Flask("current", static_folder=None)
app.secret_key = "a key of the tests"
app.config["ANSWER"] = 42
app.config.from_mapping(DEBUG=False)
app.permanent_session_lifetime = timedelta(days=1)


@app.get("/request")
def reads_request() -> dict[str, Any]:
    word: str = request.args.get("word", "none")
    number: int = request.args.get("number", 0, type=int)
    many: list[str] = request.args.getlist("word")
    agent: str | None = request.headers.get("User-Agent")
    upload: FileStorage | None = request.files.get("upload")
    data: bytes = request.get_data()
    as_text: str = request.get_data(as_text=True)
    form: str | None = request.form.get("name")
    json: Any = request.get_json(silent=True)
    cookie: str | None = request.cookies.get("a")
    endpoint: str | None = request.endpoint
    blueprint: str | None = request.blueprint
    parts: list[str] = request.blueprints
    values: dict[str, Any] | None = request.view_args
    limit: int | None = request.max_content_length
    return {
        "found": [word, number, many, agent, upload, as_text, form, json, cookie],
        "where": [endpoint, blueprint, parts, values, limit, request.method, request.path],
        "bytes": len(data),
        "is_json": request.is_json,
    }


@app.get("/session")
def counts() -> dict[str, Any]:
    count: int = session.get("count", 0)
    session["count"] = count + 1
    session.permanent = True
    session.modified = True
    session.pop("other", None)
    flash("counted", "info")
    return {"count": session["count"], "flashed": get_flashed_messages(with_categories=True)}


@app.get("/g")
def uses_g() -> str:
    g.user = "Ada"
    name: str = g.user
    other: str = g.get("other", "nobody")
    assert "user" in g
    g.setdefault("more", [])
    return f"{name} {other} {has_request_context()}"


@app.get("/app")
def uses_app() -> dict[str, Any]:
    config: Config = current_app.config
    name: str = current_app.name
    current_app.logger.info("asked")
    return {
        "name": name,
        "answer": config["ANSWER"],
        "url": url_for("uses_app", _external=True),
        "debug": current_app.debug,
        "same": current_app == app,
    }


def asks() -> str:
    """Use the test client and the contexts."""
    with app.app_context(), app.test_request_context("/g"):
        assert request.path == "/g"
    client = app.test_client()
    answer = client.get("/g", headers={"X-Own": "z"})
    with client.session_transaction() as stored:
        stored["count"] = 5
    assert answer.status_code == 200
    result = app.test_cli_runner().invoke(args=["--help"])
    assert result.exit_code == 0
    text: str = answer.text
    return text
