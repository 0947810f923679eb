"""Blueprints: registrations recorded now, and played on an app when it registers them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, TypeVar

from kolben.flask_names import lend_names
from kolben.scaffold import (
    Scaffold,
    T_after,
    T_after_socket,
    T_before,
    T_context,
    T_error,
    T_teardown,
    T_url_default,
    T_url_value,
    _endpoint_from_view_func,
    _sentinel,
    setupmethod,
)
from kolben.typing import (
    App,
    RouteCallable,
    TemplateFilterCallable,
    TemplateGlobalCallable,
    TemplateTestCallable,
)
from kolben.typing import AppGroup as Commands

DeferredSetupFunction = Callable[["BlueprintSetupState"], Any]
T_filter = TypeVar("T_filter", bound=TemplateFilterCallable)
T_global = TypeVar("T_global", bound=TemplateGlobalCallable)
T_test = TypeVar("T_test", bound=TemplateTestCallable)


class BlueprintSetupState:
    """One registration of a blueprint on an app: what its recorded functions are played with.

    first_registration: whether this blueprint was never registered on this app before, under
    whatever name.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        app: App,
        options: Any,
        first_registration: bool,
    ) -> None:
        self.app = app
        self.blueprint = blueprint
        self.options = options
        self.first_registration = first_registration
        self.subdomain: str | None = _given(options, "subdomain", blueprint.subdomain)
        self.url_prefix: str | None = _given(options, "url_prefix", blueprint.url_prefix)
        self.name: str = options.get("name", blueprint.name)
        self.name_prefix: str = options.get("name_prefix", "")
        self.url_defaults = dict(blueprint.url_values_defaults)
        self.url_defaults.update(options.get("url_defaults") or {})

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        **options: Any,
    ) -> None:
        """Add a rule to the app, with the registration's prefix, subdomain and defaults."""
        if self.url_prefix is not None:
            rule = _join(self.url_prefix, rule) if rule else self.url_prefix
        options.setdefault("subdomain", self.subdomain)
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)
        defaults = {**self.url_defaults, **(options.pop("defaults", None) or {})}
        self.app.add_url_rule(
            rule,
            f"{self.name_prefix}.{self.name}.{endpoint}".lstrip("."),
            view_func,
            defaults=defaults,
            **options,
        )


def _given(options: dict[str, Any], key: str, otherwise: Any) -> Any:
    """Return an option, or `otherwise` if it was not given or is None."""
    value = options.get(key)
    return otherwise if value is None else value


def _join(prefix: str, path: str) -> str:
    """Join two parts of a URL with exactly one slash."""
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


