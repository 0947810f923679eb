"""What is current is read from one variable, and its absence is explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kolben import Flask
from kolben.core import current

READERS: dict[str, Callable[[], Any]] = {
    "current_app": current.the_app,
    "g": current.the_g,
    "request": current.the_request,
    "session": current.the_session,
    "app_ctx": current.the_app_context,
    "request_ctx": current.the_request_context,
}


@pytest.mark.parametrize("name", READERS)
def test_outside_it_is_said_what_is_missing_and_what_to_write(name: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        READERS[name]()
    said = str(caught.value)
    assert "Working outside of" in said
    assert "with app." in said
    assert f"'{name}'" in said


@pytest.mark.parametrize("name", ["request", "session", "request_ctx"])
def test_in_an_app_context_the_request_is_missing(name: str) -> None:
    with (
        Flask(__name__).app_context(),
        pytest.raises(RuntimeError, match="request context") as caught,
    ):
        READERS[name]()
    assert "test_request_context" in str(caught.value)


def test_outside_of_a_websocket_it_is_said_what_to_write() -> None:
    with (
        Flask(__name__).test_request_context(),
        pytest.raises(RuntimeError, match="Working outside of a WebSocket") as caught,
    ):
        current.the_websocket()
    assert '@app.websocket("/the/path")' in str(caught.value)
    with pytest.raises(RuntimeError, match="Working outside of a WebSocket"):
        current.the_websocket()


def test_inside_of_a_websocket_it_is_there() -> None:
    one: Any = object()
    with Flask(__name__).test_request_context() as context:
        context.websocket = one
        assert current.the_websocket() is one


def test_a_context_may_be_asked_for_without_a_name() -> None:
    with pytest.raises(RuntimeError) as caught:
        current.the_context()
    assert "What was used" not in str(caught.value)


def test_inside_everything_is_there() -> None:
    app = Flask(__name__)
    with app.test_request_context("/x") as context:
        assert current.the_app() is app
        assert current.the_g() is context.g
        assert current.the_request() is context.request
        assert current.the_session() is context._session
        assert current.the_app_context() is context
        assert current.the_request_context() is context
        assert current.the_context() is context
        assert (current.has_app(), current.has_request()) == (True, True)
    assert (current.has_app(), current.has_request()) == (False, False)


def test_an_app_context_has_no_request() -> None:
    with Flask(__name__).app_context():
        assert (current.has_app(), current.has_request()) == (True, False)
