"""The debugger answers its own person only: no foreign host, no guessed PIN, no markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
import werkzeug.debug
import werkzeug.serving
from werkzeug.debug import DebuggedApplication

from kolben import Flask
from tests.security.ways import Answer, Server, Way, call, make_environ

FOREIGN = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.2", "a b"]


PIN = "123-456-789"
OWN = [("Host", "localhost")]


@pytest.fixture(scope="session")
def debugger(start_server: Callable[..., Server]) -> Server:
    """The development server with its debugger on."""
    command = ("run", "--debug", "--no-reload", "--port")
    return start_server("debugger", *command, WERKZEUG_DEBUG_PIN=PIN)


@pytest.fixture(scope="session")
def traceback_page(debugger: Server) -> str:
    """The page for a view that raised."""
    answer = debugger.ask("/console-of-mine", headers=OWN)
    assert answer.status == 500
    return answer.text


def command_on(page: str, command: str) -> str:
    """Return the target of a command for the debugger of a page, in one of its frames."""
    secret = re.search(r'SECRET = "(\w+)"', page)
    frame = re.search(r'id="frame-(\d+)"', page)
    assert secret is not None
    assert frame is not None
    return f"/?__debugger__=yes&s={secret[1]}&frm={frame[1]}&{command}"


@pytest.fixture(scope="session")
def pin_cookie(debugger: Server, traceback_page: str) -> str:
    """The cookie of somebody who knew the PIN."""
    answer = debugger.ask(command_on(traceback_page, f"cmd=pinauth&pin={PIN}"), headers=OWN)
    assert answer.json == {"auth": True, "exhausted": False}
    cookie = answer.one("Set-Cookie")
    assert cookie is not None
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    return cookie.partition(";")[0]


def test_its_person_may_evaluate(debugger: Server, traceback_page: str, pin_cookie: str) -> None:
    target = command_on(traceback_page, "cmd=40%2B2")
    assert "42" in debugger.ask(target, headers=[*OWN, ("Cookie", pin_cookie)]).text
    assert debugger.ask("/console", headers=OWN).status == 200


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("command", ["cmd=pinauth&pin=" + PIN, "cmd=printpin", "cmd=40%2B2"])
def test_a_foreign_host_commands_nothing(
    debugger: Server, traceback_page: str, pin_cookie: str, host: str, command: str
) -> None:
    target = command_on(traceback_page, command)
    answer = debugger.ask(target, headers=[("Host", host), ("Cookie", pin_cookie)])
    assert answer.status in {400, 404}
    assert answer.all("Set-Cookie") == []
    assert "42" not in answer.text


@pytest.mark.parametrize("host", FOREIGN)
def test_the_console_is_not_there_for_a_foreign_host(debugger: Server, host: str) -> None:
    answer = debugger.ask("/console", headers=[("Host", host)])
    assert answer.status in {400, 404}
    assert "SECRET" not in answer.text


@pytest.mark.parametrize("host", FOREIGN[:-1])
def test_a_traceback_for_a_foreign_host_has_no_console(debugger: Server, host: str) -> None:
    page = debugger.ask("/console-of-mine", headers=[("Host", host)]).text
    assert "EVALEX = false" in page


@pytest.mark.parametrize("cookie", ["", "a=b", "{name}=", "{name}=1", "{name}=9999999999|a"])
def test_nothing_is_evaluated_without_the_pin(
    debugger: Server, traceback_page: str, pin_cookie: str, cookie: str
) -> None:
    given = cookie.format(name=pin_cookie.partition("=")[0])
    target = command_on(traceback_page, "cmd=40%2B2")
    assert "42" not in debugger.ask(target, headers=[*OWN, ("Cookie", given)]).text


class Scripts(HTMLParser):
    """What a browser would run of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found = ""
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found += data


def test_what_was_raised_is_shown_and_not_run(traceback_page: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in traceback_page
    assert "SECRET" in Scripts(traceback_page).found
    assert "alert(1)" not in Scripts(traceback_page).found


def test_the_pin_is_locked_by_the_eleventh_try(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(werkzeug.debug.time, "sleep", lambda seconds: None)
    debugged = DebuggedApplication(app, evalex=True, pin_security=True)
    pin = debugged.pin
    assert pin is not None

    def try_pin(given: str) -> Answer:
        target = f"/?__debugger__=yes&cmd=pinauth&pin={quote(given)}&s={debugged.secret}"
        return call(debugged, make_environ(target, headers=[("Host", "localhost")]))

    assert try_pin(pin).json == {"auth": True, "exhausted": False}
    for _ in range(10):
        assert try_pin("999-999-999").json["auth"] is False
    for given in ("999-999-999", pin, pin, pin):
        assert try_pin(given).json == {"auth": False, "exhausted": True}


@pytest.mark.parametrize("target", ["/console", "/console/", "/?__debugger__=yes&cmd=printpin"])
def test_it_is_off_unless_it_is_asked_for(way: Way, target: str) -> None:
    answer = way.ask(target)
    assert answer.status == (404 if "console" in target else 200)
    assert "SECRET" not in answer.text


@pytest.mark.parametrize("debug", [False, True])
def test_running_an_app_asks_for_it_in_debug_mode_only(
    debug: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(
        werkzeug.serving,
        "run_simple",
        lambda *args, **options: asked.append(options["use_debugger"]),
    )
    monkeypatch.delenv("FLASK_RUN_FROM_CLI", raising=False)
    Flask("running").run(debug=debug, load_dotenv=False)
    assert asked == [debug]


def test_a_failing_view_shows_nothing_unless_it_is_asked_to(way: Way) -> None:
    answer = way.ask("/console-of-mine")
    assert answer.status == 500
    assert "script" not in answer.text
    assert "Traceback" not in answer.text
