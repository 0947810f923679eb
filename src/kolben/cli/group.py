"""The group at the top of the command line: built-in, plugin and app commands under one name."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from functools import cached_property
from typing import Any

import click

from kolben.cli.lazy import LazyCommand
from kolben.cli.options import app_option, debug_option, env_file_option, version_option
from kolben.cli.plugins import find_plugins
from kolben.cli.routes import routes_command
from kolben.cli.run import run_command
from kolben.cli.shell import shell_command
from kolben.commands import AppGroup, ScriptInfo
from kolben.core.current import find_context
from kolben.discovery import NoAppException, begin_at_own_code, format_own_traceback
from kolben.typing import App

OWN_COMMANDS = (
    LazyCommand("serve", "kolben.cli.serve:serve_command", "Serve the app in production."),
    LazyCommand("doctor", "kolben.cli.doctor:doctor_command", "Judge how the app would be served."),
    LazyCommand("top", "kolben.cli.top:top_command", "Watch what a server does."),
    LazyCommand("demo", "kolben.cli.demo:demo", "Show what Kolben can do, with nothing to set up."),
    LazyCommand(
        "drop-in",
        "kolben.cli.drop_in_commands:drop_in_group",
        "Say, or switch, whether this environment's `flask` is Kolben.",
    ),
)


class FlaskGroup(AppGroup):
    """A group that adds the commands of plugins and of the loaded app to its own."""

    def __init__(
        self,
        add_default_commands: bool = True,
        create_app: Callable[..., App] | None = None,
        add_version_option: bool = True,
        load_dotenv: bool = True,
        set_debug_flag: bool = True,
        **extra: Any,
    ) -> None:
        """Make a group, for a script of the app's own if `create_app` is given.

        add_default_commands: add run, shell and routes.
        create_app: the factory to call instead of looking for --app.
        load_dotenv: read .env and .flaskenv.
        set_debug_flag: set the app's debug flag to what the environment says.
        extra: goes to click.Group.
        """
        params = [*(extra.pop("params", None) or ()), env_file_option, app_option, debug_option]
        if add_version_option:
            params.append(version_option)
        settings = extra.pop("context_settings", None) or {}
        # Every option may come from FLASK_COMMAND_OPTION.
        settings.setdefault("auto_envvar_prefix", "FLASK")
        super().__init__(params=params, context_settings=settings, **extra)
        self.create_app = create_app
        self.load_dotenv = load_dotenv
        self.set_debug_flag = set_debug_flag
        if add_default_commands:
            for command in (run_command, shell_command, routes_command):
                self.add_command(command)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Make click's context with a ScriptInfo in it; from here on `app.run()` does nothing."""
        os.environ["FLASK_RUN_FROM_CLI"] = "true"
        has_info = "obj" in self.context_settings or "obj" in extra
        if not has_info:
            extra["obj"] = ScriptInfo(
                load_dotenv_defaults=self.load_dotenv,
                set_debug_flag=self.set_debug_flag,
                create_app=self.create_app,
            )
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the group's options; before its help is shown, read where the app is.

        The help lists the app's commands, but click shows it before it reads the environment.
        """
        only_help = len(args) == 1 and args[0] in self.get_help_option_names(ctx)
        if only_help or (not args and self.no_args_is_help):
            env_file_option.handle_parse_result(ctx, {}, [])
            app_option.handle_parse_result(ctx, {}, [])
        try:
            return super().parse_args(ctx, args)
        except BaseException:
            # To list the app's commands its context was pushed, and click does not come to the
            # point where it closes what belongs to this context.
            ctx.close()
            raise

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command: a plugin's, one of the group's own, else one of the app's."""
        self._load_plugin(cmd_name)
        return super().get_command(ctx, cmd_name) or self._get_app_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of all commands; an app that fails to load is told on stderr."""
        for name in list(self._waiting_plugins):
            try:
                self._load_plugin(name)
            except Exception:
                # One broken plugin must not hide the commands of all others.
                click.secho(
                    f"The plugin command {name!r} cannot be loaded:\n{traceback.format_exc()}",
                    err=True,
                    fg="red",
                )
        names = set(super().list_commands(ctx))
        try:
            names.update(self._load_app(ctx).cli.list_commands(ctx))
        except NoAppException as error:
            click.secho(f"Error: {error.format_message()}\n", err=True, fg="red")
        except Exception as error:
            # The help must be shown however badly the app fails; the traceback says how.
            click.secho(f"{format_own_traceback(error)}\n", err=True, fg="red")
        return sorted(names)

    @cached_property
    def _waiting_plugins(self) -> dict[str, Any]:
        """The entry points of plugins whose commands are not loaded yet, each name once."""
        return find_plugins()

    # FLASK: whether that was called.
    _loaded_plugin_commands = False

    def _load_plugin_commands(self) -> None:
        """Add the commands of all plugins.

        Kolben itself loads one when it is asked for, unless a subclass has another way than this.
        """
        self._loaded_plugin_commands = True
        for name in list(self._waiting_plugins):
            self._add_plugin(name)

    def _load_plugin(self, name: str) -> None:
        """Add a plugin's command, in place of one of the same name; nothing if there is none."""
        if type(self)._load_plugin_commands is not _OWN_LOADING:
            self._load_plugin_commands()
        else:
            self._add_plugin(name)

    def _add_plugin(self, name: str) -> None:
        point = self._waiting_plugins.get(name)
        if point is not None:
            self.add_command(point.load(), name)
            del self._waiting_plugins[name]

    def _load_app(self, ctx: click.Context) -> App:
        return ctx.ensure_object(ScriptInfo).load_app()

    def _get_app_command(self, ctx: click.Context, name: str) -> click.Command | None:
        try:
            app = self._load_app(ctx)
        except NoAppException as error:
            # The command may be the app's: say why it cannot be looked up there.
            click.secho(f"Error: {error.format_message()}\n", err=True, fg="red")
            return None
        active = find_context()
        if active is None or active.app is not app:
            # Callbacks of the command's parameters run before the command: they need it, too.
            ctx.with_resource(app.app_context())
        command: click.Command | None = app.cli.get_command(ctx, name)
        return command


