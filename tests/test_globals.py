"""What is current under the names that extensions know: the proxies, and Flask's two variables."""

from __future__ import annotations

from typing import Any

import pytest

from kolben import Flask
from kolben.globals import (
    _cv_app,
    _cv_request,
    app_ctx,
    current_app,
    g,
    request,
    request_ctx,
    session,
)

PROXIES: dict[str, tuple[Any, str]] = {
    "current_app": (current_app, "name"),
    "g": (g, "anything"),
    "app_ctx": (app_ctx, "app"),
    "request": (request, "path"),
    "session": (session, "modified"),
    "request_ctx": (request_ctx, "request"),
}


@pytest.mark.parametrize(("proxy", "attribute"), PROXIES.values(), ids=PROXIES)
def test_a_name_without_a_context_says_what_is_missing(proxy: Any, attribute: str) -> None:
    with pytest.raises(RuntimeError, match="Working outside of"):
        getattr(proxy, attribute)


def test_the_names_stand_for_what_is_current(app: Flask) -> None:
    app.secret_key = "k"
    with app.test_request_context("/path") as context:
        real = {name: proxy._get_current_object() for name, (proxy, _) in PROXIES.items()}
        assert real == {
            "current_app": app,
            "g": context.g,
            "app_ctx": context,
            "request": context.request,
            "session": context.session,
            "request_ctx": context,
        }


VARIABLES = {"the app's": (_cv_app, "flask.app_ctx"), "the request's": (_cv_request, "flask.req")}


@pytest.mark.parametrize(("variable", "name"), VARIABLES.values(), ids=VARIABLES)
def test_a_variable_outside_of_a_context_is_not_set(variable: Any, name: str) -> None:
    assert variable.name.startswith(name)
    assert variable.get(None) is None
    assert variable.get("default") == "default"
    with pytest.raises(LookupError):
        variable.get()


def test_in_an_apps_context_the_request_is_not_set(app: Flask) -> None:
    with app.app_context() as context:
        assert _cv_app.get() is _cv_app.get(None) is context
        assert _cv_request.get(None) is None
        with pytest.raises(LookupError):
            _cv_request.get()


def test_in_a_request_both_are_set(app: Flask) -> None:
    with app.test_request_context() as context:
        assert _cv_request.get() is context
        assert _cv_app.get().app is app
        assert _cv_app.get().g is g._get_current_object()


def test_the_app_variable_is_what_owns_g(app: Flask) -> None:
    with app.app_context() as outer:
        g.a = 1
        with app.test_request_context() as inner:
            assert _cv_app.get() is outer
            assert _cv_request.get() is inner
            with app.app_context() as fresh:
                assert _cv_app.get() is fresh
                assert _cv_request.get() is inner
                assert "a" not in g
