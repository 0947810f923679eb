"""A status that HTTP does not have is a 500 of the view, and the server lives on."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import HTTPException

from kolben import Flask, Response, abort
from kolben.core.current import find_context
from tests.security.ways import EnvironWay, Server, Way

BAD = [99, 1000, 0, -1, -200, 2**70, "abc", "", " ", "99 X", "1000 X", "0200 OK", "200OK", "2e2 X",
    "\xb2\xb2\xb2 X", "200 \u20ac", "200 \x01", "200 \x7f", "-200 X", "+200 X"]  # fmt: skip
INTERIM = [100, 101, 102, 103, 199, "100 Continue", "101 Switching Protocols"]
GOOD = [200, 204, 299, 304, 404, 418, 499, 599, 999, "200", "200 ", "200 Fine", "404 \xe4"]
HOW = ["tuple", "class", "stream", "attribute"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("status", [*BAD, *INTERIM], ids=repr)
def test_a_status_of_no_answer_is_a_500(way: Way, how: str, status: int | str) -> None:
    answer = way.post_json(f"/status?way={how}", status)
    assert answer.status == 500
    assert b"Internal Server Error" in answer.body
    assert "ValueError" in answer.log
    assert "status" in answer.log.partition("Traceback")[2]


@pytest.mark.parametrize("how", HOW)
def test_the_log_names_the_view(way: Way, how: str) -> None:
    assert "view 'status'" in way.post_json(f"/status?way={how}", 99).log


@pytest.mark.parametrize("status", [99, 1000, 0], ids=repr)
def test_a_code_that_is_set_is_checked_too(way: Way, status: int) -> None:
    assert way.post_json("/status?way=code", status).status == 500


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("status", GOOD, ids=repr)
def test_any_other_is_sent(way: Way, how: str, status: int | str) -> None:
    answer = way.post_json(f"/status?way={how}", status)
    assert answer.status == int(str(status)[:3])


def test_no_status_ends_the_server(server: Server) -> None:
    pid = server.pid()
    for status in [*BAD, *INTERIM]:
        for how in HOW:
            server.post_json(f"/status?way={how}", status)
    assert server.pid() == pid


class Odd(HTTPException):
    code = 1000


@pytest.fixture
def odd() -> EnvironWay:
    """An app that answers with such statuses in every other place there is."""
    app = Flask("odd", static_folder=None)

    @app.route("/raised")
    def raised() -> str:
        raise Odd

    @app.route("/aborted")
    def aborted() -> str:
        abort(Response("x", status=99))

    @app.route("/handled")
    def handled() -> str:
        raise KeyError

    @app.errorhandler(KeyError)
    def handle(error: KeyError) -> tuple[str, int]:
        return "handled", 0

    @app.route("/called")
    def called() -> object:
        return lambda environ, start: start("99 X", []) or [b"x"]

    return EnvironWay(app)


@pytest.mark.parametrize("target", ["/raised", "/aborted", "/handled", "/called"])
def test_wherever_it_comes_from_it_is_a_500(odd: EnvironWay, target: str) -> None:
    assert odd.ask(target).status == 500


def test_what_spoils_the_500_as_well_leaves_the_answer_to_the_server() -> None:
    app = Flask("spoilt", static_folder=None)

    @app.route("/")
    def index() -> str:
        return "x"

    @app.after_request
    def spoil(response: Response) -> Response:
        response.status_code = 1000
        return response

    with pytest.raises(ValueError, match="1000"):
        EnvironWay(app).ask("/")
    assert find_context() is None
