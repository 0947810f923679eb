"""What an app makes when it is first asked for: its commands, and its templates."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kolben import Flask, templating
from kolben.commands import AppGroup


def test_the_group_of_its_commands_is_one_and_may_be_another(app: Flask) -> None:
    assert "cli" not in vars(app)
    assert app.cli is app.cli
    assert type(app.cli) is AppGroup
    other = app.cli = AppGroup("other")
    assert app.cli is other


def test_the_class_of_template_environments_is_that_of_templating(app: Flask) -> None:
    assert Flask.jinja_environment is templating.Environment
    assert app.jinja_environment is templating.Environment
    assert type(app.jinja_env) is templating.Environment


def test_debug_mode_that_was_set_before_there_were_templates_reloads_them(app: Flask) -> None:
    app.jinja_options = {"auto_reload": False}
    app.debug = True
    assert "jinja_env" not in vars(app)
    app.config["TEMPLATES_AUTO_RELOAD"] = False
    assert app.jinja_env.auto_reload is True


def test_debug_mode_reloads_the_templates_of_an_environment_that_is_a_property() -> None:
    environment = SimpleNamespace(auto_reload=False)

    class Own(Flask):
        @property
        def jinja_env(self) -> Any:  # type: ignore[override]
            return environment

    Own(__name__).debug = True
    assert environment.auto_reload is True
