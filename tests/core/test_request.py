"""A request is read in parts, within limits, and never breaks on bad input."""

from __future__ import annotations

import io
from typing import Any, Self

import pytest
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.test import EnvironBuilder, create_environ
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben import Flask
from kolben.core.current import the_request
from kolben.core.request import Request, split_blueprint_path
from kolben.core.source import EnvironSource
from tests.wires import MakeClient


def request_of(**kwargs: Any) -> Request:
    return Request(EnvironBuilder(**kwargs).get_environ())


def test_nothing_is_read_before_it_is_asked_for() -> None:
    environ = create_environ("/a?b=c")
    request = Request(environ)
    assert vars(request).keys() == {"environ"}
    assert environ["werkzeug.request"] is request


def test_a_shallow_request_leaves_the_environ_alone() -> None:
    environ = create_environ("/")
    Request(environ, shallow=True)
    Request(environ, populate_request=False)
    assert "werkzeug.request" not in environ


@pytest.mark.parametrize(
    "part",
    [
        "args",
        "full_path",
        "url",
        "base_url",
        "host",
        "host_url",
        "cookies",
        "method",
        "path",
        "scheme",
        "server",
        "root_path",
        "query_string",
        "remote_addr",
        "is_secure",
        "referrer",
        "accept_mimetypes",
        "if_none_match",
        "range",
        "content_length",
        "mimetype",
        "user_agent",
    ],
)
def test_parts_are_as_werkzeugs(part: str) -> None:
    environ = create_environ(
        "/p?a=1&a=2&b=%C3%A4",
        "https://example.com:8443/root",
        headers={
            "Cookie": "a=b; c=d",
            "Referer": "http://x",
            "Accept": "text/html;q=0.5,*/*",
            "If-None-Match": '"x"',
            "Range": "bytes=0-1",
            "User-Agent": "t",
        },
    )
    ours, theirs = getattr(Request(environ), part), getattr(WerkzeugRequest(environ), part)
    assert str(ours) == str(theirs)


def test_raw_bytes_in_a_query_stay_encoded() -> None:
    request = Request({**create_environ("/"), "QUERY_STRING": "a=\xff"})
    assert request.args["a"] == "%FF"


@pytest.mark.parametrize(
    ("endpoint", "blueprint", "blueprints"),
    [("view", None, []), ("a.view", "a", ["a"]), ("a.b.view", "a.b", ["a.b", "a"])],
)
def test_blueprints_are_read_off_the_endpoint(
    endpoint: str, blueprint: str | None, blueprints: list[str]
) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", endpoint, lambda: "")
    with app.test_request_context("/") as context:
        assert context.request.endpoint == endpoint
        assert context.request.blueprint == blueprint
        assert context.request.blueprints == blueprints


def test_an_unmatched_request_has_no_endpoint() -> None:
    request = request_of()
    assert (request.endpoint, request.blueprint, request.blueprints) == (None, None, [])


def test_names_of_parents() -> None:
    assert split_blueprint_path("a.b.c") == ["a.b.c", "a.b", "a"]


@pytest.mark.parametrize(
    ("name", "key", "default"),
    [
        ("max_content_length", "MAX_CONTENT_LENGTH", None),
        ("max_form_memory_size", "MAX_FORM_MEMORY_SIZE", 500_000),
        ("max_form_parts", "MAX_FORM_PARTS", 1_000),
    ],
)
def test_a_limit_is_the_requests_then_the_apps_then_the_default(
    name: str, key: str, default: int | None
) -> None:
    request = request_of()
    assert getattr(Request, name) == default
    assert getattr(request, name) == default
    app = Flask(__name__)
    app.config[key] = 7
    with app.app_context():
        assert getattr(request, name) == 7
        setattr(request, name, 9)
        assert getattr(request, name) == 9


def test_a_body_above_the_limit_is_413() -> None:
    request = request_of(method="POST", data=b"x" * 11)
    request.max_content_length = 10
    with pytest.raises(RequestEntityTooLarge):
        request.get_data()


@pytest.mark.parametrize("debug", [False, True])
def test_broken_json_is_400_and_explained_in_debug_mode_only(debug: bool) -> None:
    app = Flask(__name__)
    app.debug = debug
    request = request_of(method="POST", data=b"{", content_type="application/json")
    with app.app_context(), pytest.raises(BadRequest) as caught:
        request.get_json()
    assert ("Failed to decode" in str(caught.value.description)) is debug


def test_broken_json_outside_of_an_app_is_400() -> None:
    with pytest.raises(BadRequest):
        request_of(method="POST", data=b"{", content_type="application/json").get_json()


def test_another_type_than_json_is_415() -> None:
    with pytest.raises(UnsupportedMediaType):
        request_of(method="POST", data=b"{}", content_type="text/plain").get_json()


def test_json_nested_too_deep_is_400() -> None:
    deep = b"[" * 100_000
    with pytest.raises(BadRequest):
        request_of(method="POST", data=deep, content_type="application/json").get_json()
    request = request_of(method="POST", data=deep, content_type="application/json")
    assert request.get_json(silent=True) is None


def test_a_missing_file_is_explained_in_debug_mode() -> None:
    app = Flask(__name__)
    app.debug = True
    request = request_of(method="POST", data={"file": "name.txt"})
    with app.app_context(), pytest.raises(KeyError, match="enctype"):
        request.files["file"]
    request = request_of(method="POST", data={"file": (io.BytesIO(b"x"), "name.txt")})
    with app.app_context(), request:
        assert request.files["file"].read() == b"x"


def test_a_form_is_parsed_once_whichever_part_is_read_first() -> None:
    for content in ({"a": "1"}, {"a": "1", "f": (io.BytesIO(b"x"), "name.txt")}):
        request = request_of(method="POST", data=content)
        files = request.files
        form = request.form
        assert (form["a"], len(files)) == ("1", len(content) - 1)
        request._load_form_data()
        assert request.form is form
        assert request.files is files
        request.close()


def test_json_is_parsed_once_unless_it_is_not_to_be_kept() -> None:
    request = request_of(method="POST", json=[1])
    value = request.get_json()
    assert request.get_json() is value
    assert request.json is value
    request = request_of(method="POST", json=[1])
    assert request.get_json(cache=False) == [1]
    assert request.data == b""


@pytest.mark.parametrize("method", ["GET", "post", None])
def test_the_method_is_in_upper_case_however_it_is_read(method: str | None) -> None:
    environ = {} if method is None else {"REQUEST_METHOD": method}
    request = Request(environ)
    assert request.method == EnvironSource(environ).method() == (method or "GET").upper()
    assert Request.of(EnvironSource(environ)).method == request.method


def test_a_request_class_that_is_made_its_own_way_is_called(app: Flask, wire: MakeClient) -> None:
    class OwnRequest(Request):
        tenant = ""

        def __new__(cls, environ: dict[str, Any], *_: Any, **__: Any) -> Self:
            made = super().__new__(cls)
            made.tenant = environ["HTTP_HOST"]
            return made

    app.request_class = OwnRequest
    app.add_url_rule("/", "tenant", lambda: the_request().tenant)  # type: ignore[attr-defined]  # of that class
    assert wire(app).get("/", headers={"Host": "one.example"}).text == "one.example"


def test_the_class_shows_what_its_args_are() -> None:
    assert Request.args is vars(Request)["args"]
    assert "query string" in str(Request.args.__doc__)
