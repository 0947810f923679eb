"""Servers that ask `app.__call__` what an app speaks are told ASGI."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
from typing import Any

import pytest

from kolben import Flask
from tests.security.ways import make_environ


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.get("/")(lambda: "found")
    return app


def answer(call: Any) -> bytes:
    return b"".join(
        call(make_environ("/", headers=[("Host", "localhost")]), lambda status, headers: None)
    )


# Servers ask this one too; Python 3.14 deprecates it, and 3.16 takes it away.
@pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction':DeprecationWarning")
def test_servers_see_that_an_app_speaks_asgi(app: Flask) -> None:
    assert inspect.iscoroutinefunction(app.__call__)
    ask_asyncio = getattr(asyncio, "iscoroutinefunction", inspect.iscoroutinefunction)
    assert ask_asyncio(app.__call__)
    assert not inspect.iscoroutinefunction(Flask.__call__)
    names = list(inspect.signature(app).parameters)
    assert list(inspect.signature(app.__call__).parameters) == names


def test_the_attribute_answers_as_the_app(app: Flask) -> None:
    assert answer(app.__call__) == answer(app) == b"found"
    assert callable(app.__call__({"type": "lifespan"}))


def test_an_app_without_a_call_of_its_own_is_not_wrapped(app: Flask) -> None:
    assert app.engine.is_wrapped is False


def test_a_copy_has_a_sign_of_its_own(app: Flask) -> None:
    copied = copy.copy(app)
    del app
    assert answer(copied.__call__) == b"found"


def test_a_call_that_may_be_wsgi_only_is_not_signed() -> None:
    class Wrapped(Flask):
        def __call__(self, environ: Any, start_response: Any = None, send: Any = None) -> Any:
            environ["PATH_INFO"] = "/inner"
            return super().__call__(environ, start_response, send)

    app = Wrapped(__name__)
    app.get("/inner")(lambda: "inner")
    assert not inspect.iscoroutinefunction(app.__call__)
    assert app.engine.is_wrapped is True
    assert answer(app) == answer(app.__call__) == b"inner"


def test_what_is_left_of_an_app_that_is_gone_says_so() -> None:
    call = Flask(__name__).__call__
    gc.collect()  # on CPython it is gone already
    with pytest.raises(RuntimeError, match="Keep the app itself"):
        answer(call)


def test_its_asgi_entry_is_asgi_3_to_who_asks_its_call(app: Flask) -> None:
    """Uvicorn asks so; `uvicorn hello:app.asgi_app` runs in tests/server/test_async_servers.py."""
    assert inspect.iscoroutinefunction(app.asgi_app.__call__)
    assert ["scope", "receive", "send"] == list(inspect.signature(app.asgi_app).parameters)
    assert app.asgi_app == app.asgi_app != Flask("other").asgi_app
    assert {app.asgi_app} == {app.asgi_app}
    assert inspect.iscoroutinefunction(Flask.asgi_app)
    assert not app.engine.is_wrapped
