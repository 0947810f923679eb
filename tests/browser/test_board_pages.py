"""The board of `kolben demo` in headless Chromium: a real server, real clicks, two widths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.screens import DESKTOP, PHONE, Demo, Screen

# A page that is all of one colour makes a picture of about 5 KB.
SMALLEST_PICTURE_BYTES = 15_000


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def screen(request: pytest.FixtureRequest, chromium: Any, demo: Demo) -> Screen:
    """Look at the demo with a desktop's and with a phone's window."""
    screen = Screen(chromium, demo)
    screen.resize(request.param)
    if chromium.current_url.startswith(demo.url):
        chromium.delete_all_cookies()
    return screen


def test_a_question_is_asked_answered_and_accepted(screen: Screen, demo: Demo) -> None:
    screen.login("reader")
    screen.open("/ask")
    screen.fill(
        title="How do I redirect to another page?",
        body="After a form was sent I want to show the list.\n\n```\nreturn index()\n```",
        tags="response redirect",
    )
    screen.press("Ask it")
    assert "Your question is on the board." in screen.text()
    address = screen.driver.current_url.removeprefix(demo.url)

    screen.login("helper")
    screen.open(address)
    screen.fill(body="Return `redirect(url_for('index'))`, and the browser asks anew.")
    screen.press("Send the answer")
    assert "1 answer" in screen.text()
    code = screen.driver.find_element("css selector", ".post:target code")
    assert code.text == "redirect(url_for('index'))"

    screen.login("reader")
    screen.open(address)
    screen.press("This solved it")
    assert "Solved it" in screen.text()
    assert screen.problems() == []


def test_the_account_menu_opens_without_a_script_and_logs_out(screen: Screen) -> None:
    screen.login("admin")
    screen.driver.find_element("css selector", ".menu summary").click()
    assert "Moderation" in screen.text()
    screen.press("Log out")
    assert "You are logged out." in screen.text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    ["/", "/?page=2", "/tags", "/questions/6", "/about", "/user/login", "/user/sign-up", "/ask"],
)
def test_every_page_is_drawn_and_fits_the_screen(
    screen: Screen, path: str, scheme: str, tmp_path: Path
) -> None:
    screen.prefer(scheme)
    screen.open(path)
    picture = tmp_path / "page.png"
    assert screen.driver.save_screenshot(str(picture))
    assert picture.stat().st_size > SMALLEST_PICTURE_BYTES
    ground = screen.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(246, 244, 240)", "dark": "rgb(21, 23, 26)"}[scheme]
    assert screen.problems() == []


def test_moderation_fits_the_screen(screen: Screen) -> None:
    screen.login("admin")
    for path in ("/admin/", "/admin/users", "/admin/questions/1/delete", "/user/settings"):
        screen.open(path)
        assert screen.problems() == []
