"""The rules of the house that no linter holds; docs/architecture.md says why they are."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from kolben.cli import cli
from kolben.cli.group import OWN_COMMANDS

CHECKOUT = Path(__file__).parents[1]
HOUSE = CHECKOUT / "src" / "kolben"
ARCHITECTURE = CHECKOUT / "docs" / "architecture.md"
LONGEST_FILE = 500
LONGEST_CLASS = 450
LONGEST_FUNCTION = 40
# Where code is that is ours. Templates and records of others' words are not searched.
CODE = ("src", "tests", "conformance", "benchmarks", "examples", "scripts")
KNOWS_TYPES = {"typing.py", "__init__.py"}
LATE_IMPORT = "# starts faster without it"
# Tests that are of no single file; the others mirror src, or the folder beside it that they name.
OF_NO_FILE = {
    "tests/entry/test_async_views.py": "of what views use, on each entry",
    "tests/server/test_http2_bodies.py": "of a body on its way through a real server",
    "tests/core/test_twins.py": "of the functions that wait and those that do not",
    "tests/server/test_behind_nginx.py": "of the manual's files for nginx and Caddy",
    "tests/server/test_async_servers.py": "of all that an async app passes, on real servers",
    "tests/server/test_failing_streams.py": "of a response on its way through a real server",
    "tests/server/test_life.py": "of the processes of a server, under load",
    "tests/server/test_overload.py": "of a server with more to do than it can, as a process",
    "tests/server/test_request_headers.py": "of what a request has on the wire",
    "tests/server/test_response_headers.py": "of what a response has on the wire",
    "tests/server/test_serve.py": "of all of server/, as a process",
    "tests/server/test_tls.py": "of a server with certificates, as a process",
    "tests/server/test_websockets.py": "of all that a WebSocket passes, on real servers",
    "tests/server/test_websockets_attacked.py": "of the same",
    "tests/test_conftest.py": "of the fixtures",
    "tests/test_differential.py": "of all that a request passes",
    "tests/test_house.py": "of all files",
    "tests/test_overrides.py": "of what users put in place of an app's own",
    "tests/test_questions.py": "of what users ask",
    "tests/test_startup.py": "of what is loaded at the start, by whichever file",
}
OF_NO_FOLDER = {"browser", "docs", "examples", "extensions", "questions", "security", "types"}
# Every file of these has a test file.
WITHOUT_GAPS = ("core", "entry")
FRAGMENT = re.compile(r"(added|changed|fixed|removed|security)-[a-z0-9-]+\.md")


def committed(*folders: str, ends: str = "") -> list[Path]:
    """List the files that git keeps, or is about to, under folders of the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no git checkout")
    files = [CHECKOUT / name for name in sorted(set(done.stdout.splitlines()))]
    return [file for file in files if file.name.endswith(ends) and file.is_file()]


@cache
def python_files() -> list[Path]:
    """List all Python files of ours, the scripts without an ending too."""
    scripts = [file for file in committed("scripts") if not file.suffix]
    return [*committed(*CODE, ends=".py"), *scripts]


def house_files() -> list[Path]:
    """List the files of the package."""
    return [file for file in python_files() if file.is_relative_to(HOUSE)]


@cache
def tree(file: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(file.read_text("utf-8"))


@cache
def comments(file: Path) -> list[tuple[int, str]]:
    """List the comments of a file with their lines."""
    with file.open("rb") as opened:
        tokens = tokenize.tokenize(opened.readline)
        return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]


def spot(file: Path, line: int) -> str:
    """Name a place as an editor can open it."""
    return f"{file.relative_to(CHECKOUT).as_posix()}:{line}"


def demand_none(offenders: Iterable[str]) -> None:
    """Fail with all that break a rule."""
    found = list(offenders)
    assert not found, "\n".join(["", *found])


def lines_of(node: ast.AST) -> int:
    """Count the lines of a class or function; its decorators stand before it."""
    assert isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


# What a file is.


