"""The command `kolben demo`: the questions-and-answers board of the examples, ready to use."""

from __future__ import annotations

import errno
import signal
import socket
import sys
import time
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from werkzeug.serving import get_sockaddr, select_address_family

from kolben.env import default_threads

DEFAULT_PORT = 5000
# A handful of other programs may hold the ports from 5000 on; a hundred do not.
PORTS_TO_TRY = 100
# The second is what Windows says of a port that its owner does not share.
TAKEN = {errno.EADDRINUSE, getattr(errno, "WSAEACCES", errno.EADDRINUSE)}

# Other systems give the connections of a shared port to the one that had it first.
CAN_RESERVE = sys.platform == "linux"
# For requests that run when the demo is ended. Streams of events never end by themselves.
STOP_TIMEOUT_S = 1


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
    # Without this a SIGTERM would leave the temporary folder behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as at_the_end:
        reserved = at_the_end.enter_context(_reserve(host, port))
        if data is None:
            data = Path(at_the_end.enter_context(_temporary_folder()))
        data = data.resolve()
        _make_board(data, new_passwords)
        code = _serve(host, reserved, data)
    sys.exit(code)


def _serve(host: str, reserved: socket.socket, data: Path) -> int:
    """Serve the board until a signal comes; return the exit code."""
    from kolben.server.master import Master  # starts faster without it
    from kolben.server.settings import Settings  # starts faster without it

    address = reserved.getsockname()[:2]
    settings = Settings(
        app=f"{find_examples() / 'board'}:create_app(instance_path={str(data)!r})",
        host=address[0],
        port=address[1],
        threads=default_threads(),
        interface="rsgi",
        stop_timeout_s=STOP_TIMEOUT_S,
        top=False,
    )

    def announce(_: str) -> None:
        _wait_until_open(reserved.family, address)
        click.echo(f"Kolben demo: {_url(host, address[1])}")
        click.echo("Press Ctrl+C to end it.")

    if not CAN_RESERVE:
        reserved.close()
    return Master(settings, announce).run()


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


def _make_board(data: Path, new_passwords: bool) -> None:
    """Make the board's database, and tell of its accounts on stderr."""
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


def _reserve(host: str, port: int | None) -> socket.socket:
    """Take the port asked for, or else the first free one from 5000 on, without listening."""
    ports = [port] if port is not None else range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY)
    problem: OSError | None = None
    for candidate in ports:
        try:
            return _bind(host, candidate)
        except OSError as error:
            problem = error
            if error.errno not in TAKEN:
                break  # another port would not help, as with a host that is unknown
    raise click.ClickException(
        f"The demo cannot listen on {host}, port {ports[0]}: {problem}. Name others with --host"
        " and --port."
    ) from problem


def _bind(host: str, port: int) -> socket.socket:
    """Take a port that no other program has, and let the server have it as well."""
    family = select_address_family(host, port)
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            # A port that is only waiting for the last packets of a closed connection is free.
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(get_sockaddr(host, port, family))
        if CAN_RESERVE:
            # From now on whoever shares it too may listen: Granian does.
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        taken.close()
        raise
    return taken


def _wait_until_open(family: int, address: tuple[str, int]) -> None:
    """Wait until the server listens, which it does after it has loaded the app."""
    host, port = address
    target = ("::1" if host == "::" else "127.0.0.1" if host == "0.0.0.0" else host, port)  # noqa: S104  # compared with
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(target) == 0:
                return
        time.sleep(0.02)


def _temporary_folder() -> TemporaryDirectory[str]:
    # A request that still runs at the end may hold the database; Windows then keeps the file.
    return TemporaryDirectory(prefix="kolben-demo-", ignore_cleanup_errors=True)


def _url(host: str, port: int) -> str:
    """Give an address that a browser on this machine can open."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  # compared with, not listened on
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
