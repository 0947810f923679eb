"""Flashed messages: from one request to the next, once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from kolben import Flask, flash, get_flashed_messages, message_flashed, session
from kolben.globals import request_ctx
from tests.wires import MakeClient


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "a key"
    return app


def test_a_message_is_shown_by_the_next_request_and_only_by_it(
    app: Flask, wire: MakeClient
) -> None:
    app.add_url_rule("/flash", "flash", lambda: flash("Saved") or "")
    app.add_url_rule("/show", "show", lambda: get_flashed_messages())
    client = wire(app)
    client.get("/flash")
    client.get("/flash")
    assert client.get("/show").json == ["Saved", "Saved"]
    assert client.get("/show").json == []


@pytest.mark.parametrize(
    ("with_categories", "category_filter", "expected"),
    [
        (False, (), ["one", "two", "three"]),
        (True, (), [("message", "one"), ("error", "two"), ("warning", "three")]),
        (False, ["error"], ["two"]),
        (False, ("error", "message"), ["one", "two"]),
        (True, {"warning"}, [("warning", "three")]),
        (False, ["nothing"], []),
    ],
)
def test_messages_are_given_with_and_by_category(
    app: Flask, with_categories: bool, category_filter: Iterable[str], expected: list[Any]
) -> None:
    with app.test_request_context():
        flash("one")
        flash("two", "error")
        flash("three", category="warning")
        for _ in range(2):  # again in the same request
            assert get_flashed_messages(with_categories, category_filter) == expected


def test_asking_takes_them_out_of_the_session(app: Flask) -> None:
    with app.test_request_context():
        flash("one")
        assert session["_flashes"] == [("message", "one")]
        get_flashed_messages()
        assert "_flashes" not in session
        flash("two")
        assert get_flashed_messages() == ["one"]


def test_asking_for_none_does_not_change_the_session(app: Flask) -> None:
    with app.test_request_context():
        assert get_flashed_messages() == []
        assert not request_ctx._session.modified
        assert request_ctx._session.accessed


def test_flashing_marks_the_session_as_modified_each_time(app: Flask) -> None:
    with app.test_request_context():
        flash("one")
        session.modified = False
        flash("two")
        assert session.modified


def test_a_signal_tells_of_each_message(app: Flask) -> None:
    heard: list[Any] = []

    def hear(sender: Flask, message: str, category: str) -> None:
        heard.append((sender, message, category))

    with app.test_request_context(), message_flashed.connected_to(hear, app):
        flash("one", "error")
    assert heard == [(app, "one", "error")]


@pytest.mark.parametrize("call", [lambda: flash("x"), get_flashed_messages])
def test_it_needs_a_request(app: Flask, call: Any) -> None:
    with app.app_context(), pytest.raises(RuntimeError, match="request context"):
        call()
