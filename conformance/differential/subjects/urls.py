"""url_for with every argument, where it is called from, and redirects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, json, redirect, request, url_for
from werkzeug.routing import BuildError

from conformance.differential.ask import Ask, ask

app = Flask("urls")
handled = Flask("handled", static_folder=None)
outside = Flask("outside", static_folder=None)
outside.config.update(
    SERVER_NAME="away.test:81", APPLICATION_ROOT="/app", PREFERRED_URL_SCHEME="https"
)
nameless = Flask("nameless", static_folder=None)
admin = Blueprint("admin", __name__, url_prefix="/admin")
deep = Blueprint("deep", __name__, url_prefix="/deep")


def none(**arguments: Any) -> str:
    return ""


#: Calls of url_for, by name.
BUILD: dict[str, Callable[[], Any]] = {
    "plain": lambda: url_for("index"),
    "argument": lambda: url_for("user", name="joe"),
    "argument-odd": lambda: url_for("user", name="a/b c?d#e&f=\u00fc%"),
    "argument-empty": lambda: url_for("user", name=""),
    "argument-int": lambda: url_for("user", name=5),
    "argument-none": lambda: url_for("user", name=None),
    "argument-bool": lambda: url_for("user", name=True),
    "argument-missing": lambda: url_for("user"),
    "path": lambda: url_for("path", path="a/b c/../\u00fc"),
    "int": lambda: url_for("int", n=-5),
    "int-text": lambda: url_for("int", n="5"),
    "int-bad": lambda: url_for("int", n="x"),
    "float": lambda: url_for("float", n=1.5),
    "query": lambda: url_for("index", a=1, b="x y&z"),
    "query-list": lambda: url_for("index", a=[1, 2], b=(3,)),
    "query-none": lambda: url_for("index", a=None, b="", c=0, d=False),
    "query-unicode": lambda: url_for("index", käy="v\u20ac"),
    "query-dict": lambda: url_for("index", a={"x": 1}),
    "query-order": lambda: url_for("index", z=1, a=2, m=3),
    "query-extra": lambda: url_for("user", name="joe", page=2),
    "anchor": lambda: url_for("index", _anchor="top"),
    "anchor-odd": lambda: url_for("index", _anchor="a b/c?d#e\u00fc%&=~"),
    "anchor-empty": lambda: url_for("index", _anchor=""),
    "anchor-query": lambda: url_for("index", a=1, _anchor="x"),
    "external": lambda: url_for("index", _external=True),
    "external-false": lambda: url_for("index", _external=False),
    "scheme": lambda: url_for("index", _scheme="https"),
    "scheme-external": lambda: url_for("index", _external=True, _scheme="https"),
    "scheme-internal": lambda: url_for("index", _external=False, _scheme="https"),
    "scheme-empty": lambda: url_for("index", _external=True, _scheme=""),
    "scheme-ws": lambda: url_for("index", _scheme="ws"),
    "method": lambda: url_for("both", _method="POST"),
    "method-get": lambda: url_for("both", _method="GET"),
    "method-default": lambda: url_for("both"),
    "all": lambda: url_for(
        "user", name="n", _external=True, _scheme="ftp", _anchor="a", _method="GET", q=1
    ),
    "static": lambda: url_for("static", filename="a/b.css"),
    "static-missing": lambda: url_for("static"),
    "static-version": lambda: url_for("static", filename="a.css", v="1 2"),
    "blueprint": lambda: url_for("admin.index"),
    "blueprint-nested": lambda: url_for("admin.deep.index"),
    "relative": lambda: url_for(".index"),
    "relative-missing": lambda: url_for(".nothing"),
    "relative-nested": lambda: url_for(".deep.index"),
    "unknown": lambda: url_for("nothing"),
    "unknown-near": lambda: url_for("usr"),
    "unknown-arguments": lambda: url_for("nothing", a=1, _anchor="x", _external=True),
    "empty": lambda: url_for(""),
    "defaults": lambda: [url_for("paged"), url_for("paged", page=1), url_for("paged", page=3)],
    "two-rules": lambda: [
        url_for("double", a=1),
        url_for("double", b=1),
        url_for("double", a=1, b=2),
    ],
    "app-method": lambda: app.url_for("index"),
    "endpoint-of-request": lambda: url_for(request.endpoint or "", name="plain"),
    "redirected": lambda: url_for("redirected"),
}

REDIRECT: dict[str, Callable[[], Any]] = {
    "plain": lambda: redirect("/x"),
    "301": lambda: redirect("/x", 301),
    "303": lambda: redirect("/x", code=303),
    "307": lambda: redirect("/x", 307),
    "308": lambda: redirect("/x", 308),
    "300": lambda: redirect("/x", 300),
    "200": lambda: redirect("/x", 200),
    "absolute": lambda: redirect("https://other.test/a?b=c#d"),
    "relative": lambda: redirect("x/../y"),
    "query": lambda: redirect("?a=1"),
    "empty": lambda: redirect(""),
    "unicode": lambda: redirect("/\u00fc?\u20ac=\u00e9#\u00df"),
    "idna": lambda: redirect("http://b\u00fccher.test/"),
    "space": lambda: redirect("/a b"),
    "percent": lambda: redirect("/a%20b%zz"),
    "html": lambda: redirect("/<script>\"'&"),
    "newline": lambda: redirect("/a\r\nX-B: c"),
    "backslash": lambda: redirect("/\\evil.test"),
    "slashes": lambda: redirect("//evil.test/x"),
    "javascript": lambda: redirect("javascript:alert(1)"),
    "response": lambda: redirect("/x", Response=app.response_class),
    "url-for": lambda: redirect(url_for("user", name="a b")),
    "external": lambda: redirect(url_for("index", _external=True)),
    "app-method": lambda: app.redirect("/x", 303),
    "none": lambda: redirect(None),
}


def build(name: str) -> str:
    return json.dumps(BUILD[name]())


def redirected(name: str = "plain") -> Any:
    return REDIRECT[name]()


def wire(target: Flask) -> None:
    """Give an app the endpoints that are built."""
    target.add_url_rule("/", "index", none)
    target.add_url_rule("/user/<name>", "user", none)
    target.add_url_rule("/path/<path:path>", "path", none)
    target.add_url_rule("/int/<int(signed=True):n>", "int", none)
    target.add_url_rule("/float/<float:n>", "float", none)
    target.add_url_rule("/both/get", "both", none)
    target.add_url_rule("/both/post", "both", none, methods=["POST"])
    target.add_url_rule("/paged/", "paged", none, defaults={"page": 1})
    target.add_url_rule("/paged/<int:page>", "paged", none)
    target.add_url_rule("/double/a/<int:a>", "double", none)
    target.add_url_rule("/double/b/<int:b>", "double", none)
    target.add_url_rule("/build/<name>", "build", build)
    target.add_url_rule("/redirect/<name>", "redirected", redirected, methods=["GET", "POST"])
    target.add_url_rule("/redirect", "redirected", redirected)


for _app in (app, handled, outside, nameless):
    wire(_app)
for _blueprint in (admin, deep):
    _blueprint.add_url_rule("/", "index", none)
    _blueprint.add_url_rule("/build/<name>", "build", build)
admin.register_blueprint(deep)
app.register_blueprint(admin)


@handled.errorhandler(BuildError)
def build_failed(error: BuildError) -> tuple[str, int]:
    values = {k: str(v) for k, v in sorted(error.values.items())}
    return json.dumps([error.endpoint, values, str(error.method)]), 400


@handled.url_build_error_handlers.append
def first_handler(error: Exception, endpoint: str, values: dict[str, Any]) -> str | None:
    if endpoint == "unknown-none":
        return None
    if endpoint == "nothing":
        return f"/handled/{endpoint}?{sorted(values)}"
    raise error


@handled.url_defaults
def defaults(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "user" and "default" in request.args:
        values.setdefault("name", "by default")


def off_request(target: Flask, call: Callable[[], str]) -> str:
    """Build in an app context without a request."""
    with target.app_context():
        try:
            return call()
        except Exception as error:  # noqa: BLE001  its type is the answer
            return type(error).__name__


OFF: dict[str, Callable[[], str]] = {
    "plain": lambda: url_for("index"),
    "argument": lambda: url_for("user", name="x y"),
    "internal": lambda: url_for("index", _external=False),
    "scheme": lambda: url_for("index", _scheme="http"),
    "anchor": lambda: url_for("index", _anchor="a"),
    "relative": lambda: url_for(".index"),
    "unknown": lambda: url_for("nothing"),
}


def tell_off() -> dict[str, Any]:
    return {
        target.name: {name: off_request(target, call) for name, call in OFF.items()}
        for target in (outside, nameless)
    }


app.add_url_rule("/off", "off", tell_off)


def contexts() -> dict[str, Any]:
    """Build in requests of other paths, hosts and schemes."""
    made = {}
    for name, options in {
        "path": {"path": "/x"},
        "base": {"base_url": "https://b.test:9/root/"},
        "subdomain": {"path": "/", "base_url": "http://a.b.test"},
        "environ": {"path": "/", "environ_overrides": {"SCRIPT_NAME": "/s"}},
    }.items():
        with outside.test_request_context(**options):
            made[name] = [url_for("index"), url_for("index", _external=True), request.url]
    with outside.test_request_context():
        made["default"] = [url_for("index"), url_for("index", _external=True), request.url]
    return made


app.add_url_rule("/contexts", "contexts", contexts)

APPS = {"main": app, "handled": handled, "outside": outside, "nameless": nameless}

REQUESTS: list[Ask] = [
    *(ask(f"build {name}", f"/build/{name}") for name in BUILD),
    *(ask(f"admin {name}", f"/admin/build/{name}") for name in ("relative", "relative-nested", "relative-missing", "blueprint", "plain", "unknown")),
    *(ask(f"deep {name}", f"/admin/deep/build/{name}") for name in ("relative", "relative-nested", "plain")),
    *(ask(f"handled {name}", f"/build/{name}", app="handled") for name in ("unknown", "unknown-near", "unknown-arguments", "argument-missing", "int-bad", "plain", "static", "relative-missing")),
    ask("handled default", "/build/argument-missing?default=1", app="handled"),
    *(ask(f"outside {name}", f"/build/{name}", app="outside", host="in.test") for name in ("plain", "external", "scheme", "redirected")),
    *(ask(f"https {name}", f"/build/{name}", environ={"wsgi.url_scheme": "https"}) for name in ("plain", "external", "scheme", "scheme-empty")),
    *(ask(f"mounted {name}", f"/build/{name}", environ={"SCRIPT_NAME": "/m"}) for name in ("plain", "external", "static", "anchor")),
    *(ask(f"odd host {name}", f"/build/{name}", host="b\u00fccher.test:8080") for name in ("plain", "external")),
    *(ask(f"redirect {name}", f"/redirect/{name}") for name in REDIRECT),
    *(ask(f"post redirect {name}", f"/redirect/{name}", "POST") for name in ("plain", "303")),
    ask("mounted redirect", "/redirect/plain", environ={"SCRIPT_NAME": "/m"}),
    ask("head redirect", "/redirect/plain", "HEAD"),
    ask("off", "/off"),
    ask("contexts", "/contexts"),
]  # fmt: skip
