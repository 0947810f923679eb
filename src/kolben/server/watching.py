"""All that watches a worker, put together as its settings ask."""

from __future__ import annotations

import asyncio
import multiprocessing.util
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import click

from kolben.logging import write_json
from kolben.server.access_log import access_log
from kolben.server.board import Board
from kolben.server.counting import RequestCounter, Running
from kolben.server.granian_wsgi import Handler
from kolben.server.measuring import Measures
from kolben.server.observing import Observer
from kolben.server.observing_sockets import Told
from kolben.server.sampling import Sampler
from kolben.server.settings import Settings
from kolben.server.watch_pages import MakePage, Page, Readiness, WatchPages, tell_health
from kolben.typing import App, ASGIApp, Receive, Scope, Send, Tracer
from kolben.version import VERSION


def make_board(settings: Settings) -> Board | None:
    """Make the board of a server that this process is the parent of; None if nobody needs it.

    OSError if metrics need it and there is no place for it.
    """
    if not (settings.top or settings.metrics or settings.recycle_after_requests):
        return None
    try:
        return Board.make(
            {
                "app": settings.app,
                "address": settings.address,
                "port": None if settings.unix_socket else settings.port,
                "interface": settings.spoken_interface,
                "workers": settings.workers,
                "threads": settings.threads,
                "version": VERSION,
            }
        )
    except OSError as error:
        if settings.metrics or settings.recycle_after_requests:
            raise
        click.echo(f"Warning: `kolben top` will not see this server: {error}", err=True)
        return None


class Watch:
    """What is put around an app.

    observer: None where no request is noted. counter: in its place where they are only counted,
    which costs less: what a stop cuts off is to be named. board: where the server has one.
    """

    def __init__(self, app: App, settings: Settings, board: Board | None) -> None:
        if settings.log_format == "json":
            write_json(app)
        measures = Measures() if settings.metrics else None
        self.observer = _make_observer(settings, measures, _make_tracer(app, settings))
        self.counter = None if self.observer else RequestCounter(partial(find_route, app))
        around = self.observer or self.counter
        assert around is not None
        self.around: Observer | RequestCounter = around
        self.sampler: Sampler | None = None
        if board is not None:
            self.sampler = Sampler(board, self.around, measures)
        self._readiness = Readiness(app.health_checks) if settings.health else None
        pages = self._make_pages(settings, board)
        self._pages = pages if pages is not None and not settings.watch_port else None
        if pages is not None and settings.watch_port:
            from kolben.server.watch_port import serve_pages  # starts faster without it

            serve_pages(pages, settings.watch_host, settings.watch_port)

    @property
    def in_flight(self) -> Callable[[], list[Running]]:
        """What lists the requests under way."""
        return self.around.running

    def start(self) -> None:
        """Begin to look at this process, when it is about to serve."""
        if self.sampler is not None:
            self.sampler.start()
            # The last second would be missing in the counts.
            multiprocessing.util.Finalize(None, self.sampler.publish, exitpriority=90)

    def _make_pages(self, settings: Settings, board: Board | None) -> WatchPages | None:
        pages: dict[str, MakePage] = {}
        if self._readiness is not None:
            pages.update({"/healthz": tell_health, "/readyz": self._readiness})
        if settings.metrics and board is not None:
            pages["/metrics"] = self._metrics_page(board)
        return WatchPages(pages) if pages else None

    def _metrics_page(self, board: Board) -> MakePage:
        try:
            from kolben.server.metrics import Metrics  # starts faster without it
        except ImportError as error:
            raise click.UsageError(
                f"--metrics needs a package that is not installed ({error.name}):"
                " pip install 'kolben[metrics]'."
            ) from error
        metrics = Metrics(board)

        def make() -> Page:
            if self.sampler is not None:
                self.sampler.publish()
            return Page(200, metrics.content_type, metrics.text())

        return make

    @property
    def paths(self) -> frozenset[str]:
        """Paths that are answered before the app."""
        return frozenset() if self._pages is None else self._pages.paths

    # What Granian calls.

    def wsgi(self, handle: Handler) -> Handler:
        """Wrap what answers Granian's WSGI requests."""
        handle = self.around.observe_wsgi(handle)
        return handle if self._pages is None else self._pages.before_wsgi(handle)

    def asgi(self, app: ASGIApp) -> ASGIApp:
        """Wrap an ASGI app."""
        app = self.around.observe_asgi(app)
        if self._pages is not None:
            app = self._pages.before_asgi(app)
        return self._note_loop_of_asgi(app) if self._wants_loop() else app

    def rsgi(self, app: Any) -> Any:
        """Wrap an RSGI app."""
        app = self.around.observe_rsgi(app)
        if self._pages is not None:
            app = self._pages.before_rsgi(app)
        return LoopNotingRSGI(app, self) if self._wants_loop() else app

    def _wants_loop(self) -> bool:
        return self.sampler is not None or self._readiness is not None

    def note_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take note of the loop on which the app is served."""
        if self.sampler is not None:
            self.sampler.loop.loop = loop
        if self._readiness is not None:
            self._readiness.loop = loop

    def _note_loop_of_asgi(self, app: ASGIApp) -> ASGIApp:
        async def note_and_answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                self.note_loop(asyncio.get_running_loop())
            await app(scope, receive, send)

        return note_and_answer


class LoopNotingRSGI:
    """An RSGI app whose loop is noted."""

    def __init__(self, app: Any, watch: Watch) -> None:
        self._app = app
        self._watch = watch
        self.__rsgi__ = app.__rsgi__
        self.__rsgi_del__ = app.__rsgi_del__

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note the loop before it runs."""
        self._watch.note_loop(loop)
        self._app.__rsgi_init__(loop)


