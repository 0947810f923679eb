"""The board of the examples, ready to be asked: an app with its sample content and log-ins."""

from __future__ import annotations

import kolben.drop_in  # noqa: F401  # first: the board says `from flask import …`

# isort: split

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Visitor:
    """A browser of the board: keeps cookies and sends the CSRF token, as its forms do."""

    client: FlaskClient

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, **options)

    def page(self, path: str) -> str:
        """Open a page that must be there, and give its HTML."""
        response = self.client.get(path)
        assert response.status_code == 200, (path, response.status)
        return response.text

    def token(self) -> str:
        """Read the CSRF token from a page with a form."""
        found = TOKEN.search(self.page("/user/login"))
        assert found is not None
        return found[1]

    def send(self, path: str, **fields: str) -> TestResponse:
        """Send a form of the board."""
        return self.client.post(path, data={"csrf_token": self.token(), **fields})


@dataclass
class Site:
    """The app with the passwords of its sample accounts, and visitors for it."""

    app: Flask
    passwords: dict[str, str]

    def visitor(self) -> Visitor:
        """Give someone who is not logged in."""
        return Visitor(self.app.test_client())

    def logged_in(self, name: str) -> Visitor:
        """Give someone who logged in through the form."""
        visitor = self.visitor()
        response = visitor.send("/user/login", name=name, password=self.passwords[name])
        assert response.status_code == 302
        return visitor


@pytest.fixture(scope="session")
def examples_on_path() -> Iterator[None]:
    """Make the package `board` importable."""
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="session")
def first_start(
    examples_on_path: None,  # a session's fixture cannot use the mark
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, str]]:
    """Start the board once; give its folder and the passwords of its accounts."""
    from board import create_app, seed

    folder = tmp_path_factory.mktemp("board") / "instance"
    app = create_app(instance_path=str(folder))
    with app.app_context():
        return folder, seed.renew_passwords()


@pytest.fixture
def site(first_start: tuple[Path, dict[str, str]], tmp_path: Path) -> Site:
    """Give a board of its own to each test: hashing passwords anew would take most of the time."""
    from board import create_app

    folder, passwords = first_start
    shutil.copytree(folder, tmp_path / "instance")
    app = create_app({"TESTING": True}, instance_path=str(tmp_path / "instance"))
    return Site(app, passwords)


@pytest.fixture
def visitor(site: Site) -> Visitor:
    """Someone who is not logged in."""
    return site.visitor()


@pytest.fixture
def reader(site: Site) -> Visitor:
    """The account that asked the sample questions."""
    return site.logged_in("reader")


@pytest.fixture
def helper(site: Site) -> Visitor:
    """The account that answered most of them."""
    return site.logged_in("helper")


@pytest.fixture
def admin(site: Site) -> Visitor:
    """The account that moderates."""
    return site.logged_in("admin")