def test_no_file_is_longer_than_a_reader_holds() -> None:
    lengths = {file: len(file.read_text("utf-8").splitlines()) for file in python_files()}
    demand_none(spot(file, n) for file, n in lengths.items() if n > LONGEST_FILE)


@pytest.mark.parametrize(
    ("kinds", "longest"),
    [
        ((ast.ClassDef,), LONGEST_CLASS),
        ((ast.FunctionDef, ast.AsyncFunctionDef), LONGEST_FUNCTION),
    ],
    ids=["classes", "functions"],
)
def test_no_class_or_function_is_longer(kinds: tuple[type[ast.AST], ...], longest: int) -> None:
    demand_none(
        f"{spot(file, node.lineno)} {lines_of(node)} lines"
        for file in house_files()
        for node in ast.walk(tree(file))
        if isinstance(node, kinds) and lines_of(node) > longest
    )


def test_the_first_line_of_a_file_says_what_it_is_for() -> None:
    demand_none(spot(file, 1) for file in python_files() if not says_what_it_is_for(file))


def says_what_it_is_for(file: Path) -> bool:
    """Say whether a file begins with a docstring of one sentence."""
    lines = file.read_text("utf-8").splitlines()
    first = next((line for line in lines if not line.startswith("#!")), "")
    sentence = (ast.get_docstring(tree(file)) or "").partition("\n\n")[0]
    return first.startswith(('"""', 'r"""')) and sentence.endswith((".", "?", "…", "`"))


# What a file imports; which floor may see which is held by import-linter.


def imports(file: Path) -> Iterator[tuple[ast.Import | ast.ImportFrom, list[str]]]:
    """Give every import of a file with the modules that it names."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield node, [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            yield node, ["." * node.level + (node.module or "")]


def test_the_house_asks_for_no_flask() -> None:
    demand_none(
        spot(file, node.lineno)
        for file in house_files()
        for node, modules in imports(file)
        if any(module.partition(".")[0] == "flask" for module in modules)
    )


def test_imports_are_absolute_and_name_modules_of_the_house() -> None:
    """Not `from kolben import Flask`: the package's own names are for those who use it."""
    demand_none(
        spot(file, node.lineno)
        for file in house_files()
        if file != HOUSE / "__init__.py"
        for node, modules in imports(file)
        if modules[0].startswith(".") or (modules == ["kolben"] and not names_modules(node))
    )


def names_modules(node: ast.Import | ast.ImportFrom) -> bool:
    """Say whether what is imported from the package is in files of their own."""
    return isinstance(node, ast.ImportFrom) and all(
        (HOUSE / f"{alias.name}.py").exists() or (HOUSE / alias.name).is_dir()
        for alias in node.names
    )


def test_only_typing_looks_up_the_floors_above() -> None:
    demand_none(
        spot(file, node.lineno)
        for file in house_files()
        if file.relative_to(HOUSE).as_posix() not in KNOWS_TYPES
        for node in ast.walk(tree(file))
        if (isinstance(node, ast.Name) and node.id == "TYPE_CHECKING")
        or (isinstance(node, ast.alias) and node.name == "TYPE_CHECKING")
    )


def test_an_import_in_a_function_says_that_it_saves_time() -> None:
    demand_none(
        spot(file, node.lineno)
        for file in house_files()
        for function in ast.walk(tree(file))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and not any(LATE_IMPORT in text for line, text in comments(file) if line == node.lineno)
    )


# What a file says.


def test_nothing_is_left_to_do() -> None:
    words = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
    demand_none(
        spot(file, line)
        for file in python_files()
        for line, text in comments(file)
        if words.search(text)
    )


def test_an_ignored_type_has_a_code_and_a_reason() -> None:
    """In a test the code is enough: that it does what users should not is its purpose."""
    coded = re.compile(r"# type: ignore\[[a-z, -]+\]")
    reasoned = re.compile(coded.pattern + r"(  # noqa: \w+)?  # \w+")
    tests = CHECKOUT / "tests"
    demand_none(
        spot(file, line)
        for file in python_files()
        for line, text in comments(file)
        if "type: ignore" in text
        and not (coded if file.is_relative_to(tests) else reasoned).search(text)
    )