_OWN_LOADING = FlaskGroup._load_plugin_commands


class KolbenGroup(FlaskGroup):
    """The `kolben` command itself: has Kolben's own commands in addition.

    Called as `flask`, an app's or a plugin's command of the same name goes before them, because
    an app written for Flask may well have a `serve` or a `demo` of its own.
    """

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command as FlaskGroup does; Kolben's own before the app's, unless called flask."""
        own = next((command for command in OWN_COMMANDS if command.name == cmd_name), None)
        if own is None:
            return super().get_command(ctx, cmd_name)
        if not _is_called_flask(ctx):
            return own
        self._load_plugin(cmd_name)
        if cmd_name in self.commands or self._app_has(ctx, cmd_name):
            return super().get_command(ctx, cmd_name)
        return own

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List all commands, Kolben's own as well."""
        own = {str(command.name) for command in OWN_COMMANDS}
        return sorted(own.union(super().list_commands(ctx)))

    def _app_has(self, ctx: click.Context, name: str) -> bool:
        try:
            return name in self._load_app(ctx).cli.list_commands(ctx)
        except NoAppException:
            return False


def _is_called_flask(ctx: click.Context) -> bool:
    """Say whether the program was started as `flask` or `python -m flask`."""
    return (ctx.find_root().info_name or "").split(" ")[-1].startswith("flask")


cli = KolbenGroup(
    name="flask",
    help="""\
Run, serve and look after an app.

Say which app with '--app', with the environment variable KOLBEN_APP or FLASK_APP, or put it in
'wsgi.py' or 'app.py' in the current directory.
""",
)


def main() -> None:
    """Run the command line with the process's arguments.

    An exception of the app is told as Python would, but from the app's own code on.
    """
    try:
        cli.main()
    except Exception as error:
        begin_at_own_code(error)
        # Not past it: what reports errors to a service hangs there.
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
