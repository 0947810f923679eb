"""All that watches a worker, put together as its settings ask."""

from __future__ import annotations

import sys
from typing import Any

from kolben.logging import write_json
from kolben.server.access_log import access_log
from kolben.server.granian_wsgi import Handler
from kolben.server.observing import ASGIApp, Observer, Told
from kolben.server.settings import Settings
from kolben.typing import App


class Watch:
    """What is put around an app; nothing at all, where the settings ask for nothing.

    observer: None where no request is noted.
    """

    def __init__(self, app: App, settings: Settings) -> None:
        if settings.log_format == "json":
            write_json(app)
        at_end: list[Told] = []
        if settings.access_log:
            at_end.append(access_log(sys.stdout, settings.access_log_format))
        self.observer: Observer | None = None
        if at_end or settings.request_ids:
            self.observer = Observer(
                at_end=tuple(at_end),
                sends_ids=settings.request_ids,
                counts_bytes=settings.access_log,
            )

    def wsgi(self, handle: Handler) -> Handler:
        """Wrap what answers Granian's WSGI requests."""
        return handle if self.observer is None else self.observer.observe_wsgi(handle)

    def asgi(self, app: ASGIApp) -> ASGIApp:
        """Wrap an ASGI app."""
        return app if self.observer is None else self.observer.observe_asgi(app)

    def rsgi(self, app: Any) -> Any:
        """Wrap an RSGI app."""
        return app if self.observer is None else self.observer.observe_rsgi(app)