def find_route(app: App, method: str, path: str) -> str | None:
    """Return the rule of an app that matches a request line; None if there is none.

    Rules of hosts and subdomains are not asked.
    """
    # A converter of the app's may raise anything, and may need a context, which takes longer.
    with suppress(Exception):
        return _rule_of(app.engine.router.find(method, path))
    with suppress(Exception), app.app_context():
        return _rule_of(app.engine.router.find(method, path))
    return None


def _rule_of(found: Any) -> str | None:
    rule = found[0].rule if isinstance(found, tuple) else None
    return None if rule is None else rule.rule


def _make_observer(
    settings: Settings, measures: Measures | None, tracer: Tracer | None
) -> Observer | None:
    """Return what notes the requests; None if nobody wants to know of them."""
    at_end: list[Told] = [] if measures is None else [measures.note]
    if settings.access_log:
        at_end.append(access_log(sys.stdout, settings.access_log_format))
    if tracer is not None:
        at_end.append(tracer.end)
    if not (at_end or settings.request_ids):
        return None
    return Observer(
        at_begin=() if tracer is None else (tracer.begin,),
        at_leave=() if tracer is None else (tracer.leave,),
        at_open=() if measures is None else (measures.note_open,),
        at_end=tuple(at_end),
        sends_ids=settings.request_ids,
        # A tracer wants to know of a stream's end.
        counts_bytes=settings.access_log or tracer is not None,
    )


def _make_tracer(app: App, settings: Settings) -> Tracer | None:
    """Return what makes spans; None if nobody wants them.

    Without --otel, those do that have set up OpenTelemetry's SDK in the app, and have not had it
    instrumented by OpenTelemetry itself.
    """
    is_set_up = "opentelemetry.sdk.trace" in sys.modules
    is_instrumented = getattr(app, "_is_instrumented_by_opentelemetry", False)
    if not settings.otel and (not is_set_up or is_instrumented):
        return None
    try:
        from kolben.server import tracing  # starts faster without it
    except ImportError as error:
        raise click.UsageError(
            f"--otel needs a package that is not installed ({error.name}):"
            " pip install 'kolben[otel]'."
        ) from error
    if not tracing.has_provider():
        if not settings.otel:
            return None
        tracing.make_provider(app)
    # A process of this kind leaves without what atexit has.
    multiprocessing.util.Finalize(None, tracing.send_the_rest, exitpriority=80)
    return tracing.Tracer(app)
