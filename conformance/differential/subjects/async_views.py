"""Coroutines in every place where Flask takes a function."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    after_this_request,
    current_app,
    g,
    json,
    jsonify,
    request,
    session,
    stream_with_context,
)
from flask.views import MethodView, View

from conformance.differential.ask import Ask, ask, form, post_json

app = Flask("async_views", static_folder=None)
app.secret_key = "the newest key"
blueprint = Blueprint("blueprint", __name__, url_prefix="/blueprint")
seen: list[str] = []
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class AsyncError(Exception):
    """An error with a coroutine for a handler."""


class BlueprintError(Exception):
    """An error with a coroutine of a blueprint for a handler."""


async def nap() -> None:
    await asyncio.sleep(0)


@app.route("/", methods=["GET", "POST"])
async def index() -> str:
    await nap()
    return f"{request.method} {request.path} {g.before} {current_app.name}"


@app.route("/<int:number>")
async def number(number: int) -> dict[str, int]:
    await nap()
    return {"number": number}


@app.route("/tuple")
async def a_tuple() -> tuple[str, int, dict[str, str]]:
    return "made", 201, {"X-A": "1"}


@app.route("/none")
async def none() -> None:
    await nap()


@app.route("/jsonify")
async def json_view() -> Response:
    return jsonify(await gather())


async def gather() -> list[int]:
    async def one(value: int) -> int:
        await asyncio.sleep(0.001 * value)
        return value * value

    return await asyncio.gather(*(one(value) for value in (3, 1, 2)))


@app.route("/session")
async def use_session() -> str:
    session["n"] = session.get("n", 0) + 1
    await nap()
    return str(session["n"])


@app.route("/form", methods=["POST"])
async def use_form() -> dict[str, Any]:
    await nap()
    return {"form": request.form.to_dict(), "data": request.get_data().decode()}


@app.route("/json", methods=["POST"])
async def use_json() -> Any:
    return request.get_json()


@app.route("/fail/<kind>")
async def fail(kind: str) -> str:
    await nap()
    if kind == "abort":
        abort(409)
    raise {"own": AsyncError, "zero": ZeroDivisionError, "blueprint": BlueprintError}[kind]


@app.route("/tasks")
async def tasks() -> str:
    """Read the request in a task, and in a thread."""
    path = await asyncio.create_task(read_path())
    threaded = await asyncio.to_thread(lambda: request.path)
    return f"{path} {threaded}"


async def read_path() -> str:
    await nap()
    return request.path


@app.route("/timeout")
async def timeout() -> str:
    try:
        await asyncio.wait_for(asyncio.sleep(5), 0.001)
    except TimeoutError:
        return "timed out"
    return "slept"


@app.route("/variable")
async def context_variable() -> str:
    before = variable.get()
    variable.set("by the view")
    return f"{before} {variable.get()}"


@app.route("/after-this")
async def use_after_this() -> str:
    @after_this_request
    async def later(response: Response) -> Response:
        await nap()
        response.headers["X-This"] = "async"
        return response

    return "x"


@app.route("/generator")
async def generator() -> Any:
    await nap()
    return (part for part in ("a", "b"))


@app.route("/stream")
async def stream() -> Any:
    @stream_with_context
    def parts() -> Any:
        yield request.path

    return Response(parts())


@app.route("/async-generator")
async def async_generator() -> Any:
    async def parts() -> Any:
        yield "a"

    return parts()


@app.route("/not-async-generator")
def not_async_generator() -> Any:
    async def parts() -> Any:
        yield "a"

    return parts()


@app.route("/coroutine")
def returns_coroutine() -> Any:
    made = nap()
    made.close()
    return made


@app.route("/ensure")
def ensure() -> str:
    async def inner(value: int) -> int:
        await nap()
        return value + 1

    return f"{current_app.ensure_sync(inner)(4)} {current_app.async_to_sync(inner)(5)} {current_app.ensure_sync(len)('abc')}"


class AsyncView(View):
    methods = ["GET", "POST"]

    async def dispatch_request(self) -> str:
        await nap()
        return f"view {request.method}"


class AsyncMethods(MethodView):
    async def get(self) -> str:
        await nap()
        return "got"

    def post(self) -> str:
        return "posted"


app.add_url_rule("/view", view_func=AsyncView.as_view("view"))
app.add_url_rule("/methods", view_func=AsyncMethods.as_view("methods"))


@app.before_request
async def before() -> str | None:
    await nap()
    g.before = "before"
    seen.append("before")
    return "answered before" if "answer" in request.args else None


@app.after_request
async def after(response: Response) -> Response:
    await nap()
    seen.append("after")
    response.headers["X-After"] = "async"
    return response


@app.teardown_request
async def teardown(error: BaseException | None) -> None:
    await nap()
    seen.append(f"teardown {type(error).__name__} {request.path}")


@app.teardown_appcontext
async def teardown_app(error: BaseException | None) -> None:
    await nap()
    seen.append(f"teardown app {g.before}")


@app.errorhandler(AsyncError)
async def handle(error: AsyncError) -> tuple[str, int]:
    await nap()
    return f"handled at {request.path}", 420


@app.errorhandler(404)
async def not_found(error: Any) -> tuple[str, int]:
    return "async 404", 404


@app.context_processor
def processor() -> dict[str, str]:
    return {"p": "p"}


@app.url_value_preprocessor
def values(endpoint: str | None, arguments: dict[str, Any] | None) -> None:
    seen.append(f"values {endpoint}")


@blueprint.route("/")
async def blueprint_index() -> str:
    return f"blueprint {g.in_blueprint}"


@blueprint.route("/fail")
async def blueprint_fail() -> str:
    raise BlueprintError


@blueprint.before_request
async def blueprint_before() -> None:
    g.in_blueprint = "async before"


@blueprint.after_request
async def blueprint_after(response: Response) -> Response:
    response.headers["X-Blueprint"] = "async"
    return response


@blueprint.errorhandler(BlueprintError)
async def blueprint_handle(error: BlueprintError) -> tuple[str, int]:
    return "handled by the blueprint", 421


app.register_blueprint(blueprint)


@app.route("/sync")
def sync_view() -> str:
    return f"sync {g.before}"


def wsgi_seen(environ: Any, start_response: Any) -> list[bytes]:
    """Tell what was called, without a hook."""
    start_response("200 OK", [("Content-Type", "application/json")])
    told = json.dumps(seen).encode()
    seen.clear()
    return [told]


APPS = {"main": app, "seen": wsgi_seen}


def watched(target: str, method: str = "GET") -> list[Ask]:
    name = f"{method} {target}"
    return [ask(name, target, method), ask(f"{name} seen", "/", app="seen")]


TARGETS = """
/ /5 /tuple /none /jsonify /fail/own /fail/zero /fail/abort /fail/blueprint /tasks /timeout /variable
/after-this /generator /stream /async-generator /not-async-generator /coroutine /ensure /view
/methods /blueprint/ /blueprint/fail /nothing /sync /?answer=1
""".split()

REQUESTS: list[Ask] = [
    *(one for target in TARGETS for one in watched(target)),
    *watched("/", "HEAD"),
    *watched("/", "OPTIONS"),
    *watched("/", "PUT"),
    *watched("/view", "POST"),
    *watched("/methods", "POST"),
    ask("variable again", "/variable"),
    form("form", "/form", b"a=1"),
    post_json("json", "/json", {"a": [1]}),
    post_json("json broken", "/json", b"{"),
    ask("session 1", "/session", jar="s"),
    ask("session 2", "/session", jar="s"),
]
