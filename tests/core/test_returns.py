"""What a view returns becomes a response, or an error that says what to return."""

from __future__ import annotations

import sys
from collections import ChainMap, OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, NotFound, default_exceptions
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben import Flask, Response
from kolben.core.returns import make_response
from kolben.json.provider import DefaultJSONProvider


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("418 I'M A TEAPOT", [("Content-Type", "text/tea")])
    return [b"tea"]


def generator() -> Iterator[str]:
    yield "a"
    yield "b"


@pytest.mark.parametrize(
    ("answer", "status", "content_type", "data"),
    [
        ("text", 200, "text/html; charset=utf-8", b"text"),
        ("ä", 200, "text/html; charset=utf-8", b"\xc3\xa4"),
        (b"bytes", 200, "text/html; charset=utf-8", b"bytes"),
        (bytearray(b"array"), 200, "text/html; charset=utf-8", b"array"),
        ({"a": 1}, 200, "application/json", b'{"a":1}\n'),
        ([1, 2], 200, "application/json", b"[1,2]\n"),
        (generator(), 200, "text/html; charset=utf-8", b"ab"),
        (Response("r", 201), 201, "text/html; charset=utf-8", b"r"),
        (WerkzeugResponse("w", 202), 202, "text/plain; charset=utf-8", b"w"),
        (wsgi, 418, "text/tea", b"tea"),
        (("t", 404), 404, "text/html; charset=utf-8", b"t"),
        (("t", "404 GONE FISHING"), 404, "text/html; charset=utf-8", b"t"),
        (("t", {"Content-Type": "text/css"}), 200, "text/css", b"t"),
        (("t", [("Content-Type", "text/css")]), 200, "text/css", b"t"),
        (("t", (("Content-Type", "text/css"),)), 200, "text/css", b"t"),
        (("t", Headers({"Content-Type": "text/css"})), 200, "text/css", b"t"),
        (("t", 201, {"Content-Type": "text/css"}), 201, "text/css", b"t"),
        (({"a": 1}, 201, {"Content-Type": "x/y"}), 201, "x/y", b'{"a":1}\n'),
        ((Response("r"), 203), 203, "text/html; charset=utf-8", b"r"),
        ((Response("r"), "203 SO SO"), 203, "text/html; charset=utf-8", b"r"),
        ((b"t", 201), 201, "text/html; charset=utf-8", b"t"),
        (("t", 299), 299, "text/html; charset=utf-8", b"t"),
        (([1], 201), 201, "application/json", b"[1]\n"),
        (OrderedDict(a=1), 200, "application/json", b'{"a":1}\n'),
        ((OrderedDict(a=1), 201), 201, "application/json", b'{"a":1}\n'),
        (({"a": 1}, "201 YES"), 201, "application/json", b'{"a":1}\n'),
        ((bytearray(b"a"), 201), 201, "text/html; charset=utf-8", b"a"),
    ],
)
def test_makes(answer: Any, status: int, content_type: str, data: bytes) -> None:
    app = Flask(__name__)
    with app.test_request_context():
        response = make_response(app, answer)
    assert type(response) is Response
    assert (response.status_code, response.data) == (status, data)
    assert response.headers.getlist("Content-Type") == [content_type]


