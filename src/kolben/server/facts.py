"""What a process that has loaded the app knows of it, for those that have not.

Rule: a secret never leaves its process; what is sent of it cannot be turned back.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.debug import DebuggedApplication
from werkzeug.middleware.proxy_fix import ProxyFix

from kolben.server.database_limits import ServerLimit, ask_servers
from kolben.server.looks import Looks
from kolben.server.pools import Pool, find_engines, find_pools
from kolben.server.sampling import memory_bytes
from kolben.server.shared_metrics import shared_folder
from kolben.server.socket_facts import NO_SOCKETS, Sockets, find_sockets
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
    the process itself has to say. config: settings that the doctor judges. left_out: a line for
    each look at the app that failed. metrics_folder: in which prometheus-client shares the app's
    metrics.
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
    left_out: tuple[str, ...] = ()
    lazy_drop_ins: tuple[str, ...] = ()
    sockets: Sockets = NO_SOCKETS
    metrics_folder: str | None = None


def collect_facts(
    app: App, name: str, salt: bytes, *, ask: bool, warnings: tuple[str, ...] = ()
) -> Facts:
    """Collect what is known of a loaded app. Raises nothing, whatever the app's code does.

    salt: the same in all processes whose keys are to be compared. ask: whether to ask the database
    servers what they allow, for which each gets a connection.
    """
    looks = Looks(app)
    layers = looks.at("Middleware of the app", lambda: _describe_middleware(app), NO_LAYERS, "it")
    return Facts(
        app=name,
        pid=os.getpid(),
        debug=looks.at("The debug mode", lambda: bool(app.debug), False, "whether it is on"),
        key=looks.at("The secret key", lambda: describe_key(app.secret_key, salt), None, "it"),
        pools=tuple(find_pools(looks)),
        limits=tuple(ask_servers(looks, find_engines(looks))) if ask else (),
        memory_bytes=memory_bytes(),
        async_views=looks.at("A view", lambda: _count_async_views(app), 0, "the async views"),
        middleware=layers.names,
        proxy_fix=layers.proxy_fix,
        has_debugger=layers.has_debugger,
        config=_describe_config(looks),
        warnings=warnings,
        sockets=find_sockets(looks),
        metrics_folder=shared_folder(),
        left_out=tuple(looks.failed),
        lazy_drop_ins=find_lazy_drop_ins(),
    )


def find_lazy_drop_ins() -> tuple[str, ...]:
    """Return the files that import `kolben.drop_in` lazily and have not used it; Python 3.15.

    Where Kolben is not loaded by something else, `import flask` is the real Flask there.
    """
    lazy_import = getattr(types, "LazyImportType", ())
    namespaces = [
        vars(module) for module in list(sys.modules.values()) if hasattr(module, "__dict__")
    ]
    return tuple(
        sorted(
            str(names.get("__file__"))
            for names in namespaces
            if isinstance(names.get("kolben"), lazy_import)
        )
    )


def describe_key(key: Any, salt: bytes) -> Key | None:
    """Describe a secret key; None for no key at all."""
    if not key:
        return None
    if not isinstance(key, str | bytes | bytearray):
        return Key("", f"is of the type {type(key).__name__}, which signs nothing")
    data = key.encode() if isinstance(key, str) else bytes(key)
    digest = hmac.new(salt, data, hashlib.sha256).hexdigest()
    if len(data) < SHORTEST_KEY:
        return Key(digest, f"has {len(data)} bytes, which can be guessed")
    if len(set(data)) < FEWEST_CHARACTERS:
        return Key(digest, f"is made of {len(set(data))} different characters")
    return Key(digest)


def _count_async_views(app: App) -> int:
    return sum(inspect.iscoroutinefunction(view) for view in app.view_functions.values())


def _describe_config(looks: Looks) -> dict[str, Any]:
    """Return the settings that the doctor judges; one that cannot be read gets no warning."""
    read: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "MAX_CONTENT_LENGTH": (lambda most: None if most is None else int(most), 0),
        "SECRET_KEY_FALLBACKS": (lambda keys: isinstance(keys, str | bytes), False),
        "SESSION_COOKIE_SECURE": (bool, True),
        "TRUSTED_HOSTS": (bool, True),
    }
    return {
        name: looks.at(
            f"The setting {name}",
            lambda name=name, convert=convert: convert(looks.app.config.get(name)),  # type: ignore[misc]  # mypy infers no type of a lambda with defaults
            instead,
            "whether it is right",
        )
        for name, (convert, instead) in read.items()
    }


@dataclass(frozen=True)
class _Layers:
    """What stands around an app's own wsgi_app, from the outside in."""

    names: tuple[str, ...] = ()
    proxy_fix: dict[str, int] | None = None
    has_debugger: bool = False


NO_LAYERS = _Layers()


def _describe_middleware(app: App) -> _Layers:
    around = list(_middleware(app))
    fix = next((layer for layer in around if isinstance(layer, ProxyFix)), None)
    return _Layers(
        tuple(type(layer).__name__ for layer in around),
        None if fix is None else _trusted_by(fix),
        any(isinstance(layer, DebuggedApplication) for layer in around),
    )


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
