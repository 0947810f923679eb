"""A command that is listed by name and imported only when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class LazyCommand(click.Command):
    """Stand for a click command in another module until it runs or shows its help."""

    def __init__(self, name: str, target: str, short_help: str) -> None:
        """Name the command's object as `package.module:attribute`.

        short_help: the line in the list of commands, which is shown without importing it.
        """
        super().__init__(name, short_help=short_help)
        self.target = target

    def load(self) -> click.Command:
        """Import the module and return the real command."""
        module, _, attribute = self.target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Make the real command's context: from here on click speaks with that one alone."""
        return self.load().make_context(info_name, args, parent, **extra)
