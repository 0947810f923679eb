"""Which handler answers which error, and what is answered when none does."""

from __future__ import annotations

import sys
from typing import Any

from flask import Flask, Response, abort, json, jsonify, make_response, redirect, request
from werkzeug import exceptions as http
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.routing import RequestRedirect

from conformance.differential.ask import Ask, ask

bare = Flask("bare", static_folder=None)
app = Flask("errors", static_folder=None)
trapping = Flask("trapping", static_folder=None)
trapping.config["TRAP_HTTP_EXCEPTIONS"] = True
trapping_bad = Flask("trapping_bad", static_folder=None)
trapping_bad.config["TRAP_BAD_REQUEST_ERRORS"] = True
generic = Flask("generic", static_folder=None)
only_500 = Flask("only_500", static_folder=None)
propagating = Flask("propagating", static_folder=None)
propagating.config["PROPAGATE_EXCEPTIONS"] = True
testing = Flask("testing", static_folder=None)
testing.testing = True
not_propagating = Flask("not_propagating", static_folder=None)
not_propagating.testing = True
not_propagating.config["PROPAGATE_EXCEPTIONS"] = False

ALL = (bare, app, trapping, trapping_bad, generic, only_500, propagating, testing, not_propagating)


class AppError(Exception):
    """An app's own error."""


class DeepError(AppError):
    """A kind of an app's own error."""


class MixedError(LookupError, AppError):
    """An error with two bases that have handlers."""


class PaymentError(http.HTTPException):
    """An HTTP error with a code of its own."""

    code = 402
    description = "pay first"


class TeapotChild(http.ImATeapot):
    """A kind of an HTTP error."""


class NoCode(http.HTTPException):
    """An HTTP error without a code."""

    description = "no code"


class OwnResponse(http.BadRequest):
    """An HTTP error that makes its own response."""

    def get_response(self, *rest: Any, **more: Any) -> Any:
        return Response("own response of the error", 499)


def fail(kind: str) -> Any:
    """Raise the error that the path names."""
    kinds: dict[str, Any] = {
        "zero": ZeroDivisionError("z"),
        "app": AppError("a"),
        "deep": DeepError("d"),
        "mixed": MixedError("m"),
        "payment": PaymentError(),
        "teapot-child": TeapotChild(),
        "no-code": NoCode(),
        "own-response": OwnResponse(),
        "exit": SystemExit(3),
        "base": BaseException("b"),
        "generator-exit": GeneratorExit(),
        "stop": StopIteration("s"),
        "key": KeyError("k"),
        "unicode": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"),
        "description": http.NotFound("<b>not</b> here"),
        "description-newlines": http.NotFound("one\ntwo\n\nthree"),
        "with-response": http.Unauthorized(response=Response("inner", 403, {"X-Inner": "1"})),
        "www": http.Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "r"})),
        "allow": http.MethodNotAllowed(valid_methods=["GET", "PUT"]),
        "range": http.RequestedRangeNotSatisfiable(10, "bytes"),
        "retry": http.TooManyRequests(retry_after=30),
        "busy": http.ServiceUnavailable("later", retry_after=5),
        "missing-key": http.BadRequestKeyError("name"),
        "internal": http.InternalServerError(original_exception=ZeroDivisionError()),
        "redirect": RequestRedirect("http://localhost/somewhere"),
        "empty-group": ExceptionGroup("g", [ValueError("v"), KeyError("k")]),
    }
    raise kinds[kind]


def view(kind: str) -> Any:
    if kind.isdigit():
        abort(int(kind))
    if kind.startswith("abort-"):
        return {
            "abort-description": lambda: abort(404, "described"),
            "abort-keyword": lambda: abort(404, description="by keyword"),
            "abort-response": lambda: abort(Response("aborted with", 418, {"X-A": "1"})),
            "abort-made": lambda: abort(make_response("made", 202)),
            "abort-redirect": lambda: abort(redirect("/away")),
            "abort-jsonify": lambda: abort(jsonify(a=1)),
            "abort-retry": lambda: abort(429, retry_after=7),
            "abort-string": lambda: abort("404"),
            "abort-object": lambda: abort(object()),
            "abort-unknown": lambda: abort(499),
            "abort-200": lambda: abort(200),
            "abort-wsgi": lambda: abort(bare),
            "abort-chained": chained,
            "abort-nested": nested,
        }[kind]()
    return fail(kind)


def chained() -> None:
    try:
        raise ValueError("first")
    except ValueError as error:
        raise AppError("second") from error


def nested() -> None:
    try:
        abort(404)
    except http.NotFound:
        abort(410)


def arguments() -> str:
    return request.args["missing"] + request.form["missing"]


for _app in ALL:
    _app.add_url_rule("/fail/<kind>", "view", view)
    _app.add_url_rule("/arguments", "arguments", arguments, methods=["GET", "POST"])
    _app.add_url_rule("/fine", "fine", lambda: "fine")


@app.errorhandler(404)
def not_found(error: Exception) -> tuple[str, int, dict[str, str]]:
    return f"my 404: {error.description}", 404, {"X-Handler": "404"}


