"""Other servers run an app, and it can tell how many requests they work on at once."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from kolben import Flask
from kolben.server.hosts import Host, detect, report_here
from tests.questions.programs import Program
from tests.user_environment import user_environment

PROGRAM = Path(__file__).parent / "programs" / "hosted_app.py"
MANUAL = Path(__file__).parents[2] / "docs" / "deploy" / "other-servers.md"
PACKAGES = ("gunicorn[gevent]>=25", "waitress>=3", "uwsgi>=2.0.28", "sqlalchemy==2.1.9")

GUNICORN = "gunicorn --bind 127.0.0.1:{port}"
WAITRESS = "waitress-serve --listen 127.0.0.1:{port} --threads 8"
UWSGI = (
    "uwsgi --master --http-socket 127.0.0.1:{port} --wsgi-file hosted_app.py --callable app"
    " --need-app --die-on-term --enable-threads --lazy-apps"
)
COMMANDS = {
    f"{GUNICORN} --workers 2 hosted_app:app": "2 workers × 1 thread = 2 requests at once"
    " (gunicorn sync)",
    f"{GUNICORN} --workers 2 --threads 8 hosted_app:app": "2 workers × 8 threads = 16 requests at"
    " once (gunicorn gthread)",
    f"{GUNICORN} --worker-class asgi hosted_app:app": "1 worker × 3 threads = 3 requests at once"
    " (gunicorn asgi)",
    f"{GUNICORN} --worker-class gevent hosted_app:app": "1 worker × 1000 greenlets = 1000 requests"
    " at once (gunicorn gevent)",
    f"{WAITRESS} hosted_app:app": "1 worker × 8 threads = 8 requests at once (waitress)",
    f"{UWSGI} --processes 2 --threads 8": "2 workers × 8 threads = 16 requests at once (uWSGI)",
    f"{UWSGI} --processes 2": "2 workers × 1 thread = 2 requests at once (uWSGI)",
}


@pytest.fixture(params=COMMANDS, ids=lambda command: " ".join(command.split()[::2]))
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Program, str]]:
    """A server with the app, and what it is to say of itself."""
    shutil.copy(PROGRAM, tmp_path)
    users = user_environment("other-servers", PACKAGES)
    program = Program(users, tmp_path, *request.param.split(), KOLBEN_THREADS="3")
    try:
        yield program.wait_until_open(), COMMANDS[request.param]
    finally:
        program.end()


@pytest.mark.slow
def test_another_server_runs_the_app_and_the_report_is_the_same(
    running: tuple[Program, str],
) -> None:
    program, said = running
    assert (200, "plain") == program.get("/")
    assert (200, "async") == program.get("/async"), program.printed
    status, report = program.get("/report")
    first, *warnings = report.splitlines()
    assert (200, said) == (status, first)
    is_small = " 1 thread " not in said
    assert is_small == any("holds 2 connections, but each worker" in line for line in warnings)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sync", "gthread", "asgi", "gevent"])
def test_the_manuals_configuration_of_gunicorn_starts_each_kind_of_worker(
    kind: str, tmp_path: Path
) -> None:
    page = MANUAL.read_text("utf-8")
    blocks = re.findall(r"```python\n(# gunicorn\.conf\.py\n.*?)```", page, re.DOTALL)
    (tmp_path / "gunicorn.conf.py").write_text("".join(blocks), "utf-8")
    shutil.copy(PROGRAM, tmp_path)
    command = f"{GUNICORN} --worker-class {kind} hosted_app:app".split()
    program = Program(user_environment("other-servers", PACKAGES), tmp_path, *command)
    try:
        assert (200, "plain") == program.wait_until_open().get("/")
        assert len(blocks) == 2
        # The threads that it asks for make gthread of a sync worker.
        assert f"at once (gunicorn {kind.replace('sync', 'gthread')})" in program.printed
    finally:
        program.end()


def test_where_no_server_is_known_the_report_says_so() -> None:
    assert detect() is None
    assert "run by no server" in report_here(Flask("shop"))


def test_mod_wsgi_tells_in_a_module_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(maximum_processes=2, threads_per_process=15)
    monkeypatch.setitem(sys.modules, "mod_wsgi", module)  # type: ignore[arg-type]
    assert Host("mod_wsgi", 2, 15) == detect()
    # The package of that name, outside of Apache.
    monkeypatch.setitem(sys.modules, "mod_wsgi", SimpleNamespace())  # type: ignore[arg-type]
    assert detect() is None
