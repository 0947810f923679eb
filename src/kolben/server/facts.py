"""What a process that has loaded the app knows of it, for those that have not.

Rule: a secret never leaves its process; what is sent of it cannot be turned back.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.debug import DebuggedApplication
from werkzeug.middleware.proxy_fix import ProxyFix

from kolben.server.database_limits import ServerLimit, ask_servers
from kolben.server.pools import Pool, find_engines, find_pools
from kolben.server.sampling import memory_bytes
from kolben.typing import App

# Below so many bytes a key can be found by trying: NIST SP 800-131A asks for 112 bits.
SHORTEST_KEY = 16
# A key of fewer different characters is no random one.
FEWEST_CHARACTERS = 8
# How WSGI middleware calls what it stands around.
_INNER = ("app", "wsgi_app", "application", "below", "_app", "_wsgi_app")


@dataclass(frozen=True)
class Key:
    """The secret key, seen from outside.

    digest: alike for equal keys, while the salt is the same. weakness: what is wrong with it.
    """

    digest: str
    weakness: str = ""


@dataclass(frozen=True)
class Facts:
    """One process's account of the app.

    app: `module:name`. key: None without a secret key. memory_bytes: of the process; None where
    nothing tells. limits: what the database servers allow, where they were asked. warnings: what
    the process itself has to say. config: settings that the doctor judges.
    """

    app: str
    pid: int
    debug: bool
    key: Key | None
    pools: tuple[Pool, ...]
    limits: tuple[ServerLimit, ...]
    memory_bytes: int | None
    async_views: int
    middleware: tuple[str, ...]
    proxy_fix: dict[str, int] | None
    has_debugger: bool
    config: dict[str, Any]
    warnings: tuple[str, ...] = ()


def collect_facts(
    app: App, name: str, salt: bytes, *, ask: bool, warnings: tuple[str, ...] = ()
) -> Facts:
    """Collect what is known of a loaded app.

    salt: the same in all processes whose keys are to be compared. ask: whether to ask the database
    servers what they allow, for which each gets a connection.
    """
    around = list(_middleware(app))
    fix = next((layer for layer in around if isinstance(layer, ProxyFix)), None)
    return Facts(
        app=name,
        pid=os.getpid(),
        debug=bool(app.debug),
        key=describe_key(app.secret_key, salt),
        pools=tuple(find_pools(app)),
        limits=tuple(ask_servers(find_engines(app))) if ask else (),
        memory_bytes=memory_bytes(),
        async_views=sum(inspect.iscoroutinefunction(view) for view in app.view_functions.values()),
        middleware=tuple(type(layer).__name__ for layer in around),
        proxy_fix=None if fix is None else _trusted_by(fix),
        has_debugger=any(isinstance(layer, DebuggedApplication) for layer in around),
        config={
            "MAX_CONTENT_LENGTH": app.config["MAX_CONTENT_LENGTH"],
            "SECRET_KEY_FALLBACKS": isinstance(app.config["SECRET_KEY_FALLBACKS"], str | bytes),
            "SESSION_COOKIE_SECURE": bool(app.config["SESSION_COOKIE_SECURE"]),
            "TRUSTED_HOSTS": bool(app.config["TRUSTED_HOSTS"]),
        },
        warnings=warnings,
    )


def describe_key(key: Any, salt: bytes) -> Key | None:
    """Describe a secret key; None for no key at all."""
    if not key:
        return None
    data = key.encode() if isinstance(key, str) else bytes(key)
    digest = hmac.new(salt, data, hashlib.sha256).hexdigest()
    if len(data) < SHORTEST_KEY:
        return Key(digest, f"has {len(data)} bytes, which can be guessed")
    if len(set(data)) < FEWEST_CHARACTERS:
        return Key(digest, f"is made of {len(set(data))} different characters")
    return Key(digest)


def _trusted_by(fix: ProxyFix) -> dict[str, int]:
    return {name: getattr(fix, f"x_{name}") for name in ("for", "proto", "host", "port", "prefix")}


def _middleware(app: App) -> Iterator[Any]:
    """Give what stands around the app's own wsgi_app, from the outside in."""
    layer: Any = app.wsgi_app
    for _ in range(100):
        if hasattr(layer, "__func__") or layer is app:
            return
        yield layer
        attributes = getattr(layer, "__dict__", {})
        layer = next((attributes[name] for name in _INNER if name in attributes), app)
