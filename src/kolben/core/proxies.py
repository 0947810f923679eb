"""`request`, `session`, `websocket`, `g`, `current_app`: names that stand for what is current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from werkzeug.local import LocalProxy

from kolben.core import current
from kolben.typing import App, AppContext, Request, RequestContext, SessionMixin, WebSocket

# What Werkzeug's proxies answer for themselves, also outside of a context.
_ITS_OWN = frozenset(dir(LocalProxy))


def _stand_for(read: Callable[[], Any]) -> Any:
    """Make a proxy for what `read` returns; where that raises, so does the proxy."""

    # PERF: a look-up without Werkzeug's descriptors: 0.3 us instead of 0.9 us
    # (benchmarks/shortcuts.py).
    class Proxy(LocalProxy[Any]):
        __slots__ = ()
        __doc__ = vars(LocalProxy)["__doc__"]  # else the class has one, which is None

        def __getattribute__(self, name: str) -> Any:
            if name in _ITS_OWN:
                return object.__getattribute__(self, name)
            return getattr(read(), name)

        def __setattr__(self, name: str, value: Any) -> None:
            setattr(read(), name, value)

        def __getitem__(self, key: Any) -> Any:
            return read()[key]

        def __setitem__(self, key: Any, value: Any) -> None:
            read()[key] = value

        def __contains__(self, key: object) -> bool:
            return key in read()

    Proxy.__name__ = "LocalProxy"  # FLASK: what an unbound one shows
    return Proxy(read)


# Each answers as the object it stands for; outside of a context it is false, and everything
# else of it raises RuntimeError with the cure. `_get_current_object()` gives the object itself.
current_app = cast("App", _stand_for(current.the_app))
g = cast("Any", _stand_for(current.the_g))
request = cast("Request", _stand_for(current.the_request))
session = cast("SessionMixin", _stand_for(current.the_session))
websocket = cast("WebSocket", _stand_for(current.the_websocket))
app_ctx = cast("AppContext", _stand_for(current.the_app_context))
request_ctx = cast("RequestContext", _stand_for(current.the_request_context))
