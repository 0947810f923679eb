"""User code, typed: class-based views, and classes derived from Kolben's own."""

from __future__ import annotations

from typing import Any

from kolben import Blueprint, Flask, Request, Response, render_template_string
from kolben.json.provider import DefaultJSONProvider
from kolben.sessions import SecureCookieSessionInterface, SessionMixin
from kolben.testing import FlaskClient
from kolben.typing import ResponseReturnValue
from kolben.views import MethodView, View


class OwnRequest(Request):
    """A request with a property of its own."""

    max_form_parts = 10

    @property
    def is_ours(self) -> bool:
        return self.headers.get("X-Own") == "z"


class OwnResponse(Response):
    """A response with another type."""

    default_mimetype = "text/plain"


class OwnProvider(DefaultJSONProvider):
    """JSON as it is wanted here."""

    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, **kwargs)


class OwnSessions(SecureCookieSessionInterface):
    """Sessions that are always new."""

    def open_session(self, app: Flask, request: Request) -> Any:
        return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        response.headers["X-Session"] = str(len(session))


class OwnClient(FlaskClient):
    """A client that says who it is."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("headers", {"X-Own": "z"})
        return super().open(*args, **kwargs)


class OwnFlask(Flask):
    """An app of its own kind."""

    request_class = OwnRequest
    response_class = OwnResponse
    json_provider_class = OwnProvider
    session_interface = OwnSessions()
    test_client_class = OwnClient

    def dispatch_request(self) -> ResponseReturnValue:
        return super().dispatch_request()

    def make_response(self, rv: ResponseReturnValue) -> Response:
        return super().make_response(rv)

    def handle_exception(self, e: Exception) -> Response:
        return super().handle_exception(e)


app = OwnFlask("classes")


class Hello(View):
    """A page made by a method."""

    methods = ["GET", "POST"]
    init_every_request = False

    def __init__(self, template: str) -> None:
        self.template = template

    def dispatch_request(self) -> str:
        return render_template_string(self.template)


class Item(MethodView):
    """A thing with a method for each method."""

    def get(self, number: int) -> dict[str, int]:
        return {"number": number}

    async def put(self, number: int) -> tuple[str, int]:
        return "", 204


app.add_url_rule("/hello", view_func=Hello.as_view("hello", template="hello"))
app.add_url_rule("/item/<int:number>", view_func=Item.as_view("item"))

blueprint = Blueprint("classes", "classes")
blueprint.add_url_rule("/part", view_func=Hello.as_view("part", "part"))
app.register_blueprint(blueprint)
