"""The runner invokes commands of its app, or others with an app of their own."""

from __future__ import annotations

import sys

import click
import pytest
from click.testing import CliRunner

from kolben import Flask, current_app
from kolben.commands import AppGroup, ScriptInfo
from kolben.testing import FlaskCliRunner


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    """A runner of an app with a command that says whose it is."""

    @app.cli.command("who")
    @click.argument("greeting", default="I am")
    def who(greeting: str) -> None:
        click.echo(f"{greeting} {current_app.name}")

    made: FlaskCliRunner = app.test_cli_runner()
    return made


def test_it_is_clicks(runner: FlaskCliRunner, app: Flask) -> None:
    assert isinstance(runner, CliRunner)
    assert runner.app is app


def test_commands_of_the_app_are_invoked(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["who"]).output == "I am app\n"
    assert runner.invoke(args=["who", "we are"]).output == "we are app\n"
    assert runner.invoke(args=["missing"]).exit_code == 2


def test_a_command_is_invoked_by_itself(runner: FlaskCliRunner, app: Flask) -> None:
    assert runner.invoke(app.cli.commands["who"], ["this is"]).output == "this is app\n"


def test_a_group_of_another_owner_gets_the_app(runner: FlaskCliRunner) -> None:
    group = AppGroup("tools")
    group.command("name")(lambda: click.echo(current_app.name))
    assert runner.invoke(group, ["name"]).output == "app\n"


def test_another_app_may_be_given(runner: FlaskCliRunner) -> None:
    info = ScriptInfo(create_app=lambda: Flask("other"))
    assert runner.invoke(args=["who"], obj=info).output == "I am other\n"


def test_even_none_is_what_is_given(runner: FlaskCliRunner, app: Flask) -> None:
    seen = []

    @app.cli.command("look", with_appcontext=False)
    @click.pass_context
    def look(context: click.Context) -> None:
        seen.append(context.obj)

    runner.invoke(args=["look"], obj=None)
    runner.invoke(args=["look"])
    assert seen[0] is None
    assert isinstance(seen[1], ScriptInfo)
    assert isinstance(look, click.Command)


def test_an_error_of_a_command_is_the_result(runner: FlaskCliRunner, app: Flask) -> None:
    app.cli.command("fail")(lambda: 1 / 0)
    assert isinstance(runner.invoke(args=["fail"]).exception, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        runner.invoke(args=["fail"], catch_exceptions=False)


def test_its_options_are_clicks(app: Flask) -> None:
    app.cli.command("env")(lambda: click.echo(sys.stdin.read()))
    runner = app.test_cli_runner(echo_stdin=True)
    assert runner.invoke(args=["env"], input="in").output.startswith("in")
