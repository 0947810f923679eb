"""Commands: `flask --app board init-db`, `seed`, `new-password`, `sign-import`."""

from __future__ import annotations

from typing import BinaryIO

import click
from flask import Blueprint

from board import database, seed
from board.database import connection
from board.store import accounts
from board.views import hooks

# cli_group=None: the commands stand beside `run` and `routes`, not in a group of their own.
blueprint = Blueprint("commands", __name__, cli_group=None)


@blueprint.cli.command("init-db")
@click.confirmation_option(prompt="This deletes all questions and accounts. Go on?")
def init_db() -> None:
    """Delete everything and make empty tables."""
    database.drop_everything()
    database.begin_with_tables()
    with connection():
        database.mark_complete()
    click.echo("The tables are empty.")


@blueprint.cli.command("seed")
def plant() -> None:
    """Add the sample accounts and questions that are missing."""
    with connection():
        new_logins = seed.fill()
    seed.tell(new_logins)
    click.echo("The sample questions are there.")


@blueprint.cli.command("new-password")
@click.argument("name")
def new_password(name: str) -> None:
    """Give account NAME a new random password and print it."""
    account = accounts.find_by_name(name)
    if account is None:
        raise click.ClickException(f"There is no account {name!r}.")
    password = seed.random_password()
    with connection():
        accounts.set_password(account.id, password)
    seed.tell({account.name: password})


@blueprint.cli.command("sign-import")
@click.argument("file", type=click.File("rb"))
def sign_import(file: BinaryIO) -> None:
    """Print the signature header for FILE as the body of /hooks/import."""
    click.echo(f"{hooks.SIGNATURE_HEADER}: {hooks.signature(file.read())}")
