"""The parent of the workers: Granian's settings and processes, our own way of keeping them."""

from __future__ import annotations

import multiprocessing
import secrets
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import click
from granian import _signals, net
from granian._granian import ProcInfoCollector
from granian.log import LogLevels
from granian.server.mp import MPServer

from kolben.server import stop_signals
from kolben.server.board import Board
from kolben.server.facts import Facts
from kolben.server.granian_options import granian_options
from kolben.server.listening import IS_LINUX, Listening
from kolben.server.machine import read_machine
from kolben.server.pid_file import pid_file
from kolben.server.recycling import Recycling
from kolben.server.reloading import call_at_changes
from kolben.server.report import make_report, tell_key_change
from kolben.server.settings import Settings
from kolben.server.shared_metrics import DeadMarker
from kolben.server.supervisor import Outside, Spawned, Supervisor, say
from kolben.server.watchdog import Watchdog, open_signs
from kolben.server.watching import make_board
from kolben.server.worker import HAS_POSIX_SIGNALS, Loader
from kolben.server.working_folder import WorkingFolder
from kolben.version import VERSION

# Granian has no types for these.
_specs: Any = net
_set_main_signals: Any = _signals.set_main_signals

LOGGING = {
    "formatters": {"generic": {"format": "[%(asctime)s] %(levelname)s %(message)s"}},
    "handlers": {
        "console": {
            "formatter": "generic",
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stderr",
        }
    },
    "loggers": {"_granian": {"handlers": ["console"], "propagate": False}},
}


