"""Names that older Flasks had in their modules, and what to write instead."""

from __future__ import annotations

_MARKUPSAFE = "write `from markupsafe import {}`"
_WERKZEUG = "write `from werkzeug.utils import {}`"
_REQUEST_STACK = "write `from flask.globals import request_ctx`, or use `flask.g`"
_APP_STACK = "write `from flask.globals import app_ctx`, or use `flask.g`"
_ENCODER = (
    "derive a class from `flask.json.provider.DefaultJSONProvider`, and set it with"
    " `app.json = MyProvider(app)`"
)
_NO_ENV = "the setting `ENV` went with Flask 2.3: ask `app.debug`"
_STACKS = {"_request_ctx_stack": _REQUEST_STACK, "_app_ctx_stack": _APP_STACK}
_SIGNALS = "signals are always there: take the test out"

# Module of Kolben's -> name -> cure.
GONE: dict[str, dict[str, str]] = {
    "kolben.app": {
        **_STACKS,
        "Markup": _MARKUPSAFE.format("Markup"),
        "get_env": _NO_ENV,
        "locked_cached_property": _WERKZEUG.format("cached_property"),
        "JSONEncoder": _ENCODER,
        "JSONDecoder": _ENCODER,
    },
    "kolben.cli": {
        "get_env": _NO_ENV,
        "DispatchingApp": "the app is loaded before it is served: call `ScriptInfo.load_app()`",
        "call_factory": "write `flask.cli.find_best_app` or `find_app_by_string`",
    },
    "kolben.ctx": dict(_STACKS),
    "kolben.globals": {
        **_STACKS,
        "_find_app": "write `flask.current_app`",
        "_lookup_app_object": "write `flask.globals.app_ctx` and its attribute",
        "_lookup_req_object": "write `flask.globals.request_ctx` and its attribute",
        "_app_ctx_err_msg": "write `flask.globals._no_app_msg`",
        "_request_ctx_err_msg": "write `flask.globals._no_req_msg`",
    },
    "kolben.helpers": {
        **_STACKS,
        "safe_join": _WERKZEUG.format("safe_join"),
        "locked_cached_property": _WERKZEUG.format("cached_property"),
        "total_seconds": "call the method `total_seconds()` of the timedelta",
        "get_env": _NO_ENV,
        "is_ip": "write `ipaddress.ip_address`, which raises ValueError for anything else",
        "find_package": "write `from flask.sansio.scaffold import find_package`",
        "jsonify": "write `from flask import jsonify`",
        "_PackageBoundObject": "write `from flask.sansio.scaffold import Scaffold`",
        "_endpoint_from_view_func": (
            "write `from flask.sansio.scaffold import _endpoint_from_view_func`"
        ),
    },
    "kolben.json": {
        "JSONEncoder": _ENCODER,
        "JSONDecoder": _ENCODER,
        "htmlsafe_dumps": "write `from jinja2.utils import htmlsafe_json_dumps`",
        "htmlsafe_dump": "write `from jinja2.utils import htmlsafe_json_dumps`, and write its text",
        "tojson_filter": "write `from jinja2.utils import htmlsafe_json_dumps`",
        "detect_encoding": "`json.loads` of the standard library takes bytes in any UTF",
    },
    "kolben.scaffold": {"locked_cached_property": _WERKZEUG.format("cached_property")},
    "kolben.sessions": {
        "total_seconds": "call the method `total_seconds()` of the timedelta",
    },
    "kolben.signals": {"signals_available": _SIGNALS},
    "kolben.templating": dict(_STACKS),
    "kolben.testing": {
        "make_test_environ_builder": "write `flask.testing.EnvironBuilder(app, ...)`",
        "_request_ctx_stack": _REQUEST_STACK,
    },
    "kolben.views": {
        "MethodViewType": "derive from `flask.views.MethodView`: it needs no metaclass",
        "with_metaclass": "write `class MyView(MethodView, metaclass=...)`",
    },
    "kolben.wrappers": {
        "JSONMixin": "`flask.Request` and `flask.Response` have `json` and `get_json()`",
    },
}


def explain_gone(module: str, name: str) -> str:
    """Say what became of a name that older Flasks had in a module; "" for any other name."""
    cure = GONE.get(module, {}).get(name)
    if cure is None:
        return ""
    asked = f"flask{module[6:]}.{name}"
    return f"Flask 3.1 has no {asked!r} any more, nor has Kolben in its place: {cure}."
