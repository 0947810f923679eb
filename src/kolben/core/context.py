"""What is current while an app works: the app, its `g`, and perhaps a request and its session."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import Token
from types import TracebackType
from typing import Any, Self

from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from kolben.core.current import NO_REQUEST, current, outside
from kolben.core.exchange import join_exchange, watchers
from kolben.core.lazy import lazy
from kolben.core.plan import Plan
from kolben.core.source import decode_path
from kolben.signals import (
    announce,
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_tearing_down,
)
from kolben.typing import App, Engine, Request, SessionMixin, WebSocket, WSGIEnvironment

# pop(exc) without an argument takes the exception being handled; None says there is none.
BEING_HANDLED: Any = object()


# PERF: the tables of who listens, looked up once: 0.1 us a request (benchmarks/shortcuts.py).
_HEARD_AT_START = appcontext_pushed.receivers
_HEARD_TEARING_DOWN = request_tearing_down.receivers
_HEARD_TEARING_DOWN_APP = appcontext_tearing_down.receivers
_HEARD_POPPED = appcontext_popped.receivers


class AppContext:
    """The app's own context: what a CLI command or a test pushes, without a request.

    It may be pushed again while it is active (`with app_ctx:`); what it holds is torn down
    when it is popped for the last time, and a stream may hold it longer.
    """

    # The request around a context that has none of its own: pushing an app's context in a
    # view gives a fresh `g`, but the request stays.
    _outer_request: RequestContext | None = None
    # What each push() set, so that pop() can take it back.
    _tokens: tuple[Token[AppContext | None], ...] = ()
    # What each hold() gave.
    _holds: tuple[object, ...] = ()
    # What went wrong in a request whose teardown waits for a stream.
    _failure: BaseException | None = None
    # Pops a context that is beneath this one, which a test client keeps; None: that is an error.
    gives_way: Callable[[AppContext, BaseException | None], None] | None = None
    # The view of a WebSocket is being called: ensure_sync() leaves coroutine functions alone.
    gives_coroutines = False
    # The event loop has run the teardown functions before it pops.
    is_torn_down = False

    def __init__(self, app: App) -> None:
        self.app = app

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {id(self)} of {self.app.name}>"

    @lazy
    def g(self) -> Any:
        """The namespace that lives as long as this context."""
        return self.app.app_ctx_globals_class()

    @lazy
    def url_adapter(self) -> MapAdapter | None:
        """What builds URLs without a request; None without SERVER_NAME."""
        return self.app.create_url_adapter(None)

    @property
    def app_context(self) -> AppContext:
        """The context that owns `g`: this one, unless a request runs inside of another."""
        return self

    @property
    def request_context(self) -> RequestContext | None:
        """The context of the active request; None outside of one."""
        return self._outer_request

    @lazy
    def request(self) -> Request:
        """The active request; RuntimeError outside of one."""
        # Deleted again by pop(), as what is around this context may be another then.
        return self._the_request_context("request").request

    @property
    def session(self) -> SessionMixin:
        """The active request's session, now marked as accessed; RuntimeError outside."""
        session = self._the_request_context("session")._session
        if not session.accessed:
            session.accessed = True
        return session

    @session.setter
    def session(self, session: SessionMixin) -> None:
        self._the_request_context("session").take_session(session)

    def _the_request_context(self, name: str) -> RequestContext:
        found = self.request_context
        if found is None:
            raise outside(name, NO_REQUEST)
        return found

    @property
    def _cv_tokens(self) -> list[Any]:
        """FLASK: one for each push() that was not taken back."""
        return list(self._tokens)

    def push(self) -> None:
        """Make this the active context."""
        outer = current.get()
        if not self._tokens:
            self._enter(outer)
        self._tokens = (*self._tokens, current.set(self))
        if self.app_context is self and appcontext_pushed.receivers:
            self._announce_pushed()

    def _announce_pushed(self) -> None:
        announce(appcontext_pushed, self.app)

    def _enter(self, outer: AppContext | None) -> None:
        """Take over what stays visible of the context around this one."""
        self._outer_request = None if outer is None else outer.request_context

    def pop(self, exc: BaseException | None = BEING_HANDLED) -> None:
        """Leave the context; the last pop runs the teardown functions with `exc`.

        Raises AssertionError if another context is the active one.
        """
        if exc is BEING_HANDLED:
            exc = sys.exc_info()[1]
        if not self._tokens:
            raise AssertionError(f"{self!r} is popped, but it is not pushed.")
        active = current.get()
        if active is not self and active is not None and active.gives_way is not None:
            active.gives_way(self, exc)
            return
        is_last = self.is_last_push()
        # A stream that holds it tears it down, and tells then that it is popped.
        is_held = not is_last and len(self._tokens) == 1
        if exc is None:
            exc = self._failure
        self._failure = exc if is_held else None
        try:
            if is_last and not self.is_torn_down:
                self._tear_down(exc)
        finally:
            self.is_torn_down = False
            self._leave()
            if not is_held:
                self._announce_popped(is_last)
        if active is not self:
            raise AssertionError(f"Popped wrong context: {self!r} instead of {active!r}.")

    def is_last_push(self) -> bool:
        """Say whether the next pop() is the end of what this context holds."""
        return len(self._tokens) == 1 and not self._holds

    def _leave(self) -> None:
        """Take back what the last push() did to the context variable."""
        *rest, token = self._tokens
        self._tokens = tuple(rest)
        try:
            current.reset(token)
        except ValueError:  # pushed in another thread or task, whose variables were taken over
            before = token.old_value
            current.set(None if before is Token.MISSING else before)

    def _announce_popped(self, is_last: bool) -> None:
        owns_g = self.app_context is self
        if is_last:
            self._forget_outer()
        if owns_g and appcontext_popped.receivers:
            announce(appcontext_popped, self.app)

    def _forget_outer(self) -> None:
        self._outer_request = None
        self.__dict__.pop("request", None)

    def _tear_down(self, exc: BaseException | None) -> None:
        """Run what is to be run at the end of this context's life."""
        self.app.do_teardown_appcontext(exc)

    def hold(self) -> object:
        """Put the teardown off until release() of what this returns; for a stream that goes on."""
        hold = object()
        self._holds = (*self._holds, hold)
        return hold

    def let_go(self, hold: object) -> bool:
        """End a hold() but for the teardown; say whether it is due."""
        if hold not in self._holds:
            return False
        self._holds = tuple(other for other in self._holds if other is not hold)
        return not self._holds and not self._tokens

    def drop_holds(self) -> None:
        """End every hold(): the streams are not sent, or no more. They may be closed later."""
        self._holds = self._holds[:1]
        for hold in self._holds:
            self.release(hold)

    def release(self, hold: object, exc: BaseException | None = None) -> None:
        """End a hold(); the last one, after the last pop(), runs the teardown functions."""
        if self.let_go(hold):
            exc, self._failure = exc or self._failure, None
            token = current.set(self)
            try:
                self._tear_down(exc)
            finally:
                current.reset(token)
                self._announce_popped(is_last=True)

    def __enter__(self) -> Self:
        try:
            self.push()
        except BaseException:
            if self._tokens:  # there will be no __exit__
                self.pop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pop(exc_value)


