"""User code, typed: hooks, error handlers, what templates get, commands; of apps and blueprints."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben import Blueprint, Flask, Response, abort, after_this_request, g
from kolben.typing import ResponseReturnValue

app = Flask("registered")
blueprint = Blueprint("part", "registered", url_prefix="/part")
nested = Blueprint("nested", "registered", url_prefix="/nested")


class OutOfStock(Exception):
    """An error of the app's own."""

    def __init__(self, left: int) -> None:
        super().__init__(left)
        self.left = left


@app.before_request
def opens() -> None:
    g.opened = True


@app.before_request
def may_answer() -> ResponseReturnValue | None:
    return None


@app.before_request
async def waits() -> None:
    g.waited = True


@app.after_request
def adds(response: Response) -> Response:
    response.headers["X-Own"] = "z"
    return response


@app.after_request
def of_any_kind(response: WerkzeugResponse) -> WerkzeugResponse:
    return response


@app.teardown_request
def closes(error: BaseException | None) -> None:
    g.pop("opened", None)


@app.teardown_appcontext
def closes_app(error: BaseException | None) -> None:
    g.pop("waited", None)


@app.errorhandler(404)
def by_code(error: NotFound) -> tuple[str, int]:
    return error.description or "", 404


@app.errorhandler(HTTPException)
def by_http_class(error: HTTPException) -> HTTPException:
    return error


@app.errorhandler(OutOfStock)
def by_class(error: OutOfStock) -> tuple[dict[str, int], int]:
    return {"left": error.left}, 409


@app.errorhandler(ZeroDivisionError)
async def by_class_async(error: ZeroDivisionError) -> str:
    return str(error)


app.register_error_handler(500, by_http_class)


@app.context_processor
def variables() -> dict[str, Any]:
    return {"site": "Kolben"}


@app.template_filter()
def shout(text: str) -> str:
    return text.upper()


@app.template_filter("named")
def named_filter(text: str) -> str:
    return text


@app.template_test()
def even(number: int) -> bool:
    return number % 2 == 0


@app.template_global()
def two() -> int:
    return 2


@app.url_defaults
def defaults(endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("lang", "de")


@app.url_value_preprocessor
def takes(endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values is not None:
        g.lang = values.pop("lang", "de")


@app.shell_context_processor
def shell() -> dict[str, Any]:
    return {"app": app}


@app.cli.command("seed")
def seed() -> None:
    print("seeded")


@blueprint.before_request
def blueprint_opens() -> None:
    g.part = True


@blueprint.before_app_request
def for_all() -> None:
    g.all = True


@blueprint.after_request
def blueprint_adds(response: Response) -> Response:
    return response


@blueprint.errorhandler(OutOfStock)
def blueprint_handler(error: OutOfStock) -> str:
    return f"{error.left} left"


@blueprint.app_errorhandler(418)
def for_all_errors(error: HTTPException) -> tuple[str, int]:
    return "tea", 418


@blueprint.app_template_filter("quiet")
def quiet(text: str) -> str:
    return text.lower()


@blueprint.route("/item/<int:number>", methods=["GET", "POST"])
def item(number: int) -> dict[str, int]:
    if number < 0:
        raise OutOfStock(number)

    @after_this_request
    def add(response: Response) -> Response:
        response.headers["X-Item"] = str(number)
        return response

    return {"number": number}


@nested.get("/")
async def index() -> str:
    return "nested"


@app.get("/abort")
def aborts() -> str:
    abort(404)


blueprint.register_blueprint(nested)
app.register_blueprint(blueprint)
app.register_blueprint(nested, name="again", url_prefix="/again")

# What is decorated stays the function that it was.
kept: dict[str, int] = item(1) if app.debug else {}
shouted: str = shout("a")
