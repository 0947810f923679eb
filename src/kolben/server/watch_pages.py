"""/healthz, /readyz and /metrics: answered before the app, or on a port of their own.

Rule: what a page needs may take a while, so it is never made on an event loop.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from kolben.server.draining import is_draining
from kolben.server.granian_wsgi import Answer, Handler
from kolben.typing import ASGIApp, HealthChecks, Receive, Scope, Send

# Whoever asks more often gets the same answer: a public /readyz is no way to load a database.
READY_FOR_S = 1.0
JSON = "application/json"


class Page(NamedTuple):
    """What is answered."""

    status: int
    content_type: str
    body: bytes

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of the answer."""
        return [
            ("content-type", self.content_type),
            ("content-length", str(len(self.body))),
            ("cache-control", "no-store"),
        ]


MakePage = Callable[[], Page]


def tell_health() -> Page:
    """Say that this process answers; whatever else is wrong, a new one would not be better."""
    return Page(200, JSON, b'{"status": "ok"}\n')


class Readiness:
    """Says whether this process should be sent requests: its checks pass, and it does not end."""

    def __init__(self, checks: HealthChecks) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._checks = checks
        self._lock = threading.Lock()
        self._known: Page | None = None
        self._known_at = 0.0

    def __call__(self) -> Page:
        """Say it; asked again within a second, without asking the checks again."""
        with self._lock:
            is_fresh = time.monotonic() - self._known_at < READY_FOR_S
            if self._known is None or not is_fresh or is_draining():
                self._known = self._ask()
                self._known_at = time.monotonic()
            return self._known

    def _ask(self) -> Page:
        draining = is_draining()
        found = {} if draining else self._checks.run(self.loop)
        is_ready = not draining and not any(found.values())
        answer = {
            "status": "ready" if is_ready else "draining" if draining else "not ready",
            "checks": {name: problem or "ok" for name, problem in found.items()},
        }
        return Page(200 if is_ready else 503, JSON, json.dumps(answer).encode() + b"\n")


class WatchPages:
    """The pages, by their paths."""

    def __init__(self, pages: dict[str, MakePage]) -> None:
        self._pages = pages
        self.paths = frozenset(pages)
        # One at a time: however many ask, the views keep their threads.
        self._threads = ThreadPoolExecutor(1, "kolben-pages")

    def find(self, method: str, path: str) -> MakePage | None:
        """Return what makes the page for a request; None if it is none of these."""
        return self._pages.get(path) if method in {"GET", "HEAD"} else None

    async def make(self, page: MakePage) -> Page:
        """Make a page in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, page)

    def before_wsgi(self, handle: Handler) -> Handler:
        """Answer these paths before Granian's WSGI requests reach a function."""

        def handle_or_tell(answer: Answer, scope: dict[str, Any]) -> int:
            method = scope["REQUEST_METHOD"]
            found = self.find(method, scope["PATH_INFO"])
            if found is None:
                return handle(answer, scope)
            page = found()
            answer.response_bytes(page.status, page.headers, _body(page, method))
            return page.status

        return handle_or_tell

    def before_asgi(self, app: ASGIApp) -> ASGIApp:
        """Answer these paths before they reach an ASGI app."""

        async def answer_or_tell(scope: Scope, receive: Receive, send: Send) -> None:
            method = scope.get("method", "")
            found = self.find(method, scope.get("path", ""))
            if found is None:
                await app(scope, receive, send)
                return
            page = await self.make(found)
            headers = [(name.encode(), value.encode()) for name, value in page.headers]
            await send({"type": "http.response.start", "status": page.status, "headers": headers})
            await send({"type": "http.response.body", "body": _body(page, method)})

        return answer_or_tell

    def before_rsgi(self, app: Any) -> RSGIPages:
        """Answer these paths before they reach an RSGI app."""
        return RSGIPages(self, app)


class RSGIPages:
    """An RSGI app with the pages before it."""

    def __init__(self, pages: WatchPages, app: Any) -> None:
        self._pages = pages
        self._answer = app.__rsgi__
        self.__rsgi_init__ = app.__rsgi_init__
        self.__rsgi_del__ = app.__rsgi_del__

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer a connection."""
        is_request = scope.proto == "http"
        found = self._pages.find(scope.method, scope.path) if is_request else None
        if found is None:
            await self._answer(scope, protocol)
            return
        page = await self._pages.make(found)
        protocol.response_bytes(page.status, page.headers, _body(page, scope.method))


def _body(page: Page, method: str) -> bytes:
    return b"" if method == "HEAD" else page.body
