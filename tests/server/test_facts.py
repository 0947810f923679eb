"""What a process says of its app: of the key only what nobody can turn back."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from werkzeug.debug import DebuggedApplication
from werkzeug.middleware.proxy_fix import ProxyFix

from kolben import Flask
from kolben.server.facts import collect_facts, describe_key

GOOD = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"


class Layer:
    """Middleware as users write it."""

    def __init__(self, app: Any) -> None:
        self.wsgi_app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.wsgi_app(environ, start_response)


def test_keys_are_compared_and_not_shown() -> None:
    first, same, other = (describe_key(key, b"salt") for key in (GOOD, GOOD.encode(), GOOD + "x"))
    assert first == same
    assert first != other
    assert first != describe_key(GOOD, b"another salt")
    app = Flask("shop")
    app.secret_key = GOOD
    assert GOOD.encode() not in pickle.dumps(collect_facts(app, "shop:app", b"salt", ask=False))


@pytest.mark.parametrize(
    ("key", "weakness"),
    [
        ("dev", "has 3 bytes, which can be guessed"),
        (b"fifteen bytes 1", "has 15 bytes, which can be guessed"),
        ("abababababababababab", "is made of 2 different characters"),
        (GOOD[:16], ""),
    ],
)
def test_a_key_that_can_be_guessed_is_weak(key: Any, weakness: str) -> None:
    described = describe_key(key, b"salt")
    assert described is not None
    assert weakness == described.weakness


def test_without_a_key_there_is_nothing_to_describe() -> None:
    assert describe_key(None, b"salt") is None
    assert describe_key("", b"salt") is None


def test_middleware_is_listed_from_the_outside_in() -> None:
    app = Flask("shop")
    app.wsgi_app = ProxyFix(Layer(app.wsgi_app), x_for=2, x_host=1)  # type: ignore[method-assign]
    facts = collect_facts(app, "shop:app", b"", ask=False)
    assert ("ProxyFix", "Layer") == facts.middleware
    assert {"for": 2, "proto": 1, "host": 1, "port": 0, "prefix": 0} == facts.proxy_fix
    assert not facts.has_debugger
    app.wsgi_app = DebuggedApplication(app.wsgi_app)  # type: ignore[method-assign]
    assert collect_facts(app, "shop:app", b"", ask=False).has_debugger


def test_async_views_are_counted() -> None:
    app = Flask("shop")

    @app.get("/")
    async def index() -> str:
        return ""

    facts = collect_facts(app, "shop:app", b"", ask=False)
    assert (1, (), None, False) == (
        facts.async_views,
        facts.middleware,
        facts.proxy_fix,
        facts.has_debugger,
    )
    assert facts.memory_bytes is not None
    assert facts.memory_bytes > 1024**2