class RequestContext(AppContext):
    """A request's context: the app's as well, unless one of the same app is already active.

    plan: what the request's rule says is to be done; None until it is matched.
    keeps_g: pushed again after its end, it has its old `g` (to look at what happened); else,
    as a copy that a thread pool uses many times, a new one each time.
    has_cookie: the client sent one; known from the first push on.
    is_watched: the response may matter to somebody: the session is open, or there are functions of
    after_this_request(). has_session: the former.
    is_over: the request has been torn down, the app's context not yet.
    websocket: where the request is the handshake of one.
    """

    plan: Plan | None = None
    websocket: WebSocket | None = None
    keeps_g = False
    has_cookie = False
    is_watched = False
    has_session = False
    is_over = False
    flashes: list[tuple[str, str]] | None = None
    _owner: AppContext | None = None

    def __init__(
        self,
        app: App,
        environ: WSGIEnvironment,
        request: Request | None = None,
        session: SessionMixin | None = None,
    ) -> None:
        self.app = app
        if request is None:
            request = app.request_class(environ)
        self.request = request  # pyright: ignore[reportAttributeAccessIssue]
        # Whose circle with the request end_quietly() breaks.
        self._environ = environ
        if session is not None:
            self.take_session(session)

    @property
    def _cv_tokens(self) -> list[Any]:
        """FLASK: one for each push() that was not taken back, with the app's context it made."""
        made = self if self._owner is None else None
        return [(token, None if number else made) for number, token in enumerate(self._tokens)]

    def __repr__(self) -> str:
        request = self.request
        return f"<{type(self).__name__} {request.url!r} [{request.method}] of {self.app.name}>"

    @lazy
    def _after_request_functions(self) -> list[Any]:
        """What after_this_request() was given."""
        self.is_watched = True
        return []

    @lazy
    def g(self) -> Any:
        """The namespace that lives as long as the app's context does."""
        owner = self._owner
        return self.app.app_ctx_globals_class() if owner is None else owner.g

    @lazy
    def url_adapter(self) -> MapAdapter | None:
        """What matches and builds URLs for this request; None if its host is refused."""
        try:
            return self.app.create_url_adapter(self.request)
        except HTTPException as error:
            self.request.routing_exception = error
            return None

    @property
    def app_context(self) -> AppContext:
        """The context that owns `g`: the one around this, if it is of the same app."""
        return self if self._owner is None else self._owner

    @property
    def request_context(self) -> RequestContext | None:
        """This context; while the app's teardown runs, the request is over."""
        return self._outer_request if self.is_over else self

    @property
    def session(self) -> SessionMixin:
        """The request's session, now marked as accessed."""
        # PERF: without asking whose request it is: 0.09 us instead of 0.15 us, at each use
        # (benchmarks/shortcuts.py).
        session = (self._the_request_context("session") if self.is_over else self)._session
        if not session.accessed:
            session.accessed = True
        return session

    @session.setter
    def session(self, session: SessionMixin) -> None:
        self._the_request_context("session").take_session(session)

    @lazy
    def _session(self) -> SessionMixin:
        """The session, opened but not marked as accessed."""
        self.is_watched = self.has_session = True
        interface = self.app.session_interface
        session = interface.open_session(self.app, self.request)
        return interface.make_null_session(self.app) if session is None else session

    def take_session(self, session: SessionMixin) -> None:
        """Put a session in the place of the request's own."""
        self.is_watched = self.has_session = True
        self._session = session  # pyright: ignore[reportAttributeAccessIssue]

    def copy(self) -> RequestContext:
        """Make another context for the same request and session, for use in another thread."""
        request = self.request
        return type(self)(self.app, request.environ, request, self._session)

    def match_request(self) -> None:
        """Match the request, or note why it can't be matched."""
        environ = self.request.environ
        self.has_cookie = "HTTP_COOKIE" in environ
        path, host = decode_path(environ.get("PATH_INFO") or ""), environ.get("HTTP_HOST")
        self.plan = self.app.engine.match(self, environ["REQUEST_METHOD"], path, host)

    def push(self) -> None:
        """Make this the active context; the first time, open the session and match."""
        super().push()
        if self.plan is None:
            if not self.app.engine.opens_session_late:
                self.open_session()  # converters may use it
            self.match_request()
            if watchers:
                join_exchange(self.request.environ, self.request)

    def open_session(self) -> None:
        """Open the session, if it is not open yet."""
        self._session  # noqa: B018  # reading opens it

    def begin(self, engine: Engine, opens_session: bool = True) -> Plan:
        """Do what push() does, for a new context of an app that overrides none of it.

        opens_session: if it can't be put off; else the caller does that.
        """
        outer = current.get()
        if outer is not None:
            self._enter(outer)
        self._tokens = (current.set(self),)
        if _HEARD_AT_START and self._owner is None:
            self._announce_pushed()
        if opens_session and not engine.opens_session_late:
            self.open_session()  # converters may use it
        if not self.app._got_first_request:
            self.app._got_first_request = True
        plan = self.plan
        if plan is None:
            environ = self._environ or self.request.environ
            path = environ.get("PATH_INFO") or ""
            if "HTTP_COOKIE" in environ:
                self.has_cookie = True
            plan = self.plan = engine.match(
                self,
                environ["REQUEST_METHOD"],
                # Decoded here and not where the request would, which nobody may ever ask.
                path if path.isascii() else decode_path(path),
                environ.get("HTTP_HOST"),
            )
        if watchers:
            join_exchange(self._environ, self.request)
        return plan

    def _announce_pushed(self) -> None:
        """Send the signal. FLASK: the request becomes current after it."""
        request = self.request
        self.is_over = True
        del self.request
        try:
            announce(appcontext_pushed, self.app)
        finally:
            self.is_over = False
            self.request = request  # pyright: ignore[reportAttributeAccessIssue]

    def end_quietly(self) -> bool:
        """Do what pop() does without an error, if that is little; else do nothing and say so."""
        app = self.app
        plan = self.plan
        environ = self._environ
        if (
            plan is None
            or self._holds
            or app.teardown_appcontext_funcs
            or _HEARD_TEARING_DOWN
            or _HEARD_TEARING_DOWN_APP
            or _HEARD_POPPED
            or self.request.has_files
            or "werkzeug.debug.preserve_context" in environ
            or current.get() is not self
            or len(self._tokens) != 1
            or not app.engine.ends_quietly
        ):
            return False
        try:
            for hook in plan.hooks.teardown:
                hook(None)
        finally:
            (token,) = self._tokens
            self._tokens = ()
            current.reset(token)
            if "werkzeug.request" in environ:
                environ["werkzeug.request"] = None
        return True

    def _enter(self, outer: AppContext | None) -> None:
        super()._enter(outer)
        if outer is not None and outer.app is self.app:
            self._owner = outer.app_context
            self.__dict__.pop("g", None)
        elif not self.keeps_g:
            self.__dict__.pop("g", None)

    def _forget_outer(self) -> None:
        self._outer_request = None
        self._owner = None

    def _tear_down(self, exc: BaseException | None) -> None:
        request = self.request
        try:
            self.app.do_teardown_request(exc)
        finally:
            if self.end_request():
                try:
                    super()._tear_down(exc)
                finally:
                    self.is_over = False
                    self.request = request  # pyright: ignore[reportAttributeAccessIssue]

    def end_request(self) -> bool:
        """Close the request; say whether the app's context ends with it.

        FLASK: then the request is gone from the context while the app's teardown functions run.
        """
        self.request.close()
        self._environ["werkzeug.request"] = None
        if self._owner is not None:
            return False
        self.is_over = True
        del self.request
        return True
