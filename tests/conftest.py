"""Fixtures for all tests: app, client, wires, services, a server in a process of its own."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from kolben import Flask
from kolben.entry.body_timeouts import set_body_timeout
from kolben.testing import FlaskClient
from tests import services
from tests.entry.waiting import SOON_S
from tests.fresh_interpreter import Interpreter
from tests.interpreters import IS_PYPY
from tests.kinds import KINDS, Written
from tests.running import Server, find_free_port
from tests.sockets import SOCKETS, converse
from tests.wires import WIRES, WireClient

# What takes minutes together: servers, browsers, environments, big inputs. Marked slow.
SLOW = (
    "browser",
    "cli/test_drop_in_commands.py",
    "cli/test_run.py",
    "docs",
    "extensions",
    "questions",
    "security",
    "server/test_serve.py",
    "server/test_stop_signals.py",
    "test_drop_in.py",
)

# PyPy has no wheel of Granian, which serves in these, nor of msgspec; what is measured is CPython.
# Connections are looked for among those of Granian alone.
collect_ignore = (
    []
    if not IS_PYPY
    else [
        "benchmarks",
        "browser",
        "conformance/test_audit.py",
        "entry/test_backpressure.py",
        "entry/test_raw_socket.py",
        "entry/test_unsent.py",
        "entry/test_websocket_rsgi.py",
        "json/test_msgspec_provider.py",
        "server",
    ]
)


# No test fails because the machine, or PyPy's compiler, had other work while an example ran.
settings.register_profile("kolben", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kolben")


def pytest_configure() -> None:
    """Have Ctrl+C end what it should: a shell has it ignored by all that it runs in background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow files and folders."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def bodies_due_soon() -> Iterator[None]:
    """Have bodies that do not come given up after a tenth of a second (SOON_S)."""
    set_body_timeout(SOON_S)
    yield
    set_body_timeout(0)


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """An app in an empty folder, in testing mode."""
    app = Flask("app", root_path=str(tmp_path))
    app.testing = True
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """The test client of `app`."""
    made: FlaskClient = app.test_client()
    return made


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> Callable[[Flask], WireClient]:
    """Give a client of an app over each entry in turn: `wire(app).get("/")`."""
    return lambda app: WireClient(app, WIRES[request.param])


@pytest.fixture(params=SOCKETS)
def talk(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Open WebSockets of an app over each interface in turn: `talk(app, "/path", client)`.

    client: a coroutine function that gets the client's end. What it returns is returned.
    """
    return functools.partial(converse, SOCKETS[request.param])


@pytest.fixture(params=KINDS)
def written(request: pytest.FixtureRequest) -> Written:
    """Decorate the views of a test in turn: they are left plain, or made async."""
    return KINDS[request.param]


@pytest.fixture(params=KINDS)
def hooked(request: pytest.FixtureRequest) -> Written:
    """Do the same with what is called around a view, which has a kind of its own."""
    return KINDS[request.param]


@pytest.fixture
def free_port() -> int:
    """Find a port that nothing listens on."""
    return find_free_port()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start `kolben serve` on an app's source: `serve(source, "--threads", "2").get("/")`.

    It is ready when the call returns, and stopped when the test ends.
    """
    started: list[Server] = []

    def start(source: str, *options: str, **variables: Any) -> Server:
        folder = tmp_path / f"serve-{len(started)}"
        folder.mkdir()
        (folder / "served.py").write_text(source, "utf-8")
        server = Server(folder, "served", *options, **variables)
        started.append(server)
        return server.wait_until_ready()

    yield start
    for server in started:
        server.end()


@pytest.fixture
def kolben(tmp_path: Path) -> Callable[..., str]:
    """Run a command on an app's source: `kolben(source, "serve", "--explain")`; give its output.

    fails: whether it is to end with an error; then what it says on stderr is given.
    """

    def run(source: str, *words: str, fails: bool = False, **variables: Any) -> str:
        (tmp_path / "served.py").write_text(source, "utf-8")
        dropped = ("KOLBEN_", "FLASK_", "PYTHONHASHSEED")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        done = subprocess.run(
            [sys.executable, "-m", "kolben", "--app", "served", *words],
            cwd=tmp_path,
            env={**environment, "PYTHONIOENCODING": "utf-8", **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return (done.stdout + done.stderr) if fails else done.stdout

    return run


@pytest.fixture
def postgresql_url() -> str:
    """The URL of a PostgreSQL database."""
    return services.need(services.POSTGRESQL)


@pytest.fixture
def mariadb_url() -> str:
    """The URL of a MariaDB database."""
    return services.need(services.MARIADB)


@pytest.fixture
def redis_url() -> str:
    """The URL of a Redis database."""
    return services.need(services.REDIS)


@pytest.fixture
def rabbitmq_url() -> str:
    """The URL of a RabbitMQ virtual host."""
    return services.need(services.RABBITMQ)


@pytest.fixture
def python(tmp_path: Path) -> Interpreter:
    """Interpreters that start in an empty directory."""
    return Interpreter(tmp_path)


@pytest.fixture
def other_flask(tmp_path: Path) -> str:
    """The version of a package `flask` that is installed, and is not Kolben."""
    (tmp_path / "flask").mkdir()
    (tmp_path / "flask" / "__init__.py").write_text("Flask = None\n")
    (tmp_path / "flask-2.3.9.dist-info").mkdir()
    (tmp_path / "flask-2.3.9.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: Flask\nVersion: 2.3.9\n"
    )
    return "2.3.9"
