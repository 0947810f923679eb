"""The settings of `kolben serve` as options, environment variables and keys of a TOML table.

What is said on the command line goes before the environment, and that before the table.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click
from click.core import ParameterSource

from kolben.server.settings import Settings

# Where the table is looked for, without --config: in the current directory, the first that has it.
TABLES = (("kolben.toml", ("serve",)), ("pyproject.toml", ("tool", "kolben", "serve")))
# Units of a field's name, which the option leaves out; its help has them in the value's place.
_UNITS = {"_s": "SECONDS", "_bytes": "BYTES", "_mib": "MIB"}
_SIZES = {"k": 1024, "m": 1024**2, "g": 1024**3}
# Where click's context keeps which file the table is from.
_TABLE_NAME = "kolben.server.options.table"


class ByteCount(click.IntRange):
    """A number of bytes: 65536, 64k, 10m, 2g."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; BadParameter for anything else, or a number out of range."""
        text = str(value).lower().removesuffix("ib").removesuffix("b")
        unit = _SIZES.get(text[-1:], 1)
        digits = text[:-1] if unit > 1 else text
        if not (digits.isascii() and digits.isdecimal()):
            self.fail(f"{value!r} is no number of bytes; write 65536, 64k, 10m or 2g.", param, ctx)
        return super().convert(int(digits) * unit, param, ctx)


