"""The top of the command line: whose commands there are, and what is said when the app fails."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from kolben import Flask, current_app
from kolben.cli import AppGroup, FlaskGroup, cli, group, main
from kolben.commands import ScriptInfo
from kolben.version import FLASK_VERSION, VERSION
from tests.fresh_interpreter import Interpreter

HELLO = """\
import click
from kolben import Flask
app = Flask("hello")

@app.cli.command()
def own():
    "The app's own."
    click.echo(f"own of {app.name}, debug={app.debug}")

@app.cli.command("serve")
def serve():
    click.echo("the app's serve")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with hello.py; environment and modules are put back afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "hello.py").write_text(HELLO)
    before, modules = dict(os.environ), set(sys.modules)
    for name in [name for name in os.environ if name.startswith(("KOLBEN_", "FLASK_"))]:
        del os.environ[name]
    yield tmp_path
    assert not current_app
    os.environ.clear()
    os.environ.update(before)
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def run(project: Path) -> Callable[..., Result]:
    """Run the command line in the project."""

    def invoke(*args: str, command: click.Command = cli, name: str = "kolben") -> Result:
        return CliRunner().invoke(command, args, prog_name=name, catch_exceptions=False)

    return invoke


def test_the_apps_commands_are_found_and_run_in_its_context(run: Callable[..., Result]) -> None:
    assert "own of hello, debug=False\n" == run("--app", "hello", "own").output
    assert "own of hello, debug=True\n" == run("--app", "hello", "--debug", "own").output


def test_the_help_lists_built_in_and_app_commands(run: Callable[..., Result]) -> None:
    result = run("--app", "hello", "--help")
    assert 0 == result.exit_code
    assert "" == result.stderr
    for name in ("demo", "drop-in", "own", "routes", "run", "serve", "shell"):
        assert f"\n  {name} " in result.output


@pytest.mark.parametrize("args", [["--help"], []])
def test_the_help_reads_where_the_app_is_from_the_environment(
    args: list[str], run: Callable[..., Result], project: Path
) -> None:
    (project / ".flaskenv").write_text("FLASK_APP=hello\n")
    assert "The app's own." in run(*args).output


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"FLASK_APP": "hello"}, "debug=False"),
        ({"KOLBEN_APP": "hello"}, "debug=False"),
        ({"KOLBEN_APP": "hello", "FLASK_APP": "nowhere"}, "debug=False"),
        ({"FLASK_APP": "hello", "FLASK_DEBUG": "1"}, "debug=True"),
        ({"FLASK_APP": "hello", "KOLBEN_DEBUG": "1", "FLASK_DEBUG": "0"}, "debug=True"),
    ],
)
def test_our_variables_go_before_flasks(
    variables: dict[str, str], expected: str, run: Callable[..., Result]
) -> None:
    os.environ.update(variables)
    assert expected in run("own").output


def test_the_option_goes_before_the_variables(run: Callable[..., Result]) -> None:
    os.environ.update(KOLBEN_DEBUG="1", KOLBEN_APP="nowhere")
    assert "debug=False" in run("-A", "hello", "--no-debug", "own").output


def test_a_named_env_file_goes_before_the_default_ones(
    run: Callable[..., Result], project: Path
) -> None:
    (project / ".env").write_text("FLASK_APP=nowhere\n")
    (project / "my.env").write_text("FLASK_APP=hello\n")
    assert "own of hello" in run("-e", "my.env", "own").output


def test_an_env_file_without_python_dotenv_is_an_error(
    run: Callable[..., Result], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "my.env").touch()
    monkeypatch.setitem(sys.modules, "dotenv", None)
    result = run("-e", "my.env", "own")
    assert 2 == result.exit_code
    assert "needs python-dotenv" in result.stderr


def test_dotenv_files_stay_unread_where_that_is_wanted(
    run: Callable[..., Result], project: Path
) -> None:
    (project / ".env").write_text("READ_FROM_FILE=1\n")
    os.environ["FLASK_SKIP_DOTENV"] = "1"
    run("--app", "hello", "own")
    assert "READ_FROM_FILE" not in os.environ


@pytest.mark.parametrize("args", [["--help"], ["own"]])
def test_a_missing_app_is_told_with_the_ways_to_name_it(
    args: list[str], run: Callable[..., Result]
) -> None:
    result = run(*args)
    assert (0 if args == ["--help"] else 2) == result.exit_code
    assert "KOLBEN_APP or FLASK_APP" in result.stderr
    assert "Usage:" in result.output


@pytest.mark.parametrize("args", [["--help"], ["own"], ["routes"]])
def test_the_apps_import_error_is_shown_with_its_traceback_and_cure(
    args: list[str], run: Callable[..., Result], project: Path
) -> None:
    (project / "bad.py").write_text("import a_module_that_is_missing")
    result = run("--app", "bad", *args)
    assert f'File "{project / "bad.py"}", line 1' in result.stderr
    assert "pip install" in result.stderr