@app.errorhandler(http.MethodNotAllowed)
def not_allowed(error: http.MethodNotAllowed) -> Any:
    response = error.get_response()
    response.set_data("my 405")
    return response


@app.errorhandler(AppError)
def app_error(error: AppError) -> Any:
    cause = type(error.__cause__).__name__
    return {"error": str(error), "cause": cause, "now": type(sys.exception()).__name__}, 420


@app.errorhandler(LookupError)
def lookup(error: LookupError) -> tuple[str, int]:
    return f"LookupError {type(error).__name__}", 421


@app.errorhandler(http.ImATeapot)
def teapot(error: http.ImATeapot) -> str:
    return f"{type(error).__name__} and no status"


@app.errorhandler(400)
def bad_request(error: http.BadRequest) -> http.BadRequest:
    return error


@app.errorhandler(500)
def internal(error: http.InternalServerError) -> tuple[str, int]:
    original = error.original_exception
    return f"my 500 for {type(original).__name__}", 500


@app.errorhandler(401)
def in_turn(error: Exception) -> str:
    raise AppError("raised in a handler")


@app.errorhandler(403)
def aborts(error: Exception) -> str:
    abort(404)


@app.errorhandler(411)
def returns_none(error: Exception) -> None:
    return None


@app.errorhandler(429)
def reraises(error: Exception) -> str:
    raise error


@app.errorhandler(451)
def returns_dict(error: Any) -> dict[str, Any]:
    return {"code": error.code, "name": error.name}


app.register_error_handler(412, lambda error: (f"registered {error.code}", 412))


@generic.errorhandler(http.HTTPException)
def all_http(error: http.HTTPException) -> Any:
    response = error.get_response()
    response.data = json.dumps({"code": error.code, "name": error.name})
    response.content_type = "application/json"
    return response


@generic.errorhandler(Exception)
def all_others(error: Exception) -> tuple[str, int]:
    return f"generic {type(error).__name__}", 555


@only_500.errorhandler(http.InternalServerError)
def failed(error: http.InternalServerError) -> tuple[str, int]:
    original = getattr(error, "original_exception", None)
    return f"{type(error).__name__} of {type(original).__name__}", 500


@app.route("/register/<kind>")
def register(kind: str) -> dict[str, Any]:
    fresh = Flask("fresh")
    attempts: dict[str, Any] = {
        "instance": ValueError(),
        "unknown-code": 499,
        "code-of-none": NoCode,
        "text": "404",
        "not-an-error": dict,
        "string-class": str,
        "base-exception": KeyboardInterrupt,
        "tuple": (ValueError, KeyError),
        "none": None,
        "code-200": 200,
        "fine": ValueError,
    }
    try:
        fresh.register_error_handler(attempts[kind], lambda error: "")
    except Exception as raised:  # noqa: BLE001  its type is the answer
        return {"raised": type(raised).__name__}
    return {"raised": None, "spec": sorted(str(k) for k in fresh.error_handler_spec[None])}


APPS = {one.name: one for one in ALL} | {"main": app}

KINDS = (
    "zero app deep mixed payment teapot-child no-code own-response stop key unicode description "
    "description-newlines with-response www allow range retry busy missing-key internal redirect "
    "empty-group 400 401 403 404 405 406 410 411 412 413 415 418 422 429 451 500 501 503 504 505 "
    "abort-description abort-keyword abort-response abort-made abort-redirect abort-jsonify "
    "abort-retry abort-string abort-object abort-unknown abort-200 abort-wsgi abort-chained "
    "abort-nested"
).split()

FEW = "zero key 404 500 418 missing-key redirect abort-response internal".split()


def failing(app_name: str, kinds: list[str]) -> list[Ask]:
    return [ask(f"{app_name} {kind}", f"/fail/{kind}", app=app_name) for kind in kinds]


REQUESTS: list[Ask] = [
    *failing("bare", KINDS),
    *failing("errors", KINDS),
    *failing("generic", [*FEW, "payment", "no-code", "abort-redirect", "with-response"]),
    *failing("only_500", [*FEW, "payment"]),
    *failing("trapping", FEW),
    *failing("trapping_bad", [*FEW, "400"]),
    *failing("propagating", FEW),
    *failing("testing", FEW),
    *failing("not_propagating", FEW),
    *failing("errors", ["exit", "base", "generator-exit"]),
    *failing("generic", ["exit", "base", "generator-exit"]),
    *(
        ask(f"{one.name} {name}", path, method, app=one.name)
        for one in ALL
        for name, path, method in (
            ("unknown path", "/nothing", "GET"),
            ("wrong method", "/fine", "POST"),
            ("missing argument", "/arguments", "GET"),
        )
    ),
    *(
        ask(f"register {kind}", f"/register/{kind}")
        for kind in (
            "instance", "unknown-code", "code-of-none", "text", "not-an-error", "string-class",
            "base-exception", "tuple", "none", "code-200", "fine",
        )
    ),
    ask("head of an error", "/fail/404", "HEAD"),
    ask("fine after all", "/fine"),
]  # fmt: skip
