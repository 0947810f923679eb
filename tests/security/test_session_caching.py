"""A response that depends on the session is never one that a cache may give to others."""

from __future__ import annotations

import pytest

from tests.security.target import LOOKS
from tests.security.ways import Way


@pytest.mark.parametrize("look", LOOKS)
def test_each_look_at_the_session_varies_by_cookie(way: Way, look: str) -> None:
    answer = way.ask(f"/touch/{look}")
    assert (answer.status, answer.all("Vary")) == (200, ["Cookie"])


def test_leaving_the_session_alone_says_nothing(way: Way) -> None:
    answer = way.ask("/touch/nothing")
    assert (answer.all("Vary"), answer.all("Set-Cookie")) == ([], [])


def test_a_permanent_session_that_is_only_refreshed_varies_by_cookie(way: Way) -> None:
    cookie = cookie_of(way.ask("/session/alice?permanent", "POST").one("Set-Cookie"))
    answer = way.ask("/touch/nothing", headers=[("Cookie", cookie)])
    assert answer.one("Set-Cookie") is not None
    assert answer.one("Vary") == "Cookie"


def test_a_session_that_is_set_or_emptied_varies_by_cookie(way: Way) -> None:
    answer = way.ask("/session/alice", "POST")
    assert answer.one("Vary") == "Cookie"
    emptied = way.ask("/empty", "POST", [("Cookie", cookie_of(answer.one("Set-Cookie")))])
    assert emptied.one("Vary") == "Cookie"
    assert (emptied.one("Set-Cookie") or "").startswith("session=;")


def test_a_failed_request_that_read_the_session_varies_by_cookie(way: Way) -> None:
    assert way.ask("/fail?token=1").one("Vary") == "Cookie"


def cookie_of(header: str | None) -> str:
    """Return what a client sends back for a Set-Cookie header."""
    assert header is not None
    return header.partition(";")[0]
