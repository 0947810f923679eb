"""Settings from the command line, the environment and a TOML table."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kolben.cli import cli
from kolben.server.options import key_of, make_options, setting_fields, variables_of


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    monkeypatch.chdir(tmp_path)
    return Show(tmp_path)


class Show:
    """Asks `kolben serve --print-config` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *options: str, **variables: str) -> Result:
        return CliRunner().invoke(cli, ["serve", "--print-config", *options], env=variables)

    def line(self, key: str, *options: str, **variables: str) -> str:
        """Return the line of a setting, without the space before its source."""
        result = self.run(*options, **variables)
        assert 0 == result.exit_code, result.output
        lines = [" ".join(line.split()) for line in result.output.splitlines()]
        return next(line for line in lines if line.split(" = ")[0] == key)

    def refusal(self, *options: str, **variables: str) -> str:
        result = self.run(*options, **variables)
        assert 2 == result.exit_code
        return " ".join(result.output.split())

    def write(self, text: str, name: str = "kolben.toml") -> None:
        (self.folder / name).write_text(text)


def test_each_source_goes_before_the_next(show: Show) -> None:
    assert "port = 8000 # default" == show.line("port")
    show.write("[serve]\nport = 8001\n")
    assert "port = 8001 # kolben.toml" == show.line("port")
    assert "port = 8002 # FLASK_SERVE_PORT" == show.line("port", FLASK_SERVE_PORT="8002")
    assert "port = 8003 # KOLBEN_SERVE_PORT" == show.line(
        "port", FLASK_SERVE_PORT="8002", KOLBEN_SERVE_PORT="8003"
    )
    assert "port = 8004 # --port" == show.line("port", "-p", "8004", KOLBEN_SERVE_PORT="8003")


def test_what_is_printed_is_a_table_that_says_the_same(show: Show) -> None:
    options = [
        "--max-body",
        "10m",
        "--trust-proxy",
        "10.0.0.0/8, unix",
        "--unix-socket-mode",
        "600",
    ]
    printed = show.run(*options).output
    table = tomllib.loads(printed)["serve"]
    assert [10 * 1024**2, ["10.0.0.0/8", "unix"], 0o600] == [
        table["max-body"],
        table["trust-proxy"],
        table["unix-socket-mode"],
    ]
    show.write(printed)
    again = tomllib.loads(show.run().output)["serve"]
    assert table == again


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.kolben.serve]\nworkers = 3\n"),
        ("kolben.toml", "[serve]\nworkers = 3\n"),
    ],
)
def test_the_table_is_found_in_the_current_directory(name: str, text: str, show: Show) -> None:
    show.write(text, name)
    assert f"workers = 3 # {name}" == show.line("workers")


def test_the_files_of_a_folder_come_in_order_and_one_that_is_named_is_read_alone(
    show: Show,
) -> None:
    show.write("[serve]\nworkers = 3\n")
    show.write("[tool.kolben.serve]\nworkers = 4\nthreads = 9\n", "pyproject.toml")
    show.write("[serve]\nport = 81\n", "other.toml")
    assert "workers = 3 # kolben.toml" == show.line("workers")
    assert "threads = 9 # default" != show.line("threads")
    assert "workers = 1 # default" == show.line("workers", "--config", "other.toml")
    assert "threads = 9 # pyproject.toml" == show.line("threads", "--config", "pyproject.toml")
    assert "port = 81 # other.toml" == show.line("port", KOLBEN_SERVE_CONFIG="other.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[serve]\nworker = 2",
            "kolben.toml sets 'worker', which is no setting of `kolben serve`.",
        ),
        ("[serve]\nworker = 2", "Did you mean 'workers'?"),
        ("[serve]\nxyzzy = 2", "sets 'xyzzy', which is no setting of `kolben serve`."),
        ("[serve\n", "kolben.toml cannot be read as TOML"),
        ("[serve]\nport = 'x'", "'--port': 'x' is not a valid integer"),
        ("[serve]\nport = 0", "'--port': 0 is not in the range"),
        ("[serve]\nmax-body = '10x'", "'10x' is no number of bytes; write 65536, 64k, 10m or 2g."),
        ("[serve]\nunix-socket-mode = 'rw'", "'rw' is no mode; write three octal digits, as 660."),
        ("[serve]\ninterface = 'cgi'", "'cgi' is not one of"),
    ],
)
def test_a_table_that_is_wrong_is_told(text: str, said: str, show: Show) -> None:
    show.write(text)
    assert said in show.refusal()


def test_a_file_that_is_named_must_have_the_table(show: Show) -> None:
    show.write("[other]\nx = 1\n")
    assert "kolben.toml has no table [serve]" in show.refusal("--config", "kolben.toml")
    assert "threads" in show.line("threads")
    show.write("serve = 1\n")
    assert "workers = 1 # default" == show.line("workers")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("131073", 131073), ("128k", 131072), ("1M", 1048576), ("2GiB", 2147483648), ("9000B", 9000)],
)
def test_bytes_have_units(value: str, expected: int, show: Show) -> None:
    assert f"max-header = {expected} # --max-header" == show.line(
        "max-header", "--max-header", value
    )


def test_the_help_has_every_setting_under_its_heading() -> None:
    said = CliRunner().invoke(cli, ["serve", "--help"]).output
    for field in setting_fields():
        assert f"--{key_of(field.name)}" in said
        assert f"\n{field.metadata['group']}:\n" in said


def test_no_two_settings_share_a_name() -> None:
    options = [name for option in make_options() for name in (*option.opts, *option.secondary_opts)]
    variables = [name for field in setting_fields() for name in variables_of(field)]
    assert len(options) == len(set(options))
    assert len(variables) == len(set(variables))
