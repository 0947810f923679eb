"""What tells a server that asks an app's `__call__` that the app speaks ASGI.

Hypercorn and some hosts take an app for ASGI if `inspect.iscoroutinefunction(app.__call__)`, and
else for WSGI. An app that answers both can't be a coroutine function; but `app.__call__` as it is
looked up on the instance may be another object than what Python calls for `app(…)`, which it takes
from the class. So an app has this object there, which looks like a coroutine function.
"""

from __future__ import annotations

import weakref
from typing import Any


async def _call(environ: Any, start_response: Any = None, send: Any = None) -> None:
    """Look like a coroutine function with the arguments of an app."""


class ASGISign:
    """Calls an app, and has what `inspect` takes a callable for a coroutine function by."""

    __name__ = "__call__"
    __code__ = _call.__code__
    __defaults__ = _call.__defaults__
    __kwdefaults__ = None

    def __init__(self, app: Any) -> None:
        self.__annotations__ = dict(_call.__annotations__)
        # An app is freed as soon as nobody else has it.
        self._app = weakref.ref(app)

    def __call__(self, *arguments: Any) -> Any:
        """Answer as the app does. Raises RuntimeError when there is no app any more."""
        app = self._app()
        if app is None:
            raise RuntimeError("This app is gone. Keep the app itself, not only its __call__.")
        return app(*arguments)


def put_sign(app: Any, own_call: Any) -> None:
    """Give an app its sign, unless its class has a `__call__` of its own, which may be WSGI's only.

    own_call: the framework's.
    """
    if type(app).__call__ is own_call:
        vars(app)["__call__"] = ASGISign(app)
