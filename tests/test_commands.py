"""Groups and callbacks that run inside an app's context, loaded once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from kolben import Blueprint, Flask, current_app
from kolben.commands import AppGroup, ScriptInfo, pass_script_info, with_appcontext


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command for an app that is made when it is needed."""

    def run_command(command: click.Command, *args: str) -> Result:
        info = ScriptInfo(create_app=lambda: Flask("made"))
        return CliRunner().invoke(command, args, obj=info, catch_exceptions=False)

    return run_command


def say_app() -> None:
    click.echo(current_app.name if current_app else "no app")


def test_a_decorated_callback_runs_inside_the_context(run: Callable[..., Result]) -> None:
    command = click.command()(with_appcontext(say_app))
    assert "made\n" == run(command).output


def test_a_decorated_callback_keeps_name_and_help() -> None:
    @with_appcontext
    def refresh() -> None:
        """Refresh it."""

    assert ("refresh", "Refresh it.") == (refresh.__name__, refresh.__doc__)


def test_the_context_lasts_for_subcommands(run: Callable[..., Result]) -> None:
    @click.group()
    @with_appcontext
    def group() -> None:
        pass

    group.command("sub")(say_app)
    assert "made\n" == run(group, "sub").output
    assert not current_app


def test_an_active_context_is_not_replaced(run: Callable[..., Result]) -> None:
    command = click.command()(with_appcontext(say_app))
    with Flask("active").app_context():
        assert "active\n" == run(command).output


def test_a_groups_commands_run_inside_the_context(run: Callable[..., Result]) -> None:
    group = AppGroup("group")
    group.command("plain")(say_app)
    group.command(with_appcontext=False)(say_app)
    bare = group.command(say_app)

    @group.group()
    def inner() -> None:
        pass

    inner.command("deep")(say_app)
    assert isinstance(bare, click.Command)
    assert isinstance(inner, AppGroup)
    assert "made\n" == run(group, "plain").output
    assert "made\n" == run(group, "inner", "deep").output


@pytest.mark.parametrize("bare", [True, False])
def test_a_command_may_stay_outside_the_context(bare: bool, run: Callable[..., Result]) -> None:
    group = AppGroup("group")
    if bare:
        group.command(say_app, with_appcontext=False)
    else:
        group.command("say-app", with_appcontext=False)(say_app)
    assert "no app\n" == run(group, "say-app").output


def test_the_app_is_loaded_once_and_only_when_needed() -> None:
    made: list[str] = []

    def create_app() -> Flask:
        made.append("made")
        return Flask("made")

    info = ScriptInfo(create_app=create_app)
    assert [] == made
    assert info.load_app() is info.load_app()
    assert ["made"] == made


@pytest.mark.parametrize(
    ("sets_flag", "value", "expected"), [(True, "1", True), (True, "0", False), (False, "1", None)]
)
def test_the_environment_sets_the_debug_flag_unless_told_not_to(
    sets_flag: bool, value: str, expected: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOLBEN_DEBUG", value)
    app = Flask("made")
    app.debug = before = not expected if expected is not None else False
    ScriptInfo(create_app=lambda: app, set_debug_flag=sets_flag).load_app()
    assert (before if expected is None else expected) is app.debug


@pytest.mark.parametrize(
    ("given", "value", "expected"), [(True, "1", False), (True, "0", True), (False, "0", True)]
)
def test_skip_dotenv_goes_before_what_the_script_says(
    given: bool, value: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_SKIP_DOTENV", value)
    assert expected is ScriptInfo(load_dotenv_defaults=given).load_dotenv_defaults


def test_a_command_may_ask_for_the_script_info(run: Callable[..., Result]) -> None:
    @click.command()
    @pass_script_info
    def show(info: ScriptInfo) -> None:
        info.data["key"] = "value"
        click.echo(f"{info.data} {info.load_app().name}")

    assert "{'key': 'value'} made\n" == run(show).output


@pytest.fixture
def app_with_blueprints() -> Flask:
    app = Flask("shop")
    for name, options in {
        "own": {"cli_group": "named"},
        "nested": {},
        "merged": {"cli_group": None},
    }.items():
        blueprint = Blueprint(name, __name__, **options)  # type: ignore[arg-type]  # a table
        blueprint.cli.command(f"{name}-command")(say_app)
        app.register_blueprint(blueprint)
    app.register_blueprint(Blueprint("empty", __name__))
    return app


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["named", "own-command"], 0),
        (["nested", "nested-command"], 0),
        (["merged-command"], 0),
        (["empty"], 2),
    ],
)
def test_blueprints_commands_are_the_apps(
    args: list[str], code: int, app_with_blueprints: Flask
) -> None:
    result: Any = app_with_blueprints.test_cli_runner().invoke(args=args)
    assert code == result.exit_code
    assert code or "shop\n" == result.output


def test_a_command_may_be_async() -> None:
    app = Flask("made")

    @app.cli.command("greet")
    @click.argument("name")
    async def greet(name: str) -> None:
        await asyncio.sleep(0)
        click.echo(f"Hello, {name}, from {current_app.name}")

    result = app.test_cli_runner().invoke(args=["greet", "you"])
    assert result.output == f"Hello, you, from {app.name}\n"
