"""The ways in which an app of the matrix is started, and what comes of it."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from conformance.environment import Environment
from tests.extensions.served.asking import Asking
from tests.extensions.served.declared import Declared
from tests.running import find_free_port, is_open

START_S = 120
STOP_S = 20
# In the log of a failure, from the end.
LINES = 40

GUNICORN = (
    "gunicorn --bind 127.0.0.1:{port} --no-control-socket --threads 4 --timeout 120 {app}:app"
)
SERVE = "kolben --app {app} serve --port {port} --threads 4 --interface"


@dataclass(frozen=True)
class Way:
    """One way to start an app. ends_with: the exit status after SIGTERM; None: any."""

    name: str
    command: str
    on_flask: bool = False
    ends_with: int | None = None


FLASK = Way("flask", GUNICORN, on_flask=True)
SERVERS = (
    Way("serve (RSGI)", f"{SERVE} rsgi", ends_with=0),
    Way("serve (ASGI)", f"{SERVE} asgi", ends_with=0),
    Way("run", "kolben --app {app} run --port {port}"),
    Way("gunicorn", GUNICORN, ends_with=0),
)
COMMANDS = (
    Way("--explain", "kolben --app {app} serve --explain --json"),
    Way("doctor", "kolben --app {app} doctor --json"),
)


class Run:
    """One app, in a folder of its own, in one way."""

    def __init__(self, environment: Environment, declared: Declared, way: Way, folder: str) -> None:
        self._environment = environment
        self._declared = declared
        self._way = way
        self._folder = Path(folder)
        self._known = {
            "app": declared.name,
            "port": str(find_free_port()),
            "beside": str(find_free_port()),
            "prefix": f"matrix{uuid.uuid4().hex}",
            "folder": folder,
        }

    def answers(self) -> list[str]:
        """Start the app, ask it, stop it; return what came."""
        shutil.copy(self._declared.file, self._folder)
        try:
            with ExitStack() as stack:
                for command in self._declared.before:
                    self.run(command, check=True)
                for command, sentence in self._declared.beside:
                    stack.enter_context(self._running(command, self._said(sentence)))
                if self._way in COMMANDS:
                    return [self._judge_command()]
                server = self._running(self._way.command, self._opened("port"))
                stack.enter_context(server)
                return Asking(self._declared, self._known, self.run).answers()
        finally:
            client = redis.Redis()
            for key in client.scan_iter(f"{self._known['prefix']}*", count=1000):
                client.delete(key)
            client.close()

    def run(self, command: str, *, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            self._words(command),
            cwd=self._folder,
            env=self._variables(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if check and done.returncode:
            raise AssertionError(f"`{command}` ends with {done.returncode}:\n{done.stderr}")
        return done

    def _judge_command(self) -> str:
        """Run `--explain` or the doctor; "well", or what is wrong with what it says."""
        done = self.run(self._way.command)
        try:
            said = json.loads(done.stdout)
        except ValueError:
            return f"{done.returncode}: {done.stdout}{done.stderr}"
        found = said.get("findings", ())
        problems = [one["check"] for one in found if one["verdict"] == "problem"]
        if problems != self._declared.problems * bool(found) or done.returncode != bool(problems):
            return f"{done.returncode}: {found}"
        lines = [*said.get("warnings", ()), *(one["reason"] for one in found)]
        failed = [line for line in lines if "cannot be looked at" in line]
        return "\n".join(failed) or "well"

    @contextmanager
    def _running(self, command: str, is_ready: Callable[[str], bool]) -> Iterator[None]:
        """Run a server until the block ends."""
        log = self._folder / f"{uuid.uuid4().hex}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self._words(command),
                cwd=self._folder,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            end = time.monotonic() + START_S
            while not is_ready(log.read_text()):
                if process.poll() is not None or time.monotonic() > end:
                    raise AssertionError(f"`{command}` does not start.")
                time.sleep(0.03)
            yield
            process.terminate()
            status = process.wait(STOP_S)
            if command == self._way.command and self._way.ends_with not in {None, status}:
                raise AssertionError(f"`{command}` ended with {status} when it was stopped.")
        except Exception as error:
            tail = "\n".join(log.read_text().splitlines()[-LINES:])
            raise AssertionError(f"{error}\n--- what it printed:\n{tail}") from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _said(self, sentence: str) -> Callable[[str], bool]:
        return (lambda log: sentence in log) if sentence else self._opened("beside")

    def _opened(self, port: str) -> Callable[[str], bool]:
        return lambda _: is_open(int(self._known[port]))

    def _words(self, command: str) -> list[str]:
        for name, value in self._known.items():
            command = command.replace(f"{{{name}}}", value)
        program, *arguments = shlex.split(command)
        return [str(self._environment.scripts / program), *arguments]

    def _variables(self) -> dict[str, str]:
        known = {f"MATRIX_{name.upper()}": value for name, value in self._known.items()}
        return {
            **self._environment.environ(),
            **known,
            "PYTHONUNBUFFERED": "1",
            # The order of sets, as of methods, is in answers: it is to be the same at each run.
            "PYTHONHASHSEED": "7",
            "FLASK_APP": self._declared.name,
            **({"KOLBEN_DROP_IN": "0"} if self._way.on_flask else {}),
        }


def answers_of(environment: Environment, declared: Declared, way: Way) -> list[str]:
    """Start an app in one way, in a folder that is removed afterwards; return what came.

    AssertionError: it does not start, or does not end.
    """
    with tempfile.TemporaryDirectory(prefix="matrix-", ignore_cleanup_errors=True) as folder:
        return Run(environment, declared, way, folder).answers()
