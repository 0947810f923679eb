"""`serve`: the app in production."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec

import click

from kolben.commands import ScriptInfo, pass_script_info
from kolben.server.options import ServeCommand, format_config, make_options, make_settings
from kolben.server.proxies import adaptation_of
from kolben.server.settings import Settings, check_port, check_unix_socket, is_hash_seed_known
from kolben.server.static_mounts import parse_mounts


@click.command("serve", cls=ServeCommand, short_help="Serve the app in production.")
@click.option("--print-config", is_flag=True, help="Show each setting and where it comes from.")
@click.option("--explain", is_flag=True, help="Show what the server would hold, and serve nothing.")
@click.option("--json", "as_json", is_flag=True, help="Have --explain print JSON.")
@pass_script_info
@click.pass_context
def serve_command(
    ctx: click.Context,
    info: ScriptInfo,
    /,
    print_config: bool,
    explain: bool,
    as_json: bool,
    **_: object,
) -> None:
    """Serve the app in production.

    SIGTERM and SIGINT stop it when the running requests are answered; SIGHUP starts the workers
    anew, one after the other.

    What an option says may also stand in a variable of the environment, --stop-timeout in
    KOLBEN_SERVE_STOP_TIMEOUT, or under its name in a TOML table: see --config.
    """
    settings = make_settings(ctx, info.app_import_path)
    # Before any worker would find it wrong.
    adaptation_of(settings.trust_proxy, settings.proxy_headers, settings.root_path)
    parse_mounts(settings.static_mount)
    if print_config:
        click.echo(format_config(ctx, settings))
        return
    if as_json and not explain:
        raise click.UsageError("--json goes with --explain.")
    if explain:
        click.echo(_explain(settings, as_json=as_json))
        return
    _demand_granian()
    _check_surroundings(settings)
    from kolben.server.master import Master  # starts faster without it

    sys.exit(Master(settings).run())


serve_command.params[:0] = make_options()


def _explain(settings: Settings, *, as_json: bool) -> str:
    """Load the app as workers would, and report what they would hold."""
    from kolben.server.inspection import inspect_app  # starts faster without it
    from kolben.server.machine import read_machine  # starts faster without it
    from kolben.server.report import make_report  # starts faster without it

    # Two are enough to see whether workers are alike.
    facts = inspect_app(settings.app, min(settings.workers, 2))
    report = make_report(settings, facts, read_machine())
    return report.as_json() if as_json else report.as_text()


def _demand_granian() -> None:
    """Raise click's error, with the servers to use, where Granian is not installed."""
    if find_spec("granian"):
        return
    interpreter = platform.python_implementation()
    cure = (
        "Install it: pip install granian"
        if interpreter == "CPython"
        else f"It has no release for {interpreter}. The app runs on other servers: gunicorn APP,"
        " waitress-serve APP (WSGI), uvicorn APP (ASGI), where APP is module:name, as in hello:app"
    )
    raise click.ClickException(f"`kolben serve` needs Granian, which is not installed. {cure}.")


def _check_surroundings(settings: Settings) -> None:
    """Raise click's error where the process or the address is not fit to serve."""
    if is_hash_seed_known():
        # SECURITY: with known hashes, a request with many colliding names takes minutes.
        raise click.ClickException(
            "PYTHONHASHSEED=0 is set, so that clients can make requests that take very long."
            " Unset it to serve."
        )
    if settings.watch_port:
        _check_watch_port(settings)
    _check_pid_file(settings.pid_file)
    try:
        if settings.unix_socket:
            check_unix_socket(settings.unix_socket)
        else:
            check_port(settings.host, settings.port)
    except OSError as error:
        where = settings.unix_socket or f"{settings.host}:{settings.port}"
        raise click.ClickException(
            f"{where} cannot be listened on: {error.strerror or error}. Choose another address"
            " with --host and --port, or end the program that has this one."
        ) from None


def _check_pid_file(name: str | None) -> None:
    """Raise click's error if the file for the process's number cannot be had."""
    if name is None:
        return
    from kolben.server.pid_file import check_pid_file  # starts faster without it

    try:
        check_pid_file(name)
    except OSError as error:
        raise click.ClickException(
            f"--pid-file {name} cannot be had: {error.strerror}. End that server, or remove the"
            " file if it is none's."
        ) from None


def _check_watch_port(settings: Settings) -> None:
    """Raise click's error where nothing would be answered on the port for watching."""
    if not (settings.health or settings.metrics):
        raise click.UsageError("--watch-port needs --health or --metrics.")
    try:
        check_port(settings.watch_host, settings.watch_port)
    except OSError as error:
        raise click.ClickException(
            f"{settings.watch_host}:{settings.watch_port} cannot be listened on:"
            f" {error.strerror or error}. Choose another with --watch-host and --watch-port."
        ) from None
