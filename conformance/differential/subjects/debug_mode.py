"""Debug mode: help that is only given there, and errors that pass through."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, json, jsonify, render_template, request, session
from werkzeug.exceptions import BadRequestKeyError
from werkzeug.routing import BaseConverter, RequestRedirect

from conformance.differential.ask import Ask, ask, field_part, form, multipart, post, post_json
from conformance.differential.place import TEMPLATES

app = Flask("debug_mode", template_folder=str(TEMPLATES))
app.debug = True
kept = Flask("kept", static_folder=None)
kept.debug = True
kept.config.update(PROPAGATE_EXCEPTIONS=False, TRAP_BAD_REQUEST_ERRORS=False)
untrapped = Flask("untrapped", static_folder=None)
untrapped.debug = True
untrapped.config.update(TRAP_BAD_REQUEST_ERRORS=False)
loading = Flask("loading", template_folder=str(TEMPLATES), static_folder=None)
loading.config.update(EXPLAIN_TEMPLATE_LOADING=True)
configured = Flask("configured", static_folder=None)
configured.config.update(DEBUG=True)


def fail(kind: str) -> Any:
    raise {"zero": ZeroDivisionError, "key": KeyError("k"), "type": TypeError("t")}[kind]


def upload() -> Any:
    return request.files["f"].read()


def key(where: str) -> Any:
    return {"args": request.args, "form": request.form, "values": request.values}[where]["k"]


def caught() -> Any:
    try:
        return request.args["missing"]
    except BadRequestKeyError as error:
        text = error.get_description()
        return {"show": error.show_exception, "text": text, "args": list(error.args)}


def html_caught() -> Any:
    try:
        return request.args["<b>"]
    except KeyError as error:
        return {"is": type(error).__name__, "key": error.args[0]}


def state() -> Any:
    return jsonify(
        debug=[app.debug, configured.debug, kept.debug],
        propagate=[a.config["PROPAGATE_EXCEPTIONS"] for a in (app, kept)],
        reload=[a.jinja_env.auto_reload for a in (app, kept, loading)],
        indent=json.dumps({"a": 1}),
    )


for _app in (app, kept, untrapped, configured):
    _app.add_url_rule("/fail/<kind>", "fail", fail)
    _app.add_url_rule("/upload", "upload", upload, methods=["POST"])
    _app.add_url_rule("/key/<where>", "key", key, methods=["GET", "POST"])
    _app.add_url_rule("/caught", "caught", caught)
    _app.add_url_rule("/html-caught", "html_caught", html_caught)
    _app.add_url_rule("/state", "state", state)
    _app.add_url_rule("/slash/", "slash", lambda: "slash", methods=["GET", "POST", "PUT", "DELETE"])
    _app.add_url_rule("/get-only/", "get_only", lambda: "get only")
    _app.add_url_rule("/json", "json", lambda: jsonify(request.get_json()), methods=["POST"])
    _app.add_url_rule("/pretty", "pretty", lambda: {"b": [1, {"a": 2}], "a": "x"})
    _app.add_url_rule("/session", "session", lambda: session.setdefault("a", 1))
    _app.add_url_rule("/none", "none", lambda: None)


class Moved(RequestRedirect):
    """A redirect that drops the body of a form, as Werkzeug's own did once."""

    code = 301


class MovingConverter(BaseConverter):
    """Sends every request on to the path with a slash."""

    def to_python(self, value: str) -> str:
        raise Moved(f"http://localhost/slash/?from={value}")


for _app in (app, kept):
    _app.url_map.converters["moving"] = MovingConverter
    _app.add_url_rule("/moved/<moving:x>", "moved", fail, methods=["GET", "POST", "PUT"])


@untrapped.errorhandler(KeyError)
def key_error(error: KeyError) -> str:
    return f"handler {type(error).__name__}"


@app.errorhandler(404)
def not_found(error: Any) -> tuple[str, int]:
    return "my 404", 404


@app.errorhandler(500)
def internal(error: Any) -> tuple[str, int]:
    return "my 500", 500


@app.errorhandler(TypeError)
def type_error(error: TypeError) -> tuple[str, int]:
    return f"my TypeError {len(str(error)) > 0}", 500


loading_blueprint = Blueprint("loading_blueprint", __name__, template_folder="nowhere")
loading.register_blueprint(loading_blueprint)
loading.add_url_rule("/hello", "hello", lambda: render_template("hello.html", name="x"))
loading.add_url_rule("/missing", "missing", lambda: render_template("missing.html"))


