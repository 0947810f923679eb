"""A request's headers are read as Werkzeug reads them, whichever way is taken."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.datastructures import EnvironHeaders as WerkzeugHeaders
from werkzeug.exceptions import BadRequestKeyError

from kolben import Flask, request
from kolben.core import environ_headers
from kolben.core.environ_headers import headers_of

ENVIRON = {
    "REQUEST_METHOD": "POST",
    "CONTENT_TYPE": "text/plain",
    "CONTENT_LENGTH": "4",
    "HTTP_HOST": "localhost",
    "HTTP_X_TOKEN": "t",
    "HTTP_X_NUMBER": "5",
    "HTTP_X_EMPTY": "",
    "HTTP_CONTENT_TYPE": "text/html",
}
NAMES = [
    "Host",
    "X-Token",
    "x-token",
    "X_TOKEN",
    "X-Empty",
    "Content-Type",
    "content-length",
    "HTTP-Content-Type",
    "REQUEST_METHOD",
    "",
    type("Text", (str,), {})("X-Token"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_header_is_read_as_werkzeug_does(name: str) -> None:
    ours, theirs = headers_of(ENVIRON), WerkzeugHeaders(ENVIRON)
    for _ in range(2):  # the second time it is known
        assert ours.get(name) == theirs.get(name)
        assert ours.get(name, "other") == theirs.get(name, "other")
        assert (name in ours) is (name in theirs)
        assert ours.getlist(name) == theirs.getlist(name)
        if name in theirs:
            assert ours[name] == theirs[name]
        else:
            with pytest.raises(KeyError) as error:
                ours[name]
            assert error.value.args == (f"HTTP_{name.upper().replace('-', '_')}",)


@pytest.mark.parametrize("name", [0, None, b"X-Token", ["X-Token"], slice(1)])
def test_what_is_no_name_is_a_bad_request(name: Any) -> None:
    headers = headers_of(ENVIRON)
    with pytest.raises(BadRequestKeyError):
        headers[name]
    assert headers.get(name, "other") == "other"


def test_a_header_is_converted_where_it_can_be() -> None:
    headers = headers_of(ENVIRON)
    assert headers.get("X-Number", type=int) == 5
    assert headers.get("X-Number", "other", int) == 5
    assert headers.get("X-Token", 7, type=int) == 7
    assert headers.get("X-None", type=int) is None


def test_they_are_those_of_the_environ_now() -> None:
    environ = dict(ENVIRON)
    headers = headers_of(environ)
    assert "X-Late" not in headers
    environ["HTTP_X_LATE"] = "yes"
    assert headers["X-Late"] == headers.get("X-Late") == "yes"
    assert headers == headers_of(environ) == WerkzeugHeaders(environ)
    assert headers != headers_of(dict(environ))


def test_they_are_shown_as_werkzeugs_and_change_no_more_than_those(app: Flask) -> None:
    with app.test_request_context(headers={"X-Token": "t"}):
        headers: Any = request.headers
        assert repr(headers) == f"EnvironHeaders({list(headers)!r})"
        assert isinstance(headers, WerkzeugHeaders)
        with pytest.raises(TypeError, match="immutable"):
            headers["X-Token"] = "other"


def test_no_more_names_are_kept_than_an_app_would_ask_for() -> None:
    headers = headers_of(ENVIRON)
    for number in range(2 * environ_headers._MOST_KNOWN):
        assert headers.get(f"X-Number-{number}") is None
    assert len(environ_headers._names) <= environ_headers._MOST_KNOWN
    assert headers["X-Token"] == "t"
