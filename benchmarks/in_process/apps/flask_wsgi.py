"""The real Flask's side of the measurements without a server."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads import make_app, make_app_of_rules

INTERFACE = "wsgi"
PACKAGE = "flask"
IS_FLASKS = True
LACKS: dict[str, str] = {}


def make_apps() -> dict[str, Any]:
    """Make the app, and the one of many rules."""
    return {"all": make_app(), "rules": make_app_of_rules()}
