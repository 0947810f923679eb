"""The board of `kolben demo` in headless Chromium: a real server, real clicks, two widths.

Needs Chromium with its driver (Debian: chromium, chromium-driver) and the package selenium.
Without them these tests are skipped, and fail where CI=true.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DESKTOP = (1280, 800)
PHONE = (390, 844)
# A page that is all of one colour makes a picture of about 5 KB.
SMALLEST_PICTURE_BYTES = 15_000
PATIENCE_S = 20


def give_up(reason: str) -> Any:
    """Skip, saying why; in CI a missing browser is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Demo:
    """A running demo: its address and the passwords it printed."""

    url: str
    passwords: dict[str, str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run `kolben demo` on a free port."""
    printed = tmp_path_factory.mktemp("demo") / "printed"
    with printed.open("wb") as output:
        process = subprocess.Popen(  # our own command
            [sys.executable, "-m", "kolben", "demo", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Kolben demo: "), printed.read_text()
            accounts = re.findall(r"^  (\w+) +(\S+)$", printed.read_text(), re.MULTILINE)
            yield Demo(line.split()[2].rstrip("/"), dict(accounts))
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            if process.stdout is not None:
                process.stdout.close()
    assert process.returncode == 0
    assert "Traceback" not in printed.read_text()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start one headless Chromium for all tests."""
    try:
        from selenium import webdriver
    except ImportError:
        give_up("The package selenium is not installed in this environment.")
    programs = {
        name: next(filter(None, map(shutil.which, names)), None)
        for name, names in {
            "browser": ("chromium", "chromium-browser", "google-chrome"),
            "driver": ("chromedriver",),
        }.items()
    }
    for name, path in programs.items():
        if path is None:
            give_up(f"No Chromium {name} on the PATH: install chromium and chromium-driver.")
    options = webdriver.ChromeOptions()
    options.binary_location = programs["browser"] or ""
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless=new",
        "--no-sandbox",  # needed by root, as in most CI containers
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    service = webdriver.ChromeService(programs["driver"])
    driver = webdriver.Chrome(options=options, service=service)
    driver.implicitly_wait(5)
    yield driver
    driver.quit()


@dataclass
class Screen:
    """A browser window of one size, looking at the demo."""

    driver: Any
    demo: Demo

    def open(self, path: str) -> None:
        """Open a page of the demo."""
        self.driver.get(self.demo.url + path)

    def fill(self, **fields: str) -> None:
        """Type into the fields of the page's form."""
        for name, text in fields.items():
            field = self.driver.find_element("css selector", f"main [name={name}]")
            field.clear()
            field.send_keys(text)

    def press(self, label: str) -> None:
        """Press a button and wait until another page has come."""
        from selenium.webdriver.support.expected_conditions import staleness_of
        from selenium.webdriver.support.wait import WebDriverWait

        path = f"//button[normalize-space()={label!r}]"
        page = self.driver.find_element("css selector", "html")
        self.driver.find_element("xpath", path).click()
        WebDriverWait(self.driver, PATIENCE_S).until(staleness_of(page))

    def text(self) -> str:
        """Read what is to be seen."""
        return str(self.driver.find_element("css selector", "body").text)

    def login(self, name: str) -> None:
        """Forget whoever was logged in, and log in."""
        self.driver.delete_all_cookies()
        self.open("/user/login")
        self.fill(name=name, password=self.demo.passwords[name])
        self.press("Log in")
        assert f"Logged in as {name}." in self.text()

    def problems(self) -> list[str]:
        """List what is wrong with this page: errors in the console, more width than the screen."""
        found = [entry["message"] for entry in self.driver.get_log("browser")]
        root = "document.documentElement"
        wide, width = self.driver.execute_script(f"return [{root}.scrollWidth, {root}.clientWidth]")
        if wide > width:
            found.append(f"{self.driver.current_url} is {wide} pixels wide, the screen {width}.")
        return found


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def screen(request: pytest.FixtureRequest, chromium: Any, demo: Demo) -> Screen:
    """Look at the demo with a desktop's and with a phone's window."""
    width, height = request.param
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width == PHONE[0]},
    )
    if chromium.current_url.startswith(demo.url):
        chromium.delete_all_cookies()
    return Screen(chromium, demo)


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
    screen.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
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
