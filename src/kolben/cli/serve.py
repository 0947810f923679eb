"""`serve`: the app in production."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kolben.cli.options import from_environment
from kolben.commands import ScriptInfo, pass_script_info
from kolben.env import default_threads
from kolben.server.settings import (
    INTERFACES,
    Settings,
    check_port,
    is_hash_seed_known,
)

F = TypeVar("F", bound=Callable[..., Any])


def _option(*names: str, variables: tuple[str, ...] = (), **settings: Any) -> Callable[[F], F]:
    """Make an option of `serve` that reads KOLBEN_SERVE_NAME, and after it other variables."""
    long = next(name for name in names if name.startswith("--")).removeprefix("--")
    own = from_environment("serve", long.replace("-", "_"))
    return click.option(*names, envvar=[own, *variables], show_envvar=True, **settings)


@click.command("serve", short_help="Serve the app in production.")
@_option("--host", "-h", default="127.0.0.1", show_default=True, help="The address to listen on.")
@_option(
    "--port",
    "-p",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="The port to listen on.",
)
@_option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes; each loads the app.",
)
@_option(
    "--threads",
    variables=("KOLBEN_THREADS",),
    type=click.IntRange(min=1),
    default=default_threads,
    help="Threads in each worker; each runs one view at a time.",
)
@_option(
    "--interface",
    type=click.Choice(INTERFACES),
    default="auto",
    show_default=True,
    help="How server and app speak; 'auto' is WSGI.",
)
@_option("--access-log", is_flag=True, help="Write a line for each request to stdout.")
@_option(
    "--stop-timeout",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="Seconds that running requests are given when the server stops.",
)
@pass_script_info
def serve_command(
    info: ScriptInfo,
    host: str,
    port: int,
    workers: int,
    threads: int,
    interface: str,
    access_log: bool,
    stop_timeout: int,
) -> None:
    """Serve the app in production.

    SIGTERM and SIGINT stop it when the running requests are answered; SIGHUP starts the workers
    anew, one after the other.
    """
    from kolben.server.master import Master  # starts faster without it

    _check_surroundings(host, port)
    settings = Settings(
        app=info.app_import_path,
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        interface="wsgi" if interface == "auto" else interface,
        access_log=access_log,
        stop_timeout_s=stop_timeout,
    )
    sys.exit(Master(settings).run())


def _check_surroundings(host: str, port: int) -> None:
    """Raise click's error where the process or the address is not fit to serve."""
    if is_hash_seed_known():
        # SECURITY: with known hashes, a request with many colliding names takes minutes.
        raise click.ClickException(
            "PYTHONHASHSEED=0 is set, so that clients can make requests that take very long."
            " Unset it to serve."
        )
    try:
        check_port(host, port)
    except OSError as error:
        raise click.ClickException(
            f"{host}:{port} cannot be listened on: {error.strerror or error}. Choose another"
            " address with --host and --port, or end the program that has this one."
        ) from None
