"""What debug mode explains."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader, TemplateNotFound
from werkzeug.routing import RequestRedirect

from kolben import Blueprint, Flask, render_template, request
from kolben.debughelpers import DebugFilesKeyError, FormDataRoutingRedirect, UnexpectedUnicodeError


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    app = Flask("explained", root_path=os.fspath(tmp_path))
    app.config.update(TESTING=True, DEBUG=True)
    return app


# Forms


@pytest.fixture
def upload(app: Flask) -> Any:
    @app.post("/")
    def index() -> str:
        return request.files["photo"].filename or ""

    return app.test_client().post


def test_a_file_sent_without_multipart_is_explained(upload: Any) -> None:
    with pytest.raises(DebugFilesKeyError) as raised:
        upload("/", data={"photo": "me.png"})
    text = str(raised.value)
    assert "'photo' in request.files" in text
    assert 'enctype="multipart/form-data"' in text
    assert "no file contents were transmitted" in text
    assert "This was submitted: 'me.png'" in text


def test_the_explanation_is_still_a_key_error(upload: Any) -> None:
    with pytest.raises(KeyError):
        upload("/", data={"photo": "me.png"})


def test_a_file_that_nobody_sent_is_a_400(app: Flask, upload: Any) -> None:
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False
    assert upload("/", data={"other": "me.png"}).status_code == 400


def test_a_form_with_files_is_left_alone(upload: Any) -> None:
    assert upload("/", data={"photo": (__file__,)}).text == __file__


def test_without_debug_mode_a_missing_file_is_a_400(app: Flask, upload: Any) -> None:
    app.debug = False
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False
    assert upload("/", data={"photo": "me.png"}).status_code == 400


# Redirects


@pytest.fixture
def form(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(RequestRedirect, "code", 301)
    app.add_url_rule("/user/", "user", lambda: request.form["name"], methods=["GET", "POST"])
    return app.test_client()


def test_a_redirect_that_would_lose_a_form_is_explained(form: Any) -> None:
    with pytest.raises(FormDataRoutingRedirect) as raised:
        form.post("/user?a=1", data={"name": "zoe"})
    text = str(raised.value)
    assert "POST request was sent to 'http://localhost/user?a=1'" in text
    assert "canonical URL 'http://localhost/user/?a=1'" in text
    assert "status 301" in text
    assert "ends with a slash" in text


def test_another_redirect_names_the_canonical_url(app: Flask, form: Any) -> None:
    app.add_url_rule("/old", "old", redirect_to="/new", methods=["POST"])
    with pytest.raises(FormDataRoutingRedirect, match=r"Send the request to the canonical URL"):
        form.post("/old", data={"name": "zoe"})


def test_a_redirect_without_a_form_is_sent(form: Any) -> None:
    assert form.get("/user").status_code == 301


def test_without_debug_mode_the_redirect_is_sent(app: Flask, form: Any) -> None:
    app.debug = False
    assert form.post("/user", data={"name": "zoe"}).status_code == 301


def test_errors_of_unicode_are_errors_of_the_programmer() -> None:
    assert issubclass(UnexpectedUnicodeError, AssertionError)
    assert issubclass(UnexpectedUnicodeError, UnicodeError)


# Templates


@pytest.fixture
def lines(app: Flask, tmp_path: Path) -> Iterator[list[str]]:
    """Collect what is logged while templates are looked for."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.html").write_text("A")

    class Quoting(DictLoader):
        def __init__(self, mapping: dict[str, str]) -> None:
            super().__init__(mapping)
            self.quotes, self._private = True, 1

    class Own(Blueprint):
        jinja_loader = Quoting({"q": "Q"})  # type: ignore[assignment]  # as users do

    folder = os.fspath(tmp_path)
    app.register_blueprint(Blueprint("news", "site.news", "templates", root_path=folder))
    same = Blueprint("same", "site.same", template_folder="templates", root_path=folder)
    for blueprint in (same, Own("own", "site.own", root_path=folder)):
        app.register_blueprint(blueprint)
    app.config["EXPLAIN_TEMPLATE_LOADING"] = True
    collected: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: collected.extend(record.getMessage().splitlines())  # type: ignore[method-assign]
    app.logger.addHandler(handler)
    yield collected
    app.logger.removeHandler(handler)


def test_a_template_found_twice_is_warned_of(app: Flask, lines: list[str], tmp_path: Path) -> None:
    with app.test_request_context():
        assert render_template("a.html") == "A"
    folder = tmp_path / "templates"
    assert lines == [
        "Locating template 'a.html':",
        "    1: trying loader of application 'explained'",
        "       class: jinja2.loaders.FileSystemLoader",
        "       encoding: 'utf-8'",
        "       followlinks: False",
        "       searchpath:",
        f"         - {folder}",
        f"       -> found ('{folder}/a.html')",
        "    2: trying loader of blueprint 'same' (site.same)",
        "       class: jinja2.loaders.FileSystemLoader",
        "       encoding: 'utf-8'",
        "       followlinks: False",
        "       searchpath:",
        f"         - {folder}",
        f"       -> found ('{folder}/a.html')",
        "    3: trying loader of blueprint 'own' (site.own)",
        f"       class: {__name__}.Quoting",
        "       quotes: True",
        "       -> no match",
        "Warning: multiple loaders returned a match for the template; the first wins.",
    ]


def test_a_template_without_a_file_is_found_in_a_string(app: Flask, lines: list[str]) -> None:
    with app.test_request_context():
        assert render_template("q") == "Q"
    assert lines[-1] == "       -> found ('<string>')"


def test_a_template_that_is_missing_is_an_error(app: Flask, lines: list[str]) -> None:
    with app.test_request_context(), pytest.raises(TemplateNotFound):
        render_template("missing.html")
    assert lines[-1] == "Error: the template could not be found."


def test_a_template_that_is_missing_in_a_blueprint_has_a_hint(app: Flask, lines: list[str]) -> None:
    paper = Blueprint("paper", __name__)
    paper.add_url_rule("/paper", view_func=lambda: render_template("missing.html"), endpoint="p")
    app.register_blueprint(paper)
    with pytest.raises(TemplateNotFound):
        app.test_client().get("/paper")
    hint = "\n".join(lines[lines.index("Error: the template could not be found.") :])
    assert "from an endpoint that belongs to the blueprint 'paper'" in hint
    assert "template_folder" in hint
