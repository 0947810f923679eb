"""A context that a stream holds is torn down when the last stream lets it go, and once."""

from __future__ import annotations

from typing import Any

import pytest

from kolben import (
    Flask,
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    g,
    has_app_context,
    has_request_context,
)


def test_a_held_context_is_torn_down_when_it_is_released(app: Flask) -> None:
    ended: list[Any] = []
    app.teardown_request(lambda error: ended.append((has_request_context(), error)))
    with app.test_request_context() as context:
        first, last = context.hold(), context.hold()
    context.release(first)
    context.release(first)
    assert ended == []
    assert not has_app_context()
    error = ValueError()
    context.release(last, error)
    assert ended == [(True, error)]
    assert not has_app_context()


def test_what_a_request_failed_of_is_told_when_its_stream_has_ended(app: Flask) -> None:
    ended: list[Any] = []
    app.teardown_request(ended.append)
    error = ValueError()
    for_stream = ValueError()
    for of_stream, told in ((None, error), (for_stream, for_stream)):
        context = app.test_request_context()
        context.push()
        hold = context.hold()
        context.pop(error)
        context.release(hold, of_stream)
        assert ended.pop() is told
    with app.test_request_context() as again:
        again.release(again.hold())
    assert ended == [None]


def test_holds_are_dropped_where_no_stream_is_sent(app: Flask) -> None:
    ended: list[Any] = []
    app.teardown_request(ended.append)
    with app.test_request_context() as context:
        holds = context.hold(), context.hold()
        context.drop_holds()
        assert ended == []
    assert ended == [None]
    for hold in holds:
        context.release(hold)
    assert ended == [None]
    with app.test_request_context() as context:
        context.hold()
        context.hold()
    context.drop_holds()
    context.drop_holds()
    assert ended == [None, None]


def test_a_context_is_popped_when_it_has_been_torn_down(app: Flask) -> None:
    said: list[str] = []

    def tears_down(sender: Flask, exc: BaseException | None) -> None:
        said.append("torn down")

    def popped(sender: Flask) -> None:
        said.append(f"popped {has_app_context()}")

    with (
        appcontext_tearing_down.connected_to(tears_down, app),
        appcontext_popped.connected_to(popped, app),
    ):
        with app.test_request_context() as context:
            hold = context.hold()
        assert said == []
        context.release(hold)
    assert said == ["torn down", "popped False"]


@pytest.mark.parametrize("push", ["push", "served"])
def test_the_request_becomes_current_after_its_context_is_announced(app: Flask, push: str) -> None:
    said: list[Any] = []
    app.add_url_rule("/", "view", lambda: str(has_request_context()))

    def pushed(sender: Flask) -> None:
        said.append((has_app_context(), has_request_context(), g.get("x")))

    with appcontext_pushed.connected_to(pushed, app):
        if push == "served":
            assert app.test_client().get("/").text == "True"
        else:
            with app.test_request_context():
                assert has_request_context()
    assert said == [(True, False, None)]


def test_a_context_released_while_active_ends_when_it_is_popped(app: Flask) -> None:
    ended: list[Any] = []
    app.teardown_request(ended.append)
    with app.test_request_context() as context:
        context.release(context.hold())
        assert ended == []
    assert ended == [None]
