"""The app before its first request: everything that sets it up."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable, ValuesView
from datetime import timedelta
from typing import IO, Any, ClassVar

from werkzeug.datastructures import ImmutableDict
from werkzeug.exceptions import Aborter
from werkzeug.routing import Map
from werkzeug.routing import Rule as WerkzeugRule

from kolben.app_decisions import AppDecisions
from kolben.blueprints import Blueprint, T_filter, T_global, T_test
from kolben.config import Config, ConfigAttribute
from kolben.core.engine import ERROR_STEPS, STEPS, WSGI_STEPS
from kolben.core.globals_namespace import _AppCtxGlobals
from kolben.core.hooks import HookTable, WatchedDict
from kolben.core.request import Request
from kolben.core.response import Response as OwnResponse
from kolben.core.router import RuleMap
from kolben.core.rule import Rule as OwnRule
from kolben.env import get_debug_flag
from kolben.flask_names import lend_names
from kolben.json.provider import DefaultJSONProvider, JSONProvider
from kolben.logging import create_logger
from kolben.scaffold import (
    F,
    T_teardown,
    _endpoint_from_view_func,
    find_package,
    setupmethod,
)
from kolben.sessions import SecureCookieSessionInterface, SessionInterface
from kolben.typing import (
    AppGroup,
    JinjaEnvironment,
    RouteCallable,
    ShellContextProcessorCallable,
    TeardownCallable,
    TemplateFilterCallable,
    TemplateGlobalCallable,
    TemplateTestCallable,
)
from kolben.typing import DispatchingJinjaLoader as AnyJinjaLoader

# Attributes that an engine is made from: a change of one makes the app a new engine.
ENGINE_PARTS = frozenset(
    {
        *STEPS,
        *ERROR_STEPS,
        *WSGI_STEPS,
        "ensure_async",
        "ensure_sync",
        "request_class",
        "response_class",
        "session_interface",
        "subdomain_matching",
        "url_map",
        "view_functions",
    }
)
# Tables whose changes the engine takes over.
HOOK_TABLES = frozenset(
    {
        "after_request_funcs",
        "after_websocket_funcs",
        "before_request_funcs",
        "before_websocket_funcs",
        "teardown_request_funcs",
        "teardown_websocket_funcs",
        "url_value_preprocessors",
    }
)

# Options of a route that say how its view is run, where there is an event loop: `blocking=False`
# on the loop itself and not in a thread, `stream_body=True` before the body has come,
# `is_socket=True` as a WebSocket, which add_websocket() sets.
VIEW_OPTIONS = ("blocking", "is_socket", "stream_body")


def _make_timedelta(value: timedelta | int | None) -> timedelta | None:
    """Take a number of seconds for what it means."""
    return timedelta(seconds=value) if isinstance(value, int) else value


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Call a method of an app for as long as there is that app, without keeping it alive."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call


class _EnvironmentClass:
    """Gives the class of template environments, loaded when it is first asked for."""

    def __get__(self, app: App | None, owner: type) -> type[JinjaEnvironment]:
        from kolben.templating import Environment  # starts faster without it

        return Environment


class App(AppDecisions):
    """What is known of an app without any request: registrations, configuration, templates.

    Classes and defaults below are to be overridden in a subclass.
    """

    aborter_class = Aborter
    jinja_environment: Any = _EnvironmentClass()
    app_ctx_globals_class: type[Any] = _AppCtxGlobals
    config_class = Config
    json_provider_class: type[JSONProvider] = DefaultJSONProvider
    jinja_options: dict[str, Any] = {}  # noqa: RUF012  # FLASK: a plain dict, as documented
    url_rule_class: type[WerkzeugRule] = OwnRule
    url_map_class: type[Map] = RuleMap
    request_class: type[Request] = Request
    response_class: type[OwnResponse] = OwnResponse
    session_interface: SessionInterface = SecureCookieSessionInterface()
    test_client_class: type[Any] | None = None
    test_cli_runner_class: type[Any] | None = None

    # What `debug` was set to before there was a template environment to be told.
    _templates_reload: bool | None = None

    testing = ConfigAttribute[bool]("TESTING")
    secret_key = ConfigAttribute["str | bytes | None"]("SECRET_KEY")
    permanent_session_lifetime = ConfigAttribute[timedelta](
        "PERMANENT_SESSION_LIFETIME",
        get_converter=_make_timedelta,  # type: ignore[arg-type]  # None stays None
    )

    default_config: ClassVar[Any] = ImmutableDict(
        {
            "APPLICATION_ROOT": "/",
            "DEBUG": None,
            "EXPLAIN_TEMPLATE_LOADING": False,
            "MAX_CONTENT_LENGTH": None,
            "MAX_COOKIE_SIZE": 4093,
            "MAX_FORM_MEMORY_SIZE": 500_000,
            "MAX_FORM_PARTS": 1_000,
            "PERMANENT_SESSION_LIFETIME": timedelta(days=31),
            "PREFERRED_URL_SCHEME": "http",
            "PROPAGATE_EXCEPTIONS": None,
            "PROVIDE_AUTOMATIC_OPTIONS": True,
            "SECRET_KEY": None,
            "SECRET_KEY_FALLBACKS": None,
            "SEND_FILE_MAX_AGE_DEFAULT": None,
            "SERVER_NAME": None,
            "SESSION_COOKIE_DOMAIN": None,
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_NAME": "session",
            "SESSION_COOKIE_PARTITIONED": False,
            "SESSION_COOKIE_PATH": None,
            "SESSION_COOKIE_SAMESITE": None,
            "SESSION_COOKIE_SECURE": False,
            "SESSION_REFRESH_EACH_REQUEST": True,
            "TEMPLATES_AUTO_RELOAD": None,
            "TESTING": False,
            "TRAP_BAD_REQUEST_ERRORS": None,
            "TRAP_HTTP_EXCEPTIONS": False,
            "TRUSTED_HOSTS": None,
            "USE_X_SENDFILE": False,
        }
    )

    def __init__(
        self,
        import_name: str,
        static_url_path: str | None = None,
        static_folder: str | os.PathLike[str] | None = "static",
        static_host: str | None = None,
        host_matching: bool = False,
        subdomain_matching: bool = False,
        template_folder: str | os.PathLike[str] | None = "templates",
        instance_path: str | None = None,
        instance_relative_config: bool = False,
        root_path: str | None = None,
    ) -> None:
        self._engine_lock = threading.RLock()
        super().__init__(
            import_name=import_name,
            static_folder=static_folder,
            static_url_path=static_url_path,
            template_folder=template_folder,
            root_path=root_path,
        )
        if instance_path and not os.path.isabs(instance_path):
            raise ValueError(f"The instance path must be absolute; {instance_path!r} is relative.")
        self.instance_path = instance_path or self.auto_find_instance_path()
        self.config = self.make_config(instance_relative_config)
        self.aborter = self.make_aborter()
        self.json: JSONProvider = self.json_provider_class(self)  # type: ignore[arg-type]  # a Flask
        self.url_build_error_handlers: list[Callable[[Exception, str, dict[str, Any]], str]] = []
        self.teardown_appcontext_funcs: list[TeardownCallable] = []
        self.shell_context_processors: list[ShellContextProcessorCallable] = []
        self.blueprints: dict[str, Blueprint] = {}
        self.extensions: dict[str, Any] = {}
        self.view_functions: dict[str, RouteCallable] = WatchedDict()
        self.url_map = self.url_map_class(host_matching=host_matching)
        self.subdomain_matching = subdomain_matching
        self._got_first_request = False
        self._add_static_rule(static_host, host_matching)

    def _add_static_rule(self, static_host: str | None, host_matching: bool) -> None:
        """Add the rule of the static folder, if there is one."""
        if not self.has_static_folder:
            return
        me = weakref.ref(self)  # a view that kept the app alive would be a cycle
        if bool(static_host) is not host_matching:
            raise AssertionError(
                "static_host goes with host_matching=True, and host_matching with a static_host for"
                " the static files. Give both, or none of them."
            )

        def view(**values: Any) -> Any:
            return me().send_static_file(**values)  # type: ignore[union-attr]  # alive while it answers

        # FLASK: what its view is called, which tracers show.
        view.__module__, view.__name__ = "flask.app", "<lambda>"
        view.__qualname__ = "Flask.__init__.<locals>.<lambda>"
        self.add_url_rule(
            f"{self.static_url_path}/<path:filename>",
            endpoint="static",
            host=static_host,
            view_func=view,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in HOOK_TABLES and not isinstance(value, HookTable):
            value = HookTable(value)
        elif name == "view_functions" and not isinstance(value, WatchedDict):
            value = WatchedDict(value)
        super().__setattr__(name, value)
        if name in HOOK_TABLES:
            value.tell = _weakly(self._merge_hooks)
            self._merge_hooks()
        elif name in ENGINE_PARTS:
            if isinstance(value, (RuleMap, WatchedDict)):
                value.tell = _weakly(self._forget_engine)
            self._forget_engine()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in ENGINE_PARTS:
            self._forget_engine()

    def _forget_engine(self) -> None:
        """Have the next request make a new engine."""
        with self._engine_lock:
            self.__dict__.pop("engine", None)

    def _merge_hooks(self) -> None:
        """Have the engine take over changed hooks."""
        engine = self.__dict__.get("engine")
        if engine is not None:
            engine.merge_hooks()

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_first_request:
            raise AssertionError(
                f"The setup method '{f_name}' was called on {self!r} after its first request."
                " Requests before and after it would see different apps. Call it when the app is"
                " made: at the top of its module, or in its factory."
            )

    @functools.cached_property
    def name(self) -> str:  # type: ignore[override]  # a plain attribute once it is read
        """The import name; for a script, the name of its file."""
        if self.import_name != "__main__":
            return self.import_name
        file = getattr(sys.modules["__main__"], "__file__", None)
        return "__main__" if file is None else os.path.splitext(os.path.basename(file))[0]

    @functools.cached_property
    def logger(self) -> logging.Logger:
        """The logger named as the app; it writes to the server's error stream."""
        return create_logger(self)  # type: ignore[arg-type]  # App is always a Flask

    @functools.cached_property
    def cli(self) -> AppGroup:
        """The app's commands, which the command line adds to its own."""
        from kolben.commands import AppGroup  # starts faster without it

        return AppGroup(name=self.name)

    @property
    def debug(self) -> bool:
        """Whether debug mode is on: config["DEBUG"]."""
        return self.config["DEBUG"]  # type: ignore[no-any-return]  # Config holds anything

    @debug.setter
    def debug(self, value: bool) -> None:
        self.config["DEBUG"] = value
        if self.config["TEMPLATES_AUTO_RELOAD"] is not None:
            return
        if "jinja_env" in vars(self) or type(self).jinja_env is not App.jinja_env:
            self.jinja_env.auto_reload = value
        else:
            self._templates_reload = value

    # Configuration and folders.

    def make_config(self, instance_relative: bool = False) -> Config:
        """Make the configuration; instance_relative: its files lie in instance_path."""
        root_path = self.instance_path if instance_relative else self.root_path
        return self.config_class(root_path, {**self.default_config, "DEBUG": get_debug_flag()})

    def make_aborter(self) -> Aborter:
        """Make what abort() calls."""
        return self.aborter_class()

    def auto_find_instance_path(self) -> str:
        """Return `instance` beside the app; for an installed one `var/<name>-instance`."""
        prefix, folder = find_package(self.import_name)
        if prefix is None:
            return os.path.join(folder, "instance")
        return os.path.join(prefix, "var", f"{self.name}-instance")

    def open_instance_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = "utf-8"
    ) -> IO[Any]:
        """Open a file in instance_path, for writing too; the caller closes it."""
        path = os.path.join(self.instance_path, resource)
        return open(path, mode, encoding=None if "b" in mode else encoding)

    # Templates.

    @functools.cached_property
    def jinja_env(self) -> Any:
        """The app's template environment, made when first used."""
        environment = self.create_jinja_environment()
        if self._templates_reload is not None:
            environment.auto_reload = self._templates_reload
        return environment

    def create_jinja_environment(self) -> JinjaEnvironment:
        """Make the template environment."""
        from kolben.templating import create_environment  # starts faster without it

        return create_environment(self)  # type: ignore[no-any-return, arg-type]  # any class

    def create_global_jinja_loader(self) -> AnyJinjaLoader:
        """Make the loader that asks the app's folder, then the blueprints'."""
        from kolben.templating import DispatchingJinjaLoader  # starts faster without it

        return DispatchingJinjaLoader(self)  # type: ignore[arg-type]  # App is always a Flask

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        """Say whether a template's values are escaped: HTML, XML, SVG and strings are."""
        return filename is None or filename.endswith((".html", ".htm", ".xml", ".xhtml", ".svg"))

    @setupmethod
    def template_filter(self, name: str | None = None) -> Callable[[T_filter], T_filter]:
        """Register a template filter; `name`: the function's, if not given."""

        def register(f: T_filter) -> T_filter:
            self.add_template_filter(f, name=name)
            return f

        return register

    @setupmethod
    def add_template_filter(self, f: TemplateFilterCallable, name: str | None = None) -> None:
        """Do what template_filter() does, without a decorator."""
        self.jinja_env.filters[name or f.__name__] = f

    @setupmethod
    def template_test(self, name: str | None = None) -> Callable[[T_test], T_test]:
        """Register a template test; `name`: the function's, if not given."""

        def register(f: T_test) -> T_test:
            self.add_template_test(f, name=name)
            return f

        return register

    @setupmethod
    def add_template_test(self, f: TemplateTestCallable, name: str | None = None) -> None:
        """Do what template_test() does, without a decorator."""
        self.jinja_env.tests[name or f.__name__] = f

    @setupmethod
    def template_global(self, name: str | None = None) -> Callable[[T_global], T_global]:
        """Register a template global; `name`: the function's, if not given."""

        def register(f: T_global) -> T_global:
            self.add_template_global(f, name=name)
            return f

        return register

    @setupmethod
    def add_template_global(self, f: TemplateGlobalCallable, name: str | None = None) -> None:
        """Do what template_global() does, without a decorator."""
        self.jinja_env.globals[name or f.__name__] = f

    # Registrations.

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Register a blueprint; `options` (url_prefix, subdomain, name, url_defaults, ...)
        override those it was made with.
        """
        blueprint.register(self, options)  # type: ignore[arg-type]  # App is always a Flask

    def iter_blueprints(self) -> ValuesView[Blueprint]:
        """Return the registered blueprints, in order."""
        return self.blueprints.values()

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

        A view's attributes `methods`, `required_methods` and `provide_automatic_options` say
        what is not given. Raises AssertionError if the endpoint has another function already.
        """
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)
        methods, answers_options = self._methods_of(
            view_func, options.pop("methods", None), provide_automatic_options
        )
        how = {name: options.pop(name) for name in VIEW_OPTIONS if name in options}
        added: Any = self.url_rule_class(rule, endpoint=endpoint, methods=methods, **options)
        vars(added).update(how)
        added.provide_automatic_options = answers_options
        self.url_map.add(added)
        if view_func is None:
            return
        existing = self.view_functions.get(endpoint)
        if existing is not None and existing != view_func:
            raise AssertionError(
                f"The endpoint {endpoint!r} has the view {existing!r} already. Give one of the"
                " two another name, or an endpoint= of its own; a decorator on views needs"
                " functools.wraps."
            )
        self.view_functions[endpoint] = view_func

    def _methods_of(
        self, view: Any, methods: Any, answers_options: bool | None
    ) -> tuple[set[str], bool]:
        """Return the methods of a rule, and whether OPTIONS is answered without the view."""
        if methods is None:
            methods = getattr(view, "methods", None) or ("GET",)
        if isinstance(methods, str):
            raise TypeError(
                f"methods is the text {methods!r}, which would be taken letter by letter. Give a"
                f" list: methods=[{methods!r}]."
            )
        found = {method.upper() for method in methods}
        required: set[str] = set(getattr(view, "required_methods", ()))
        if answers_options is None:
            answers_options = getattr(view, "provide_automatic_options", None)
        if answers_options is None:
            answers_options = "OPTIONS" not in found and self.config["PROVIDE_AUTOMATIC_OPTIONS"]
            if answers_options:
                required.add("OPTIONS")
        return found | required, bool(answers_options)

    @setupmethod
    def teardown_appcontext(self, f: T_teardown) -> T_teardown:
        """Run `f(error or None)` when an app's context is popped."""
        self.teardown_appcontext_funcs.append(f)
        return f

    @setupmethod
    def shell_context_processor(self, f: F) -> F:
        """Give what `f()` returns to the names of the `shell` command."""
        self.shell_context_processors.append(f)
        return f


lend_names(globals())
