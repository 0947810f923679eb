"""What goes out is what Werkzeug would send; a plain list where it can be; never what breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben import Flask, Response, redirect
from kolben.core.async_body import SentBody
from kolben.core.context import RequestContext
from kolben.entry.outgoing import drop, outgoing
from tests.wires import MakeClient


def send(app: Flask, answer: Any, method: str = "GET") -> Any:
    """Return what goes out of an answer to a request."""
    context = RequestContext(app, create_environ("/", method=method))
    with context:
        return outgoing(answer, context.request, method == "HEAD")


class Chatty(Response):
    def get_wsgi_headers(self, environ: Any) -> Any:
        headers = super().get_wsgi_headers(environ)
        headers["X-Chatty"] = "yes"
        return headers


class NoLength(Response):
    automatically_set_content_length = False


class Absolute(Response):
    autocorrect_location_header = True


def with_headers(headers: Any) -> Response:
    response = Response("text")
    response.headers = headers
    return response


RESPONSES: dict[str, Any] = {
    "headers in a dict": lambda: with_headers({"X-A": "b"}),
    "headers in a list": lambda: with_headers([("X-A", "b"), ("X-A", "c")]),
    "text": lambda: Response("text"),
    "two pieces": lambda: Response([b"a", b"b"]),
    "text pieces": lambda: Response(["a", "b"]),
    "empty": lambda: Response(),
    "no content": lambda: Response("dropped", 204),
    "not modified": lambda: Response("dropped", 304, headers={"Content-Encoding": "x"}),
    "generator": lambda: Response(piece for piece in ["a", "b"]),
    "location": lambda: Response("go", 302, headers={"Location": "/ä?x=€"}),
    "location as it is": lambda: Response("go", 302, headers={"Location": "/a?b=c"}),
    "location in lower case": lambda: Response("go", 302, headers={"location": "/a"}),
    "location made absolute": lambda: Absolute("go", 302, headers={"Location": "/a"}),
    "two locations": lambda: Response(
        "go", headers=[("Location", "/a"), ("Location", "/b"), ("Content-Location", "/c")]
    ),
    "both locations": lambda: Response("go", headers={"Location": "/", "Content-Location": "/c"}),
    "not modified, with addresses": lambda: Response(
        "dropped", 304, headers={"Location": "/a", "Content-Location": "/b", "Expires": "0"}
    ),
    "no content, with a length": lambda: Response("", 204, headers={"content-LENGTH": "0"}),
    "pieces of both kinds": lambda: Response([b"a", "b"]),
    "content location": lambda: Response("at", headers={"Content-Location": "/ä"}),
    "own length": lambda: Response("text", headers={"content-length": "4"}),
    "no length": lambda: NoLength("text"),
    "own way out": lambda: Chatty("text"),
    "werkzeug's": lambda: WerkzeugResponse("text"),
    "passed through": lambda: Response([b"raw"], direct_passthrough=True),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("make", RESPONSES.values(), ids=RESPONSES)
def test_same_as_werkzeug(app: Flask, make: Any, method: str) -> None:
    body, status, headers = send(app, make(), method)
    expected_body, expected_status, expected_headers = run_wsgi_app(
        make(), create_environ("/", method=method)
    )
    assert b"".join(body) == b"".join(expected_body)
    assert status == expected_status
    assert sorted(headers) == sorted(expected_headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_goes_out_as_it_is(app: Flask, method: str) -> None:
    headers = [("Content-Type", "text/html"), ("Content-Length", "4")]
    page = ([b"text"], "200 OK", headers)
    expected = [] if method == "HEAD" else [b"text"]
    assert send(app, page, method) == (expected, "200 OK", headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("make", "body"),
    [
        (lambda: Response("text"), [b"text"]),
        (lambda: Response([b"a", b"b"]), [b"a", b"b"]),
        (lambda: redirect("/there"), None),
        (lambda: Response("dropped", 204), []),
        (lambda: Response("dropped", 304), []),
        (lambda: Response("a", headers={"Content-Location": "/"}), [b"a"]),
    ],
)
def test_what_is_a_list_goes_out_as_a_list(
    app: Flask, make: Any, body: list[bytes] | None, method: str
) -> None:
    """Entries send one at once; the rest goes piece by piece, each in a thread."""
    response = make()
    found = send(app, response, method)[0]
    assert type(found) is list
    assert found == ([] if method == "HEAD" else response.response if body is None else body)


@pytest.mark.parametrize("status", [99, 1000, 0, "abc", "200 a\r\nb", "99 x"])
def test_a_bad_status_is_500_and_a_log_line_that_names_the_view(
    app: Flask, status: Any, wire: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    app.testing = False
    app.add_url_rule("/", "the_view", lambda: ("", status))
    assert wire(app).get("/").status == 500
    assert "the_view" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"), [("X-A", "a\0b"), ("X A", "b"), ("X-A\r\nX-B", "c"), ("X-A", "d\r\nX-B: e")]
)
def test_a_bad_header_is_500(app: Flask, name: str, value: str, wire: MakeClient) -> None:
    def view() -> Response:
        response = Response("")
        response.headers._list.append((name, value))
        return response

    app.testing = False
    app.add_url_rule("/", "view", view)
    answer = wire(app).get("/")
    assert answer.status == 500
    assert all("\n" not in text and "\0" not in text for pair in answer.headers for text in pair)


def test_what_must_not_go_out_is_closed(app: Flask) -> None:
    closed: list[str] = []
    response = Response(iter(["a"]), headers={"X-A": "b"})
    response.headers._list.append(("X A", "c"))
    response.call_on_close(lambda: closed.append("closed"))
    with pytest.raises(ValueError, match="can't be sent: the header name 'X A'"):
        send(app, response)
    assert closed == ["closed"]


async def letters() -> AsyncIterator[str]:
    yield "a"
    yield "b"


@pytest.mark.parametrize(
    ("method", "status", "is_sent"), [("GET", 200, True), ("HEAD", 200, False), ("GET", 204, False)]
)
def test_an_async_body_goes_out_as_one_unless_nothing_is_sent(
    app: Flask, method: str, status: int, is_sent: bool
) -> None:
    with app.test_request_context():
        response = app.make_response((letters(), status))
    found = send(app, response, method)
    assert isinstance(found[0], SentBody) is is_sent
    assert b"".join(found[0]) == (b"ab" if is_sent else b"")
    drop(found)


def test_dropping_closes_what_there_is_to_be_closed() -> None:
    closed: list[str] = []
    response = Response(iter(["a"]))
    response.call_on_close(lambda: closed.append("closed"))
    body, status, headers = run_wsgi_app(response, create_environ("/"))
    for found in (None, ([b"a"], "200 OK", []), (body, status, list(headers))):
        drop(found)
    assert closed == ["closed"]