class Master(MPServer):
    """Granian's parent process with our own loop in it, which outlives every death of a worker.

    Granian's own ends when a worker dies twice within 5.5 s, waits for each worker by itself, and
    stops the old workers at a reload whether or not the new ones could load the app.
    """

    def __init__(self, settings: Settings, announce: Callable[[str], None] | None = None) -> None:
        """Prepare to serve.

        announce: called once with the app's full name, when all workers have loaded it; without
        it, two lines say where the app is and what it can hold.
        """
        super().__init__(
            "kolben",
            **granian_options(settings),
            log_level=LogLevels.error,
            log_dictconfig=LOGGING,
        )
        self.settings = settings
        self._announce = announce or self._describe
        self._facts: list[Facts] = []
        self._salt = secrets.token_bytes(32)
        self._has_asked = False
        self._code = 0
        method = multiprocessing.get_start_method()
        # As Granian: a fork server does not get on with shared sockets.
        self._start_method = method if method in {"fork", "spawn"} else "spawn"
        self._context = multiprocessing.get_context(self._start_method)
        self._mark_dead = DeadMarker(self._context)
        self._folder = WorkingFolder()

    def run(self) -> int:
        """Serve until a signal comes; return the exit code.

        0 after SIGTERM or SIGINT, when the requests that were under way have been answered.
        1 if the app cannot be loaded.
        """
        with ExitStack() as at_the_end:
            at_the_end.enter_context(pid_file(self.settings.pid_file))
            board = make_board(self.settings)
            if board is not None:
                at_the_end.callback(board.remove)
            self._board = board
            at_the_end.callback(self._mark_dead.finish)
            self.serve(
                target_loader=Loader(self.settings, None, board, salt=self._salt), wrap_loader=False
            )
        # One more signal must not turn the end that is due into a death.
        for number in stop_signals.STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        return self._code

    def _serve(self, spawn_target: Any, target_loader: Loader) -> None:
        """Keep the workers: what Granian calls when it has checked its settings."""
        sockets = self._sockets = self._listen()
        wakeup = stop_signals.SignalEvent() if HAS_POSIX_SIGNALS else None
        if wakeup is not None:
            # The end of a worker is told by a pipe that a child of the worker may hold open.
            stop_signals.wake_at_ends_of_children()
        supervisor = Supervisor(
            self.settings.workers,
            Outside(
                spawn=partial(self._spawn, spawn_target, target_loader),
                ready=self._note_ready,
                serving=sockets.steer,
                stopping=sockets.close,
                replace_reason=self._recycling(self._board),
                say=say,
                ended=self._mark_dead,
            ),
            wakeup,
            self.settings.stop_timeout_s,
            self._make_watchdog(),
        )

        def reload() -> None:
            supervisor.reload()
            if wakeup is not None:
                wakeup.set()

        _set_main_signals(lambda *_: supervisor.stop(), lambda *_: supervisor.reload())
        if self.settings.reload:
            call_at_changes(self._folder.path, reload)
        # Granian's pipes for its own metrics, which are off; _spawn_worker wants them there.
        self._ipc: Any = dict.fromkeys(range(self.settings.workers), (None, None))
        try:
            self._code = supervisor.run()
        finally:
            if self.bind_uds is not None:
                self.bind_uds.unlink(missing_ok=True)

    def _listen(self) -> Listening:
        if self.bind_uds is not None:
            specs: list[Any] = [
                _specs.UnixSocketSpec(str(self.bind_uds), self.backlog, self.uds_permissions)
            ]
        else:
            count = self.settings.workers if IS_LINUX else 1
            specs = [_specs.SocketSpec(self.bind_addr, self.bind_port, self.backlog)] * count
        return Listening(specs, self.backlog)

    def _make_watchdog(self) -> Watchdog | None:
        timeout_s, board = self.settings.worker_timeout_s, self._board
        if not (timeout_s and HAS_POSIX_SIGNALS):
            return None
        return Watchdog(
            timeout_s, say, lambda pid: None if board is None else board.running_of(pid)
        )

    def _spawn(self, spawn_target: Any, loader: Loader, index: int) -> Spawned:
        """Start a worker process; return it and what it reports to."""
        self._folder.enter()
        reader, writer = self._context.Pipe(duplex=False)
        signs, ends = open_signs(self._context) if self.settings.worker_timeout_s else (None, None)
        self._ssp = None
        self._shd, self._sso = self._sockets.of(index)
        own = replace(
            loader,
            report=writer,
            number=index + 1,
            listening=self._sockets.identities(index),
            asks=not self._has_asked,
            signs=ends,
        )
        self._has_asked = True
        process = self._spawn_worker(idx=index, target=spawn_target, callback_loader=own).inner
        # It gets no signal before it can act on it: it begins with our handlers if it is forked,
        # which would note a SIGTERM for a loop that it does not have. See Loader.
        if HAS_POSIX_SIGNALS:
            stop_signals.hold()
        try:
            process.start()
        finally:
            if HAS_POSIX_SIGNALS:
                stop_signals.release()
        # The end of the pipe is told by its last writer, which is to be the worker.
        for end in (writer, *(ends or ())):
            end.close()
        return process, reader, signs

    def _recycling(self, board: Board | None) -> Recycling | None:
        settings = self.settings
        limits = (
            settings.recycle_after_requests,
            settings.recycle_after_s,
            settings.recycle_above_mib,
        )
        if not any(limits):
            return None
        collector: Any = ProcInfoCollector()
        return Recycling(
            limits,
            requests_of=lambda pid: None if board is None else board.requests_of(pid),
            memory_of=lambda pid: collector.memory([pid]).get(pid),
        )

    def _note_ready(self, facts: Facts) -> None:
        """Say that the app is served when all workers have loaded it; compare those that follow."""
        self._mark_dead.note_folder(facts.metrics_folder)
        before = self._facts
        self._facts = [*before, facts]
        if len(before) >= self.settings.workers:
            self._facts = [*before[1:], facts]
            changed = tell_key_change(before[-1], facts)
            if changed and len({one.key for one in before}) == 1:
                say(f"Warning: {changed}")
        elif len(self._facts) == self.settings.workers:
            for warning in make_report(self.settings, self._facts, read_machine()).warnings:
                say(f"Warning: {warning}")
            self._announce(facts.app)

    def _describe(self, name: str) -> None:
        """Say where the app is and what it can hold."""
        _print(f"Kolben {VERSION} serving {name} on {self.settings.address}")
        _print(self.settings.capacity)


def _print(line: str) -> None:
    """Print a line; a terminal that has no `×` gets an `x`."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        line = line.replace("×", "x")
    # That nobody takes it any more is no reason not to serve.
    with suppress(OSError):
        click.echo(line)