def test_an_ignored_lint_has_a_code() -> None:
    whole = re.compile(r"# noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*(  |$)")
    demand_none(
        spot(file, line)
        for file in python_files()
        for line, text in comments(file)
        if "noqa" in text and not whole.search(text)
    )


def test_each_rule_that_is_off_has_its_reason() -> None:
    text = (CHECKOUT / "pyproject.toml").read_text("utf-8")
    ruff = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.pydocstyle]")]
    codes = re.compile(r'^    "[A-Z]+\d*",(.*)$', re.MULTILINE)
    demand_none(reason for reason in codes.findall(ruff) if not re.match(r"  # \S+", reason))


def test_no_file_knows_a_machine() -> None:
    """Neither a folder of somebody's computer nor an address to fetch packages from."""
    pattern = re.compile(
        rb"(?<![\w.])/(?:work|root|opt|Users|home/(?!me\b)\w+)/\w"
        rb"|files\.pythonhosted\.org|pypi\.org/simple|registry\.npmjs|extra-index-url|index-url"
    )
    found = []
    for file in committed():
        if file in {CHECKOUT / ".ci" / "run", Path(__file__)}:
            continue
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            if pattern.search(line):
                found.append(spot(file, number))
    demand_none(found)


# Which file has which test.


def test_tests_mirror_the_house() -> None:
    demand_none(
        name
        for file in committed("tests", ends=".py")
        if file.name.startswith("test_")
        and (name := file.relative_to(CHECKOUT).as_posix()) not in OF_NO_FILE
        and not is_of_a_file(file)
    )


def is_of_a_file(test: Path) -> bool:
    """Say whether a test file has the file that it is of, in its place."""
    folder = test.parent.relative_to(CHECKOUT / "tests")
    if folder.parts and folder.parts[0] in OF_NO_FOLDER:
        return True
    name = test.stem.removeprefix("test_")
    places = [HOUSE / folder, CHECKOUT / folder]
    # A part of a file may have a test file of its own, and a folder in a folder be in the name.
    names = ["_".join(name.split("_")[:count]) for count in range(1, name.count("_") + 2)]
    names.append(name.replace("_", "/", 1))
    if name in {"init", folder.name}:
        names.append("__init__")
    files = [
        place / f"{found}{ending}" for place in places for found in names for ending in (".py", "")
    ]
    return any(file.is_file() for file in files)


@pytest.mark.parametrize("folder", WITHOUT_GAPS)
def test_each_file_has_its_test(folder: str) -> None:
    tested = {file.name for file in (CHECKOUT / "tests" / folder).glob("test_*.py")}
    files = [file.name for file in (HOUSE / folder).glob("*.py") if file.name != "__init__.py"]
    demand_none(sorted(name for name in files if f"test_{name}" not in tested))


# What is written about the house.


def floors_of_the_linter() -> list[set[str]]:
    """Read the floors that import-linter holds, the lowest first."""
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    layers = contracts["tool"]["importlinter"]["contracts"][0]["layers"]
    return [{name.strip(" ()") for name in re.split("[:|]", layer)} for layer in reversed(layers)]


def floors_of_the_manual() -> list[set[str]]:
    """Read the table of floors, which has the lowest last."""
    rows = re.findall(
        r"^\| (?:\d+|roof) \|[^|]*\|([^|]*)\|", ARCHITECTURE.read_text(), re.MULTILINE
    )
    return [set(re.findall(r"`([a-z_]+)(?:\.py|/)`", row)) for row in reversed(rows)]


def test_the_manual_has_the_floors_of_the_linter() -> None:
    assert floors_of_the_linter() == floors_of_the_manual()


