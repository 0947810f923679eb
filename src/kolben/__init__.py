"""The public names of Kolben, each loaded when it is first asked for.

`flask` is this very module (see kolben/drop_in.py), so it has what Flask 3.1 exports, and `Kolben`
as another name for `Flask`. Rule: importing it loads no part of the framework.
"""

from __future__ import annotations

import sys

from kolben import drop_in as _drop_in

# Type checkers know a constant of this name; importing typing costs more than all of this file.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from kolben import (
        app,
        blueprints,
        cli,
        config,
        ctx,
        globals,  # FLASK: the name of its module
        helpers,
        json,
        logging,
        sessions,
        signals,
        templating,
        typing,
        wrappers,
    )
    from kolben.app import Flask
    from kolben.app import Flask as Kolben
    from kolben.async_templating import render_template_async as render_template_async
    from kolben.async_templating import (
        render_template_string_async as render_template_string_async,
    )
    from kolben.async_templating import stream_template_async as stream_template_async
    from kolben.async_templating import (
        stream_template_string_async as stream_template_string_async,
    )
    from kolben.blueprints import Blueprint
    from kolben.config import Config
    from kolben.core.websocket import WebSocketClosed as WebSocketClosed
    from kolben.ctx import (
        after_this_request,
        copy_current_request_context,
        has_app_context,
        has_request_context,
    )
    from kolben.globals import current_app, g, request, session
    from kolben.globals import websocket as websocket
    from kolben.helpers import (
        abort,
        flash,
        get_flashed_messages,
        get_template_attribute,
        make_response,
        redirect,
        send_file,
        send_from_directory,
        stream_with_context,
        url_for,
    )
    from kolben.json import jsonify
    from kolben.server_sent_events import Event as Event
    from kolben.server_sent_events import last_event_id as last_event_id
    from kolben.server_sent_events import sse as sse
    from kolben.signals import (
        appcontext_popped,
        appcontext_pushed,
        appcontext_tearing_down,
        before_render_template,
        got_request_exception,
        message_flashed,
        request_finished,
        request_started,
        request_tearing_down,
        template_rendered,
    )
    from kolben.templating import (
        render_template,
        render_template_string,
        stream_template,
        stream_template_string,
    )
    from kolben.wrappers import Request, Response

    __version__: str

# Those of Flask, and Kolben: a star import must not bring more into an app written for Flask.
__all__ = [
    "Blueprint",
    "Config",
    "Flask",
    "Kolben",
    "Request",
    "Response",
    "abort",
    "after_this_request",
    "app",
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "blueprints",
    "cli",
    "config",
    "copy_current_request_context",
    "ctx",
    "current_app",
    "flash",
    "g",
    "get_flashed_messages",
    "get_template_attribute",
    "globals",
    "got_request_exception",
    "has_app_context",
    "has_request_context",
    "helpers",
    "json",
    "jsonify",
    "logging",
    "make_response",
    "message_flashed",
    "redirect",
    "render_template",
    "render_template_string",
    "request",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "send_file",
    "send_from_directory",
    "session",
    "sessions",
    "signals",
    "stream_template",
    "stream_template_string",
    "stream_with_context",
    "template_rendered",
    "templating",
    "typing",
    "url_for",
    "wrappers",
]

# FLASK: the modules that are there after a plain `import flask`.
_MODULES = (
    "app",
    "blueprints",
    "cli",
    "config",
    "ctx",
    "globals",
    "helpers",
    "json",
    "logging",
    "sessions",
    "signals",
    "templating",
    "typing",
    "wrappers",
)

# Names that Flask does not have.
_BEYOND_FLASK = (
    "Event",
    "WebSocketClosed",
    "last_event_id",
    "render_template_async",
    "render_template_string_async",
    "sse",
    "stream_template_async",
    "stream_template_string_async",
    "websocket",
)

