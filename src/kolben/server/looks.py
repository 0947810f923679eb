"""Looks at an app and its extensions, each in a context of the app and on its own.

Rule: code of the app that fails here ends neither the server nor a command. It is told in a line.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from kolben.typing import App

Thing = TypeVar("Thing")
Found = TypeVar("Found")

# Characters of an error's text: enough to recognise it. The rest may be a page of SQL.
SHOWN = 200


class Looks:
    """All that one report looks at.

    failed: a line for each look that raised, which names what was looked at, and what is left out.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.failed: list[str] = []

    def at(self, what: str, look: Callable[[], Found], instead: Found, left_out: str) -> Found:
        """Return what a look finds, or `instead`, with a line about it, where it raises.

        what: names the extension or the part of the app, as the beginning of a sentence.
        """
        found, has_looked = instead, False
        try:
            with self.app.app_context():
                found = look()
                has_looked = True
        except Exception as error:  # noqa: BLE001  # an extension's, for whatever is wrong there
            # At the end of the context, teardown functions run.
            line = (
                f"The end of an app context failed: {describe(error)}. Nothing is left out."
                if has_looked
                else f"{what} cannot be looked at: {describe(error)}. Left out: {left_out}."
            )
            if line not in self.failed:
                self.failed.append(line)
        return found

    def at_each(
        self, what: str, things: Iterable[Thing], look: Callable[[Thing], Found], left_out: str
    ) -> list[Found]:
        """Return what a look finds in each of several things, except where it raises."""
        found: list[Found | None] = [
            self.at(f"{what} ({kind_of(thing)})", partial(look, thing), None, left_out)
            for thing in things
        ]
        return [one for one in found if one is not None]


def describe(error: BaseException) -> str:
    """Return the kind of an error and the first line of its text."""
    first = str(error).strip().partition("\n")[0].rstrip(".")
    text = textwrap.shorten(first, SHOWN, placeholder=" …")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def kind_of(thing: object) -> str:
    """Name the class of something, with its module."""
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
