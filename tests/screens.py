"""A browser's window that looks at the board, as the tests of pages use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DESKTOP = (1280, 800)
PHONE = (390, 844)
PATIENCE_S = 20


@dataclass
class Demo:
    """A running demo: its address and the passwords it printed."""

    url: str
    passwords: dict[str, str]


def is_gone(element: Any) -> bool:
    """Whether an element's page has left.

    Chromium says so as StaleElementReferenceException, and for a moment in between, while one
    document takes the place of the other, as an inspector's error without a name of its own.
    """
    from selenium.common.exceptions import WebDriverException

    try:
        element.is_enabled()
    except WebDriverException:
        return True
    return False


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
        from selenium.webdriver.support.wait import WebDriverWait

        path = f"//button[normalize-space()={label!r}]"
        page = self.driver.find_element("css selector", "html")
        self.driver.find_element("xpath", path).click()
        WebDriverWait(self.driver, PATIENCE_S).until(lambda _: is_gone(page))

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

    def resize(self, size: tuple[int, int]) -> None:
        """Give the window a desktop's or a phone's size."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": size[0],
                "height": size[1],
                "deviceScaleFactor": 1,
                "mobile": size == PHONE,
            },
        )

    def prefer(self, scheme: str) -> None:
        """Prefer "light" or "dark"."""
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )

    def wait_for(self, claim: Callable[[], Any]) -> Any:
        """Wait until something holds, and give it; a page that is just leaving is asked again."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(
            self.driver, PATIENCE_S, poll_frequency=0.1, ignored_exceptions=[WebDriverException]
        )
        return wait.until(lambda _: claim())

    def problems(self) -> list[str]:
        """List what is wrong with this page: errors in the console, more width than the screen."""
        found = [entry["message"] for entry in self.driver.get_log("browser")]
        root = "document.documentElement"
        wide, width = self.driver.execute_script(f"return [{root}.scrollWidth, {root}.clientWidth]")
        if wide > width:
            found.append(f"{self.driver.current_url} is {wide} pixels wide, the screen {width}.")
        return found
