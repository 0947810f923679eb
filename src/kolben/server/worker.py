"""What happens in a worker process before its first request: the app is found and connected."""

from __future__ import annotations

import asyncio
import multiprocessing.util
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import click

from kolben.commands import ScriptInfo
from kolben.discovery import APP_NAMES, format_own_traceback, is_app, split_import_path
from kolben.entry.bodies import set_max_body
from kolben.entry.body_timeouts import set_body_timeout
from kolben.entry.threads import set_threads
from kolben.server import stop_signals
from kolben.server.board import Board
from kolben.server.connections import end_silent_connections
from kolben.server.facts import collect_facts
from kolben.server.granian_wsgi import Handler, base_environ, connect
from kolben.server.proxies import Adaptation, AdaptedASGI, AdaptedRSGI, adaptation_of
from kolben.server.request_timeouts import TimedASGI, TimedRSGI
from kolben.server.settings import Settings
from kolben.server.static_mounts import choose_mounts, parse_mounts, use_mounts
from kolben.server.watching import Watch
from kolben.typing import App

# The exit code of a worker whose app cannot be loaded; the parent must not start it again.
APP_FAILED = 70

HAS_POSIX_SIGNALS = sys.platform != "win32"

_ENTRIES = {"asgi": "asgi_app", "rsgi": "__rsgi__"}


@dataclass(frozen=True)
class Loader:
    """Loads the app in each worker, by the same search as every command.

    ready: a queue that gets the Facts of each worker that has loaded the app.
    told: a shared flag: of all the workers that fail alike, only one says why.
    board: where the workers write how they do.
    salt: with which each worker hashes its secret key.
    asked: a shared flag: whether a worker has asked the database servers; None: nobody is to.
    """

    settings: Settings
    ready: Any
    told: Any
    board: Board | None = None
    salt: bytes = b""
    asked: Any = None

    def __call__(self) -> Any:
        """Return what Granian calls for this interface; end the process if there is no app."""
        if HAS_POSIX_SIGNALS:
            stop_signals.forget_parents_handlers()
        try:
            app = ScriptInfo(self.settings.app).load_app()
            target = self._connect(app)
            static_warnings = self._serve_static(app)
        except BaseException as error:
            self._fail(error)
        warnings = (*_debug_warning(app), *static_warnings, *_limit_warnings(self.settings))
        name = describe_app(app, self.settings.app)
        asks = self._is_first_to_ask()
        self.ready.put(collect_facts(app, name, self.salt, ask=asks, warnings=warnings))
        return target

    def _is_first_to_ask(self) -> bool:
        """Say whether this worker is to ask the database servers; one does it, once."""
        if self.asked is None:
            return False
        with self.asked.get_lock():
            is_first = not self.asked.value
            self.asked.value = 1
        return is_first

    def _connect(self, app: App) -> Any:
        """Return the app's entry; for WSGI, also make Granian use ours around it."""
        interface = self.settings.spoken_interface
        entry = _ENTRIES.get(interface)
        watch = Watch(app, self.settings, self.board)
        watch.start()
        self._set_limits()
        if entry is None:
            app.serving.start_here()
            # A process of this kind leaves without what atexit has.
            multiprocessing.util.Finalize(None, app.serving.stop_here, exitpriority=100)
            self._use_own_wsgi(watch)
            return app
        if not hasattr(app, entry):
            raise click.UsageError(
                f"This version serves WSGI only: the app has no {entry!r} for"
                f" --interface {interface}. Leave the option out."
            )
        set_threads(self.settings.threads)
        if HAS_POSIX_SIGNALS:
            self._close_websockets_first()
        adaptation, timeout_s = self._adaptation(), self.settings.request_timeout_s
        if interface == "rsgi":
            timed = TimedRSGI(app, app, timeout_s) if timeout_s else app
            rsgi_app = watch.rsgi(timed)
            return rsgi_app if adaptation is None else AdaptedRSGI(rsgi_app, adaptation)
        asgi_app = getattr(app, entry)
        asgi_app = watch.asgi(TimedASGI(asgi_app, app, timeout_s) if timeout_s else asgi_app)
        return asgi_app if adaptation is None else AdaptedASGI(asgi_app, adaptation)

    def _set_limits(self) -> None:
        """Say what clients may do, where the entries and sockets of this process ask for it."""
        settings = self.settings
        set_max_body(settings.max_body_bytes)
        set_body_timeout(settings.body_timeout_s)
        if not settings.unix_socket:
            end_silent_connections(settings.port, settings.silent_timeout_s)

    def _serve_static(self, app: App) -> list[str]:
        """Have Granian serve what it may; return warnings about what it may not."""
        from granian.server import mp, mt  # starts faster without it

        mounts, warnings = choose_mounts(app, parse_mounts(self.settings.static_mount))
        if mounts:
            for module in (mp, mt):
                use_mounts(mounts, self.settings.static_max_age_s, module)
        return warnings

    def _adaptation(self) -> Adaptation | None:
        settings = self.settings
        return adaptation_of(settings.trust_proxy, settings.proxy_headers, settings.root_path)

    def _use_own_wsgi(self, watch: Watch) -> None:
        """Make Granian call our function for each request instead of its own.

        Granian has no setting for it: it looks these names up when the worker begins, right after
        it has loaded the app. Its release is pinned because of that.
        """
        from granian import _signals  # starts faster without it
        from granian.server import mp, mt  # starts faster without it

        adaptation = self._adaptation()

        def wrap(app: Any, scope_options: object, access_log: object) -> Handler:
            handle = connect(
                app,
                base_environ(
                    multiprocess=self.settings.workers > 1,
                    multithread=self.settings.threads > 1,
                ),
                None if adaptation is None else adaptation.environ,
            )
            return watch.wsgi(handle)

        for module in (mp, mt):
            module._wsgi_call_wrap = wrap  # type: ignore[attr-defined]  # Granian's own name
        if HAS_POSIX_SIGNALS:
            _signals.set_sync_signals = watch_stop_signals

    def _close_websockets_first(self) -> None:
        """Have the clients of WebSockets told of the end before Granian cuts them off."""
        from granian import _signals  # starts faster without it

        wait_s = min(10.0, self.settings.stop_timeout_s / 2)
        _signals.set_loop_signals = partial(watch_stop_signals_on, wait_s)

    def _fail(self, error: BaseException) -> NoReturn:
        """Say once why the app cannot be loaded, and end this worker."""
        with self.told.get_lock():
            if not self.told.value:
                self.told.value = 1
                click.echo(describe_failure(error), err=True)
        sys.exit(APP_FAILED)