class FileMode(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """A file's mode in octal, as chmod has it: 660."""

    name = "mode"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the mode as a number; BadParameter for anything else."""
        if isinstance(value, int):
            return value
        try:
            mode = int(value, 8)
        except ValueError:
            mode = -1
        if not 0 <= mode <= 0o777:
            self.fail(f"{value!r} is no mode; write three octal digits, as 660.", param, ctx)
        return mode


class Several(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """Several values in one text, with commas between them."""

    name = "text,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return them as a tuple."""
        parts = value if isinstance(value, list | tuple) else str(value).split(",")
        return tuple(part.strip() for part in parts if part.strip())


def setting_fields() -> list[Field[Any]]:
    """Return the fields of Settings that can be set from outside, in their order."""
    return [field for field in fields(Settings) if field.metadata]


def key_of(name: str) -> str:
    """Return what a field is called on the command line and in a table: `stop-timeout`."""
    for unit in _UNITS:
        name = name.removesuffix(unit)
    return name.replace("_", "-")


def variables_of(field: Field[Any]) -> list[str]:
    """Return the environment variables of a field, the first before the others."""
    own = key_of(field.name).replace("-", "_").upper()
    return [f"KOLBEN_SERVE_{own}", *field.metadata["variables"]]


def make_options() -> list[click.Option]:
    """Make the options of the command line."""
    hints = get_type_hints(Settings)
    return [_config_option(), *(_make_option(f, hints[f.name]) for f in setting_fields())]


def _config_option() -> click.Option:
    return click.Option(
        ["--config"],
        type=click.Path(exists=True, dir_okay=False),
        envvar="KOLBEN_SERVE_CONFIG",
        is_eager=True,
        expose_value=False,
        callback=_take_table,
        help="Read settings from the table [serve] of this TOML file. Without it: of kolben.toml,"
        " or [tool.kolben.serve] of pyproject.toml.",
    )


def _make_option(field: Field[Any], hint: Any) -> click.Option:
    about = field.metadata
    flag = f"--{key_of(field.name)}"
    names = [*about["flags"], f"{flag}/--no-{flag[2:]}" if hint is bool else flag, field.name]
    return click.Option(
        names,
        type=_type_of(field, hint),
        default=_default_of(field),
        envvar=variables_of(field),
        metavar=_metavar_of(field, hint),
        show_default=_shown_default(field),
        help=about["text"],
    )


def _metavar_of(field: Field[Any], hint: Any) -> str | None:
    """Return what stands in an option's help for its value; None for click's own word."""
    for unit, word in _UNITS.items():
        if field.name.endswith(unit):
            return word
    return "N" if hint is int and not _is_mode(field) else None


def _default_of(field: Field[Any]) -> Any:
    return field.default if callable(field.default_factory) is False else field.default_factory


def _shown_default(field: Field[Any]) -> bool | str:
    if isinstance(field.default, tuple):
        return ",".join(field.default) or False
    if _is_mode(field):
        return f"{field.default:o}"
    return field.default not in {None, "", False}


def _is_mode(field: Field[Any]) -> bool:
    return field.name.endswith("_mode")


def _type_of(field: Field[Any], hint: Any) -> Any:
    """Return click's type for the values of a field."""
    if isinstance(hint, UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if get_origin(hint) is Literal:
        return click.Choice(get_args(hint))
    if get_origin(hint) is tuple:
        return Several()
    if _is_mode(field):
        return FileMode()
    if hint is int:
        kind = ByteCount if field.name.endswith("_bytes") else click.IntRange
        return kind(min=field.metadata["least"], max=field.metadata["most"])
    return hint


def _take_table(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Make the values of the table defaults of the other options."""
    name, table = find_table(value)
    if table:
        known = {key_of(field.name): field.name for field in setting_fields()}
        ctx.default_map = {known[key]: entry for key, entry in _checked(name, table, list(known))}
        ctx.meta[_TABLE_NAME] = name


def find_table(config: str | None) -> tuple[str, dict[str, Any]]:
    """Return the name of the file that has the table, and the table; ("", {}) where there is none.

    config: a file that is to have it. Raises click.UsageError for a file that is no TOML.
    """
    places = [(config, ("serve",)), (config, TABLES[1][1])] if config else TABLES
    for name, path in places:
        file = Path(name)
        table: Any = _read_toml(file) if config or file.is_file() else {}
        for part in path:
            table = table.get(part, {}) if isinstance(table, dict) else {}
        if table and isinstance(table, dict):
            return name, table
    if config:
        raise click.UsageError(f"{config} has no table [serve], or nothing is in it.")
    return "", {}


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file} cannot be read as TOML: {error}") from None


def _checked(name: str, table: dict[str, Any], known: list[str]) -> Iterator[tuple[str, Any]]:
    """Give key and value of each entry; UsageError for one that is no setting."""
    for raw, value in table.items():
        key = raw.replace("_", "-")
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(
                f"{name} sets {raw!r}, which is no setting of `kolben serve`.{hint}"
            )
        yield key, value


def make_settings(ctx: click.Context, app: str | None) -> Settings:
    """Make the settings of what a context of the command has."""
    values = {field.name: ctx.params[field.name] for field in setting_fields()}
    if not _is_default(ctx, "threads") and _is_default(ctx, "spare_threads"):
        # Whoever gives a number means that number.
        values["spare_threads"] = 0
    return Settings(app=app, **values)


def _is_default(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) in {None, ParameterSource.DEFAULT}


def format_config(ctx: click.Context, settings: Settings) -> str:
    """Return each setting with its value and where that comes from, as a TOML table."""
    lines = ["[serve]"]
    rows = [(_format_value(f, settings), _source_of(ctx, f)) for f in setting_fields()]
    width = max(len(row) for row, _ in rows if len(row) < 48)
    lines += [f"{row:<{width}}  # {source}" for row, source in rows]
    return "\n".join(lines)


def _format_value(field: Field[Any], settings: Settings) -> str:
    key, value = key_of(field.name), getattr(settings, field.name)
    if value is None:
        return f"# {key} ="
    if _is_mode(field):
        return f"{key} = 0o{value:o}"
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def _source_of(ctx: click.Context, field: Field[Any]) -> str:
    source = ctx.get_parameter_source(field.name)
    if source is ParameterSource.COMMANDLINE:
        return f"--{key_of(field.name)}"
    if source is ParameterSource.ENVIRONMENT:
        return _variable_of(ctx, field)
    if source is ParameterSource.DEFAULT_MAP:
        return str(ctx.meta[_TABLE_NAME])
    return "default"


def _variable_of(ctx: click.Context, field: Field[Any]) -> str:
    """Return which variable of the environment an option's value is from."""
    names = [*variables_of(field), f"{ctx.auto_envvar_prefix}_{key_of(field.name)}".upper()]
    return next((name for name in names if os.environ.get(name.replace("-", "_"))), names[-1])


class ServeCommand(click.Command):
    """A command whose help has the options under their headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        named = {field.name: str(field.metadata["group"]) for field in setting_fields()}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                groups.setdefault(named.get(str(param.name), "Options"), []).append(record)
        for heading in [*dict.fromkeys(named.values()), "Options"]:
            with formatter.section(heading):
                formatter.write_dl(groups.get(heading, []))