_HOMES = {
    "Flask": "kolben.app",
    "render_template_async": "kolben.async_templating",
    "render_template_string_async": "kolben.async_templating",
    "stream_template_async": "kolben.async_templating",
    "stream_template_string_async": "kolben.async_templating",
    "Blueprint": "kolben.blueprints",
    "Config": "kolben.config",
    "after_this_request": "kolben.ctx",
    "copy_current_request_context": "kolben.ctx",
    "has_app_context": "kolben.ctx",
    "has_request_context": "kolben.ctx",
    "current_app": "kolben.globals",
    "g": "kolben.globals",
    "request": "kolben.globals",
    "session": "kolben.globals",
    "websocket": "kolben.globals",
    "WebSocketClosed": "kolben.core.websocket",
    "abort": "kolben.helpers",
    "flash": "kolben.helpers",
    "get_flashed_messages": "kolben.helpers",
    "get_template_attribute": "kolben.helpers",
    "make_response": "kolben.helpers",
    "redirect": "kolben.helpers",
    "send_file": "kolben.helpers",
    "send_from_directory": "kolben.helpers",
    "stream_with_context": "kolben.helpers",
    "url_for": "kolben.helpers",
    "jsonify": "kolben.json",
    "Event": "kolben.server_sent_events",
    "last_event_id": "kolben.server_sent_events",
    "sse": "kolben.server_sent_events",
    "appcontext_popped": "kolben.signals",
    "appcontext_pushed": "kolben.signals",
    "appcontext_tearing_down": "kolben.signals",
    "before_render_template": "kolben.signals",
    "got_request_exception": "kolben.signals",
    "message_flashed": "kolben.signals",
    "request_finished": "kolben.signals",
    "request_started": "kolben.signals",
    "request_tearing_down": "kolben.signals",
    "template_rendered": "kolben.signals",
    "render_template": "kolben.templating",
    "render_template_string": "kolben.templating",
    "stream_template": "kolben.templating",
    "stream_template_string": "kolben.templating",
    "Request": "kolben.wrappers",
    "Response": "kolben.wrappers",
    "Kolben": "kolben.app",
}

_here = sys.modules[__name__]
for _name in _HOMES:
    # A reload looks every name up afresh.
    _here.__dict__.pop(_name, None)

_drop_in.install()


if not TYPE_CHECKING:  # a checker that sees __getattr__ takes a misspelt name for a real one

    def __getattr__(name: str) -> object:
        """Load a public name or module, and keep it for the next time."""
        if name == "__version__":
            return _flask_version()
        if name in _HOMES:
            home = _load(_HOMES[name])
            value = home.Flask if name == "Kolben" else getattr(home, name)
        elif name in _MODULES:
            value = _load(f"kolben.{name}")
        elif name == "sansio" and _drop_in.is_installed():
            value = _load("flask.sansio")
        elif name in _drop_in.GONE:
            cure = _drop_in.explain_gone(name)
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}. {cure}", name=name
            )
        else:
            return _find_lent(name)
        setattr(_here, name, value)
        return value


def __dir__() -> list[str]:
    return sorted({*vars(_here), *__all__})


def _load(module: str) -> object:
    from importlib import import_module  # starts faster without it

    import_module("kolben.app")  # threads that begin at once wait here: see kolben/drop_in.py
    found = import_module(module)
    if _drop_in.is_installed():
        _drop_in.fire_import_hooks()
        _drop_in.lend_flask_names()
    return found


def _find_lent(name: str) -> object:
    from kolben.flask_names import find_name  # starts faster without it

    return find_name("kolben", name)


def _flask_version() -> str:
    import warnings  # starts faster without it

    from kolben.version import FLASK_VERSION  # starts faster without it

    # FLASK: deprecated there as well, and in these first words, which warning filters match.
    warnings.warn(
        "The '__version__' attribute is deprecated: it says whose behaviour Kolben keeps. Ask"
        " importlib.metadata.version('flask'), or look for the feature itself; Kolben's own version"
        " is importlib.metadata.version('kolben').",
        DeprecationWarning,
        stacklevel=3,
    )
    return FLASK_VERSION
