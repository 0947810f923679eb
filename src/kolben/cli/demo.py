"""The command `kolben demo`: the questions-and-answers board of the examples, ready to use."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from werkzeug.serving import get_sockaddr, make_server, select_address_family

DEFAULT_PORT = 5000
# A handful of other programs may hold the ports from 5000 on; a hundred do not.
PORTS_TO_TRY = 100
# The second is what Windows says of a port that its owner does not share.
TAKEN = {errno.EADDRINUSE, getattr(errno, "WSAEACCES", errno.EADDRINUSE)}


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"The port to listen on. Without it: {DEFAULT_PORT}, or the next free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep database and keys in this folder. Without it they are gone when the demo ends.",
)
@click.option("--new-passwords", is_flag=True, help="Give the sample accounts new passwords.")
def demo(host: str, port: int | None, data: Path | None, new_passwords: bool) -> None:
    """Show what Kolben can do, with nothing to set up.

    Runs a questions-and-answers board on SQLite, written as for Flask. The passwords of its
    sample accounts are printed at the first start; everyone can sign up as well.
    """
    with ExitStack() as at_the_end:
        listener = at_the_end.enter_context(_listen(host, port))
        if data is None:
            data = Path(at_the_end.enter_context(_temporary_folder()))
        app = _make_board(data.resolve(), new_passwords)
        address = listener.getsockname()
        click.echo(f"Kolben demo: {_url(host, address[1])}")
        click.echo("Press Ctrl+C to end it.")
        server = make_server(host, address[1], app, threaded=True, fd=listener.fileno())
        # Without this a SIGTERM would leave the temporary folder behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server.serve_forever()


def find_examples() -> Path:
    """Find the folder with the package `board`: in the wheel, else in the source checkout."""
    package = Path(__file__).resolve().parents[1]
    places = (package / "_examples", package.parents[1] / "examples")
    for place in places:
        if (place / "board" / "__init__.py").is_file():
            return place
    looked = " nor in ".join(map(str, places))
    raise click.ClickException(
        f"The demo's package `board` is neither in {looked}. Install Kolben anew: its wheel has it."
    )


def _make_board(data: Path, new_passwords: bool) -> Any:
    """Make the app, and tell of its accounts on stderr."""
    # First on the path: a `board` of the current directory is not the one that is meant.
    sys.path.insert(0, str(find_examples()))
    is_known = (data / "board.sqlite").exists()
    try:
        app = import_module("board").create_app(instance_path=str(data))
    except OSError as error:
        raise click.ClickException(
            f"The demo cannot write to {data}: {error}. Name another folder with --data."
        ) from error
    if is_known and new_passwords:
        seed = import_module("board.seed")
        with app.app_context():
            seed.tell(seed.renew_passwords())
    elif is_known:
        click.echo(
            "The sample accounts have the passwords of the first start; make new ones with"
            " --new-passwords.",
            err=True,
        )
    return app


def _listen(host: str, port: int | None) -> socket.socket:
    """Open the port asked for, or else the first free one from 5000 on."""
    ports = [port] if port is not None else range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY)
    problem: OSError | None = None
    for candidate in ports:
        family = select_address_family(host, candidate)
        try:
            return socket.create_server(get_sockaddr(host, candidate, family), family=family)
        except OSError as error:
            problem = error
            if error.errno not in TAKEN:
                break  # another port would not help, as with a host that is unknown
    raise click.ClickException(
        f"The demo cannot listen on {host}, port {ports[0]}: {problem}. Name others with --host"
        " and --port."
    ) from problem


def _temporary_folder() -> TemporaryDirectory[str]:
    # A request that still runs at the end may hold the database; Windows then keeps the file.
    return TemporaryDirectory(prefix="kolben-demo-", ignore_cleanup_errors=True)


def _url(host: str, port: int) -> str:
    """Give an address that a browser on this machine can open."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  # compared with, not listened on
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
