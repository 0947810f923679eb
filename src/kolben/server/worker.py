"""What happens in a worker process before its first request: the app is found and connected."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing.util
import sys
import threading
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from kolben.commands import ScriptInfo
from kolben.discovery import APP_NAMES, format_own_traceback, is_app, split_import_path
from kolben.entry.bodies import set_max_body
from kolben.entry.body_timeouts import set_body_timeout
from kolben.entry.late_body import set_late_bodies
from kolben.entry.threads import set_threads
from kolben.entry.unsent import set_max_unsent
from kolben.server import stop_signals
from kolben.server.board import Board
from kolben.server.connections import end_silent_connections
from kolben.server.draining import ClosingRSGI, close_asgi, close_wsgi
from kolben.server.ending import Ending
from kolben.server.facts import Facts, collect_facts
from kolben.server.forked_children import Parting, close_in_children
from kolben.server.garbage import spare_the_loaded
from kolben.server.granian_wsgi import Handler, base_environ, connect
from kolben.server.life_signs import DUMP_SIGNAL, LifeSigns, enable_fault_report
from kolben.server.listening import (
    NO_SOCKETS,
    Identities,
    forget_others,
    wait_until_accepting,
)
from kolben.server.looks import Looks
from kolben.server.pools import find_pools
from kolben.server.proxies import Adaptation, AdaptedASGI, AdaptedRSGI, adaptation_of
from kolben.server.request_timeouts import TimedASGI, TimedRSGI
from kolben.server.scheduling import Scheduling, scheduler_maker
from kolben.server.settings import Settings
from kolben.server.static_mounts import choose_mounts, parse_mounts, use_mounts
from kolben.server.supervisor import APP_FAILED
from kolben.server.watchdog import interval_of
from kolben.server.watching import Watch
from kolben.typing import App

HAS_POSIX_SIGNALS = sys.platform != "win32"

_ENTRIES = {"asgi": "asgi_app", "rsgi": "__rsgi__"}


@dataclass(frozen=True)
class Loader:
    """Loads the app in each worker, by the same search as every command.

    report: a connection to the parent, for ("ready", the app's Facts) or ("failed", why).
    board: where the workers write how they do. number: of the worker, from 1 on. listening: the
    server's sockets. salt: with which each worker hashes its secret key. asks: it is to ask the
    database servers for their limits. signs: pipes to the parent, for signs of life and for stacks.
    """

    settings: Settings
    report: Any
    board: Board | None = None
    number: int = 1
    listening: Identities = NO_SOCKETS
    salt: bytes = b""
    asks: bool = False
    signs: tuple[Any, Any] | None = None

    def __call__(self) -> Any:
        """Return what Granian calls for this interface; end the process if there is no app."""
        if HAS_POSIX_SIGNALS:
            stop_signals.forget_parents_handlers()
        forget_others(self.listening)
        life = self._become_own_process()
        threshold = gc.get_threshold()
        try:
            app = ScriptInfo(self.settings.app).load_app()
            target = self._connect(app, life)
            static_warnings = self._serve_static(app)
        except BaseException as error:
            self._fail(error)
        warnings = (*_debug_warning(app), *static_warnings, *_limit_warnings(self.settings))
        name = describe_app(app, self.settings.app)
        self._report_when_ready(
            collect_facts(app, name, self.salt, ask=self.asks, warnings=warnings), life
        )
        spare_the_loaded(threshold)
        return target

    def _become_own_process(self) -> LifeSigns | None:
        """Part from what the parent and later children have; show where this process is."""
        enable_fault_report()
        if not HAS_POSIX_SIGNALS:
            return None
        life = None
        pipes = () if self.signs is None else self.signs
        for pipe in (self.report, *pipes):
            if pipe is not None:
                close_in_children(pipe)
        if self.signs is not None:
            life = LifeSigns(*self.signs, interval_of(self.settings.worker_timeout_s))
            life.show_stack_when_asked()
        Parting(self.listening, None if life is None else DUMP_SIGNAL).register()
        return life

    def _connect(self, app: App, life: LifeSigns | None = None) -> Any:
        """Return the app's entry; for WSGI, also make Granian use ours around it."""
        interface = self.settings.spoken_interface
        entry = _ENTRIES.get(interface)
        watch = Watch(app, self.settings, self.board)
        watch.start()
        if HAS_POSIX_SIGNALS:
            self._end_well(app, watch, life)
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
        set_threads(self.settings.threads, self.settings.max_waiting, self._spare_threads(app))
        set_late_bodies(self._late_bodies(app))
        adaptation, timeout_s = self._adaptation(), self.settings.request_timeout_s
        if interface == "rsgi":
            self._use_own_scheduling(app, watch, adaptation)
            timed = TimedRSGI(app, app, timeout_s) if timeout_s else app
            rsgi_app = watch.rsgi(timed)
            return ClosingRSGI(
                rsgi_app if adaptation is None else AdaptedRSGI(rsgi_app, adaptation)
            )
        asgi_app = getattr(app, entry)
        asgi_app = watch.asgi(TimedASGI(asgi_app, app, timeout_s) if timeout_s else asgi_app)
        return close_asgi(asgi_app if adaptation is None else AdaptedASGI(asgi_app, adaptation))

    def _set_limits(self) -> None:
        """Say what clients may do, where the entries and sockets of this process ask for it."""
        settings = self.settings
        set_max_body(settings.max_body_bytes)
        set_body_timeout(settings.body_timeout_s)
        set_max_unsent(settings.max_unsent_bytes)
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

    def _spare_threads(self, app: App) -> int:
        """Return how many threads may be added: no more than find a connection in each pool."""
        least, spare = self.settings.threads, self.settings.spare_threads
        # What cannot be looked at is told once, with the facts.
        pools = find_pools(Looks(app)) if spare else []
        sizes = [pool.most for pool in pools if pool.most is not None]
        return max(0, min([least + spare, *sizes]) - least)

    def _late_bodies(self, app: App) -> int:
        """Return how many requests may begin without their bodies: as many as there are threads.

        No more than a quarter of a pool of connections, as their hooks may hold some meanwhile.
        """
        sizes = [pool.most for pool in find_pools(Looks(app)) if pool.most is not None]
        return min([self.settings.threads, *(max(1, size // 4) for size in sizes)])

    def _use_own_scheduling(self, app: App, watch: Watch, adaptation: Adaptation | None) -> None:
        """Make Granian hand requests over in our way."""
        from granian.server import mp, mt  # starts faster without it

        adapt = None if adaptation is None else adaptation.rsgi
        scheduling = Scheduling(
            app,
            adapt=adapt,
            watched_by=watch.around,
            kept=watch.paths,
            # The loop keeps the time of each request.
            is_direct=not self.settings.request_timeout_s,
        )
        for module in (mp, mt):
            module._new_cbscheduler = scheduler_maker(scheduling)  # type: ignore[attr-defined]  # Granian's own name

    def _adaptation(self) -> Adaptation | None:
        settings = self.settings
        return adaptation_of(settings.trust_proxy, settings.proxy_headers, settings.root_path)

    def _use_own_wsgi(self, watch: Watch) -> None:
        """Make Granian call our function for each request instead of its own.

        Granian has no setting for it: it looks these names up when the worker begins, right after
        it has loaded the app. Its release is pinned because of that.
        """
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
            return close_wsgi(watch.wsgi(handle))

        for module in (mp, mt):
            module._wsgi_call_wrap = wrap  # type: ignore[attr-defined]  # Granian's own name

    def _end_well(self, app: App, watch: Watch, life: LifeSigns | None) -> None:
        """Have a signal to stop answered by us, instead of by Granian at once."""
        from granian import _signals  # starts faster without it

        loop: list[asyncio.AbstractEventLoop] = []

        def stop_app() -> None:
            if loop:
                asyncio.run_coroutine_threadsafe(app.serving.stop(), loop[0]).result()
            else:
                app.serving.stop_here()

        ending = Ending(
            self.number,
            self.listening.own,
            self.settings.stop_timeout_s,
            watch.in_flight,
            stop_app,
        )

        def watch_signals_on(served: asyncio.AbstractEventLoop) -> Any:
            loop.append(served)
            if life is not None and not app.debug:  # whoever debugs may stop the loop
                life.watch_loop(served)
            return ending.watch_signals_on(served)

        _signals.set_sync_signals = ending.watch_signals
        _signals.set_loop_signals = watch_signals_on

    def _report_when_ready(self, facts: Facts, life: LifeSigns | None) -> None:
        """Tell the parent that this worker serves, when it does.

        By then the hooks of the app's beginning have run, which may fail, and Granian has made what
        it needs, which may fail as well: it does so after the last call that can be followed here.
        """
        from granian.server import mp  # starts faster without it

        begin: Any = mp._new_cbscheduler  # type: ignore[attr-defined]  # Granian's own name

        def report() -> None:
            wait_until_accepting(self.listening.own)
            if life is not None:
                life.begin()
            self.report.send(("ready", facts))

        def report_and_begin(*args: Any, **kwargs: Any) -> Any:
            threading.Thread(target=report, name="kolben-ready", daemon=True).start()
            return begin(*args, **kwargs)

        mp._new_cbscheduler = report_and_begin  # type: ignore[attr-defined]  # as above

    def _fail(self, error: BaseException) -> NoReturn:
        """Tell the parent why the app cannot be loaded, and end this worker."""
        self.report.send(("failed", describe_failure(error)))
        sys.exit(APP_FAILED)


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
