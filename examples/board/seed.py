"""The first content of the board: sample accounts, questions and answers."""

from __future__ import annotations

import secrets
import tomllib
from datetime import timedelta
from typing import Any

import click
from flask import current_app

from board import database
from board.database import connection, timestamp
from board.store import accounts, answers, questions


def fill_if_new() -> None:
    """Make tables and sample content unless they are there; print the accounts' passwords.

    Of several processes that start together one does it and the others wait.
    """
    if database.has_tables():
        return
    database.begin_with_tables()
    with connection():
        if database.has_tables():
            return
        new_logins = fill()
        database.mark_complete()
    tell(new_logins)


def fill() -> dict[str, str]:
    """Add what is missing of the sample content; give the passwords of new accounts by name."""
    with current_app.open_resource("seed.toml") as file:
        content = tomllib.load(file)
    new_logins = {}
    for entry in content["account"]:
        if accounts.find_by_name(entry["name"]) is None:
            new_logins[entry["name"]] = random_password()
            accounts.add(entry["name"], new_logins[entry["name"]], entry["role"], entry["about"])
    for entry in content["question"]:
        if not questions.has_title(entry["title"]):
            _add_question(entry)
    return new_logins


def random_password() -> str:
    """Make a password that can be typed from a screen."""
    return "-".join(secrets.token_hex(2) for _ in range(4))


def renew_passwords() -> dict[str, str]:
    """Give the sample accounts new passwords; give these by name."""
    with current_app.open_resource("seed.toml") as file:
        names = [entry["name"] for entry in tomllib.load(file)["account"]]
    found = filter(None, map(accounts.find_by_name, names))
    renewed = {account: random_password() for account in found}
    with connection():
        for account, password in renewed.items():
            accounts.set_password(account.id, password)
    return {account.name: password for account, password in renewed.items()}


def tell(new_logins: dict[str, str]) -> None:
    """Print passwords, the only time they are known: the database has their hashes."""
    if new_logins:
        click.echo("Accounts of the board (their passwords are shown only now):", err=True)
    for name, password in new_logins.items():
        click.echo(f"  {name:8}  {password}", err=True)


def _add_question(entry: dict[str, Any]) -> None:
    number = questions.add(
        _id_of(entry["by"]),
        entry["title"],
        entry["body"].strip(),
        entry["tags"],
        timestamp(timedelta(days=entry["days_ago"])),
    )
    for name in entry["votes"]:
        questions.toggle_vote(number, _id_of(name))
    for given in entry.get("answer", []):
        when = timestamp(timedelta(days=entry["days_ago"] - given["days_later"]))
        answer_id = answers.add(number, _id_of(given["by"]), given["body"].strip(), when)
        for name in given["votes"]:
            answers.toggle_vote(answer_id, _id_of(name))
        if given.get("accepted"):
            questions.accept(number, answer_id)


def _id_of(name: str) -> int:
    account = accounts.find_by_name(name)
    if account is None:
        raise LookupError(f"seed.toml names the account {name!r}, which it does not define.")
    return account.id