@app.route("/late")
def late() -> Any:
    """Try to set the app up after its first request."""
    attempts = {
        "route": lambda: app.add_url_rule("/late-rule", "late_rule", fail),
        "before": lambda: app.before_request(lambda: None),
        "error": lambda: app.register_error_handler(418, lambda e: ""),
        "blueprint": lambda: app.register_blueprint(Blueprint("late", __name__)),
        "filter": lambda: app.add_template_filter(lambda v: v, "late"),
        "first": lambda: hasattr(app, "before_first_request"),
        "teardown": lambda: app.teardown_appcontext(lambda e: None),
        "context": lambda: app.context_processor(dict),
        "shell": lambda: app.shell_context_processor(dict),
        "secret": lambda: setattr(app, "secret_key", "late"),
        "config": lambda: app.config.update(LATE=True),
    }
    told = {}
    for name, attempt in attempts.items():
        try:
            attempt()
            told[name] = "done"
        except Exception as error:  # noqa: BLE001  its type is the answer
            told[name] = type(error).__name__
    app.secret_key = None
    return told


APPS = {
    "main": app,
    "kept": kept,
    "untrapped": untrapped,
    "loading": loading,
    "configured": configured,
}

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REDIRECTED = ("http://localhost/slash/", "/slash", "POST", "url_for", "canonical URL")
MOVED = ("http://localhost/moved/x", "http://localhost/slash/?from=x", "canonical URL")
FILES = ("no file contents were transmitted", "multipart/form-data", '"name.txt"', '"f"')

REQUESTS: list[Ask] = [
    ask("state", "/state"),
    ask("configured state", "/fail/zero", app="configured"),
    *(ask(f"fail {kind}", f"/fail/{kind}") for kind in ("zero", "key", "type")),
    *(ask(f"kept fail {kind}", f"/fail/{kind}", app="kept") for kind in ("zero", "key")),
    ask("untrapped fail", "/fail/zero", app="untrapped"),
    ask("untrapped fail key", "/fail/key", app="untrapped"),
    ask("not found", "/nothing"),
    ask("wrong method", "/upload"),
    ask("none", "/none", says=("'none'", "None", "did not return a valid response")),
    ask("session without a key", "/session", says=("secret_key", "secret key", "SECRET_KEY")),
    *(ask(f"slash {method}", "/slash?a=1", method) for method in ("GET", "HEAD", "OPTIONS")),
    *(post(f"slash {method}", "/slash?a=1", b"a=1", method=method, headers=FORM, says=REDIRECTED) for method in ("POST", "PUT", "DELETE", "PATCH")),
    post("slash of get only", "/get-only", b"a=1", headers=FORM, says=REDIRECTED),
    post("double slash", "//slash/", b"a=1", headers=FORM, says=REDIRECTED),
    ask("moved", "/moved/x"),
    *(post(f"moved {method}", "/moved/x", b"a=1", method=method, headers=FORM, says=MOVED) for method in ("POST", "PUT")),
    post("kept moved", "/moved/x", b"a=1", headers=FORM, app="kept", says=MOVED),
    post("kept slash", "/slash", b"a=1", headers=FORM, app="kept", says=REDIRECTED),
    form("upload without enctype", "/upload", b"f=name.txt", says=FILES),
    form("upload of another field", "/upload", b"g=name.txt", says=FILES),
    form("kept upload without enctype", "/upload", b"f=name.txt", app="kept", says=FILES),
    form("untrapped upload without enctype", "/upload", b"f=name.txt", app="untrapped", says=FILES),
    multipart("upload as a field", "/upload", field_part("f", b"name.txt"), says=FILES),
    multipart("upload missing", "/upload", field_part("g", b"1"), says=FILES),
    *(form(f"key {where}", f"/key/{where}", b"x=1", says=("KeyError: 'k'", "browser (or proxy)")) for where in ("args", "form", "values")),
    *(form(f"kept key {where}", f"/key/{where}", b"x=1", app="kept") for where in ("args", "form", "values")),
    *(form(f"untrapped key {where}", f"/key/{where}", b"x=1", app="untrapped") for where in ("args", "form")),
    ask("caught", "/caught"),
    ask("html caught", "/html-caught"),
    ask("kept html", "/key/args?<b>", app="kept"),
    post_json("json broken", "/json", b"{", says=("Failed to decode JSON object", "Expecting property name")),
    post("json type", "/json", b"{}", headers={"Content-Type": "text/plain"}, says=("Content-Type", "application/json")),
    post_json("kept json broken", "/json", b"{", app="kept"),
    ask("pretty", "/pretty"),
    ask("late", "/late"),
    ask("loading", "/hello", app="loading"),
    ask("loading missing", "/missing", app="loading"),
]  # fmt: skip
