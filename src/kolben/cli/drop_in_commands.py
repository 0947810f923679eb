"""The commands `kolben drop-in enable`, `disable` and `status`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from kolben import environment_switch as switch

Result = TypeVar("Result")


@click.group("drop-in")
def drop_in_group() -> None:
    """Say, or switch, whether this environment's `flask` is Kolben.

    Without the switch `flask` is Kolben in the programs that import Kolben first: the `kolben`
    command, and those whose first line is `import kolben.drop_in`. With it, in every program of
    the environment: gunicorn, celery, flask, pytest, and what they start.
    """
    other = switch.find_other_environment()
    if other is not None:
        click.echo(
            f"Note: the activated environment is {other}, but this Kolben belongs to {sys.prefix}."
            f" For the other one, install Kolben there and run `python -m kolben` with its python.",
            err=True,
        )


@drop_in_group.command()
def enable() -> None:
    """Make `flask` Kolben in every program of this environment."""
    file = _try(switch.enable)
    click.echo(f"Wrote {file}")
    _show(_try(switch.look))
    if switch.find_flask_command() is None:
        click.echo("There is no `flask` program here: use `kolben`, or `python -m flask`.")


@drop_in_group.command()
def disable() -> None:
    """Leave `flask` to the real Flask again, or to nobody."""
    removed = _try(switch.disable)
    for file in removed:
        click.echo(f"Removed {file}")
    if not removed:
        click.echo("Nothing to remove: this environment is not switched to Kolben.")
    _show(_try(switch.look))


@drop_in_group.command()
@click.option(
    "--python",
    default=sys.executable,
    metavar="PATH",
    help="The interpreter to ask. Without it: the one that runs this command.",
)
def status(python: str) -> None:
    """Say which flask this environment gives, and why."""
    _show(_try(lambda: switch.look(python)))


def _show(found: switch.Findings) -> None:
    for line in switch.explain(found):
        click.echo(line)


def _try(action: Callable[[], Result]) -> Result:
    try:
        return action()
    except switch.SwitchError as error:
        raise click.ClickException(str(error)) from error
