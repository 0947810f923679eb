"""`top`: what a server's workers do, live."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kolben.cli.top_view import render
from kolben.server.board import Board, Record, find_boards, is_alive

_ALTERNATE_SCREEN, _MAIN_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
# Of no interest to a reader: what metrics are made of.
_FOR_METRICS = {"rows", "late"}

# Waits for so many seconds, or less; says whether the user wants to leave.
Wait = Callable[[float], bool]


@click.command("top", short_help="Watch what a server does.")
@click.option("--pid", type=int, help="The server with this process; else the only one that runs.")
@click.option("--pid-file", type=click.Path(exists=True), help="The server that wrote this file.")
@click.option("--port", "-p", type=int, help="The server on this port.")
@click.option("--once", is_flag=True, help="Print it once, as into a file or pipe.")
@click.option("--json", "as_json", is_flag=True, help="Print it once, as JSON.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=1.0, show_default=True, metavar="SECONDS"
)
def top_command(
    pid: int | None,
    pid_file: str | None,
    port: int | None,
    once: bool,
    as_json: bool,
    interval: float,
) -> None:
    """Watch the workers of a server, and the requests under way, those that run longest first.

    Of servers of `kolben serve` that this user has started, on this machine. Leave it with q or
    Ctrl+C.
    """
    if pid_file is not None:
        pid = _read_pid(pid_file)
    board = find_server(pid, port)
    if as_json:
        click.echo(json.dumps(_without_metrics(*look(board)), indent=2))
    elif once or not sys.stdout.isatty():
        click.echo("\n".join(_screen(board)))
    else:
        with _screen_of_its_own() as wait:
            _show(board, wait, interval)


def find_server(pid: int | None, port: int | None) -> Board:
    """Return the board of the server that is meant; ClickException if there is not just one."""
    boards = find_boards()
    known = [(board, board.server() or {}) for board in boards]
    found = [
        (board, server)
        for board, server in known
        if pid in {None, server.get("pid")} and port in {None, server.get("port")}
    ]
    if len(found) == 1:
        return found[0][0]
    listed = "".join(
        f"\n  --pid {server.get('pid')}  {server.get('app') or 'app'} on {server.get('address')}"
        for _, server in found or known
    )
    if found:
        raise click.ClickException(f"{len(found)} servers run. Say which one:{listed}")
    if known:
        raise click.ClickException(f"No server runs that fits. These do:{listed}")
    raise click.ClickException(
        "No server runs that can be seen here. It has to be started with `kolben serve` by this"
        " user, on this machine, with the same TMPDIR, and not with --no-top."
    )


def look(board: Board) -> tuple[Record, list[Record]]:
    """Return the server and its living workers; ClickException if it has ended."""
    server = board.server()
    if server is None or not board.is_served():
        raise click.ClickException("The server has ended.")
    return server, [worker for worker in board.workers() if is_alive(worker["pid"])]


def _without_metrics(server: Record, workers: list[Record]) -> Record:
    shown = [{k: v for k, v in worker.items() if k not in _FOR_METRICS} for worker in workers]
    return {"server": server, "workers": shown}


def _read_pid(path: str) -> int:
    text = Path(path).read_text("utf-8").strip()
    if not (text.isascii() and text.isdecimal()):
        raise click.ClickException(f"{path} holds no number of a process.")
    return int(text)


def _screen(board: Board) -> list[str]:
    width, height = shutil.get_terminal_size()
    return render(*look(board), time.time(), width, height)


def _show(board: Board, wait: Wait, interval_s: float) -> None:
    """Show a server until the user leaves, or it ends."""
    while True:
        lines = "".join(f"{line}{_REST_OF_LINE}\n" for line in _screen(board))
        click.echo(f"{_HOME}{lines}{_REST_OF_SCREEN}", nl=False)
        if wait(interval_s):
            return


@contextmanager
def _screen_of_its_own() -> Iterator[Wait]:
    """Give what waits for the next screen, while the terminal's own is kept."""
    click.echo(_ALTERNATE_SCREEN, nl=False)
    try:
        with _keys() as wait:
            yield wait
    except KeyboardInterrupt:
        return
    finally:
        click.echo(_MAIN_SCREEN, nl=False)


@contextmanager
def _keys() -> Iterator[Wait]:
    """Give what waits for a key; where keys cannot be read one by one, for the time alone."""
    try:
        import termios  # starts faster without it
        import tty  # starts faster without it
    except ImportError:  # Windows
        yield _sleep
        return
    try:
        before: Any = termios.tcgetattr(sys.stdin)
    except (termios.error, OSError, ValueError):  # no terminal
        yield _sleep
        return
    tty.setcbreak(sys.stdin)
    try:
        yield _wait_for_q
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _sleep(seconds: float) -> bool:
    """Let time pass; the user leaves with Ctrl+C."""
    time.sleep(seconds)
    return False


def _wait_for_q(seconds: float) -> bool:
    """Let time pass, or less if a key is pressed; say whether it was q, or there are no more."""
    import select  # starts faster without it

    keyboard = sys.stdin.fileno()
    if not select.select([keyboard], [], [], seconds)[0]:
        return False
    # Past Python's own buffer, whose rest would not wake the next select().
    keys = os.read(keyboard, 64)
    return not keys or b"q" in keys.lower()
