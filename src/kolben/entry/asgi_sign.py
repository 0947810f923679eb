"""What tells a server that asks an app's `__call__` that the app speaks ASGI.

Hypercorn and some hosts take an app for ASGI if `inspect.iscoroutinefunction(app.__call__)`, and
else for WSGI. An app that answers both can't be a coroutine function; but `app.__call__` as it is
looked up on the instance may be another object than what Python calls for `app(…)`, which it takes
from the class. So an app has this object there, which looks like a coroutine function.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Coroutine
from types import MethodType
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


class ASGIMethod:
    """Gives the ASGI entry of an app in a form that Uvicorn takes for ASGI 3.

    Of anything but a plain function it asks whether the `__call__` is a coroutine function, which
    that of a bound method is not (Uvicorn 0.54).
    """

    def __init__(self, function: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self._function = function

    def __get__(self, app: Any, owner: type) -> Any:
        return self._function if app is None else BoundASGI(self._function, app)


class BoundASGI:
    """A coroutine function bound to an app, whose `__call__` is a coroutine function too."""

    __slots__ = ("__func__", "__self__")

    def __init__(self, function: Callable[..., Coroutine[Any, Any, None]], app: Any) -> None:
        self.__func__ = function
        self.__self__ = app

    @property
    def __call__(self) -> Any:
        """Call the function with the app; a property, so that it is a method in itself."""
        return MethodType(self.__func__, self.__self__)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.__call__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundASGI) and self.__call__ == other.__call__

    def __hash__(self) -> int:
        return hash(self.__call__)
