"""The names that users import stand for what is current, as Werkzeug's proxies do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.local import LocalProxy

from kolben import Flask, Request, current_app, g, request, session
from kolben.core import current
from kolben.core.proxies import app_ctx, request_ctx

PROXIES: dict[str, tuple[Any, Callable[[], Any]]] = {
    "current_app": (current_app, current.the_app),
    "g": (g, current.the_g),
    "request": (request, current.the_request),
    "session": (session, current.the_session),
    "app_ctx": (app_ctx, current.the_app_context),
    "request_ctx": (request_ctx, current.the_request_context),
}


def set_and_delete(proxy: Any) -> Any:
    proxy.an_attribute = 1
    value = proxy.an_attribute
    del proxy.an_attribute
    return value, hasattr(proxy, "an_attribute")


def use_as_mapping(proxy: Any) -> Any:
    proxy["key"] = 1
    seen = (proxy["key"], "key" in proxy, "other" in proxy, len(proxy), list(proxy))
    del proxy["key"]
    return seen


USES: dict[str, Callable[[Any], Any]] = {
    "bool": bool,
    "class": lambda proxy: proxy.__class__,
    "type": lambda proxy: isinstance(proxy, Request),
    "doc": lambda proxy: bool(proxy.__doc__),
    "repr": lambda proxy: repr(proxy).partition(" ")[0],
    "str": lambda proxy: str(proxy).partition(" ")[0],
    "dir": lambda proxy: len(dir(proxy)),
    "hash": hash,
    "equal": lambda proxy: proxy == proxy._get_current_object(),
    "object": lambda proxy: id(proxy._get_current_object()),
    "attribute": lambda proxy: proxy.no_such_attribute,
    "hasattr": lambda proxy: hasattr(proxy, "no_such_attribute"),
    "dict": lambda proxy: sorted(proxy.__dict__),
    "set and delete": set_and_delete,
    "mapping": use_as_mapping,
    "contains": lambda proxy: "x" in proxy,
    "iter": lambda proxy: list(iter(proxy)),
    "call": lambda proxy: proxy(),
    "copy": lambda proxy: type(copy.copy(proxy)),
}


def outcome(use: Callable[[Any], Any], proxy: Any) -> Any:
    try:
        return use(proxy)
    except Exception as error:  # noqa: BLE001  # whatever it is, both raise it
        return type(error)


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_each_use_is_as_through_werkzeugs_proxy(use: Callable[[Any], Any], name: str) -> None:
    ours, read = PROXIES[name]
    theirs = LocalProxy(read)
    app = Flask(__name__)
    app.secret_key = "k"
    with app.test_request_context("/path?a=b"):
        assert outcome(use, ours) == outcome(use, theirs)


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize("use", sorted(USES.keys() - {"class", "dir", "doc", "repr", "iter"}))
def test_outside_of_a_context_too(use: str, name: str) -> None:
    ours, read = PROXIES[name]
    assert outcome(USES[use], ours) == outcome(USES[use], LocalProxy(read))


@pytest.mark.parametrize("name", PROXIES)
def test_outside_it_shows_itself_and_raises_the_cure(name: str) -> None:
    proxy, _ = PROXIES[name]
    assert "unbound" in repr(proxy)
    assert isinstance(proxy, LocalProxy)
    assert proxy.__doc__
    with pytest.raises(RuntimeError, match="Working outside"):
        iter(proxy).__next__()


def test_each_stands_for_its_object() -> None:
    app = Flask(__name__)
    app.secret_key = "k"
    with app.test_request_context("/path") as context:
        assert current_app._get_current_object() is app  # type: ignore[attr-defined]  # a proxy's
        assert request._get_current_object() is context.request  # type: ignore[attr-defined]  # same
        assert request.path == "/path"
        session["a"] = 1
        assert context.session["a"] == 1
        g.b = 2
        assert context.g.b == 2
        assert app_ctx.g is context.g
        assert request_ctx.request is context.request


def test_outside_they_are_false() -> None:
    assert [bool(proxy) for proxy in (current_app, g, request, session, app_ctx)] == [False] * 5
