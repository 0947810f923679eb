"""Under each of Kolben's servers a request ends as the table of ends says, which is Flask's way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from conformance.differential.served import SERVERS, Notes, expected, noted

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wanted() -> Notes:
    return expected("kolben", Path(sys.executable))


@pytest.mark.parametrize(
    "name", ["kolben run", "kolben serve rsgi", "kolben serve asgi", "kolben serve wsgi"]
)
def test_a_server_ends_a_request_as_the_app_does(name: str, wanted: Notes) -> None:
    _, arguments = SERVERS[name]
    assert wanted == noted([sys.executable, *arguments], os.environ)
