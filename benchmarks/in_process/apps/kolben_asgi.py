"""Kolben's other side: the very app that Flask has, called as ASGI; plain views run in threads."""

from __future__ import annotations

from typing import Any

import kolben.drop_in  # noqa: F401  (it answers `import flask` from here on)
from benchmarks.workloads import make_app, make_app_of_rules

INTERFACE = "asgi"
PACKAGE = "kolben"
IS_FLASKS = True
LACKS: dict[str, str] = {}


def make_apps() -> dict[str, Any]:
    """Make the app, and the one of many rules."""
    return {"all": make_app().asgi_app, "rules": make_app_of_rules().asgi_app}