@pytest.mark.parametrize("status", [None, 200, 201, 404, 299, 999, "404 GONE FISHING", "nonsense"])
@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"X-A": "b", "content-type": "x/y"},
        {"X-A": ["b", "c"]},
        [("Content-Length", "99"), ("content-length", "98"), ("X-A", "b")],
        Headers([("Content-Type", "x/y"), ("Content-Type", "x/z")]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("body", ["text", b"bytes"])
def test_a_tuple_is_what_its_class_makes_of_it(body: Any, status: Any, headers: Any) -> None:
    app = Flask(__name__)
    given = headers.copy() if isinstance(headers, Headers) else headers
    expected = Response(body, status=status, headers=given)
    with app.test_request_context():
        response = make_response(app, (body, status, headers))
    assert list(response.headers) == list(expected.headers)
    assert (response.status, response.status_code) == (expected.status, expected.status_code)
    assert response.data == expected.data


def test_headers_in_a_tuple_cannot_begin_another_one() -> None:
    app = Flask(__name__)
    with app.test_request_context(), pytest.raises(ValueError, match="newline"):
        make_response(app, ("text", {"X-A": "b\nX-C: d"}))


def test_a_status_that_http_learns_later_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Flask(__name__)
    with app.test_request_context():
        assert make_response(app, ("t", 299)).status == "299 UNKNOWN"
        monkeypatch.setitem(HTTP_STATUS_CODES, 299, "Fine")
        assert make_response(app, ("t", 299)).status == "299 FINE"
        monkeypatch.setitem(HTTP_STATUS_CODES, 299, "Finer")
        assert make_response(app, ("t", 299)).status == "299 FINER"


class OwnStatus(Response):
    @property
    def status_code(self) -> int:
        return self._status_code

    @status_code.setter
    def status_code(self, code: int) -> None:
        self.status = f"{code} OWN"


@pytest.mark.parametrize("body", ["text", {"a": 1}, b"bytes"], ids=repr)
def test_a_class_with_a_status_of_its_own_sets_it(body: Any) -> None:
    app = Flask(__name__)
    app.response_class = OwnStatus
    with app.test_request_context():
        response = make_response(app, (body, 202))
    assert type(response) is OwnStatus
    assert response.status == ("202 OWN" if type(body) is dict else "202 ACCEPTED")


def test_a_mimetype_that_a_class_gets_later_counts() -> None:
    class Later(Response):
        pass

    app = Flask(__name__)
    app.response_class = Later
    with app.test_request_context():
        assert make_response(app, "t").mimetype == "text/html"
        Later.default_mimetype = "text/plain"
        assert make_response(app, "t").mimetype == "text/plain"


def test_an_async_generator_is_a_body() -> None:
    async def generate() -> AsyncIterator[str]:
        yield "a"

    app = Flask(__name__)
    with app.test_request_context():
        response = make_response(app, (generate(), 201))
    assert response.status_code == 201
    assert response.is_streamed


def test_an_http_error_becomes_its_own_page() -> None:
    app = Flask(__name__)
    with app.test_request_context():
        response = make_response(app, NotFound())
    assert type(response) is Response
    assert response.status_code == 404
    assert b"Not Found" in response.data


@pytest.mark.parametrize("kind", default_exceptions.values())
def test_the_page_of_an_error_is_werkzeugs(kind: type[HTTPException]) -> None:
    app = Flask(__name__)
    for error in (kind(), kind("described"), kind()):
        expected = error.get_response()
        with app.test_request_context():
            response = make_response(app, error)
        assert (response.status, response.data) == (expected.status, expected.data)
        assert list(response.headers) == list(expected.headers)


def test_a_description_changed_for_all_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Flask(__name__)
    with app.test_request_context():
        make_response(app, NotFound())
        monkeypatch.setattr(NotFound, "description", "Gone fishing.")
        assert b"Gone fishing." in make_response(app, NotFound()).data


def test_an_error_is_a_response_of_the_users_class() -> None:
    class Own(Response):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            raise AssertionError("an error's response is only cast")

    app = Flask(__name__)
    app.response_class = Own
    with app.test_request_context():
        assert type(make_response(app, NotFound())) is Own


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "returned None"),
        ((None, 200), "returned None"),
        (True, "it was a bool"),
        (("a",), "tuple of 1 items. The tuple must have the form"),
        (("a", 200, {}, 4), "tuple of 4 items"),
        (object(), "it was a object"),
        (lambda: "no WSGI app", "takes 0 positional arguments"),
    ],
    ids=["None", "None in a tuple", "bool", "short", "long", "object", "a function"],
)
def test_anything_else_is_a_type_error_that_names_the_view(answer: Any, said: str) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "the_view", lambda: "")
    with app.test_request_context(), pytest.raises(TypeError) as caught:
        make_response(app, answer)
    assert said in str(caught.value)
    assert "'the_view'" in str(caught.value)


