"""The parent of the workers: starts them, brings back those that die, stops them cleanly."""

from __future__ import annotations

import logging
import multiprocessing
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import click
from granian.log import LogLevels
from granian.server import Server as GranianServer

from kolben.server import stop_signals
from kolben.server.facts import Facts
from kolben.server.granian_options import granian_options
from kolben.server.machine import read_machine
from kolben.server.report import make_report, tell_key_change
from kolben.server.settings import Settings
from kolben.server.watching import make_board
from kolben.server.worker import APP_FAILED, HAS_POSIX_SIGNALS, Loader
from kolben.version import VERSION

# A worker that lived less than this counts as having died at once, and waits before the next try.
SHORT_LIFE_S = 10.0
LONGEST_WAIT_S = 5.0

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


logger = logging.getLogger("_granian")


class AppFailed(Exception):
    """The app cannot be loaded, and a worker has already said why."""


class Master(GranianServer):  # type: ignore[misc,valid-type]  # Granian has no types
    """Granian's parent process, which outlives every death of a worker but that of the app."""

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
            respawn_failed_workers=True,
            workers_kill_timeout=settings.stop_timeout_s,
        )
        # Granian's own word for it has neither exit code nor process id; see _respawn_workers.
        logger.addFilter(lambda record: "Unexpected exit" not in record.getMessage())
        if HAS_POSIX_SIGNALS:
            self.main_loop_interrupt = stop_signals.SignalEvent()
        self.settings = settings
        self._announcement = announce or self._describe
        self.is_ready = threading.Event()
        self._short_lives = 0
        method = multiprocessing.get_start_method()
        context = multiprocessing.get_context(method if method in ("fork", "spawn") else "spawn")
        self._ready = context.SimpleQueue()
        self._told = context.Value("b", 0)
        self._asked = context.Value("b", 0)

    def run(self) -> int:
        """Serve until a signal comes; return the exit code.

        0 after SIGTERM or SIGINT, when the requests that were under way have been answered.
        1 if the app cannot be loaded.
        """
        threading.Thread(target=self._announce, daemon=True).start()
        code = 0
        board = make_board(self.settings)
        loader = Loader(
            self.settings,
            self._ready,
            self._told,
            board,
            salt=secrets.token_bytes(32),
            asked=self._asked,
        )
        try:
            self.serve(target_loader=loader, wrap_loader=False)
        except AppFailed:
            code = 1
            self.shutdown()
        finally:
            if board is not None:
                board.remove()
        # One more signal must not turn the end that is due into a death.
        for number in stop_signals.STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        return code

    def shutdown(self, exit_code: int = 0) -> None:
        """Stop the workers.

        Ctrl+C in a terminal reaches the workers as well as us; that one of them was faster than
        we were is no failure.
        """
        self.interrupt_children.clear()
        super().shutdown(exit_code)

    def _announce(self) -> None:
        """Say that the app is served, as soon as all workers have loaded it."""
        facts = [self._ready.get() for _ in range(self.settings.workers)]
        self.is_ready.set()
        for warning in make_report(self.settings, facts, read_machine()).warnings:
            click.echo(f"Warning: {warning}", err=True)
        self._announcement(facts[0].app)
        self._watch_later_workers(facts)

    def _watch_later_workers(self, facts: list[Facts]) -> None:
        """Take what workers say that come later; nobody waits for them."""
        have_one_key = len({one.key for one in facts}) == 1
        last = facts[-1]
        while True:
            later = self._ready.get()
            changed = tell_key_change(last, later)
            if changed and have_one_key:
                click.echo(f"Warning: {changed}", err=True)
            last = later

    def _describe(self, name: str) -> None:
        """Say where the app is and what it can hold."""
        _say(f"Kolben {VERSION} serving {name} on {self.settings.address}")
        _say(self.settings.capacity)

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:
        """Make a worker that gets no signal before it can act on it.

        A forked process begins with our handlers, which would note a SIGTERM for a parent loop
        that it does not have. The worker itself lets signals in: see Loader.
        """
        worker = super()._spawn_worker(idx=idx, target=target, callback_loader=callback_loader)
        begin = worker.start

        def start() -> None:
            stop_signals.hold()
            try:
                begin()
            finally:
                stop_signals.release()

        if HAS_POSIX_SIGNALS:
            worker.start = start
        return worker

    def _respawn_workers(
        self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0
    ) -> None:
        """Start workers anew, after a pause that grows while they die at once.

        AppFailed: no worker has ever been ready, and the app is the cause.
        """
        for index in workers:
            process = self.wrks[index].inner
            if process.exitcode is None:
                # Not dead: SIGHUP asks for a new one.
                continue
            if process.exitcode == APP_FAILED and not self.is_ready.is_set():
                raise AppFailed
            logger.error(
                "Worker %d (pid %d) died with exit code %d; it is started anew.",
                index + 1,
                process.pid,
                process.exitcode,
            )
            self._told.value = 0
            self._pause(index)
            if self.interrupt_signal:
                return
        super()._respawn_workers(workers, spawn_target, target_loader, delay=delay)
        # Granian gives up when a worker dies twice within 5.5 s; we go on, but more slowly.
        self.respawned_wrks.clear()

    def _pause(self, index: int) -> None:
        """Wait before a worker that lived but shortly is started again; a signal ends the wait."""
        if time.monotonic() - self.wrks[index].birth > SHORT_LIFE_S:
            self._short_lives = 0
        # Never at once: Ctrl+C in a terminal may reach the workers before it reaches us.
        until = time.monotonic() + min(0.2 * 2 ** min(self._short_lives, 10), LONGEST_WAIT_S)
        # Not one long wait: the event that a signal sets is also set by the next death.
        while time.monotonic() < until and not self.interrupt_signal:
            time.sleep(0.05)
        self._short_lives += 1


def _say(line: str) -> None:
    """Print a line; a terminal that has no `×` gets an `x`."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        line = line.replace("×", "x")
    click.echo(line)
