"""Invokes an app's commands in the test's own process."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner, Result

from kolben.commands import ScriptInfo
from kolben.typing import App


class FlaskCliRunner(CliRunner):
    """click's runner, for the commands of one app."""

    def __init__(self, app: App, **kwargs: Any) -> None:
        self.app = app
        super().__init__(**kwargs)

    def invoke(  # type: ignore[override]  # FLASK: the command may be left out
        self, cli: Any = None, args: Any = None, **kwargs: Any
    ) -> Result:
        """Run a command with `args`, by default of the app's own group, app.cli.

        obj: the ScriptInfo to load the app from; by default one that returns this app.
        """
        if cli is None:
            cli = self.app.cli
        if "obj" not in kwargs:
            kwargs["obj"] = ScriptInfo(create_app=lambda: self.app)
        return super().invoke(cli, args, **kwargs)
