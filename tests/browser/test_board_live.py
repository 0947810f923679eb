"""Two browsers at one question of the board: what one writes, the other sees without a reload."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.running import Server, wait_for
from tests.screens import DESKTOP, PHONE, Demo, Screen

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
INTERFACES = {"websocket": "rsgi", "events": "wsgi"}
SITE = """
import sys
sys.path.insert(0, {examples!r})
from board import create_app, live
from kolben import rooms
app = create_app(instance_path={folder!r})

@app.get("/watched/<int:question_id>")
def watched(question_id):
    sockets = rooms.members(f"question {{question_id}}")
    return {{"websocket": sockets, "events": len(live.streams())}}
"""
ANSWER = "Both work: <img src=x onerror=alert(1)> & <script>alert(2)</script> is text."
SOMEBODY = "Somebody is writing an answer"


@dataclass
class Site(Demo):
    """A served board, whose pages hear of what is new in one way."""

    way: str
    server: Server

    def watched(self, question: int) -> int:
        """Count the open connections by which pages of a question hear of what is new."""
        found = json.loads(self.server.get(f"/watched/{question}")[1])
        assert sum(found.values()) == found[self.way]
        return int(found[self.way])


@pytest.fixture(scope="module", params=["websocket", "events"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Serve the board on RSGI, and on WSGI, which has no WebSockets."""
    way = request.param
    folder = tmp_path_factory.mktemp(way)
    code = SITE.format(examples=str(EXAMPLES), folder=str(folder / "data"))
    (folder / "site_with_a_view.py").write_text(code)
    options = ("--interface", INTERFACES[way], "--threads", "12")
    server = Server(folder, "site_with_a_view", *options, BOARD_MOST_STREAMS="10")
    try:
        server.wait_until_ready()
        passwords = dict(re.findall(r"^  (\w+) +(\S+)$", server.err, re.MULTILINE))
        yield Site(f"http://127.0.0.1:{server.port}", passwords, way, server)
        assert "Traceback" not in server.err
    finally:
        server.end()


@pytest.fixture(scope="module")
def browsers(start_chromium: Callable[[], Any]) -> tuple[Any, Any]:
    """Start two browsers, each with cookies of its own."""
    return start_chromium(), start_chromium()


@pytest.fixture
def two(browsers: tuple[Any, Any], site: Site) -> Iterator[tuple[Screen, Screen]]:
    """Log in helper, who answers, and reader, who looks on with a phone."""
    answering, looking = (Screen(driver, site) for driver in browsers)
    answering.resize(DESKTOP)
    looking.resize(PHONE)
    answering.login("helper")
    looking.login("reader")
    yield answering, looking
    for driver in browsers:
        for tab in driver.window_handles[1:]:
            driver.switch_to.window(tab)
            driver.close()
        driver.switch_to.window(driver.window_handles[0])
        driver.get(site.url + "/static/mark.svg")


def look_at(screen: Screen, question: int, way: str) -> None:
    """Open a question's page and wait until it hears of what is new."""
    screen.open(f"/questions/{question}")
    screen.driver.execute_script("window.isTheSamePage = true")
    screen.wait_for(lambda: state_of(screen) == way)


def state_of(screen: Screen) -> Any:
    return screen.driver.execute_script("return document.getElementById('thread').dataset.live")


def is_same_page(screen: Screen) -> bool:
    return bool(screen.driver.execute_script("return window.isTheSamePage === true"))


def test_an_answer_is_seen_at_once_and_as_text(two: tuple[Screen, Screen], site: Site) -> None:
    answering, looking = two
    for screen in two:
        look_at(screen, 6, site.way)
    before = looking.driver.find_elements("css selector", "#answers .post")
    answering.fill(body=ANSWER)
    answering.press("Send the answer")
    fresh = looking.wait_for(
        lambda: looking.driver.find_elements("css selector", "#answers .post.fresh")
    )
    assert len(fresh) == 1
    assert ANSWER in fresh[0].text
    assert not fresh[0].find_elements("css selector", "img, script")
    heading = looking.driver.find_element("css selector", "#answers-head").text
    assert heading.startswith(f"{len(before) + 1} answer")
    news = looking.driver.find_element("css selector", "#news[role=status]")
    assert news.get_property("textContent") == "New answer by helper."
    # What the server made for this visitor works: the vote has reader's own token.
    assert is_same_page(looking)
    fresh[0].find_element("css selector", "button.vote-button").click()
    looking.wait_for(lambda: not is_same_page(looking))
    if site.way == "websocket":  # without, the console has that it could not be opened
        assert [*looking.problems(), *answering.problems()] == []


def test_a_writer_is_seen_by_others_for_some_seconds(
    two: tuple[Screen, Screen], site: Site
) -> None:
    answering, looking = two
    for screen in two:
        look_at(screen, 5, site.way)
    answering.driver.switch_to.new_window("tab")  # one more page of the same account
    look_at(answering, 5, site.way)
    answering.fill(body="I am")
    looking.wait_for(lambda: SOMEBODY in looking.text())
    seen_by_the_writer = [SOMEBODY in answering.text()]
    answering.driver.close()
    answering.driver.switch_to.window(answering.driver.window_handles[0])
    seen_by_the_writer.append(SOMEBODY in answering.text())
    assert seen_by_the_writer == [False, False]
    looking.wait_for(lambda: SOMEBODY not in looking.text())
    assert is_same_page(looking)


def test_a_visitor_sees_answers_and_cannot_write(two: tuple[Screen, Screen], site: Site) -> None:
    answering, looking = two
    looking.driver.delete_all_cookies()
    for screen in two:
        look_at(screen, 4, site.way)
    answering.fill(body="An answer for everyone.")
    looking.wait_for(lambda: SOMEBODY in looking.text())
    answering.press("Send the answer")
    looking.wait_for(lambda: "An answer for everyone." in looking.text())
    assert SOMEBODY not in looking.text()


def test_what_came_while_the_page_was_left_is_there_on_the_way_back(
    two: tuple[Screen, Screen], site: Site
) -> None:
    answering, looking = two
    look_at(looking, 3, site.way)
    looking.open("/tags")
    wait_for(lambda: site.watched(3) == 0)
    look_at(answering, 3, site.way)
    answering.fill(body="Written while nobody looked on.")
    answering.press("Send the answer")
    looking.driver.back()
    looking.wait_for(lambda: "Written while nobody looked on." in looking.text())


def test_a_page_that_is_left_leaves_nothing_open(two: tuple[Screen, Screen], site: Site) -> None:
    for screen in two:
        look_at(screen, 2, site.way)
    wait_for(lambda: site.watched(2) == 2)
    two[0].open("/")
    two[1].open("/tags")
    wait_for(lambda: site.watched(2) == 0)


def test_the_demo_has_websockets(start_chromium: Callable[[], Any], demo: Demo) -> None:
    # Its fixture sees to it that the demo ends at once, with the socket open.
    look_at(Screen(start_chromium(), demo), 1, "websocket")
