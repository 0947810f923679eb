"""What an app and a blueprint share: their folders, and the decorators that register."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import IO, Any, TypeVar, cast

from kolben.core.current import the_app
from kolben.core.errors import class_and_code
from kolben.core.hooks import HookTable
from kolben.env import get_root_path
from kolben.files import send_from_directory
from kolben.flask_names import lend_names
from kolben.template_context import _default_template_ctx_processor
from kolben.typing import (
    AfterRequestCallable,
    AfterSocketCallable,
    BeforeRequestCallable,
    ErrorHandlerCallable,
    Response,
    RouteCallable,
    SocketCallable,
    TeardownCallable,
    TemplateContextProcessorCallable,
    URLDefaultCallable,
    URLValuePreprocessorCallable,
)
from kolben.typing import BaseLoader as AnyLoader

F = TypeVar("F", bound=Callable[..., Any])
T_route = TypeVar("T_route", bound=RouteCallable)
T_before = TypeVar("T_before", bound=BeforeRequestCallable)
T_after = TypeVar("T_after", bound=AfterRequestCallable[Any])
T_teardown = TypeVar("T_teardown", bound=TeardownCallable)
T_context = TypeVar("T_context", bound=TemplateContextProcessorCallable)
T_url_value = TypeVar("T_url_value", bound=URLValuePreprocessorCallable)
T_url_default = TypeVar("T_url_default", bound=URLDefaultCallable)
T_error = TypeVar("T_error", bound=ErrorHandlerCallable)
T_socket = TypeVar("T_socket", bound=SocketCallable)
T_after_socket = TypeVar("T_after_socket", bound=AfterSocketCallable)

# Stands for "not given" where None means something.
_sentinel = object()


def setupmethod(function: F) -> F:
    """Let a method raise once it is too late to set anything up."""

    @functools.wraps(function)
    def checked(self: Scaffold, *args: Any, **kwargs: Any) -> Any:
        self._check_setup_finished(function.__name__)
        return function(self, *args, **kwargs)

    return cast("F", checked)


class Scaffold:
    """Registers views, hooks and error handlers, for an app or for a blueprint of one.

    Each table of hooks maps blueprint names to lists, None standing for the owner itself.
    """

    name: str
    _static_folder: str | None = None
    _static_url_path: str | None = None

    def __init__(
        self,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        root_path: str | None = None,
    ) -> None:
        self.import_name = import_name
        self.static_folder = static_folder
        self.static_url_path = static_url_path
        self.template_folder = template_folder
        self.root_path = get_root_path(import_name) if root_path is None else root_path

        self.view_functions: dict[str, RouteCallable] = {}
        self.error_handler_spec: dict[
            str | None, dict[int | None, dict[type[Exception], ErrorHandlerCallable]]
        ] = defaultdict(lambda: defaultdict(dict))
        self.before_request_funcs: dict[str | None, list[Any]] = HookTable()
        self.after_request_funcs: dict[str | None, list[Any]] = HookTable()
        self.teardown_request_funcs: dict[str | None, list[Any]] = HookTable()
        self.url_value_preprocessors: dict[str | None, list[Any]] = HookTable()
        self.before_websocket_funcs: dict[str | None, list[Any]] = HookTable()
        self.after_websocket_funcs: dict[str | None, list[Any]] = HookTable()
        self.teardown_websocket_funcs: dict[str | None, list[Any]] = HookTable()
        self.url_default_functions: dict[str | None, list[Any]] = defaultdict(list)
        self.template_context_processors: dict[str | None, list[Any]] = defaultdict(
            list, {None: [_default_template_ctx_processor]}
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _check_setup_finished(self, f_name: str) -> None:
        """Raise AssertionError if it is too late to call the set-up method `f_name`."""
        raise AssertionError(f"{type(self).__name__} does not say when its set-up ends.")

    # Folders and files.

    @property
    def static_folder(self) -> str | None:
        """The absolute path of the static folder; None if there is none."""
        if self._static_folder is None:
            return None
        return os.path.join(self.root_path, self._static_folder)

    @static_folder.setter
    def static_folder(self, folder: str | os.PathLike[str] | None) -> None:
        self._static_folder = None if folder is None else os.fspath(folder).rstrip(r"\/")

    @property
    def has_static_folder(self) -> bool:
        """Whether static_folder is set; it need not exist."""
        return self.static_folder is not None

    @property
    def static_url_path(self) -> str | None:
        """The URL prefix of static files: as given, else the folder's name."""
        if self._static_url_path is not None:
            return self._static_url_path
        if self.static_folder is None:
            return None
        return f"/{os.path.basename(self.static_folder)}".rstrip("/")

    @static_url_path.setter
    def static_url_path(self, path: str | None) -> None:
        self._static_url_path = None if path is None else path.rstrip("/")

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Return how many seconds a file may be cached; None: ask again each time.

        SEND_FILE_MAX_AGE_DEFAULT, in seconds or as a timedelta.
        """
        value = the_app().config["SEND_FILE_MAX_AGE_DEFAULT"]
        if isinstance(value, timedelta):
            return int(value.total_seconds())
        return cast("int | None", value)

    def send_static_file(self, filename: str) -> Response:
        """Serve a file of the static folder: the view of the endpoint `static`."""
        folder = self.static_folder
        if folder is None:
            raise RuntimeError(f"{self!r} has no static_folder to serve {filename!r} from.")
        return send_from_directory(folder, filename, max_age=self.get_send_file_max_age(filename))

    @functools.cached_property
    def jinja_loader(self) -> AnyLoader | None:
        """What loads templates from template_folder; None without one."""
        if self.template_folder is None:
            return None
        from jinja2 import FileSystemLoader  # starts faster without it

        return FileSystemLoader(os.path.join(self.root_path, self.template_folder))

    def open_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = "utf-8"
    ) -> IO[Any]:
        """Open a file below root_path for reading; the caller closes it.

        mode: "r", "rt" or "rb". encoding: of text.
        """
        if mode not in {"r", "rt", "rb"}:
            raise ValueError(
                f"A resource is opened for reading only, and {mode!r} is no mode for that."
            )
        path = os.path.join(self.root_path, resource)
        return open(path, mode, encoding=None if mode == "rb" else encoding)

    # Views.

    def _method_route(
        self, method: str, rule: str, options: dict[str, Any]
    ) -> Callable[[T_route], T_route]:
        if "methods" in options:
            raise TypeError(
                "A decorator named after a method has just that one. Use route() with methods=."
            )
        return self.route(rule, methods=[method], **options)

    @setupmethod
    def get(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for GET requests."""
        return self._method_route("GET", rule, options)

    @setupmethod
    def post(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for POST requests."""
        return self._method_route("POST", rule, options)

    @setupmethod
    def put(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for PUT requests."""
        return self._method_route("PUT", rule, options)

    @setupmethod
    def delete(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for DELETE requests."""
        return self._method_route("DELETE", rule, options)

    @setupmethod
    def patch(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for PATCH requests."""
        return self._method_route("PATCH", rule, options)

    @setupmethod
    def route(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view; `options` as for add_url_rule, such as methods=["GET", "POST"]."""

        def register(view: T_route) -> T_route:
            endpoint = options.pop("endpoint", None)
            self.add_url_rule(rule, endpoint, view, **options)
            return view

        return register

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Add a rule that leads to `endpoint`, and the function that answers there.

        endpoint: the function's name if not given. provide_automatic_options: answer OPTIONS
        without the view; by default unless "OPTIONS" is in `methods`.
        options: those of werkzeug.routing.Rule.
        """
        raise TypeError(f"{type(self).__name__} does not say how rules are added.")

    @setupmethod
    def endpoint(self, endpoint: str) -> Callable[[F], F]:
        """Register a view for an endpoint whose rule is added elsewhere."""

        def register(view: F) -> F:
            self.view_functions[endpoint] = view
            return view

        return register

    @setupmethod
    def websocket(self, rule: str, **options: Any) -> Callable[[T_socket], T_socket]:
        """Register the view of a WebSocket; `options` as for add_websocket."""

        def register(view: T_socket) -> T_socket:
            self.add_websocket(rule, options.pop("endpoint", None), view, **options)
            return view

        return register

    @setupmethod
    def add_websocket(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: SocketCallable | None = None,
        **options: Any,
    ) -> None:
        """Add a rule of a WebSocket, and the coroutine function that serves it.

        endpoint: the function's name if not given. options: those of werkzeug.routing.Rule.
        """
        self.add_url_rule(
            rule,
            endpoint,
            view_func,
            provide_automatic_options=False,
            methods=["GET"],
            websocket=True,
            is_socket=True,
            **options,
        )

    # Hooks.

    @setupmethod
    def before_request(self, f: T_before) -> T_before:
        """Run `f()` before each view; what it returns is the response, if it isn't None."""
        self.before_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def after_request(self, f: T_after) -> T_after:
        """Run `response = f(response)` after each view that did not fail."""
        self.after_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def teardown_request(self, f: T_teardown) -> T_teardown:
        """Run `f(error or None)` when a request's context is popped, whatever happened."""
        self.teardown_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def before_websocket(self, f: T_before) -> T_before:
        """Run `f()` before each view of a WebSocket; what it returns refuses the handshake."""
        self.before_websocket_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def after_websocket(self, f: T_after_socket) -> T_after_socket:
        """Run `f(response)` after each view of a WebSocket that did not fail.

        response: what refuses the handshake, or None; what `f` returns but None takes its place.
        """
        self.after_websocket_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def teardown_websocket(self, f: T_teardown) -> T_teardown:
        """Run `f(error or None)` when a WebSocket has ended, whatever happened."""
        self.teardown_websocket_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def context_processor(self, f: T_context) -> T_context:
        """Give what `f()` returns to every template."""
        self.template_context_processors[None].append(f)
        return f

    @setupmethod
    def url_value_preprocessor(self, f: T_url_value) -> T_url_value:
        """Run `f(endpoint, values)` before the before_request functions; it may change values."""
        self.url_value_preprocessors.setdefault(None, []).append(f)
        return f

    @setupmethod
    def url_defaults(self, f: T_url_default) -> T_url_default:
        """Run `f(endpoint, values)` before a URL is built; it may change values."""
        self.url_default_functions[None].append(f)
        return f

    @setupmethod
    def errorhandler(
        self, code_or_exception: type[Exception] | int
    ) -> Callable[[T_error], T_error]:
        """Register a function that answers an HTTP error code or a class of exceptions."""

        def register(handler: T_error) -> T_error:
            self.register_error_handler(code_or_exception, handler)
            return handler

        return register

    @setupmethod
    def register_error_handler(
        self, code_or_exception: type[Exception] | int, f: ErrorHandlerCallable
    ) -> None:
        """Do what errorhandler() does, without a decorator."""
        exception, code = self._get_exc_class_and_code(code_or_exception)
        self.error_handler_spec[None][code][exception] = f

    @staticmethod
    def _get_exc_class_and_code(
        exc_class_or_code: type[Exception] | int,
    ) -> tuple[type[Exception], int | None]:
        return class_and_code(exc_class_or_code)


def _endpoint_from_view_func(view_func: Callable[..., Any] | None) -> str:
    """Return the endpoint of a view for which none was given: its name."""
    if view_func is None:
        raise AssertionError(
            "A rule needs an endpoint, or a view whose name it takes. Give one of them."
        )
    return view_func.__name__


def find_package(import_name: str) -> tuple[str | None, str]:
    """Return where a module was installed: (prefix, folder); prefix None if it was not.

    folder: what stands on the import path. prefix: of the environment it belongs to.
    """
    folder = _import_folder(import_name)
    if _lies_in(os.path.realpath(folder), os.path.realpath(sys.prefix)):
        return sys.prefix, folder
    parent, name = os.path.split(folder)
    if name.lower() != "site-packages":
        return None, folder
    above, parent_name = os.path.split(parent)
    if parent_name.lower() == "lib":  # Windows
        return above, folder
    if os.path.basename(above).lower() == "lib":  # lib/python3.x
        return os.path.dirname(above), folder
    return parent, folder


def _import_folder(import_name: str) -> str:
    """Return the folder from which the top package of a module is imported."""
    root = import_name.partition(".")[0]
    try:
        spec = importlib.util.find_spec(root)
    except (ImportError, ValueError):  # no such module, or one without a spec: __main__
        spec = None
    if spec is None:
        return os.getcwd()
    if spec.submodule_search_locations:
        if spec.origin is None or spec.origin == "namespace":
            return os.path.dirname(_namespace_location(import_name, spec))
        return os.path.dirname(os.path.dirname(spec.origin))
    return os.path.dirname(spec.origin) if spec.origin else os.getcwd()


def _namespace_location(import_name: str, spec: Any) -> str:
    """Return the one location of a namespace package that the module lies in."""
    module = importlib.util.find_spec(import_name)
    places: list[str] = list(spec.submodule_search_locations)
    inside = module.submodule_search_locations if module is not None else None
    origin = inside[0] if inside else (module.origin or "") if module else ""
    return next((place for place in places if _lies_in(origin, place)), places[0])


def _lies_in(path: str, folder: str) -> bool:
    """Say whether a path is a folder or something inside of it, by their names."""
    inner, outer = (os.path.normcase(os.path.normpath(name)) for name in (path, folder))
    return inner == outer or inner.startswith(os.path.join(outer, ""))


lend_names(globals())
