"""User code with mistakes that a type checker must find: one in each line marked with its code."""

from __future__ import annotations

from kolben import Blueprint, Flask, Response, current_app, request, session, url_for
from kolben import a_name_that_is_not_there  # E: attr-defined
from kolben.views import MethodView

app = Flask("wrong_code")
blueprint = Blueprint("part")  # E: call-arg


@app.get("/number")  # E: type-var
def number() -> int:
    return 1


@app.get("/none")  # E: type-var
def none() -> None:
    return None


@app.get("/status")  # E: type-var
def status_first() -> tuple[int, str]:
    return 200, "text"


@app.get(1)  # E: arg-type
def path() -> str:
    return "path"


@app.before_request  # E: type-var
def takes_an_argument(wrong: str) -> None:
    return None


@app.after_request  # E: type-var
def takes_nothing() -> Response:
    return Response()


@app.teardown_request  # E: type-var
def takes_no_error() -> None:
    return None


@app.errorhandler(404)  # E: type-var
def gives_a_number(error: Exception) -> int:
    return 404


@app.context_processor  # E: type-var
def gives_a_list() -> list[str]:
    return []


@app.get("/use")
def use() -> str:
    request.no_such_attribute  # E: attr-defined
    request.method = request.args.get("method")  # E: assignment
    current_app.no_such_method()  # E: attr-defined
    session.permanent = "yes"  # E: assignment
    url_for()  # E: call-arg
    url_for(use)  # E: arg-type
    app.test_client().get("/").no_such_attribute  # E: attr-defined
    return 1  # E: return-value


class Item(MethodView):
    """A view whose name is forgotten below."""

    def get(self) -> str:
        return "item"


app.add_url_rule("/item", view_func=Item)  # E: arg-type
app.add_url_rule("/item", view_func=Item.as_view())  # E: call-arg
app.register_blueprint("part")  # E: arg-type
app.config = {}  # E: assignment
