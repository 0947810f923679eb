"""Every block of docs/questions runs and prints what it says, from `flask` and from `kolben`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.user_environment import user_environment

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/questions").glob("[0-9]*.md"))
# They are about what is installed, or use Flask-SQLAlchemy, which would bring the real Flask here.
IN_USER_ENVIRONMENT = {"03-no-module-named", "05-track-modifications", "09-delete-by-id"}


def read(page: Path, package: str, directory: Path) -> None:
    """Run a page in a process of its own; fail with what it says is wrong."""
    command = [sys.executable]
    environ = {n: v for n, v in os.environ.items() if not n.startswith(("KOLBEN_", "FLASK_"))}
    if page.stem in IN_USER_ENVIRONMENT:
        environment = user_environment()
        command, environ = environment.command(), environment.environ()
    done = subprocess.run(
        [*command, "-W", "error", Path(__file__).with_name("run_page.py"), page, package],
        cwd=directory,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.fail(done.stderr + done.stdout, pytrace=False)


@pytest.mark.parametrize("package", ["flask", "kolben"])
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page, marks=[pytest.mark.slow] * (page.stem in IN_USER_ENVIRONMENT), id=page.stem
        )
        for page in PAGES
    ],
)
def test_the_page_is_true(page: Path, package: str, tmp_path: Path) -> None:
    read(page, package, tmp_path)


def test_there_is_a_page_for_each_question() -> None:
    assert [f"{number:02}" for number in range(1, 11)] == [page.name[:2] for page in PAGES]


def test_the_index_leads_to_every_page() -> None:
    index = (ROOT / "docs/questions/index.md").read_text("utf-8")
    assert [page.name for page in PAGES if f"]({page.name})" not in index] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("```python\nassert 1 == 2\n```", 'page.md", line 2, in <module>\n    assert 1 == 2'),
        ("```python\nprint(1)\n```\n\n```text\n2\n```", "page.md:5: the page says\n\n2\n"),
        ("```console\n$ echo one\ntwo\n```", "page.md:1: the page says\n\ntwo\n"),
        ("<!--\n```python\nnope\n```\n-->", "NameError"),
    ],
    ids=["a false assertion", "another output", "another output of a command", "a hidden block"],
)
def test_a_page_that_is_wrong_fails_with_its_line(wrong: str, said: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(wrong)
    with pytest.raises(pytest.fail.Exception) as failure:
        read(page, "flask", tmp_path)
    assert said in str(failure.value)


@pytest.mark.parametrize("package", ["flask", "kolben"])
def test_files_of_a_page_are_written(package: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python app.py\nfrom flask import Flask\nimport flask\n```\n\n"
        "```python\nfrom app import Flask, flask\nprint(Flask is flask.Flask)\n```\n\n"
        "```text\nTr…\n```\n\n```html templates/a.html\n<p>\n```\n"
    )
    read(page, package, tmp_path)
    assert (tmp_path / "templates/a.html").read_text() == "<p>\n"
    assert f"from {package} import Flask" in (tmp_path / "app.py").read_text()