class Blueprint(Scaffold):
    """A part of an app: views, hooks and files that are registered together.

    name: prepended, with a dot, to its endpoints. import_name: the package it belongs to.
    cli_group: the name of its group of commands; None: directly among the app's.
    """

    _got_registered_once = False

    def __init__(
        self,
        name: str,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        url_prefix: str | None = None,
        subdomain: str | None = None,
        url_defaults: dict[str, Any] | None = None,
        root_path: str | None = None,
        cli_group: str | None = _sentinel,  # type: ignore[assignment]  # stands for "not given"
    ) -> None:
        super().__init__(
            import_name=import_name,
            static_folder=static_folder,
            static_url_path=static_url_path,
            template_folder=template_folder,
            root_path=root_path,
        )
        if not name:
            raise ValueError("A blueprint needs a name: it is the first part of its endpoints.")
        if "." in name:
            raise ValueError(
                f"The blueprint name {name!r} has a dot, which separates names in endpoints."
            )
        self.name = name
        self.url_prefix = url_prefix
        self.subdomain = subdomain
        self.url_values_defaults = url_defaults or {}
        self.cli_group = cli_group
        self.deferred_functions: list[DeferredSetupFunction] = []
        self._blueprints: list[tuple[Blueprint, dict[str, Any]]] = []

    @cached_property
    def cli(self) -> Commands:
        """The blueprint's commands, which an app adds to its own."""
        from kolben.commands import AppGroup  # starts faster without it

        return AppGroup(name=self.name)

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_registered_once:
            raise AssertionError(
                f"The setup method '{f_name}' was called on {self!r} after it was registered, so"
                " no app would hear of it. Call it before register_blueprint(); if it is in"
                " another module, import that module first."
            )

    @setupmethod
    def record(self, func: DeferredSetupFunction) -> None:
        """Call `func(state)` each time the blueprint is registered."""
        self.deferred_functions.append(func)

    @setupmethod
    def record_once(self, func: DeferredSetupFunction) -> None:
        """Call `func(state)` the first time the blueprint is registered on an app."""

        def once(state: BlueprintSetupState) -> None:
            if state.first_registration:
                func(state)

        self.record(update_wrapper(once, func))

    def make_setup_state(
        self, app: App, options: dict[str, Any], first_registration: bool = False
    ) -> BlueprintSetupState:
        """Make the state of one registration; a subclass may make another."""
        return BlueprintSetupState(self, app, options, first_registration)

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Nest another blueprint in this one; `options` override those it was made with."""
        if blueprint is self:
            raise ValueError(f"{self!r} can't be nested in itself.")
        self._blueprints.append((blueprint, options))

    def register(self, app: App, options: dict[str, Any]) -> None:
        """Play everything recorded on an app; called by its register_blueprint()."""
        name = f"{options.get('name_prefix', '')}.{options.get('name', self.name)}".lstrip(".")
        self._check_name(app, name)
        is_new = all(other is not self for other in app.blueprints.values())
        app.blueprints[name] = self
        self._got_registered_once = True
        state = self.make_setup_state(app, options, is_new)
        if self.has_static_folder:
            state.add_url_rule(
                f"{self.static_url_path}/<path:filename>",
                view_func=self.send_static_file,
                endpoint="static",
            )
        self._merge_blueprint_funcs(app, name)
        for deferred in self.deferred_functions:
            deferred(state)
        self._register_commands(app, name, options.get("cli_group", self.cli_group))
        for nested, nested_options in self._blueprints:
            nested.register(app, _nested_options(state, nested, nested_options, name))

    def _check_name(self, app: App, name: str) -> None:
        """Raise ValueError if the app has a blueprint of that name."""
        existing = app.blueprints.get(name)
        if existing is None:
            return
        which = "this" if existing is self else "a different"
        raise ValueError(
            f"There is {which} blueprint under the name {name!r} in this app already:"
            f" {existing!r}. Register it with another one: name=..."
        )

    def _register_commands(self, app: App, name: str, group: Any) -> None:
        """Add the blueprint's commands to the app's, in a group unless that is None."""
        nobody_asked = type(self).cli is Blueprint.cli and "cli" not in vars(self)
        if nobody_asked or not self.cli.commands:
            return
        if group is None:
            app.cli.commands.update(self.cli.commands)
            return
        self.cli.name = name if group is _sentinel else group
        app.cli.add_command(self.cli)

    def _merge_blueprint_funcs(self, app: App, name: str) -> None:
        """Add the blueprint's tables to the app's, under the name it is registered by."""
        for key, by_code in self.error_handler_spec.items():
            for code, handlers in by_code.items():
                app.error_handler_spec[_key(name, key)][code].update(handlers)
        for endpoint, view in self.view_functions.items():
            app.view_functions[endpoint] = view
        for table in (
            "before_request_funcs",
            "after_request_funcs",
            "teardown_request_funcs",
            "before_websocket_funcs",
            "after_websocket_funcs",
            "teardown_websocket_funcs",
            "url_default_functions",
            "url_value_preprocessors",
            "template_context_processors",
        ):
            merged = getattr(app, table)
            for key, functions in getattr(self, table).items():
                merged[_key(name, key)].extend(functions)

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Add a rule below the blueprint's url_prefix; its endpoint gets the blueprint's name.

        Raises ValueError for a dot in the endpoint or in the view's name.
        """
        if endpoint and "." in endpoint:
            raise ValueError(
                f"The endpoint {endpoint!r} has a dot, which separates names of blueprints."
            )
        if view_func is not None and "." in getattr(view_func, "__name__", ""):
            raise ValueError(f"The name of {view_func!r} has a dot, which separates blueprints.")
        self.record(
            lambda state: state.add_url_rule(
                rule,
                endpoint,
                view_func,
                provide_automatic_options=provide_automatic_options,
                **options,
            )
        )

    # Of the whole app.

    def _for_app(self, table: str, function: Any) -> None:
        """Add a function to a table of the app's, under the app's own key."""
        self.record_once(lambda state: getattr(state.app, table)[None].append(function))

    @setupmethod
    def before_app_request(self, f: T_before) -> T_before:
        """Do what before_request() of the app does."""
        self._for_app("before_request_funcs", f)
        return f

    @setupmethod
    def after_app_request(self, f: T_after) -> T_after:
        """Do what after_request() of the app does."""
        self._for_app("after_request_funcs", f)
        return f

    @setupmethod
    def teardown_app_request(self, f: T_teardown) -> T_teardown:
        """Do what teardown_request() of the app does."""
        self._for_app("teardown_request_funcs", f)
        return f

    @setupmethod
    def before_app_websocket(self, f: T_before) -> T_before:
        """Do what before_websocket() of the app does."""
        self._for_app("before_websocket_funcs", f)
        return f

    @setupmethod
    def after_app_websocket(self, f: T_after_socket) -> T_after_socket:
        """Do what after_websocket() of the app does."""
        self._for_app("after_websocket_funcs", f)
        return f

    @setupmethod
    def teardown_app_websocket(self, f: T_teardown) -> T_teardown:
        """Do what teardown_websocket() of the app does."""
        self._for_app("teardown_websocket_funcs", f)
        return f

    @setupmethod
    def app_context_processor(self, f: T_context) -> T_context:
        """Do what context_processor() of the app does."""
        self._for_app("template_context_processors", f)
        return f

    @setupmethod
    def app_url_value_preprocessor(self, f: T_url_value) -> T_url_value:
        """Do what url_value_preprocessor() of the app does."""
        self._for_app("url_value_preprocessors", f)
        return f

    @setupmethod
    def app_url_defaults(self, f: T_url_default) -> T_url_default:
        """Do what url_defaults() of the app does."""
        self._for_app("url_default_functions", f)
        return f

    @setupmethod
    def app_errorhandler(self, code: type[Exception] | int) -> Callable[[T_error], T_error]:
        """Do what errorhandler() of the app does."""

        def register(handler: T_error) -> T_error:
            self.record_once(lambda state: state.app.register_error_handler(code, handler))
            return handler

        return register

    # Templates, which are the whole app's as well.

    @setupmethod
    def app_template_filter(self, name: str | None = None) -> Callable[[T_filter], T_filter]:
        """Register a template filter; `name`: the function's, if not given."""

        def register(f: T_filter) -> T_filter:
            self.add_app_template_filter(f, name=name)
            return f

        return register

    @setupmethod
    def add_app_template_filter(self, f: TemplateFilterCallable, name: str | None = None) -> None:
        """Do what app_template_filter() does, without a decorator."""
        self.record_once(lambda state: state.app.add_template_filter(f, name))

    @setupmethod
    def app_template_test(self, name: str | None = None) -> Callable[[T_test], T_test]:
        """Register a template test; `name`: the function's, if not given."""

        def register(f: T_test) -> T_test:
            self.add_app_template_test(f, name=name)
            return f

        return register

    @setupmethod
    def add_app_template_test(self, f: TemplateTestCallable, name: str | None = None) -> None:
        """Do what app_template_test() does, without a decorator."""
        self.record_once(lambda state: state.app.add_template_test(f, name))

    @setupmethod
    def app_template_global(self, name: str | None = None) -> Callable[[T_global], T_global]:
        """Register a template global; `name`: the function's, if not given."""

        def register(f: T_global) -> T_global:
            self.add_app_template_global(f, name=name)
            return f

        return register

    @setupmethod
    def add_app_template_global(self, f: TemplateGlobalCallable, name: str | None = None) -> None:
        """Do what app_template_global() does, without a decorator."""
        self.record_once(lambda state: state.app.add_template_global(f, name))


def _key(name: str, key: str | None) -> str:
    """Return what a blueprint's own key becomes in the app's tables."""
    return name if key is None else f"{name}.{key}"


def _nested_options(
    state: BlueprintSetupState, nested: Blueprint, options: dict[str, Any], name: str
) -> dict[str, Any]:
    """Return the options that a blueprint nested in another is registered with.

    Prefixes are joined, the outer first; subdomains too, the inner first.
    """
    subdomain = _given(options, "subdomain", nested.subdomain)
    prefix = _given(options, "url_prefix", nested.url_prefix)
    if state.subdomain is not None and subdomain is not None:
        subdomain = f"{subdomain}.{state.subdomain}"
    if state.url_prefix is not None and prefix is not None:
        prefix = _join(state.url_prefix, prefix)
    return {
        **options,
        "subdomain": _first(subdomain, state.subdomain),
        "url_prefix": _first(prefix, state.url_prefix),
        "name_prefix": name,
    }


def _first(*values: Any) -> Any:
    """Return the first value that isn't None."""
    return next((value for value in values if value is not None), None)


lend_names(globals())
