"""The development server that `app.run()` and the `run` command start."""

from __future__ import annotations

import os
from typing import Any

import click

from kolben.env import get_debug_flag, get_load_dotenv, load_dotenv, read_variable
from kolben.typing import App


def show_server_banner(debug: bool | None, app_import_path: str | None) -> None:
    """Say what is served and in which mode; once, not again after each reload."""
    from werkzeug.serving import is_running_from_reloader  # starts faster without it

    if is_running_from_reloader():
        return
    if app_import_path is not None:
        click.echo(f" * Serving app '{app_import_path}' with Kolben")
    if debug is not None:
        click.echo(f" * Debug mode: {'on' if debug else 'off'}")


def run_app(
    app: App,
    host: str | None,
    port: int | None,
    debug: bool | None,
    reads_dotenv: bool,
    options: dict[str, Any],
) -> None:
    """Serve an app until it is interrupted; the arguments are those of Flask.run()."""
    from werkzeug.serving import is_running_from_reloader, run_simple  # starts faster without it

    # Set by the `run` command: the module is only imported for its app then.
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        if not is_running_from_reloader():
            click.secho(
                " * app.run() was called while the app's module was imported. It does nothing here,"
                " as the command serves the app.\n"
                "   Put it under: if __name__ == '__main__':",
                fg="red",
            )
        return
    if get_load_dotenv(reads_dotenv):
        load_dotenv()
        if read_variable("DEBUG") is not None:
            app.debug = get_debug_flag()
    if debug is not None:
        app.debug = bool(debug)
    address = _address(app.config["SERVER_NAME"], host, port)
    options.setdefault("use_reloader", app.debug)
    options.setdefault("use_debugger", app.debug)
    # FLASK: `processes=3` alone is an error of Werkzeug's there, as it asks for threads as well.
    options.setdefault("threaded", options.get("processes", 1) == 1)
    show_server_banner(app.debug, app.name)
    try:
        run_simple(*address, app, **options)
    finally:
        # In an interactive session the app may be changed and run again.
        app._got_first_request = False


def _address(server_name: str | None, host: str | None, port: int | None) -> tuple[str, int]:
    """Return where to listen: as given, else as SERVER_NAME says."""
    named_host, _, named_port = (server_name or "").partition(":")
    if port is None:
        port = int(named_port) if named_port else 5000
    return host or named_host or "127.0.0.1", port
