"""Calls an app without a server, keeping cookies and, in a with block, the last context."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import copy
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import werkzeug.test
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben.core.context import AppContext
from kolben.core.ending import take_out
from kolben.typing import App, SessionMixin, WSGIEnvironment


class EnvironBuilder(werkzeug.test.EnvironBuilder):
    """Werkzeug's builder, with what is not given taken from an app's configuration.

    path: may be a whole URL. base_url: else made from SERVER_NAME, APPLICATION_ROOT and
    PREFERRED_URL_SCHEME, with `subdomain` before and `url_scheme` instead of the latter.
    """

    def __init__(
        self,
        app: App,
        path: str = "/",
        base_url: str | None = None,
        subdomain: str | None = None,
        url_scheme: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if base_url is not None and (subdomain or url_scheme):
            raise AssertionError(
                "base_url has a host and a scheme in it: give it, or subdomain and url_scheme."
            )
        if base_url is None:
            base_url, path = _split(app, path, subdomain, url_scheme)
        self.app = app
        super().__init__(path, base_url, *args, **kwargs)

    def json_dumps(self, obj: Any, **kwargs: Any) -> str:
        """Serialize the `json` argument as the app does."""
        return self.app.json.dumps(obj, **kwargs)


def _split(app: App, path: str, subdomain: str | None, url_scheme: str | None) -> tuple[str, str]:
    """Return the base URL for a path or URL, and what of it is the path and query."""
    host = app.config["SERVER_NAME"] or "localhost"
    if subdomain:
        host = f"{subdomain}.{host}"
    url = urlsplit(path)
    scheme = url.scheme or url_scheme or app.config["PREFERRED_URL_SCHEME"]
    root = app.config["APPLICATION_ROOT"].lstrip("/")
    if url.query:
        path = f"{url.path}?{url.query}"
    else:
        path = url.path
    return f"{scheme}://{url.netloc or host}/{root}", path


# FLASK: looked up by the first client that is made.
_werkzeug_version = ""


def _get_werkzeug_version() -> str:
    """Return the version of Werkzeug that is installed, looked up once."""
    global _werkzeug_version  # noqa: PLW0603  # FLASK: kept under this name
    if not _werkzeug_version:
        _werkzeug_version = importlib.metadata.version("werkzeug")
    return _werkzeug_version


class FlaskClient(Client):
    """Werkzeug's client for one app.

    In a with block the last request's context stays active after it, until the next request
    or the end of the block: `request` and `session` can be looked at. Blocks of several clients may
    nest, and end in any order. environ_base: what each environ starts from.
    """

    application: App

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.preserve_context = False
        self._new_contexts: list[AppContext] = []
        self._context_stack = ExitStack()
        self.environ_base = {
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_USER_AGENT": f"Werkzeug/{_get_werkzeug_version()}",
        }

    @contextmanager
    def session_transaction(self, *args: Any, **kwargs: Any) -> Iterator[SessionMixin]:
        """Open the session that the next request will find; it is saved at the end of the block.

        args, kwargs: those of the request it is opened in: EnvironBuilder's.
        """
        if self._cookies is None:
            raise TypeError(
                "Cookies are disabled. A session needs them: app.test_client(use_cookies=True)."
            )
        app = self.application
        context = app.test_request_context(*args, **kwargs)
        self._add_cookies_to_wsgi(context.request.environ)
        with context:
            session = app.session_interface.open_session(app, context.request)
        if session is None:
            raise RuntimeError("Session backend did not open a session.")
        yield session
        if app.session_interface.is_null_session(session):
            return
        response = app.response_class()
        with context:
            app.session_interface.save_session(app, session, response)
        self._update_cookies_from_response(
            context.request.host.partition(":")[0],
            context.request.path,
            response.headers.getlist("Set-Cookie"),
        )

    def _copy_environ(self, other: Mapping[str, Any]) -> WSGIEnvironment:
        """Return an environ with what every request of this client has."""
        environ = {**self.environ_base, **other}
        if self.preserve_context:
            environ["werkzeug.debug.preserve_context"] = self._new_contexts.append
        return environ

    # FLASK: kept under this name for Flask-SocketIO's test client, which calls it.
    def _request_from_builder_args(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> WerkzeugRequest:
        """Make the request that the arguments of open() ask for."""
        given = args[0] if args else None
        if isinstance(given, werkzeug.test.EnvironBuilder):
            builder = copy(given)
            builder.environ_base = self._copy_environ(builder.environ_base or {})
            return builder.get_request()
        if isinstance(given, WerkzeugRequest):
            request = copy(given)
            request.environ = self._copy_environ(request.environ)
            return request
        if isinstance(given, dict):
            builder = EnvironBuilder.from_environ(
                given, app=self.application, environ_base=self._copy_environ({})
            )
        else:
            kwargs["environ_base"] = self._copy_environ(kwargs.get("environ_base", {}))
            builder = EnvironBuilder(self.application, *args, **kwargs)
        try:
            return builder.get_request()
        finally:
            builder.close()

    def open(
        self, *args: Any, buffered: bool = False, follow_redirects: bool = False, **kwargs: Any
    ) -> TestResponse:
        """Send a request: EnvironBuilder's arguments, or a builder, environ or request.

        buffered: read the whole body at once. follow_redirects: up to the last response.
        """
        request = self._request_from_builder_args(args, kwargs)
        self._context_stack.close()
        try:
            response = super().open(request, buffered=buffered, follow_redirects=follow_redirects)
        finally:
            # Of several redirects the last is the one to look at.
            preserved, self._new_contexts[:] = self._new_contexts[-1:], []
        response.json_module = self.application.json  # type: ignore[assignment]  # has loads
        for context in preserved:
            context.__enter__()
            # Blocks of this one, of other clients and of the app's contexts end in any order.
            context.gives_way = take_out
            self._context_stack.callback(take_out, context)
        return response

    def __enter__(self) -> Self:
        if self.preserve_context:
            raise RuntimeError(
                "This client is in a with block already. Make another one for a second block."
            )
        self.preserve_context = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.preserve_context = False
        self._context_stack.close()