def test_the_picture_shows_every_file() -> None:
    """Each file and folder of the house, and each file of the two whose insides it draws."""
    picture = ARCHITECTURE.read_text("utf-8").split("```")[1]
    shown = set(re.findall(r"(?<![A-Z])[a-z_.]+(?:\.py|/)", picture))
    top = {f"{entry.name}/" if entry.is_dir() else entry.name for entry in HOUSE.iterdir()}
    inside = {file.name for folder in WITHOUT_GAPS for file in (HOUSE / folder).glob("*.py")}
    there = {name for name in top | inside if not name.startswith((".", "__pycache__"))}
    assert there - {"py.typed", "__init__.py"} <= shown
    assert shown - there <= {"__init__.py", "src/", "kolben/", "typed/", "extras/"}


def test_the_scripts_that_are_named_are_there() -> None:
    named: set[str] = set()
    for file in committed(ends=".md"):
        named.update(
            re.findall(r"(?<![\w/])(?:\./)?((?:scripts|\.ci)/[\w-]+)", file.read_text("utf-8"))
        )
    assert named
    demand_none(sorted(name for name in named if not (CHECKOUT / name).is_file()))
    programs = [CHECKOUT / name for name in named if "." not in Path(name).name]
    demand_none(str(file) for file in programs if not os.access(file, os.X_OK))


def test_the_commands_that_are_named_are_there() -> None:
    """Each `kolben …` in a console block; those of docs/questions/ are run by their own tests."""
    known = {*cli.commands, *(command.name for command in OWN_COMMANDS)}
    named: set[str] = set()
    for file in committed("*.md", "docs/*.md", "examples", ends=".md"):
        if file.parent.name == "questions":
            continue
        for block in re.findall(r"```console\n(.*?)```", file.read_text("utf-8"), re.DOTALL):
            named.update(
                re.findall(
                    r"^\$ (?:python -m )?kolben (?:--app \S+ )?([a-z][\w-]*)", block, re.MULTILINE
                )
            )
    assert set() == named - known


def test_links_of_the_manual_lead_somewhere() -> None:
    link = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
    demand_none(
        f"{file.relative_to(CHECKOUT)}: {target}"
        for file in committed(ends=".md")
        for target in link.findall(file.read_text("utf-8"))
        if "://" not in target and not (file.parent / target).exists()
    )


def test_the_index_has_every_page_of_the_manual() -> None:
    index = (CHECKOUT / "docs" / "index.md").read_text("utf-8")
    pages = {file.name for file in committed("docs/*.md") if file.parent.name == "docs"}
    demand_none(sorted(name for name in pages - {"index.md"} if f"]({name})" not in index))


def test_a_fragment_of_the_changelog_is_named_and_written_as_one() -> None:
    fragments = [file for file in committed("changelog") if file.name != "README.md"]
    assert fragments or "## " in (CHECKOUT / "CHANGELOG.md").read_text("utf-8")
    demand_none(file.name for file in fragments if not FRAGMENT.fullmatch(file.name))
    texts = {file.name: file.read_text("utf-8") for file in fragments}
    demand_none(
        name
        for name, text in texts.items()
        if not re.fullmatch(r"\S.*[.`)]\n", text, re.DOTALL) or text.startswith(("#", "-", "*"))
    )


def test_the_figures_in_the_readme_are_those_that_were_measured() -> None:
    rows = json.loads((CHECKOUT / "benchmarks/results/inprocess.json").read_text("utf-8"))["rows"]
    measured = {row["workload"]: str(row["ratio"]) for row in rows}
    text = (CHECKOUT / "README.md").read_text("utf-8").partition("## What a request costs\n")[2]
    names, _, figures = re.findall(r"^\|.*\|$", text, re.MULTILINE)[:3]
    shown = dict(zip(names.strip("| ").split(" | "), figures.strip("| ").split(" | "), strict=True))
    shown["render_template_string"] = shown.pop("template string")
    assert shown == {name: measured[name] for name in shown}