def watch_stop_signals() -> Any:
    """Return Granian's event for the end of a worker, set when a signal to stop arrives.

    Granian 2.8 sets it in a signal handler, which may never run: see kolben.server.stop_signals.
    """
    from granian._granian import WorkerSignal  # starts faster without it

    event = WorkerSignal()
    stop_signals.call_at_stop(event.set)
    return event


def watch_stop_signals_on(wait_s: float, loop: asyncio.AbstractEventLoop) -> Any:
    """Return Granian's event for the end of a worker, set when open WebSockets are closed.

    wait_s: how long their views are waited for.
    """
    from granian._granian import WorkerSignal  # starts faster without it

    from kolben.entry.connection import close_all  # starts faster without it

    event = WorkerSignal()
    ending: list[asyncio.Task[None]] = []

    async def end() -> None:
        try:
            await close_all(timeout_s=wait_s, for_good=True)
        finally:
            event.set()

    def begin_end() -> None:
        if not ending:
            ending.append(loop.create_task(end()))

    def wake() -> None:
        loop.call_soon_threadsafe(begin_end)

    if isinstance(loop, asyncio.SelectorEventLoop):
        # Not its own handlers: a signal that comes while threads wake it by the hundred is lost.
        stop_signals.call_at_stop(wake)
    else:  # uvloop's, which have no such flaw and take the wakeup fd for themselves
        for number in stop_signals.STOP_SIGNALS:
            loop.add_signal_handler(number, begin_end)
    return event


def describe_failure(error: BaseException) -> str:
    """Return the message for an app that cannot be loaded: the app's own traceback in it."""
    if isinstance(error, click.ClickException):
        return f"Error: {error.format_message()}"
    from kolben.dev.missing_module import explain  # starts faster without it

    help_text = explain(error)
    return f"Error: The app could not be loaded:\n\n{format_own_traceback(error)}" + (
        f"\n{help_text}" if help_text else ""
    )


def describe_app(app: App, path: str | None) -> str:
    """Return `module:name` of an app for the start-up line, as far as it can be told."""
    module_name, name = split_import_path(path or app.import_name)
    if name is not None:
        return f"{module_name}:{name}"
    variables = vars(sys.modules.get(app.import_name, sys))
    names = [*APP_NAMES, *variables]
    found = next((key for key in names if is_app(variables.get(key))), None)
    return f"{module_name}:{found}" if found else module_name


def _limit_warnings(settings: Settings) -> list[str]:
    """Return a warning where a limit is set that does not hold over WSGI."""
    if settings.spoken_interface != "wsgi" or not settings.request_timeout_s:
        return []
    return ["--request-timeout holds over RSGI and ASGI alone: nobody can end a WSGI request."]


def _debug_warning(app: App) -> list[str]:
    if not app.debug:
        return []
    return [
        "Debug mode is on (KOLBEN_DEBUG or FLASK_DEBUG). Turn it off in production: it tells"
        " clients about the app."
    ]
