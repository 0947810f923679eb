"""Blueprints: nested, registered twice, with prefixes, files and templates of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, abort, g, render_template, request, url_for
from werkzeug.exceptions import NotFound

from conformance.differential.ask import Ask, ask
from conformance.differential.place import FIXTURE, TEMPLATES

app = Flask("blueprints", template_folder=str(TEMPLATES), static_folder=None)


def tell(**arguments: Any) -> dict[str, Any]:
    """Answer with where the request has come to."""
    return {
        "endpoint": request.endpoint,
        "blueprint": request.blueprint,
        "blueprints": request.blueprints,
        "args": arguments,
        "relative": url_for(".index"),
        "values": getattr(g, "values", None),
        "trail": getattr(g, "trail", []),
    }


def trailing(name: str) -> Callable[[], None]:
    """Make a before-request hook that leaves a name."""

    def before() -> None:
        g.setdefault("trail", []).append(name)

    return before


def marking(name: str) -> Callable[[Any], Any]:
    """Make an after-request hook that leaves a name in a header."""

    def after(response: Any) -> Any:
        response.headers.add("X-After", name)
        return response

    return after


def hooked(name: str, **options: Any) -> Blueprint:
    """Make a blueprint with an index and a hook of every kind."""
    blueprint = Blueprint(name, __name__, **options)
    blueprint.add_url_rule("/", "index", tell)
    blueprint.add_url_rule("/page/<int:number>", "page", tell)
    blueprint.before_request(trailing(name))
    blueprint.after_request(marking(name))
    blueprint.before_app_request(trailing(f"app by {name}"))
    blueprint.after_app_request(marking(f"app by {name}"))
    return blueprint


parent = hooked("parent", url_prefix="/parent")
child = hooked("child", url_prefix="/child")
grandchild = hooked("grandchild")
bare = hooked("bare")
files = Blueprint(
    "files",
    __name__,
    url_prefix="/files",
    static_folder=str(FIXTURE / "blueprint_static"),
    static_url_path="/assets",
    template_folder=str(FIXTURE / "blueprint_templates"),
)
lang = Blueprint("lang", __name__, url_prefix="/<lang>")
defaulted = Blueprint("defaulted", __name__, url_defaults={"kind": "plain"})
recorded = Blueprint("recorded", __name__, url_prefix="/recorded")


@lang.url_value_preprocessor
def pull_lang(endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.lang = (values or {}).pop("lang", None)
    g.values = [endpoint, sorted(values or {})]


@lang.url_defaults
def add_lang(endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("lang", g.get("lang", "xx"))


@lang.route("/about")
@lang.route("/about/<name>")
def about(name: str = "") -> dict[str, Any]:
    return {"lang": g.lang, "name": name, "url": url_for(".about", name="n"), "values": g.values}


@lang.app_url_value_preprocessor
def count_values(endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.preprocessed = g.get("preprocessed", 0) + 1


@defaulted.route("/defaulted", defaults={"n": 1})
@defaulted.route("/defaulted/<int:n>")
def with_defaults(**arguments: Any) -> dict[str, Any]:
    return arguments


@files.route("/template/<name>")
def template(name: str) -> str:
    return render_template(f"site/{name}.html")


@files.route("/url")
def file_url() -> dict[str, str]:
    return {
        "own": url_for(".static", filename="a.txt"),
        "full": url_for("files.static", filename="b"),
    }


@recorded.record
def on_record(state: Any) -> None:
    state.app.config["RECORDED"] = [state.url_prefix, state.first_registration, state.options]
    state.add_url_rule("/from-record", "from_record", tell_recorded)


@recorded.record_once
def on_first(state: Any) -> None:
    state.app.config["RECORDED_ONCE"] = state.app.config.get("RECORDED_ONCE", 0) + 1


def tell_recorded() -> dict[str, Any]:
    return {"recorded": app.config["RECORDED"], "once": app.config["RECORDED_ONCE"]}


@parent.errorhandler(404)
def parent_404(error: NotFound) -> tuple[str, int]:
    return f"parent's 404: {error.description[:20] if error.description else ''}", 404


@child.errorhandler(ValueError)
def child_value(error: ValueError) -> tuple[str, int]:
    return "child's ValueError", 400


@parent.errorhandler(LookupError)
def parent_lookup(error: LookupError) -> tuple[str, int]:
    return "parent's LookupError", 400


@grandchild.app_errorhandler(410)
def gone(error: Exception) -> tuple[str, int]:
    return "gone, says the grandchild for all", 410


@child.route("/error/<name>")
@grandchild.route("/error/<name>", endpoint="error")
@bare.route("/error/<name>", endpoint="error")
def error(name: str) -> str:
    if name.isdigit():
        abort(int(name))
    raise {"value": ValueError, "key": KeyError, "index": IndexError}[name]


@app.errorhandler(Exception)
def app_any(error: Exception) -> tuple[str, int]:
    return f"app's {type(error).__name__}", getattr(error, "code", 500) or 500


app.before_request(trailing("app"))
app.after_request(marking("app"))
app.add_url_rule("/", "index", tell)

child.register_blueprint(grandchild, url_prefix="/grandchild")
parent.register_blueprint(child)
parent.register_blueprint(child, url_prefix="/second", name="second")
app.register_blueprint(parent)
app.register_blueprint(bare, url_prefix="/bare/")
app.register_blueprint(bare, url_prefix="/again", name="again", url_defaults={"added": "yes"})
app.register_blueprint(files)
app.register_blueprint(lang)
app.register_blueprint(defaulted, url_prefix="/d", url_defaults={"more": True})
app.register_blueprint(recorded, url_prefix="/recorded-here", extra="option")


@app.route("/structure")
def structure() -> dict[str, Any]:
    return {
        "names": list(app.blueprints),
        "endpoints": sorted(r.endpoint for r in app.url_map.iter_rules()),
        "rules": sorted(f"{r.rule} {sorted(r.methods or ())}" for r in app.url_map.iter_rules()),
        "iter": [b.name for b in app.iter_blueprints()],
    }


@app.route("/refused/<name>")
def refused(name: str) -> dict[str, Any]:
    def twice() -> None:
        fresh = Flask("fresh")
        fresh.register_blueprint(Blueprint("a", __name__))
        fresh.register_blueprint(Blueprint("a", __name__))

    attempts: dict[str, Callable[[], object]] = {
        "dotted": lambda: Blueprint("a.b", __name__),
        "empty": lambda: Blueprint("", __name__),
        "dotted-endpoint": lambda: Blueprint("a", __name__).add_url_rule("/", endpoint="a.b"),
        "dotted-view": lambda: Blueprint("a", __name__).add_url_rule(
            "/", view_func=type("v", (), {"__name__": "a.b", "__call__": lambda s: ""})()
        ),
        "twice": twice,
        "self": lambda: (lambda b: b.register_blueprint(b))(Blueprint("b", __name__)),
        "late-rule": lambda: parent.add_url_rule("/late", "late", tell),
        "late-hook": lambda: parent.before_request(trailing("late")),
        "late-app-rule": lambda: app.add_url_rule("/late", "late", tell),
        "late-app-blueprint": lambda: app.register_blueprint(Blueprint("late", __name__)),
        "no-slash": lambda: Flask("x").add_url_rule("no-slash", "e", tell),
        "same-endpoint": lambda: (
            Flask("x", static_folder=None).add_url_rule("/", "e", tell)
            or app.add_url_rule("/other", "index", refused)
        ),
        "methods-text": lambda: Flask("x").add_url_rule("/", "e", tell, methods="GET"),
    }
    try:
        attempts[name]()
    except Exception as raised:  # noqa: BLE001  its type is the answer
        return {"raised": type(raised).__name__}
    return {"raised": None}


APPS = {"main": app}

PATHS = """
/ /parent/ /parent /parent/page/3 /parent/page/x /parent/nothing /parent/child/ /parent/child
/parent/child/page/1 /parent/child/grandchild/ /parent/child/grandchild/page/2 /parent/second/
/parent/second/grandchild/ /parent/child/error/value /parent/child/error/key
/parent/child/grandchild/error/value /parent/child/grandchild/error/index
/parent/child/grandchild/error/404 /parent/child/error/404 /parent/child/error/410
/parent/second/error/value /parent/second/grandchild/error/key
/bare/ /bare /bare/error/value /bare/error/404 /bare/error/410 /bare/error/500 /again/ /again/page/4
/files/assets/a.txt /files/assets/missing.txt /files/assets/../a.txt /files/template/own
/files/template/shared /files/template/missing /files/url /de/about /de/about/x /de/nothing
/d/defaulted /d/defaulted/1 /d/defaulted/5 /recorded-here/from-record /structure /nothing
""".split()

REQUESTS: list[Ask] = [
    *(ask(path, path) for path in PATHS),
    ask("post to parent", "/parent/", "POST"),
    *(
        ask(f"refused {name}", f"/refused/{name}")
        for name in (
            "dotted", "empty", "dotted-endpoint", "dotted-view", "twice", "self", "late-rule",
            "late-hook", "late-app-rule", "late-app-blueprint", "no-slash", "same-endpoint",
            "methods-text",
        )
    ),
]  # fmt: skip
