"""Views as classes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, ClassVar

from kolben.core.current import the_app, the_request
from kolben.flask_names import lend_names
from kolben.typing import ResponseReturnValue, RouteCallable

http_method_funcs = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "trace"})


class View:
    """A view whose subclasses give dispatch_request; `as_view` makes the function to register.

    A new instance answers each request, so what is set on it is seen by no other.
    """

    # As add_url_rule takes them.
    methods: ClassVar[Collection[str] | None] = None
    provide_automatic_options: ClassVar[bool | None] = None
    # Applied to the function that as_view returns, the first one first, so it is the innermost.
    decorators: ClassVar[list[Callable[..., Any]]] = []
    # False: one instance answers all requests, and must not keep anything of them.
    init_every_request: ClassVar[bool] = True

    def dispatch_request(self) -> ResponseReturnValue:
        """Answer a request; takes the values of the path as keywords. May be async."""
        raise NotImplementedError(
            f"{type(self).__name__} has no dispatch_request(): define it, or derive from"
            " MethodView and define get(), post(), …"
        )

    @classmethod
    def as_view(cls, name: str, *class_args: Any, **class_kwargs: Any) -> RouteCallable:
        """Make a view function whose endpoint is `name`; the class is called with the rest."""
        once = None if cls.init_every_request else cls(*class_args, **class_kwargs)

        def answer(**kwargs: Any) -> ResponseReturnValue:
            instance = view.view_class(*class_args, **class_kwargs) if once is None else once
            return the_app().ensure_sync(instance.dispatch_request)(**kwargs)  # type: ignore[no-any-return]  # a view's own

        view: Any = answer
        if cls.decorators:
            view.__name__ = name
            view.__module__ = cls.__module__
            for decorator in cls.decorators:
                view = decorator(view)
        view.view_class = cls
        view.__name__ = name
        view.__doc__ = cls.__doc__
        view.__module__ = cls.__module__
        view.methods = cls.methods
        view.provide_automatic_options = cls.provide_automatic_options
        return view  # type: ignore[no-any-return]  # a function with attributes


class MethodView(View):
    """A view with a method for each method of HTTP: get(), post() and so on.

    HEAD is answered by get() if there is no head(). `methods` is made of those that the class
    and its bases have, unless it is given.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "methods" in vars(cls):
            return
        methods = {name.upper() for name in http_method_funcs if hasattr(cls, name)}
        for parent in cls.__bases__:
            methods.update(getattr(parent, "methods", None) or ())
        if methods:
            cls.methods = methods

    def dispatch_request(self, **kwargs: Any) -> ResponseReturnValue:
        """Let the method answer that is named like the request's."""
        name = the_request().method.lower()
        answer = getattr(self, name, None)
        if answer is None and name == "head":
            answer = getattr(self, "get", None)
        if answer is None:
            # FLASK: an AssertionError, as the rule should not have let the request in.
            raise AssertionError(f"Unimplemented method {name.upper()!r}: define {name}().")
        return the_app().ensure_sync(answer)(**kwargs)  # type: ignore[no-any-return]  # a view's answer


lend_names(globals())
