"""Fixtures of the server's tests: what `kolben serve --explain` says."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def explain(kolben: Callable[..., str]) -> Callable[..., str]:
    """Run `kolben serve --explain` on an app's source."""
    return lambda source, *options, **more: kolben(source, "serve", "--explain", *options, **more)