def test_the_help_outlives_any_error_of_the_app(run: Callable[..., Result], project: Path) -> None:
    (project / "bad.py").write_text("raise LookupError('oh no')")
    result = run("--app", "bad", "--help")
    assert 0 == result.exit_code
    assert "LookupError: oh no" in result.stderr
    assert "Commands:" in result.output


FAILING = """
from flask import Flask

app = Flask(__name__)


def fail():
    int("eighty")


@app.cli.command
def inside():
    fail()


if "inside" not in __import__("sys").argv:
    fail()
"""


@pytest.mark.parametrize("command", ["run", "shell", "routes", "--help", "inside"])
def test_the_traceback_of_an_app_that_fails_is_its_own(command: str, python: Interpreter) -> None:
    (python.directory / "bad.py").write_text(FAILING)
    done = python.start("-m", "kolben", "--app", "bad", command)
    assert (0 if command == "--help" else 1) == done.returncode
    begin = done.stderr.index("Traceback (most recent call last):")
    files = re.findall(r'File "(.+?)", line', done.stderr[begin:])
    assert [str(python.directory / "bad.py")] * 2 == files
    assert "ValueError: invalid literal for int() with base 10: 'eighty'\n" in done.stderr


def test_a_syntax_error_of_the_app_shows_its_place_alone(python: Interpreter) -> None:
    (python.directory / "bad.py").write_text("app = = 1")
    done = python.start("-m", "kolben", "--app", "bad", "routes")
    assert [str(python.directory / "bad.py")] == re.findall(r'File "(.+?)", line', done.stderr)
    assert done.stderr.endswith("SyntaxError: invalid syntax\n")


def test_an_error_of_no_code_of_the_app_keeps_its_traceback(python: Interpreter) -> None:
    # Called without its argument.
    done = python.start(
        "-c", "from kolben.cli import cli, main\ncli.main = cli.add_command\nmain()"
    )
    assert 1 == done.returncode
    assert [group.__file__] == re.findall(r'File "(.+?)", line', done.stderr)


def test_what_reports_errors_is_told_of_them(python: Interpreter) -> None:
    (python.directory / "bad.py").write_text("raise LookupError('oh no')")
    done = python.start(
        "-c",
        "import sys\nfrom kolben.cli import main\n"
        "sys.excepthook = lambda *error: print('reported', error[1])\n"
        "sys.argv = ['kolben', '--app', 'bad', 'routes']\nmain()",
    )
    assert (1, "reported oh no\n", "") == (done.returncode, done.stdout, done.stderr)


def test_the_version_is_shown(run: Callable[..., Result]) -> None:
    output = run("--version").output
    assert f"Kolben {VERSION}\nFlask {FLASK_VERSION} " in output
    assert f"Werkzeug {importlib.metadata.version('werkzeug')}\n" in output


@pytest.mark.parametrize("name", ["flask", "python -m flask"])
def test_called_flask_the_apps_commands_go_before_our_own(
    name: str, run: Callable[..., Result]
) -> None:
    assert "the app's serve\n" == run("--app", "hello", "serve", name=name).output
    assert "PYTHONHASHSEED" not in run("--app", "hello", "serve", "--help", name=name).output
    assert "--workers" in run("--app", "hello", "serve", "--help").output


def test_called_flask_our_own_are_there_where_nobody_has_the_name(
    run: Callable[..., Result],
) -> None:
    assert "--workers" in run("serve", "--help", name="flask").output


def test_a_script_of_the_apps_own_has_a_group_of_its_own(run: Callable[..., Result]) -> None:
    group = FlaskGroup(name="wiki", create_app=lambda: Flask("wiki"))

    @group.command()
    def show() -> None:
        click.echo(current_app.name)

    assert "wiki\n" == run("show", command=group).output
    names = run("--help", command=group).output
    assert "  routes " in names
    assert "  serve " not in names
    bare = FlaskGroup(add_default_commands=False, add_version_option=False)
    assert {} == bare.commands
    assert ["env_file", "app", "debug"] == [option.name for option in bare.params]


def test_a_group_may_be_nested_in_another(run: Callable[..., Result]) -> None:
    outer = click.Group("outer")
    inner = FlaskGroup(name="web", create_app=lambda: Flask("nested"))
    inner.command("show")(lambda: click.echo(current_app.name))
    outer.add_command(inner)
    assert "nested\n" == run("web", "show", command=outer).output


