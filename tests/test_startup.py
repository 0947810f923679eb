"""What a start leaves out until it is used."""

from __future__ import annotations

from tests.fresh_interpreter import Interpreter

# Of others, and of the standard library. What Werkzeug itself loads cannot be left out.
FOR_SOME_APPS = (
    "asyncio",
    "click",
    "concurrent.futures",
    "decimal",
    "dotenv",
    "granian",
    "importlib.metadata",
    "importlib.resources",
    "jinja2",
    "logging.config",
    "multiprocessing",
    "pathlib",
    "pickle",
    "queue",
    "sqlite3",
    "subprocess",
    "urllib.request",
    "werkzeug.debug",
    "werkzeug.middleware",
    "xml",
    "zipfile",
)
OURS_FOR_SOME_APPS = (
    "kolben.cli",
    "kolben.commands",
    "kolben.dev",
    "kolben.discovery",
    "kolben.entry.asgi",
    "kolben.entry.loop",
    "kolben.entry.rsgi",
    "kolben.entry.serving",
    "kolben.entry.threads",
    "kolben.environment_switch",
    "kolben.server",
    "kolben.string_templates",
    "kolben.templating",
    "kolben.testing",
)
MAKE_AN_APP = "from kolben import Flask; Flask('x')"
SHOW_HELP = "import sys; sys.argv = ['kolben', '--help']; from kolben.__main__ import main; main()"


def modules_after(python: Interpreter, code: str) -> set[str]:
    """Return the modules that a program has loaded at its end."""
    tell = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    return set(python.start("-c", tell + code).stderr.split())


def test_an_app_is_made_without_what_only_some_apps_need(python: Interpreter) -> None:
    # With Python 3.15 `logging`, which Werkzeug imports, loads more; with PyPy `uuid` does.
    loaded = modules_after(python, MAKE_AN_APP) - modules_after(
        python, "import uuid, werkzeug._internal"
    )
    assert {"kolben.app", "kolben.core.request"} <= loaded
    assert set() == loaded & {*FOR_SOME_APPS, *OURS_FOR_SOME_APPS}


def test_the_help_is_shown_without_the_framework(python: Interpreter) -> None:
    loaded = modules_after(python, SHOW_HELP)
    assert "kolben.cli.group" in loaded
    assert set() == loaded & {"asyncio", "dotenv", "granian", "jinja2", "kolben.app", "werkzeug"}
