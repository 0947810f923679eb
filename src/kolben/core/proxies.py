"""`request`, `session`, `g` and `current_app`: names that stand for what is current."""

from __future__ import annotations

from typing import Any, cast

from werkzeug.local import LocalProxy

from kolben.core import current
from kolben.typing import App, AppContext, Request, RequestContext, SessionMixin

# Each answers as the object it stands for; outside of a context it is false, and everything
# else of it raises RuntimeError with the cure. `_get_current_object()` gives the object itself.
current_app = cast("App", LocalProxy(current.the_app))
g = cast("Any", LocalProxy(current.the_g))
request = cast("Request", LocalProxy(current.the_request))
session = cast("SessionMixin", LocalProxy(current.the_session))
app_ctx = cast("AppContext", LocalProxy(current.the_app_context))
request_ctx = cast("RequestContext", LocalProxy(current.the_request_context))
