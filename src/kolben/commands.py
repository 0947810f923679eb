"""What app and blueprint need for their own commands: groups that run inside an app's context."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast, overload

import click

from kolben.core.current import has_app, the_app
from kolben.discovery import load_from_path
from kolben.env import get_debug_flag, get_load_dotenv
from kolben.typing import App

F = TypeVar("F", bound=Callable[..., Any])


class ScriptInfo:
    """The app a command line is about, loaded when a command first needs it.

    Lives as `obj` of the click context. `data` is free for extensions and scripts to use.
    """

    def __init__(
        self,
        app_import_path: str | None = None,
        create_app: Callable[..., App] | None = None,
        set_debug_flag: bool = True,
        load_dotenv_defaults: bool = True,
    ) -> None:
        """Name an app or its factory.

        app_import_path: `module:name`, as in --app; without any, wsgi.py and app.py are tried.
        create_app: a factory to call instead.
        set_debug_flag: set `app.debug` to what the environment says.
        load_dotenv_defaults: whether .env and .flaskenv are read, beside --env-file; what
        FLASK_SKIP_DOTENV says goes before it.
        """
        self.app_import_path = app_import_path
        self.create_app = create_app
        self.set_debug_flag = set_debug_flag
        self.load_dotenv_defaults = get_load_dotenv(load_dotenv_defaults)
        self.data: dict[Any, Any] = {}
        self._loaded_app: App | None = None

    def load_app(self) -> App:
        """Return the app; the first call imports or makes it.

        NoAppException: it cannot be found. Whatever else its code raises goes through.
        """
        if self._loaded_app is None:
            if self.create_app is not None:
                app = self.create_app()
            else:
                app = load_from_path(self.app_import_path)
            if self.set_debug_flag:
                # Through the property: it also sets the templates' reloading.
                app.debug = get_debug_flag()
            self._loaded_app = app
        return self._loaded_app


pass_script_info = click.make_pass_decorator(ScriptInfo, ensure=True)


def with_appcontext(f: F) -> F:
    """Run a click callback inside the app's context, unless one is active already.

    The context lasts as long as click's: callbacks of subcommands see it as well. One that is async
    is run to its end.
    """

    @click.pass_context
    def run_in_context(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        if not has_app():
            ctx.with_resource(ctx.ensure_object(ScriptInfo).load_app().app_context())
        return ctx.invoke(the_app().ensure_sync(f), *args, **kwargs)

    return cast("F", update_wrapper(run_in_context, f))


class AppGroup(click.Group):
    """A click group whose commands run inside the app's context."""

    @overload
    def command(self, function: Callable[..., Any], /) -> click.Command: ...
    @overload
    def command(
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Command]: ...
    def command(self, *args: Any, **kwargs: Any) -> Any:
        """Make a command of a function, as in click, inside the app's context.

        with_appcontext: False leaves the function as it is.
        """
        in_context = kwargs.pop("with_appcontext", True)
        if args and callable(args[0]):
            # Used bare, as `@group.command`.
            function, *rest = args
            wrapped = with_appcontext(function) if in_context else function
            return super().command(wrapped, *rest, **kwargs)

        def decorate(f: Callable[..., Any]) -> click.Command:
            wrapped = with_appcontext(f) if in_context else f
            made: click.Command = super(AppGroup, self).command(*args, **kwargs)(wrapped)
            return made

        return decorate

    @overload
    def group(self, function: Callable[..., Any], /) -> click.Group: ...
    @overload
    def group(self, *args: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], click.Group]: ...
    def group(self, *args: Any, **kwargs: Any) -> Any:
        """Make a subgroup, as in click, that is an AppGroup again."""
        kwargs.setdefault("cls", AppGroup)
        return super().group(*args, **kwargs)
