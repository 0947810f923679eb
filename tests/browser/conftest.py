"""What the tests of pages share: headless Chromium, and a running `kolben demo`.

Needs Chromium with its driver (Debian: chromium, chromium-driver) and the package selenium.
Without them these tests are skipped, and fail where CI=true.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.screens import PATIENCE_S, Demo


def give_up(reason: str) -> Any:
    """Skip, saying why; in CI a missing browser is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


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
def start_chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Any]]:
    """Give a function that starts a headless Chromium, of which each has cookies of its own."""
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
    started = []

    def start() -> Any:
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
        started.append(driver)
        driver.implicitly_wait(5)
        return driver

    yield start
    for driver in started:
        driver.quit()


@pytest.fixture(scope="module")
def chromium(start_chromium: Callable[[], Any]) -> Any:
    """Start one headless Chromium for all tests."""
    return start_chromium()
