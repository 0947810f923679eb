"""What a worker says of its app: its name, and why it cannot be served."""

from __future__ import annotations

import sys
import types
from typing import Any

import click
import pytest

from kolben import Flask
from kolben.server.settings import Settings
from kolben.server.worker import Loader, describe_app, describe_failure


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("shop")
    monkeypatch.setitem(sys.modules, "shop", module)
    return module


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("app", "shop", "shop:app"),
        ("application", None, "shop:application"),
        ("other", "shop", "shop:other"),
        ("other", "src/shop:create_app()", "src/shop:create_app()"),
        (None, "shop", "shop"),
    ],
)
def test_the_app_is_named_as_far_as_it_can_be_told(
    name: str | None, path: str | None, expected: str, shop: types.ModuleType
) -> None:
    app = Flask("shop")
    if name is not None:
        setattr(shop, name, app)
    assert expected == describe_app(app, path)


def test_a_failure_is_told_with_the_apps_own_frames_alone() -> None:
    try:
        raise LookupError("own words")
    except LookupError as error:
        said = describe_failure(error)
    assert said.startswith("Error: The app could not be loaded:\n\nTraceback")
    assert said.endswith("LookupError: own words\n")
    assert "Error: short" == describe_failure(click.UsageError("short"))


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_an_interface_that_the_app_does_not_have_is_told(interface: str) -> None:
    class Old:
        """An app without the entry."""

    app: Any = Old()
    with pytest.raises(click.UsageError, match=f"serves WSGI only.*--interface {interface}"):
        Loader(Settings("shop", interface=interface), None)._connect(app)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            Settings("a"),
            "1 worker × 4 threads = 4 requests at once (RSGI), up to 64 while views wait;"
            " async views beside them",
        ),
        (
            Settings("a", workers=2, threads=1, interface="wsgi"),
            "2 workers × 1 thread = 2 requests at once (WSGI)",
        ),
        (
            Settings("a", threads=1, interface="wsgi"),
            "1 worker × 1 thread = 1 request at once (WSGI)",
        ),
        (
            Settings("a", workers=3, spare_threads=0, interface="asgi"),
            "3 workers × 4 threads = 12 requests at once (ASGI); async views beside them",
        ),
        (
            Settings("a", threads=1, spare_threads=0, interface="rsgi"),
            "1 worker × 1 thread = 1 request at once (RSGI); async views beside them",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_capacity_is_said_as_a_product(settings: Settings, expected: str) -> None:
    assert expected == settings.capacity


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert "http://[::1]:8000" == Settings("a", host="::1").address
