"""The order of hooks, what each may do, and what happens when one fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    after_this_request,
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    before_render_template,
    flash,
    g,
    got_request_exception,
    message_flashed,
    render_template_string,
    request,
    request_finished,
    request_started,
    request_tearing_down,
    session,
    template_rendered,
)

from conformance.differential.ask import Ask, ask

app = Flask("hooks", static_folder=None)
app.secret_key = "the newest key"
signalled = Flask("signalled", static_folder=None)
signalled.secret_key = "the newest key"

#: What was called during a request; read by the next one at /seen.
seen: list[str] = []

inner = Blueprint("inner", __name__, url_prefix="/inner")
outer = Blueprint("outer", __name__, url_prefix="/outer")


def wanted(where: str) -> bool:
    """Tell whether the query asks this hook to act: `?answer=name` or `?fail=name`."""
    if request.args.get("fail") == where:
        raise RuntimeError(where)
    if request.args.get("abort") == where:
        abort(409, where)
    return request.args.get("answer") == where


def before(name: str) -> Callable[[], Any]:
    def hook() -> Any:
        seen.append(f"before {name}")
        if wanted(f"before {name}"):
            return f"answered before {name}", 202
        return "" if request.args.get("empty") == name else None

    return hook


def after(name: str) -> Callable[[Response], Any]:
    def hook(response: Response) -> Any:
        seen.append(f"after {name} {response.status_code}")
        if wanted(f"after {name}"):
            return Response(f"replaced after {name}", 203)
        if request.args.get("none") == name:
            return None
        if request.args.get("text") == name:
            return "a text, not a response"
        response.headers.add("X-After", name)
        return response

    return hook


def teardown(name: str) -> Callable[[BaseException | None], None]:
    def hook(error: BaseException | None) -> None:
        seen.append(f"teardown {name} {type(error).__name__} {request.path}")
        if request.args.get("fail") == f"teardown {name}":
            raise RuntimeError(name)

    return hook


def teardown_app(name: str) -> Callable[[BaseException | None], None]:
    def hook(error: BaseException | None) -> None:
        seen.append(f"teardown app {name} {type(error).__name__} g={g.get('kept')}")

    return hook


def values(name: str) -> Callable[[str | None, dict[str, Any] | None], None]:
    def hook(endpoint: str | None, arguments: dict[str, Any] | None) -> None:
        seen.append(f"values {name} {endpoint} {arguments}")
        if arguments and "x" in arguments:
            arguments["x"] = f"{arguments['x']}+{name}"

    return hook


def wire(where: Any, name: str, number: int) -> None:
    """Register one hook of each kind."""
    label = f"{name}{number}"
    where.before_request(before(label))
    where.after_request(after(label))
    where.teardown_request(teardown(label))
    where.url_value_preprocessor(values(label))


for _number in (1, 2):
    wire(app, "app", _number)
    wire(outer, "outer", _number)
    wire(inner, "inner", _number)
    app.teardown_appcontext(teardown_app(str(_number)))
inner.before_app_request(before("app by inner"))
inner.after_app_request(after("app by inner"))
inner.teardown_app_request(teardown("app by inner"))
inner.app_url_value_preprocessor(values("app by inner"))


@app.route("/", methods=["GET", "POST"])
@app.route("/<x>")
@outer.route("/")
@inner.route("/")
@inner.route("/<x>")
def view(x: str = "none") -> str:
    seen.append(f"view {x}")
    g.kept = "kept"
    if request.args.get("fail") == "view":
        raise RuntimeError("view")
    if request.args.get("abort") == "view":
        abort(418)
    if request.args.get("session"):
        session["set"] = "by view"
    for name in request.args.getlist("this"):

        @after_this_request
        def this(response: Response, name: str = name) -> Response:
            seen.append(f"after this {name}")
            response.headers.add("X-After", f"this {name}")
            if name == "fail":
                raise RuntimeError(name)
            return response

    return f"view {x}"


@app.before_request
def last_before() -> None:
    if request.args.get("late"):

        @after_this_request
        def late(response: Response) -> Response:
            response.headers.add("X-After", "set before")
            session["late"] = 1
            return response


@app.after_request
def session_after(response: Response) -> Response:
    if request.args.get("session") == "after":
        session["after"] = "after_request"
    return response


@app.errorhandler(RuntimeError)
def handle(error: RuntimeError) -> tuple[str, int]:
    seen.append(f"handler {error}")
    if request.args.get("handler") == "fail":
        raise LookupError("in the handler")
    return f"handled {error}", 500


@app.errorhandler(409)
def conflict(error: Any) -> tuple[str, int]:
    return f"conflict {error.description}", 409


outer.register_blueprint(inner)
app.register_blueprint(outer)


def wsgi_seen(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Tell what the requests before this one left, without running a hook."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    told = "\n".join(seen).encode()
    seen.clear()
    return [told]


counted: dict[str, list[str]] = {"signals": []}


def count(name: str) -> Callable[..., None]:
    def receiver(sender: Any, **more: Any) -> None:
        shown = {k: type(v).__name__ for k, v in more.items()}
        counted["signals"].append(f"{name} {getattr(sender, 'name', sender)} {shown}")

    return receiver


RECEIVERS = {
    signal.name: count(signal.name)
    for signal in (
        appcontext_popped, appcontext_pushed, appcontext_tearing_down, before_render_template,
        got_request_exception, message_flashed, request_finished, request_started,
        request_tearing_down, template_rendered,
    )
}  # fmt: skip
for _signal in (
    appcontext_popped, appcontext_pushed, appcontext_tearing_down, before_render_template,
    got_request_exception, message_flashed, request_finished, request_started,
    request_tearing_down, template_rendered,
):  # fmt: skip
    _signal.connect(RECEIVERS[_signal.name], signalled)


@signalled.route("/plain")
def signal_plain() -> str:
    return "plain"


@signalled.route("/template")
def signal_template() -> str:
    flash("a message", "kind")
    return render_template_string("a {{ 'template' }}")


@signalled.route("/fail")
def signal_fail() -> str:
    raise ZeroDivisionError


@signalled.route("/abort")
def signal_abort() -> str:
    abort(400)


@signalled.route("/handled")
def signal_handled() -> str:
    raise KeyError("k")


@signalled.errorhandler(KeyError)
def signal_key(error: KeyError) -> str:
    return "handled"


def wsgi_counted(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Tell which signals the requests before this one sent."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    told = "\n".join(counted["signals"]).encode()
    counted["signals"].clear()
    return [told]


def noting_start(environ: dict[str, Any], start_response: Any) -> Any:
    """Note between which hooks the app starts its response, and what is current then."""

    def start(status: str, headers: Any, *exc_info: Any) -> Any:
        seen.append(f"start {status} {request.path} {request.endpoint} g={g.get('kept')} {session}")
        return start_response(status, headers, *exc_info)

    return app(environ, start)


APPS = {
    "main": noting_start,
    "seen": wsgi_seen,
    "signalled": signalled,
    "counted": wsgi_counted,
}


def watched(target: str, method: str = "GET", **rest: Any) -> list[Ask]:
    """Ask, then ask what was called."""
    name = f"{method} {target}"
    return [
        ask(name, target, method, **rest),
        ask(f"{name} seen", "/", app="seen"),
    ]


def signals(path: str, method: str = "GET") -> list[Ask]:
    """Ask, then ask which signals were sent."""
    return [
        ask(f"signals {method} {path}", path, method, app="signalled"),
        ask(f"signals {method} {path} counted", "/", app="counted"),
    ]


TARGETS = """
/ /word /outer/ /outer/inner/ /outer/inner/word /nothing/at/all /outer/inner
/?fail=view /?abort=view /outer/inner/?fail=view /outer/inner/?abort=view /?session=1 /?session=after
/?this=a&this=b /?this=fail /?late=1 /?this=a&fail=view /?this=a&abort=view
/?answer=before+app1 /?answer=before+app2 /outer/inner/?answer=before+outer1
/outer/inner/?answer=before+inner2 /outer/inner/?answer=before+app+by+inner
/?fail=before+app1 /?fail=before+app2 /outer/inner/?fail=before+inner1 /?abort=before+app1
/?empty=app1 /nothing?answer=before+app1 /nothing?fail=before+app1 /outer/inner?answer=before+app1
/?answer=after+app1 /?answer=after+app2 /outer/inner/?answer=after+inner1
/?fail=after+app1 /?fail=after+app2 /outer/inner/?fail=after+inner2 /?abort=after+app1
/?none=app1 /?text=app1 /?none=app2&this=a
/?fail=teardown+app1 /?fail=teardown+app2 /outer/inner/?fail=teardown+inner1
/?fail=view&handler=fail /?fail=after+app1&handler=fail /?fail=before+app1&handler=fail
""".split()

REQUESTS: list[Ask] = [
    *(one for target in TARGETS for one in watched(target)),
    *watched("/", "HEAD"),
    *watched("/", "OPTIONS"),
    *watched("/", "PUT"),
    *watched("/", "POST", body=b"a=1"),
    ask("clear", "/", app="counted"),
    *signals("/plain"),
    *signals("/template"),
    *signals("/fail"),
    *signals("/abort"),
    *signals("/handled"),
    *signals("/nothing"),
    *signals("/plain", "OPTIONS"),
    *signals("/plain", "POST"),
]
