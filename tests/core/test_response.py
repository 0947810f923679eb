"""A plain response is what its class would have made."""

from __future__ import annotations

from time import time
from typing import Any, Self

import pytest
from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben import Flask
from kolben.core.response import (
    Response,
    add_first,
    content_type_for,
    is_plain,
    known_length,
    length_header,
    plain_header,
    plain_response,
    set_code,
)


class Xml(Response):
    default_mimetype = "application/xml"


@pytest.mark.parametrize("kind", [Response, Xml])
def test_plain_is_the_same_as_made(kind: type[Response]) -> None:
    content_type = content_type_for(kind.default_mimetype)
    assert content_type is not None
    ours = plain_response(kind, b"body", ("Content-Type", content_type))
    theirs = kind("body")
    assert type(ours) is kind
    assert list(ours.headers) == list(theirs.headers)
    for part in ("status", "status_code", "data", "direct_passthrough", "mimetype"):
        assert getattr(ours, part) == getattr(theirs, part)
    ours.status_code = 404
    assert ours.status == "404 NOT FOUND"
    assert plain_response(kind, b"", ("Content-Type", content_type)).status_code == 200


class OwnInit(Response):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class OwnNew(Response):
    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        return super().__new__(cls)


class OwnStatus(Response):
    default_status = 201


class NoLength(Response):
    automatically_set_content_length = False


class OwnStatusCode(Response):
    status_code = 201  # type: ignore[assignment]  # as some write it


class OwnData(Response):
    def set_data(self, value: bytes | str) -> None:
        super().set_data(value)


@pytest.mark.parametrize(
    "kind", [OwnInit, OwnNew, OwnStatus, NoLength, OwnData, OwnStatusCode, WerkzeugResponse]
)
def test_a_class_with_a_way_of_its_own_is_not_plain(kind: type[WerkzeugResponse]) -> None:
    assert not is_plain(kind)


@pytest.mark.parametrize("code", [*HTTP_STATUS_CODES, 299, 600, 0])
def test_a_code_is_set_as_by_werkzeug(code: int) -> None:
    ours, theirs = Response(), Response()
    set_code(ours, code)
    theirs.status_code = code
    assert (ours.status, ours.status_code) == (theirs.status, theirs.status_code)


def test_the_header_of_a_class_that_is_not_plain_is_its_own_to_make() -> None:
    assert plain_header(Response, "text/css") == ("Content-Type", "text/css; charset=utf-8")
    assert plain_header(Response, None) is None
    assert plain_header(OwnInit, "text/css") is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-A": "b"},
        {"content-type": "x/y", "X-A": ["b", "c"]},
        [("X-A", "b"), ("content-LENGTH", "9"), ("Content-Length", "8")],
        Headers({"X-A": "b"}),
    ],
    ids=repr,
)
def test_headers_are_added_where_the_class_has_them(headers: Any) -> None:
    theirs = Response("body", headers=headers.copy())
    ours = plain_response(Response, b"body", ("Content-Type", "text/html; charset=utf-8"))
    add_first(ours, headers)
    assert list(ours.headers) == list(theirs.headers)
    assert not isinstance(headers, Headers) or ours.headers is headers


@pytest.mark.parametrize("headers", [Headers(), {}], ids=["usual", "a dict"])
def test_a_cookie_is_a_header_of_whatever_holds_the_headers(headers: Any) -> None:
    class Dict(dict[str, str]):
        def add(self, name: str, value: str) -> None:
            self[name] = value

    response = Response()
    response.headers = headers if isinstance(headers, Headers) else Dict()  # type: ignore[assignment]
    response.set_cookie("a", "b")
    assert response.headers["Set-Cookie"] == "a=b; Path=/"


def test_what_is_to_follow_a_response_waits_for_its_end() -> None:
    response = Response()
    with pytest.raises(RuntimeError, match="Working outside"):
        response.call_after_send(print)
    with Flask(__name__).app_context():
        response.call_after_send(print)
    assert len(response._on_close) == 1


def test_a_class_without_mimetype_has_no_content_type() -> None:
    assert content_type_for(None) is None


def test_json_is_read_by_the_current_app_or_without_one() -> None:
    response = Response('{"a": 1}', mimetype="application/json")
    assert response.json == {"a": 1}
    app = Flask(__name__)
    app.json.loads = lambda text, **options: "the app's"  # type: ignore[method-assign]
    with app.app_context():
        assert response.json == "the app's"
        assert response.json_module.dumps({}) == "{}"


