"""Hooks of wrapt for Flask's modules, registered before the import or after it; prints what fired.

Arguments: `before` or `after`, then the statement that imports Flask.
"""

import json
import sys

import wrapt

NAMES = (
    "flask",
    "flask.app",
    "flask.blueprints",
    "flask.cli",
    "flask.config",
    "flask.ctx",
    "flask.globals",
    "flask.helpers",
    "flask.json",
    "flask.json.provider",
    "flask.json.tag",
    "flask.logging",
    "flask.sansio.app",
    "flask.sansio.blueprints",
    "flask.sansio.scaffold",
    "flask.sessions",
    "flask.signals",
    "flask.templating",
    "flask.wrappers",
)
when, statement = sys.argv[1:]
fired = {}


def register(name):
    """Note that a hook fires, and whether it is given what Python has under that name."""
    wrapt.register_post_import_hook(
        lambda module: fired.setdefault(name, module is sys.modules[name]), name
    )


if when == "before":
    for name in NAMES:
        register(name)
names = {}
exec(statement, names)
if when == "after":
    for name in NAMES:
        register(name)
# Kolben loads a module when a name of it is first asked for.
flask = sys.modules["flask"]
for name in dir(flask):
    getattr(flask, name, None)
print(json.dumps({"fired": fired, "hidden": type(names["Flask"]("x")).__name__}, sort_keys=True))
