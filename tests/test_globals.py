"""What is current under the names that extensions know: the proxies, and Flask's two variables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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


@pytest.mark.parametrize("variable", [_cv_app, _cv_request], ids=["the app's", "the request's"])
def test_a_context_that_is_set_in_a_variable_is_current_until_it_is_reset(
    app: Flask, variable: Any
) -> None:
    context = app.test_request_context("/set")
    token = variable.set(context)
    assert "/set" == request.path
    assert variable.get() is app_ctx._get_current_object() is context
    variable.reset(token)
    assert variable.get(None) is None and not request


def test_an_apps_context_that_is_set_leaves_the_request_where_it_is(app: Flask) -> None:
    with app.test_request_context("/outer"):
        g.of = "the request"
        token = _cv_app.set(app.app_context())
        assert not hasattr(g, "of") and "/outer" == request.path
        _cv_app.reset(token)
        assert "the request" == g.of
        nothing = _cv_app.set(None)
        assert not current_app
        _cv_app.reset(nothing)
        assert current_app.name == app.name


def test_a_pushed_context_can_be_set_in_another_thread(app: Flask) -> None:
    def path_there(context: Any) -> str:
        token = _cv_request.set(context)
        try:
            return request.path
        finally:
            _cv_request.reset(token)

    with app.test_request_context("/pushed") as context, ThreadPoolExecutor(1) as pool:
        assert "/pushed" == pool.submit(path_there, context).result()


def test_contexts_have_a_token_for_each_push(app: Flask) -> None:
    context = app.app_context()
    assert [] == context._cv_tokens
    with context, context:
        assert 2 == len(context._cv_tokens)
        with app.test_request_context() as inside:
            assert [None] == [made for _, made in inside._cv_tokens]
    with app.test_request_context() as alone, alone:
        assert [alone, None] == [made for _, made in alone._cv_tokens]
    assert "'flask.app_ctx'" in repr(_cv_app)
