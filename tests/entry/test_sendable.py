"""Headers that no server could send are left out or encoded otherwise, and told of once."""

from __future__ import annotations

import logging

import pytest

from kolben import Flask, Response
from kolben.core.outgoing import UnusualHeaders
from kolben.entry import sendable as module
from kolben.entry.sendable import sendable, unusual_of
from tests.wires import MakeClient

CLOSE, UPGRADE = ("Connection", "close"), ("Connection", "Upgrade")
KEPT = ("X-Kept", "1")
LOGGER = logging.getLogger("tests.sendable")


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    module._told.clear()


def unusual(*headers: tuple[str, str], view: str | None = "view") -> UnusualHeaders:
    return UnusualHeaders(headers, view, LOGGER)


@pytest.mark.parametrize(
    ("headers", "status", "version", "expected"),
    [
        ([("Transfer-Encoding", "chunked")], "200 OK", "1.1", [KEPT]),
        ([("Connection", "close")], "200 OK", "1.1", [KEPT, CLOSE]),
        ([("connection", "Close, x-hop"), ("X-HOP", "1")], "200 OK", "1.1", [KEPT, CLOSE]),
        ([("Connection", "close")], "200 OK", "2", [KEPT]),
        ([("Connection", "keep-alive")], "200 OK", "1", [KEPT]),
        ([("Upgrade", "h2c"), UPGRADE], "426 X", "1.1", [KEPT, ("Upgrade", "h2c"), UPGRADE]),
        ([("Upgrade", "h2c"), UPGRADE], "426 X", "2", [KEPT]),
        ([("Transfer-Encoding", "gzip")], "426 X", "1.1", [KEPT]),
        ([("Content-Length", "1"), ("Content-Length", "2")], "200 OK", "1.1", [KEPT]),
        ([("Content-Length", "1")] * 2, "200 OK", "1.1", [KEPT, *[("Content-Length", "1")] * 2]),
        ([("Content-Length", "-1")], "200 OK", "1.1", [KEPT]),
        ([("X-A", "\xfc")], "200 OK", "1.1", [KEPT, ("X-A", "\xfc")]),
    ],
)
def test_headers_of_the_connection_are_left_out(
    headers: list[tuple[str, str]], status: str, version: str, expected: list[tuple[str, str]]
) -> None:
    assert sendable(unusual(KEPT, *headers), status, version) == expected


def test_as_utf8_what_is_utf8_is_sent_as_it_was_meant(caplog: pytest.LogCaptureFixture) -> None:
    twice = "Z\xfcrich".encode().decode("latin-1")
    found = sendable(unusual(KEPT, ("X-A", twice)), "200 OK", "1.1", as_utf8=True)
    assert [KEPT, ("X-A", "Z\xfcrich")] == found
    assert caplog.messages == []


def test_what_cannot_be_latin_1_is_told_once_for_each_header_of_a_view(
    caplog: pytest.LogCaptureFixture,
) -> None:
    headers = [("X-A", "\xfc"), ("X-B", "\xfc")]
    for view in ("one", "other"):
        for _ in range(2):
            found = sendable(unusual(*headers, view=view), "200 OK", "1.1", as_utf8=True)
            assert headers == found
    assert len(caplog.messages) == 4
    assert caplog.messages[0].startswith("The response of the view 'one' has the header X-A with")


def test_each_view_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    for view in ("one", "other", None, "one", None):
        sendable(unusual(("TE", "trailers"), view=view), "200 OK", "1.1")
    assert [message.partition(" has ")[0] for message in caplog.messages] == [
        "The response of the view 'one'",
        "The response of the view 'other'",
        "An answer of no view",
    ]
    assert "'TE: trailers'" in caplog.text


def test_what_changes_nothing_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    sendable(unusual(("Connection", "Keep-Alive"), ("Connection", "close")), "200 OK", "1.1")
    assert caplog.messages == []


def test_what_was_told_is_bounded() -> None:
    for number in range(module._MOST_TOLD + 1):
        sendable(unusual(("TE", "trailers"), view=str(number)), "200 OK", "1.1")
    assert len(module._told) == 1


def test_an_app_that_is_not_ours_is_told_of_by_our_logger() -> None:
    found = unusual_of(object(), {}, [KEPT])
    assert (None, "kolben", [KEPT]) == (found.view, found.logger.name, list(found))


def test_over_wsgi_the_server_is_told_of_all_that_the_app_has_set(app: Flask) -> None:
    """It has a way of its own with it, as under Flask."""

    @app.get("/")
    def index() -> Response:
        return Response("text", headers={"Transfer-Encoding": "chunked", "X-City": "Z\xfcrich"})

    headers = app.test_client().get("/").headers
    assert ("chunked", "Z\xfcrich") == (headers["Transfer-Encoding"], headers["X-City"])


def test_every_entry_sends_what_is_left(app: Flask, wire: MakeClient) -> None:
    @app.get("/")
    def index() -> Response:
        return Response("text", headers={"X-City": "Z\xfcrich", "X-Kept": "1"})

    @app.get("/bad")
    def bad() -> tuple[str, int, dict[str, str]]:
        return "text", 400, {"X-City": "Z\xfcrich"}

    assert "1" == wire(app).get("/").headers["X-Kept"]
    assert 400 == wire(app).get("/bad").status


def test_in_middleware_as_well(
    app: Flask, wire: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/")
    def index() -> Response:
        return Response("text", headers={"X-City": "Z\xfcrich", "X-Kept": "1"})

    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: inner(environ, start_response)  # type: ignore[method-assign]  # as documented
    assert "1" == wire(app).get("/").headers["X-Kept"]
    assert all("the view 'index'" in message for message in caplog.messages)