def test_the_largest_cookie_is_the_apps_to_say() -> None:
    response = Response()
    assert response.max_cookie_size == 4093
    app = Flask(__name__)
    app.config["MAX_COOKIE_SIZE"] = 100
    with app.app_context():
        assert response.max_cookie_size == 100


CONDITIONS: dict[str, dict[str, str]] = {
    "none": {},
    "the tag": {"HTTP_IF_NONE_MATCH": '"a"'},
    "the tag, weak": {"HTTP_IF_NONE_MATCH": 'W/"a"'},
    "the tag among others": {"HTTP_IF_NONE_MATCH": '"b", W/"a"'},
    "the tag without quotes": {"HTTP_IF_NONE_MATCH": "a"},
    "another tag": {"HTTP_IF_NONE_MATCH": '"b"'},
    "two tags in one": {"HTTP_IF_NONE_MATCH": '"a", "b"'},
    "any tag": {"HTTP_IF_NONE_MATCH": "*"},
    "no tag": {"HTTP_IF_NONE_MATCH": ","},
    "an empty tag": {"HTTP_IF_NONE_MATCH": '""'},
    "another tag and a date": {
        "HTTP_IF_NONE_MATCH": '"b"',
        "HTTP_IF_MODIFIED_SINCE": "Fri, 01 Jan 2100 00:00:00 GMT",
    },
    "no tag and a date": {
        "HTTP_IF_NONE_MATCH": ",",
        "HTTP_IF_MODIFIED_SINCE": "Fri, 01 Jan 2100 00:00:00 GMT",
    },
    "a tag to have and one not to": {"HTTP_IF_NONE_MATCH": '"a"', "HTTP_IF_MATCH": '"b"'},
    "the tag and a range": {"HTTP_IF_NONE_MATCH": '"a"', "HTTP_RANGE": "bytes=0-1"},
    "the tag, in a POST": {"HTTP_IF_NONE_MATCH": '"a"', "REQUEST_METHOD": "POST"},
    "the tag, in a HEAD": {"HTTP_IF_NONE_MATCH": '"a"', "REQUEST_METHOD": "HEAD"},
}
HEADERS: dict[str, dict[str, str]] = {
    "a tag": {"ETag": '"a"'},
    "a weak tag": {"etag": 'W/"a"'},
    "no tag": {},
    "an empty tag": {"ETag": '""'},
    "a tag of two": {"ETag": '"a", "b"'},
    "dates": {
        "ETag": '"a"',
        "date": "Thu, 01 Jan 1970 00:00:00 GMT",
        "Last-Modified": "Fri, 01 Jan 2020 00:00:00 GMT",
    },
}


@pytest.mark.parametrize("accept_ranges", [False, True, "none"])
@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("conditions", CONDITIONS.values(), ids=CONDITIONS)
def test_conditions_are_answered_as_by_werkzeug(
    conditions: dict[str, str], headers: dict[str, str], accept_ranges: bool | str
) -> None:
    environ = {"REQUEST_METHOD": "GET", **conditions}
    made = [
        kind(body, headers=headers).make_conditional(environ, accept_ranges, 4)
        for kind in (Response, WerkzeugResponse)
        for body in ("body", [b"body"])
    ]
    pages = [(one.status, shown(one)) for one in made]
    assert pages[:2] == pages[2:]


def shown(response: WerkzeugResponse) -> list[tuple[str, str]]:
    """Return the headers of a response, without the type that is each class's own and the time."""
    own = ("Content-Type", "Date")
    return [(name, "" if name in own else value) for name, value in response.headers]


def test_the_date_is_the_time_now() -> None:
    environ = {"REQUEST_METHOD": "GET", "HTTP_IF_NONE_MATCH": '"a"'}
    before = int(time())
    response = Response("body", headers={"ETag": '"a"'}).make_conditional(environ)
    assert response.status_code == 304
    assert response.date is not None
    assert before <= response.date.timestamp() <= time()


@pytest.mark.parametrize(("size", "is_kept"), [(0, True), (4095, True), (4096, False)])
def test_the_headers_of_small_lengths_are_kept(size: int, is_kept: bool) -> None:
    header = length_header(size)
    assert header == ("Content-Length", str(size))
    assert (known_length(size) is header) is is_kept