def test_outside_of_a_request_no_view_is_named() -> None:
    app = Flask(__name__)
    with pytest.raises(TypeError, match=r"for \? did not"):
        make_response(app, None)
    assert make_response(app, WerkzeugResponse("w")).data == b"w"


def test_a_class_of_the_users_is_used_everywhere() -> None:
    class Own(Response):
        default_mimetype = "text/plain"

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.headers["X-Own"] = "yes"

    app = Flask(__name__)
    app.response_class = Own
    with app.test_request_context():
        for answer in ("text", b"bytes", {"a": 1}):
            response = make_response(app, answer)
            assert type(response) is Own
            assert response.headers["X-Own"] == "yes"
        assert type(make_response(app, Response("r"))) is Own
        assert make_response(app, "text").mimetype == "text/plain"


def test_a_class_without_mimetype_sends_none() -> None:
    class Bare(Response):
        default_mimetype = None

    app = Flask(__name__)
    app.response_class = Bare
    with app.test_request_context():
        assert "Content-Type" not in make_response(app, "text").headers


class OwnResponse(DefaultJSONProvider):
    def response(self, *args: Any, **kwargs: Any) -> Any:
        response = super().response(*args, **kwargs)
        response.headers["X-Own"] = "yes"
        return response


@pytest.mark.parametrize("answer", ["text", {"a": 1}, [1, 2]])
def test_what_nobody_looks_at_goes_out_as_a_response_would(answer: Any, wire: Any) -> None:
    answers = []
    for looks in (False, True):
        app = Flask(__name__)
        app.add_url_rule("/", "index", lambda: answer)
        if looks:
            app.after_request(lambda response: response)
        got = wire(app).get("/")
        answers.append((got.status, list(got.headers), got.body))
    assert answers[0] == answers[1]


def test_a_provider_that_makes_responses_of_its_own_is_asked(wire: Any) -> None:
    app = Flask(__name__)
    app.json = OwnResponse(app)
    app.add_url_rule("/", "index", lambda: {"a": 1})
    assert wire(app).get("/").headers["X-Own"] == "yes"


def test_a_provider_may_be_any_object(wire: Any) -> None:
    class Provider:
        def response(self, value: Any) -> Response:
            return Response(repr(value))

    app = Flask(__name__)
    app.json = Provider()  # type: ignore[assignment]  # what some extensions put there
    app.add_url_rule("/", "index", lambda: {"a": 1})
    assert wire(app).get("/").text == "{'a': 1}"


class Own(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, **content: Any) -> None:
        self.content = content

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)


MAPPINGS: dict[str, Callable[[dict[str, Any]], Mapping[str, Any]]] = {
    "proxy": MappingProxyType,
    "chain": ChainMap,
    "own": lambda content: Own(**content),
}
if sys.version_info >= (3, 15):
    import builtins

    MAPPINGS["frozendict"] = builtins.frozendict


@pytest.mark.parametrize("kind", MAPPINGS)
def test_any_mapping_is_json_and_may_be_headers(kind: str) -> None:
    app, make = Flask(__name__), MAPPINGS[kind]
    app.add_url_rule("/", "body", lambda: make({"a": make({"b": 1})}))
    app.add_url_rule("/2", "two", lambda: ("text", make({"X-A": "b", "X-C": ["d", "e"]})))
    app.add_url_rule("/3", "three", lambda: (make({"a": 1}), 201, make({"X-A": "b"})))
    client = app.test_client()
    assert client.get("/").json == {"a": {"b": 1}}
    assert client.get("/2").headers.getlist("X-C") == ["d", "e"]
    answer = client.get("/3")
    assert (answer.json, answer.status_code, answer.headers["X-A"]) == ({"a": 1}, 201, "b")


def test_a_mapping_that_is_an_app_is_called() -> None:
    class Both(Own):
        def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
            start_response("200 OK", [])
            return [b"called"]

    app = Flask(__name__)
    app.add_url_rule("/", "view", lambda: Both(a=1))
    assert app.test_client().get("/").text == "called"
