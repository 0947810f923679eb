"""Fixtures of the server's tests: what `kolben serve --explain` says, and who watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kolben.core.exchange import watchers
from kolben.server.observing import Observer
from tests.server.scheduled import Watched


@pytest.fixture
def explain(kolben: Callable[..., str]) -> Callable[..., str]:
    """Run `kolben serve --explain` on an app's source."""
    return lambda source, *options, **more: kolben(source, "serve", "--explain", *options, **more)


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Make an observer that notes exchanges in a list; requests look for them until the end."""

    def begin(noted: list[Any]) -> Observer:
        return Observer(at_end=(noted.append,))

    yield begin
    watchers.clear()
