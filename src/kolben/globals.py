"""`request`, `session`, `websocket`, `g`, `current_app`: each typed as what it stands for."""

from __future__ import annotations

from contextvars import Token
from typing import Any

from kolben.core.context import AppContext, RequestContext
from kolben.core.current import current, find_context
from kolben.core.proxies import app_ctx as app_ctx
from kolben.core.proxies import current_app as current_app
from kolben.core.proxies import g as g
from kolben.core.proxies import request as request
from kolben.core.proxies import request_ctx as request_ctx
from kolben.core.proxies import session as session
from kolben.core.proxies import websocket as websocket
from kolben.flask_names import lend_names

_MISSING: Any = object()


class _CurrentAppContext:
    """Stands for what Flask keeps in a context variable of its own: the context that owns `g`.

    It reads and sets the one variable of Kolben's, so a context that is set is what
    `current_app`, `g` and, if it has one, `request` stand for.
    """

    name = "flask.app_ctx"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _find(self) -> AppContext | None:
        context = find_context()
        return None if context is None else context.app_context

    def get(self, default: Any = _MISSING) -> Any:
        """Return the context; without any, `default`, or LookupError if none is given."""
        found = self._find()
        if found is not None:
            return found
        if default is _MISSING:
            raise LookupError(self.name)
        return default

    def set(self, context: AppContext | None) -> Token[AppContext | None]:
        """Make a context the current one without pushing it; reset() takes that back."""
        if context is not None and not context._tokens:
            context._enter(find_context())
        return current.set(context)

    def reset(self, token: Token[AppContext | None]) -> None:
        """Take back what set() did, in the thread or task that did it."""
        current.reset(token)


class _CurrentRequestContext(_CurrentAppContext):
    """Stands for what Flask keeps in another: the active request's context."""

    name = "flask.request_ctx"

    def _find(self) -> RequestContext | None:
        context = find_context()
        return None if context is None else context.request_context


# FLASK: extensions use these, though they are not documented.
_cv_app = _CurrentAppContext()
_cv_request = _CurrentRequestContext()

lend_names(globals())
