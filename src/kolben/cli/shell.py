"""`shell`: a Python prompt inside the app's context."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from kolben.commands import with_appcontext
from kolben.core.current import the_app


@click.command("shell", short_help="Open a Python prompt in the app's context.")
@with_appcontext
def shell_command() -> None:
    """Open a Python prompt in the app's context.

    The app's shell context processors say which names are there; PYTHONSTARTUP runs first.
    """
    import code  # starts faster without it

    app = the_app()
    names: dict[str, Any] = {}
    _run_startup_file(names)
    names.update(app.make_shell_context())
    _complete_from(names)
    code.interact(
        banner=(
            f"Python {sys.version} on {sys.platform}\n"
            f"App: {app.import_name}\n"
            f"Instance: {app.instance_path}"
        ),
        local=names,
    )


def _run_startup_file(names: dict[str, Any]) -> None:
    """Do with the file of PYTHONSTARTUP what the plain interpreter does with it."""
    path = os.environ.get("PYTHONSTARTUP")
    if path and os.path.isfile(path):
        with open(path, "rb") as file:
            exec(compile(file.read(), path, "exec"), names)  # noqa: S102  # the user's own file


def _complete_from(names: dict[str, Any]) -> None:
    """Let the tab key complete the shell's names, with the interpreter's own set-up of the line."""
    set_up = getattr(sys, "__interactivehook__", None)
    if set_up is None:
        return
    try:
        import readline  # starts faster without it
        from rlcompleter import Completer  # starts faster without it
    except ImportError:
        pass
    else:
        readline.set_completer(Completer(names).complete)
    # Binds the tab key and reads the history; site puts it there, a startup file may change it.
    set_up()
