"""The app loaded in processes of their own, as workers load it, to see what becomes of it there."""

from __future__ import annotations

import multiprocessing
import secrets
import sys
from contextlib import suppress
from typing import Any

import click

from kolben.commands import ScriptInfo
from kolben.server.facts import Facts, collect_facts
from kolben.server.worker import describe_app, describe_failure

# Loading an app may take long; for ever is a mistake of the app's.
PATIENCE_S = 120.0


def inspect_app(path: str | None, processes: int = 1) -> list[Facts]:
    """Load the app in so many processes at once; return what each says of it.

    path: as `--app` has it. The first of them asks the database servers for their limits. Raises
    click.ClickException, with the app's own traceback, if the app cannot be loaded.
    """
    method = multiprocessing.get_start_method()
    context: Any = multiprocessing.get_context(method if method in {"fork", "spawn"} else "spawn")
    salt = secrets.token_bytes(32)
    asked = []
    for number in range(processes):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_report, args=(theirs, path, salt, number == 0))
        process.start()
        theirs.close()
        asked.append((ours, process))
    answers = [_receive(ours) for ours, _ in asked]
    for _, process in asked:
        process.join(1)
        if process.is_alive():
            process.kill()
            process.join()
    failures = [answer for answer in answers if isinstance(answer, str)]
    if failures:
        raise click.ClickException(failures[0])
    return [answer for answer in answers if isinstance(answer, Facts)]


def _receive(connection: Any) -> Facts | str:
    """Return what a process has sent, or what is wrong with it."""
    try:
        if not connection.poll(PATIENCE_S):
            return f"The app was not loaded within {PATIENCE_S:g} seconds."
        answer: Facts | str = connection.recv()
    except EOFError:
        return "The process ended while it loaded the app."
    return answer


def _report(connection: Any, path: str | None, salt: bytes, ask: bool) -> None:
    """Load the app and send what is known of it, or why it cannot be loaded."""
    with suppress(ModuleNotFoundError):  # PyPy has none, and another server
        # What the server's own code takes is a part of what a worker takes.
        import granian.server  # noqa: F401  # starts faster without it

    try:
        app = ScriptInfo(path).load_app()
    except BaseException as error:  # noqa: BLE001  # whatever the app's code raises
        connection.send(describe_failure(error).removeprefix("Error: "))
        sys.exit(1)
    connection.send(collect_facts(app, describe_app(app, path), salt, ask=ask))