def test_a_parameters_callback_sees_the_app(run: Callable[..., Result]) -> None:
    app = Flask("shop")

    def look(ctx: click.Context, param: click.Parameter, value: str) -> bool:
        return ctx.find_object(ScriptInfo).load_app() is current_app._get_current_object()  # type: ignore[union-attr,attr-defined]  # a proxy

    @app.cli.command()
    @click.argument("value", callback=look)
    def check(value: bool) -> None:
        click.echo(value)

    assert "True\n" == run("check", "x", command=FlaskGroup(create_app=lambda: app)).output


def test_a_command_of_ours_is_imported_only_when_it_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from kolben.cli import main\n"
        "sys.argv = ['kolben', '--help']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    heavy = {'granian', 'werkzeug', 'jinja2', 'kolben.app', 'kolben.cli.serve'}\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=os.sep
    )
    assert "Serve the app in production." in done.stdout
    assert "[]\n" == done.stderr.splitlines(keepends=True)[-1]


class Plugins:
    """Installed plugins, as importlib.metadata tells them."""

    def __init__(self, **groups: dict[str, str]) -> None:
        self._groups = {name.replace("_", "."): points for name, points in groups.items()}

    def __call__(self, *, group: str) -> list[importlib.metadata.EntryPoint]:
        points = self._groups.get(group, {})
        return [importlib.metadata.EntryPoint(n, v, group) for n, v in points.items()]


@pytest.fixture
def plugins(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install plugin commands: `plugins(flask_commands={"name": "module:object"})`."""
    (project / "plug.py").write_text(
        "import click\n"
        "one = click.Command('one', callback=lambda: click.echo('one'))\n"
        "two = click.Command('two', callback=lambda: click.echo('two'))\n"
    )
    monkeypatch.syspath_prepend(str(project))

    def install(**groups: dict[str, str]) -> None:
        monkeypatch.setattr(importlib.metadata, "entry_points", Plugins(**groups))

    return install


def test_commands_of_both_groups_of_plugins_are_there(
    plugins: Callable[..., None], run: Callable[..., Result]
) -> None:
    plugins(flask_commands={"a": "plug:one"}, kolben_commands={"b": "plug:two"})
    assert "one\n" == run("a", command=FlaskGroup()).output
    assert "two\n" == run("b", command=FlaskGroup()).output
    listed = FlaskGroup(create_app=lambda: Flask("x")).list_commands(click.Context(cli))
    assert {"a", "b"} <= set(listed)


def test_a_plugin_in_both_groups_is_there_once_as_ours(
    plugins: Callable[..., None], run: Callable[..., Result]
) -> None:
    plugins(flask_commands={"same": "plug:one"}, kolben_commands={"same": "plug:two"})
    assert "two\n" == run("same", command=FlaskGroup()).output


def test_a_plugin_may_replace_a_built_in_command(
    plugins: Callable[..., None], run: Callable[..., Result]
) -> None:
    plugins(flask_commands={"run": "plug:one"})
    assert "one\n" == run("run", command=FlaskGroup()).output


def test_a_broken_plugin_hides_no_other_command(
    plugins: Callable[..., None], run: Callable[..., Result]
) -> None:
    plugins(flask_commands={"broken": "plug:absent", "good": "plug:one"})
    result = run("--help", command=FlaskGroup(create_app=lambda: Flask("x")))
    assert "The plugin command 'broken' cannot be loaded:" in result.stderr
    assert "AttributeError" in result.stderr
    assert "\n  good\n" in result.output
    assert "one\n" == run("good", command=FlaskGroup()).output
    with pytest.raises(AttributeError, match="absent"):
        run("broken", command=FlaskGroup())


def test_a_plugin_is_imported_only_when_it_is_asked_for(
    plugins: Callable[..., None], run: Callable[..., Result], project: Path
) -> None:
    (project / "slow_plug.py").write_text("raise AssertionError('imported')")
    plugins(flask_commands={"slow": "slow_plug:x", "fast": "plug:one"})
    assert "one\n" == run("fast", command=FlaskGroup()).output


def test_all_names_of_flask_cli_are_there() -> None:
    import kolben.cli

    names = """AppGroup CertParamType FlaskGroup NoAppException ScriptInfo SeparatedPathType cli
    find_app_by_string find_best_app get_debug_flag get_load_dotenv get_version load_dotenv
    locate_app main pass_script_info prepare_import routes_command run_command shell_command
    show_server_banner version_option with_appcontext""".split()
    assert [] == [name for name in names if not hasattr(kolben.cli, name)]
    assert callable(main)
    assert issubclass(FlaskGroup, AppGroup)


def test_extra_arguments_go_to_click(run: Callable[..., Result]) -> None:
    settings: dict[str, Any] = {"auto_envvar_prefix": "WIKI"}
    option = click.Option(["--flavour"], expose_value=False)
    group = FlaskGroup(context_settings=settings, params=[option], help="Own help.")
    assert option is group.params[0]
    os.environ["WIKI_APP"] = "hello"
    assert "own of hello" in run("own", command=group).output
