"""One module a subject: small apps, and beside them the requests that are sent to them."""

from __future__ import annotations

#: The order is the order in which the subjects run; ids in the record begin with these names.
NAMES = (
    "returns",
    "responses",
    "routing",
    "matching",
    "wire",
    "environs",
    "blueprints",
    "hooks",
    "errors",
    "sessions",
    "cookies",
    "json_data",
    "bodies",
    "uploads",
    "limits",
    "files",
    "urls",
    "templates",
    "streaming",
    "ends",
    "class_views",
    "async_views",
    "contexts",
    "overrides",
    "debug_mode",
)
