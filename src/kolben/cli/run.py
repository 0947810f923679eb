"""`run`: the development server, with reloader and debugger."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from kolben.cli.options import (
    CertParamType,
    SeparatedPathType,
    check_key,
    debug_option,
    from_environment,
)
from kolben.commands import ScriptInfo, pass_script_info
from kolben.dev.running import show_server_banner as show_server_banner
from kolben.discovery import format_own_traceback
from kolben.env import get_debug_flag
from kolben.typing import StartResponse, WSGIApplication, WSGIEnvironment

# Longer than the reloader takes from the loading of the app to its first look.
WATCH_BEGINS_S = 3.0

F = TypeVar("F", bound=Callable[..., Any])


def load_or_defer(info: ScriptInfo) -> WSGIApplication:
    """Load the app; in a process of the reloader, an app that fails waits for its repair.

    There it becomes an app that raises the same error for each request, which the debugger
    shows, until the next change of a file. At the first start the error goes through.
    """
    from werkzeug.serving import is_running_from_reloader  # starts faster without it

    try:
        app: WSGIApplication = info.load_app()
    except Exception as error:
        if not is_running_from_reloader():
            raise
        if isinstance(error, click.ClickException):
            click.echo(f"Error: {error.format_message()}", err=True)
        else:
            click.echo(format_own_traceback(error), err=True)
        failure = error
        restart_if_repaired(error)
    else:
        return app

    def raise_again(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise failure from None

    return raise_again


def restart_if_repaired(error: BaseException) -> None:
    """Restart when a file of a traceback changes before the reloader has begun to watch.

    The reloader takes the first look at the files as they are when the app has been loaded: a
    repair that is quicker than that it would never see.
    """
    files = _files_of(error)
    seen = _look(files)

    def look_again() -> None:
        until = time.monotonic() + WATCH_BEGINS_S
        while time.monotonic() < until:
            # Often, so that it is over before the server answers anybody.
            time.sleep(0.02)
            if _look(files) != seen:
                # What the reloader itself ends this process with, for its parent to begin anew.
                os._exit(3)

    threading.Thread(target=look_again, daemon=True).start()


def _files_of(error: BaseException) -> list[str]:
    """List the files that an exception and those before it came through."""
    files: dict[str, None] = {}
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, SyntaxError) and found.filename:
            files.setdefault(found.filename)
        step = found.__traceback__
        while step is not None:
            files.setdefault(step.tb_frame.f_code.co_filename)
            step = step.tb_next
        found = found.__context__
    return [file for file in files if os.path.isfile(file)]


def _look(files: list[str]) -> list[float]:
    """Return when each file was changed last; 0 for one that is just being replaced."""
    return [os.stat(file).st_mtime if os.path.exists(file) else 0.0 for file in files]


def _option(*names: str, **settings: Any) -> Callable[[F], F]:
    """Make an option of `run` that reads KOLBEN_RUN_NAME, and after it FLASK_RUN_NAME."""
    long = next(name for name in names if name.startswith("--"))
    variable = from_environment("run", long.split("/")[0].removeprefix("--").replace("-", "_"))
    return click.option(*names, envvar=variable, **settings)


@click.command("run", short_help="Run the development server.")
@_option("--host", "-h", default="127.0.0.1", help="The address to listen on.")
@_option("--port", "-p", default=5000, help="The port to listen on.")
@_option(
    "--cert",
    type=CertParamType(),
    is_eager=True,
    help="Serve HTTPS with this certificate: a file, 'adhoc', or an SSLContext's import name.",
)
@_option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    callback=check_key,
    expose_value=False,
    help="The key file that belongs to a certificate file.",
)
@_option(
    "--reload/--no-reload",
    default=None,
    help="Restart when a file changes; on in debug mode unless said otherwise.",
)
@_option(
    "--debugger/--no-debugger",
    default=None,
    help="Show errors in an interactive page; on in debug mode unless said otherwise.",
)
@_option(
    "--with-threads/--without-threads",
    default=True,
    help="Answer each request in a thread of its own, or one request after the other.",
)
@_option(
    "--extra-files",
    default=None,
    type=SeparatedPathType(),
    help="Files and directories to watch as well. Several are separated as in PATH.",
)
@_option(
    "--exclude-patterns",
    default=None,
    type=SeparatedPathType(),
    help="fnmatch patterns of files not to watch. Several are separated as in PATH.",
)
@pass_script_info
def run_command(
    info: ScriptInfo,
    host: str,
    port: int,
    reload: bool | None,
    debugger: bool | None,
    with_threads: bool,
    cert: Any,
    extra_files: list[str] | None,
    exclude_patterns: list[str] | None,
) -> None:
    """Run the development server.

    It reloads and shows errors in the browser with --debug. It is made for one person at a
    desk: use 'serve' in production.
    """
    app = load_or_defer(info)
    debug = get_debug_flag()
    show_server_banner(debug, info.app_import_path)

    from werkzeug.serving import run_simple  # starts faster without it

    run_simple(
        host,
        port,
        app,
        use_reloader=debug if reload is None else reload,
        use_debugger=debug if debugger is None else debugger,
        threaded=with_threads,
        ssl_context=cert,
        extra_files=extra_files,
        exclude_patterns=exclude_patterns,
    )


# First in the help, as on the group itself, so that `run --debug` can be written.
run_command.params.insert(0, debug_option)
