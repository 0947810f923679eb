"""Options and types of options that several commands use."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import click
from click.core import ParameterSource

from kolben.commands import ScriptInfo
from kolben.env import load_dotenv, set_variable
from kolben.version import FLASK_VERSION, VERSION


def from_environment(command: str, name: str) -> str:
    """Return the variable of ours for an option; click reads FLASK_... by itself after it."""
    return f"KOLBEN_{command}_{name}".upper() if command else f"KOLBEN_{name}".upper()


def get_version(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Print what --version prints, and end the program."""
    if not value or ctx.resilient_parsing:
        return
    import platform  # starts faster without it
    from importlib.metadata import version  # starts faster without it

    click.echo(
        f"Python {platform.python_version()}\n"
        f"Kolben {VERSION}\n"
        f"Flask {FLASK_VERSION} (whose behaviour it keeps)\n"
        f"Werkzeug {version('werkzeug')}",
        color=ctx.color,
    )
    ctx.exit()


version_option = click.Option(
    ["--version"],
    help="Show the versions of Kolben, Python and Werkzeug.",
    expose_value=False,
    callback=get_version,
    is_flag=True,
    is_eager=True,
)


def _set_app(ctx: click.Context, param: click.Option, value: str | None) -> str | None:
    if value is not None:
        ctx.ensure_object(ScriptInfo).app_import_path = value
    return value


def _set_debug(ctx: click.Context, param: click.Option, value: bool) -> bool | None:
    """Put the flag into the environment, where a factory can already see it."""
    source = ctx.get_parameter_source(param.name or "debug")
    if source in (None, ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP):
        return None
    set_variable("DEBUG", "1" if value else "0")
    return value


def _read_env_file(ctx: click.Context, param: click.Option, value: str | None) -> str | None:
    defaults = ctx.ensure_object(ScriptInfo).load_dotenv_defaults
    if value is not None and not _has_dotenv():
        raise click.BadParameter("Reading it needs python-dotenv.", ctx=ctx, param=param)
    if value is not None or defaults:
        load_dotenv(value, load_defaults=defaults)
    return value


def _has_dotenv() -> bool:
    try:
        import dotenv  # noqa: F401  # starts faster without it
    except ImportError:
        return False
    return True


# Eager, so that the variables of a file are there when the other options look for theirs.
env_file_option = click.Option(
    ["-e", "--env-file"],
    type=click.Path(exists=True, dir_okay=False),
    envvar=from_environment("", "env_file"),
    help=(
        "Set environment variables from this file. It goes before '.env', '.kolbenenv' and"
        " '.flaskenv'; what is already set goes before all of them."
    ),
    is_eager=True,
    expose_value=False,
    callback=_read_env_file,
)

app_option = click.Option(
    ["-A", "--app"],
    metavar="IMPORT",
    envvar=from_environment("", "app"),
    help=(
        "The app or its factory, as 'module:name'. The module is a dotted name or a file's path."
        " The name may be left out if it is 'app', 'application', 'create_app' or 'make_app';"
        " 'name(args)' gives arguments to a factory."
    ),
    is_eager=True,
    expose_value=False,
    callback=_set_app,
)

debug_option = click.Option(
    ["--debug/--no-debug"],
    envvar=from_environment("", "debug"),
    help="Turn debug mode on or off.",
    expose_value=False,
    callback=_set_debug,
)


class CertParamType(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """What --cert takes: a file, the word 'adhoc', or the import name of an SSLContext."""

    name = "path"

    def __init__(self) -> None:
        self.path_type = click.Path(exists=True, dir_okay=False, resolve_path=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a path, 'adhoc', or the SSLContext; BadParameter for all else."""
        ssl = _import_ssl(ctx, param)
        try:
            return self.path_type(value, param, ctx)
        except click.BadParameter:
            if str(value).lower() == "adhoc":
                _check_cryptography(ctx, param)
                return "adhoc"
            found = _import_object(value)
            if isinstance(found, ssl.SSLContext):
                return found
            raise


def _import_ssl(ctx: click.Context | None, param: click.Parameter | None) -> ModuleType:
    try:
        import ssl  # starts faster without it
    except ImportError:
        raise click.BadParameter(
            "This Python was built without SSL, so it cannot serve HTTPS.", ctx, param
        ) from None
    return ssl


def _check_cryptography(ctx: click.Context | None, param: click.Parameter | None) -> None:
    try:
        import cryptography  # type: ignore[import-not-found,unused-ignore]  # noqa: F401  # starts faster without it
    except ImportError:
        raise click.BadParameter(
            "A certificate made on the spot needs the package 'cryptography'.", ctx, param
        ) from None


def _import_object(name: str) -> object:
    from werkzeug.utils import import_string  # starts faster without it

    return import_string(name, silent=True)


def check_key(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Tie --key to --cert: a certificate file becomes the pair of both; BadParameter otherwise."""
    cert = ctx.params.get("cert")
    # 'adhoc' and an SSLContext have their key in themselves; a file is any other text.
    is_file = isinstance(cert, str) and cert != "adhoc"
    if value is None:
        if is_file:
            raise click.BadParameter("--cert is a file, so --key is required.", ctx, param)
        return None
    if cert is None:
        raise click.BadParameter("--key needs --cert beside it.", ctx, param)
    if not is_file:
        raise click.BadParameter(
            "--key goes with a --cert that is a file; 'adhoc' and an SSLContext have a key.",
            ctx,
            param,
        )
    ctx.params["cert"] = cert, value
    return value


class SeparatedPathType(click.Path):
    """Several paths in one value, separated as in PATH (`:`, on Windows `;`)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the list of the paths, each checked as click.Path does."""
        convert_one: Callable[..., Any] = super().convert
        return [convert_one(item, param, ctx) for item in self.split_envvar_value(value)]

    def split_envvar_value(self, rv: str) -> list[str]:
        """Split a value at the platform's separator."""
        return rv.split(os.path.pathsep)
