"""Views as classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from kolben import Flask, Response, request
from kolben.views import MethodView, View
from tests.wires import MakeClient


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.testing = True
    return app


class Echo(View):
    methods: ClassVar[list[str]] = ["GET", "POST"]

    def dispatch_request(self) -> str:
        return request.method


class Pair(MethodView):
    """Answers two methods."""

    def get(self) -> str:
        return "GET"

    def post(self) -> str:
        return "POST"


class AsyncPair(MethodView):
    async def get(self) -> str:
        return "GET"

    def post(self) -> str:
        return "POST"


class AsyncEcho(View):
    methods: ClassVar[list[str]] = ["GET", "POST"]

    async def dispatch_request(self) -> str:
        return request.method


@pytest.mark.parametrize("kind", [Echo, Pair, AsyncEcho, AsyncPair])
def test_answers_its_methods_and_no_others(app: Flask, kind: type[View]) -> None:
    app.add_url_rule("/", view_func=kind.as_view("index"))
    client = app.test_client()
    assert client.get("/").text == "GET"
    assert client.post("/").text == "POST"
    assert client.put("/").status_code == 405
    assert client.head("/").status_code == 200
    assert client.options("/").allow == {"GET", "HEAD", "OPTIONS", "POST"}


def test_values_of_the_path_and_of_the_class(app: Flask, wire: MakeClient) -> None:
    class Page(View):
        def __init__(self, template: str, *, size: int) -> None:
            self.template, self.size = template, size

        def dispatch_request(self, name: str) -> str:
            return f"{self.template} {self.size} {name}"

    app.add_url_rule("/<name>", view_func=Page.as_view("page", "big", size=3))
    assert wire(app).get("/zoe").text == "big 3 zoe"


@pytest.mark.parametrize(("every_request", "counts"), [(True, ["1", "2"]), (False, ["1", "1"])])
def test_instances_are_made_for_each_request_or_once(
    app: Flask, every_request: bool, counts: list[str], wire: MakeClient
) -> None:
    made = 0

    class Counted(View):
        init_every_request = every_request

        def __init__(self) -> None:
            nonlocal made
            made += 1

        def dispatch_request(self) -> str:
            return str(made)

    app.add_url_rule("/", view_func=Counted.as_view("counted"))
    assert made == (0 if every_request else 1)
    client = wire(app)
    assert [client.get("/").text for _ in range(2)] == counts


def test_the_function_has_the_classs_attributes() -> None:
    view: Any = Pair.as_view("pair")
    assert view.view_class is Pair
    assert (view.__name__, view.__doc__, view.__module__) == ("pair", Pair.__doc__, __name__)
    assert view.methods == {"GET", "POST"}
    assert view.provide_automatic_options is None


def test_the_class_may_be_replaced_in_the_function(app: Flask, wire: MakeClient) -> None:
    class Other(Pair):
        def get(self) -> str:
            return "other"

    view: Any = Pair.as_view("pair")
    view.view_class = Other
    app.add_url_rule("/", view_func=view)
    assert wire(app).get("/").text == "other"


@pytest.mark.parametrize("init_every_request", [True, False])
def test_decorators_are_applied_the_first_one_innermost(
    app: Flask, init_every_request: bool, wire: MakeClient
) -> None:
    def add(letter: str) -> Callable[..., Any]:
        def decorator(view: Any) -> Any:
            assert view.__name__ in {"decorated", "wrapper"}

            def wrapper(**arguments: Any) -> str:
                return f"{view(**arguments)}{letter}"

            return wrapper

        return decorator

    class Decorated(View):
        decorators: ClassVar[list[Any]] = [add("a"), add("b")]

        def dispatch_request(self) -> str:
            return "-"

    Decorated.init_every_request = init_every_request
    view: Any = Decorated.as_view("decorated")
    app.add_url_rule("/", view_func=view)
    assert view.__name__ == "decorated"
    assert wire(app).get("/").text == "-ab"


def test_decorators_get_the_answer_of_an_async_method(app: Flask, wire: MakeClient) -> None:
    class Decorated(AsyncPair):
        decorators: ClassVar[list[Any]] = [lambda view: lambda **kwargs: view(**kwargs).lower()]

    app.add_url_rule("/", view_func=Decorated.as_view("decorated"))
    assert wire(app).get("/").text == "get"


@pytest.mark.parametrize(
    ("methods", "automatic", "status", "allow"),
    [
        (None, False, 405, {"GET", "HEAD"}),
        (["OPTIONS"], True, 200, {"OPTIONS"}),
        (None, None, 200, {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_options_are_answered_as_the_class_says(
    app: Flask, methods: Any, automatic: bool | None, status: int, allow: set[str]
) -> None:
    kind: Any = type(
        "Index",
        (View,),
        {
            "methods": methods,
            "provide_automatic_options": automatic,
            "dispatch_request": lambda self: "",
        },
    )
    app.add_url_rule("/", view_func=kind.as_view("index"))
    response = app.test_client().options("/")
    assert (response.status_code, response.allow) == (status, allow)


class Get(MethodView):
    def get(self) -> str:
        return "GET"


class Delete(MethodView):
    def delete(self) -> str:
        return "DELETE"


class Both(Get, Delete):
    pass


class OnlyGet(Get, Delete):
    methods: ClassVar[Any] = ["GET"]


class Declared(MethodView):
    methods: ClassVar[Any] = ["GET", "PROPFIND"]


class Webdav(Declared):
    def get(self) -> str:
        return "GET"

    def propfind(self) -> str:
        return "PROPFIND"


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        (Get, {"GET"}),
        (Both, {"GET", "DELETE"}),
        (OnlyGet, {"GET"}),
        (Webdav, {"GET", "PROPFIND"}),
        (type("More", (Pair,), {"patch": lambda self: ""}), {"GET", "POST", "PATCH"}),
        (type("Nothing", (MethodView,), {}), None),
    ],
)
def test_methods_are_those_of_the_class_and_its_bases(
    kind: type[MethodView], methods: set[str] | None
) -> None:
    assert methods == (None if kind.methods is None else set(kind.methods))


def test_any_method_may_be_declared(app: Flask, wire: MakeClient) -> None:
    app.add_url_rule("/", view_func=Webdav.as_view("index"))
    assert wire(app).open("/", method="PROPFIND").text == "PROPFIND"


class Headed(Get):
    def head(self) -> Response:
        return Response("", headers={"X-Method": "HEAD"})


@pytest.mark.parametrize(("kind", "header"), [(Get, None), (Headed, "HEAD")])
def test_head_is_answered_by_get_unless_there_is_a_head(
    app: Flask, kind: type[MethodView], header: str | None, wire: MakeClient
) -> None:
    app.add_url_rule("/", view_func=kind.as_view("index"))
    response = wire(app).head("/")
    assert (response.status, response.body) == (200, b"")
    assert response.headers.get("X-Method") == header


def test_a_method_that_is_declared_but_not_there_is_named(app: Flask, wire: MakeClient) -> None:
    app.add_url_rule("/", view_func=Declared.as_view("index"))
    with pytest.raises(AssertionError, match=r"'PROPFIND': define propfind\(\)"):
        wire(app).open("/", method="PROPFIND")


def test_a_view_without_an_answer_says_what_is_missing(app: Flask, wire: MakeClient) -> None:
    app.add_url_rule("/", view_func=View.as_view("index"))
    with pytest.raises(NotImplementedError, match=r"dispatch_request\(\)"):
        wire(app).get("/")
