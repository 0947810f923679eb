"""What a start costs: the same commands with Flask and with Kolben, in one run.

    python -m benchmarks.startup [--peers DIR] [--rounds N] [--write]

Each command runs in a process of its own, Flask's and Kolben's in turns, so that a machine whose
speed drifts is equally slow for both; each has an environment of its own (see benchmarks.peers).
Told are medians: CPU time, the time by the clock, and the most memory that the process had. All
code is compiled before the first round. --write: keep the figures in benchmarks/results/.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

from benchmarks.peers import DEFAULT, clean_environ, installed, python_of
from benchmarks.turns import NotThereError, machine, print_table, round_figure, write

LONGEST_S = 60.0

HELLO = """\
from {name} import Flask

app = Flask(__name__)


@app.route("/")
def index():
    return "hello"
"""

# With what the start alone leaves out until it is used: a template, and the session.
PAGE = """\
from {name} import Flask, render_template_string, session

app = Flask("x")
app.secret_key = "not secret"

@app.route("/")
def index():
    session["seen"] = True
    return render_template_string("{{{{ request.path }}}}")

environ = {{"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SCRIPT_NAME": "", "HTTP_HOST": "h",
    "SERVER_NAME": "h", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}}
assert b"".join(app(environ, lambda *answer: None)) == b"/"
"""

# What is started, after the path of a Python. The last is ended after its first answer.
COMMANDS = {
    "import": ("-c", "import {name}"),
    "an app": ("-c", "from {name} import Flask; Flask('x')"),
    "an app, template and session used": ("-c", PAGE),
    "--help": ("-m", "{name}", "--help"),
    "--app hello routes": ("-m", "{name}", "--app", "hello_{name}", "routes"),
    "--app hello run, to the first answer": (
        *("-m", "{name}", "--app", "hello_{name}", "run", "--port", "{port}"),
    ),
}

# A child's memory begins with that of the process which starts it: a Python with nothing in it.
LAUNCH = """\
import os, sys
quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
print(pid, flush=True)
_, status, used = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


class Cost(NamedTuple):
    """What one start took."""

    cpu_s: float
    clock_s: float
    memory_kb: float


class Side:
    """One of the two: its name, a Python that has the package of that name, and a folder."""

    def __init__(self, name: str, python: Path, folder: Path) -> None:
        self.name = name
        self.python = str(python)
        self.folder = folder
        self.environ = clean_environ() | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        if not python.exists():
            raise NotThereError(f"{name} is not there: see `python -m benchmarks.peers`")
        (folder / f"hello_{name}.py").write_text(HELLO.format(name=name))

    def start(self, command: tuple[str, ...]) -> Cost:
        """Run a command to its end, or a server to its first answer."""
        port = find_free_port()
        arguments = [part.format(name=self.name, port=port) for part in command]
        began = time.perf_counter()
        launched = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", LAUNCH, self.python, *arguments],
            env=self.environ,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert launched.stdout is not None
        pid = int(launched.stdout.readline())
        expected = 0
        if "run" in command:
            wait_for_answer(port)
            os.kill(pid, signal.SIGKILL)
            expected = -signal.SIGKILL
        code, cpu_s, memory_kb = launched.stdout.readline().split()
        clock_s = time.perf_counter() - began
        launched.wait()
        if int(code) != expected:
            raise SystemExit(f"{self.python} {' '.join(arguments)} ended with {code}.")
        return Cost(float(cpu_s), clock_s, float(memory_kb))


def find_free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def wait_for_answer(port: int) -> None:
    """Wait until a server answers; raise TimeoutError if it never does."""
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=LONGEST_S) as answer:
                assert answer.read() == b"hello"
                return
        except OSError:
            time.sleep(0.005)
    raise TimeoutError(f"No answer on port {port} within {LONGEST_S} s.")


def compare(theirs: Side, ours: Side, rounds: int) -> Iterator[dict[str, Any]]:
    """Measure all commands on both sides, in turns; yield a row for each."""
    for what, command in COMMANDS.items():
        for side in (theirs, ours):  # compiles what is not compiled yet
            side.start(command)
        pairs = [(theirs.start(command), ours.start(command)) for _ in range(rounds)]
        yield {"what": what, **_figures(pairs)}


def _figures(pairs: list[tuple[Cost, Cost]]) -> dict[str, float]:
    """Return the medians of both sides, and of the ratios of their CPU times, pair by pair."""

    def middle(read: Callable[[Cost, Cost], float]) -> float:
        return round_figure(statistics.median(read(flask, kolben) for flask, kolben in pairs))

    return {
        "flask_cpu_ms": middle(lambda flask, _: flask.cpu_s * 1e3),
        "kolben_cpu_ms": middle(lambda _, kolben: kolben.cpu_s * 1e3),
        "ratio": middle(lambda flask, kolben: flask.cpu_s / kolben.cpu_s),
        "flask_ms": middle(lambda flask, _: flask.clock_s * 1e3),
        "kolben_ms": middle(lambda _, kolben: kolben.clock_s * 1e3),
        "flask_mb": middle(lambda flask, _: flask.memory_kb / 1024),
        "kolben_mb": middle(lambda _, kolben: kolben.memory_kb / 1024),
    }


def main() -> None:
    """Read the arguments, and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, default=DEFAULT, help="where the environments are")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        theirs, ours = (
            Side(name, python_of(arguments.peers, name), Path(folder))
            for name in ("flask", "kolben")
        )
        rows = list(compare(theirs, ours, arguments.rounds))
    print_table(rows[0], (row.values() for row in rows))
    if arguments.write:
        versions = installed(arguments.peers, "flask")
        result = {"machine": machine(), "rounds": arguments.rounds, "versions": versions}
        write("startup", {**result, "rows": rows})


if __name__ == "__main__":
    main()
