"""`request`, `session`, `websocket`, `g`, `current_app`: names that stand for what is current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from werkzeug.local import LocalProxy

from kolben.core import current
from kolben.core.current import find_context
from kolben.typing import App, AppContext, Request, RequestContext, SessionMixin, WebSocket

# What Werkzeug's proxies answer for themselves, also outside of a context.
_ITS_OWN = frozenset(dir(LocalProxy))
_own = object.__getattribute__


def _stand_for(attribute: str, read: Callable[[], Any]) -> Any:
    """Make a proxy for an attribute of the active context.

    read: returns it as well; where there is none, it raises, and so does the proxy.
    """

    # PERF: a look-up without Werkzeug's descriptors, nor a call of `read`: 0.2 us instead of
    # 0.9 us (benchmarks/shortcuts.py).
    class Proxy(LocalProxy[Any]):
        __slots__ = ()
        __doc__ = vars(LocalProxy)["__doc__"]  # else the class has one, which is None

        def __getattribute__(self, name: str) -> Any:
            if name in _ITS_OWN:
                return _own(self, name)
            return getattr(getattr(find_context(), attribute), name)

        def __getattr__(self, name: str) -> Any:
            # What was not found is asked again, of the object itself: it says what is missing.
            return getattr(read(), name)

        def __setattr__(self, name: str, value: Any) -> None:
            context = find_context()
            setattr(read() if context is None else getattr(context, attribute), name, value)

        def __getitem__(self, key: Any) -> Any:
            return read()[key]

        def __setitem__(self, key: Any, value: Any) -> None:
            read()[key] = value

        def __contains__(self, key: object) -> bool:
            return key in read()

    Proxy.__name__ = "LocalProxy"  # FLASK: what an unbound one shows
    proxy = Proxy(read)
    # Werkzeug's would call `read` and give its result back through one function more.
    object.__setattr__(proxy, "_get_current_object", read)
    return proxy


# Each answers as the object it stands for; outside of a context it is false, and everything
# else of it raises RuntimeError with the cure. `_get_current_object()` gives the object itself.
current_app = cast("App", _stand_for("app", current.the_app))
g = cast("Any", _stand_for("g", current.the_g))
request = cast("Request", _stand_for("request", current.the_request))
session = cast("SessionMixin", _stand_for("session", current.the_session))
websocket = cast("WebSocket", _stand_for("websocket", current.the_websocket))
app_ctx = cast("AppContext", _stand_for("app_context", current.the_app_context))
request_ctx = cast("RequestContext", _stand_for("request_context", current.the_request_context))
