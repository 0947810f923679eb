"""Question 6: ways to debug an app, each tried on a real process.

Flask-DebugToolbar and Sentry are in tests/extensions.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.questions.debug_adapter import DebugAdapter
from tests.questions.programs import Program
from tests.running import find_free_port, wait_for

pytestmark = pytest.mark.slow

APP = """\
import sys
from flask import Flask

app = Flask(__name__)

@app.route("/")
def index():
    app.logger.debug("a message for the author")
    return f"debug={app.debug}"

@app.route("/fail")
def fail():
    secret = 41
    return str(secret / 0)

@app.route("/stop")
def stop():
    secret = 41
    breakpoint()
    return str(secret + 1)

if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), **eval(sys.argv[2]))
"""
TRACEBACK = re.compile(
    r"""hello\.py", line 14, in fail
    return str\(secret / 0\)
(?:.*
)?ZeroDivisionError: division by zero
"""
)
RUN = ("kolben", "--app", "hello", "run", "--port", "{port}")


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    file = tmp_path / "hello.py"
    file.write_text(APP)
    return file


@pytest.mark.parametrize(
    ("command", "variables", "debug"),
    [
        (RUN, {}, False),
        ((*RUN, "--debug"), {}, True),
        (("kolben", "--app", "hello", "--debug", "run", "--port", "{port}"), {}, True),
        (RUN, {"FLASK_DEBUG": "1"}, True),
        (RUN, {"FLASK_DEBUG": "0"}, False),
        ((*RUN, "--no-debug"), {"FLASK_DEBUG": "1"}, False),
        (("kolben", "run", "--port", "{port}"), {"FLASK_APP": "hello", "FLASK_DEBUG": "1"}, True),
        (("flask", "run", "--port", "{port}"), {"FLASK_APP": "hello", "FLASK_DEBUG": "1"}, True),
        (
            ("python", "-m", "flask", "--app", "hello.py", "run", "-p", "{port}", "--debug"),
            {},
            True,
        ),
        (("python", "hello.py", "{port}", "{}"), {}, False),
        (("python", "hello.py", "{port}", "{'debug': True}"), {}, True),
        (("python", "hello.py", "{port}", "{}"), {"FLASK_DEBUG": "1"}, True),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_ways_to_debug_mode(
    start: Callable[..., Program],
    hello: Path,
    command: tuple[str, ...],
    variables: dict[str, str],
    debug: bool,
) -> None:
    program = start(*command, **variables).wait_until_open()
    assert program.get("/") == (200, f"debug={debug}")
    assert f" * Debug mode: {'on' if debug else 'off'}\n" in program.printed
    assert ("a message for the author" in program.printed) == debug


def test_flaskenv_is_read(start: Callable[..., Program], hello: Path) -> None:
    hello.with_name(".flaskenv").write_text("FLASK_APP=hello\nFLASK_DEBUG=1\n")
    program = start("kolben", "run", "--port", "{port}").wait_until_open()
    assert program.get("/") == (200, "debug=True")


@pytest.mark.parametrize(
    ("options", "interactive"),
    [
        ("{'debug': True}", True),
        ("{'debug': True, 'use_reloader': False}", True),
        ("{'debug': True, 'use_debugger': False}", False),
        ("{}", False),
    ],
)
def test_a_traceback_is_in_the_terminal_always_and_in_the_browser_if_asked_for(
    start: Callable[..., Program], hello: Path, options: str, interactive: bool
) -> None:
    program = start("python", "hello.py", "{port}", options).wait_until_open()
    status, page = program.get("/fail")
    assert status == 500
    assert ("EVALEX = true" in page) == interactive
    assert ("ZeroDivisionError" in page) == interactive
    wait_for(lambda: TRACEBACK.search(program.printed))


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "--bind", "127.0.0.1:{port}", "hello:app"),
        ("kolben", "--app", "hello", "serve", "--port", "{port}"),
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("debug", ["0", "1"])
def test_in_production_it_is_in_the_log_alone(
    start: Callable[..., Program], hello: Path, command: tuple[str, ...], debug: str
) -> None:
    program = start(*command, FLASK_DEBUG=debug).wait_until_open()
    status, page = program.get("/fail")
    assert status == 500
    assert "secret" not in page and "Zero" not in page
    wait_for(lambda: TRACEBACK.search(program.printed))


class Console:
    """The debugger's page in a browser: its frames and their consoles."""

    def __init__(self, program: Program, path: str) -> None:
        self.program = program
        self.path = path
        self.cookie = ""
        page = program.get(path)[1]
        self.secret = re.search(r'SECRET = "(\w+)"', page)[1]
        self.functions = re.findall(r'in <code class="function">(\w+)</code>', page)
        self.frames = re.findall(r'id="frame-(\d+)"', page)

    def send(self, **arguments: str) -> str:
        """Send what the page's buttons send; keep the cookie of the answer."""
        query = urlencode({"__debugger__": "yes", "s": self.secret, **arguments})
        connection = http.client.HTTPConnection("127.0.0.1", self.program.port, timeout=20)
        try:
            connection.request("GET", f"{self.path}?{query}", headers={"Cookie": self.cookie})
            answer = connection.getresponse()
            self.cookie = (answer.headers.get("Set-Cookie") or self.cookie).partition(";")[0]
            return answer.read().decode()
        finally:
            connection.close()

    def evaluate(self, expression: str, frame: str) -> str:
        """Type an expression into the console of a frame; return the text it shows."""
        return unescape(re.sub("<[^>]+>", "", self.send(cmd=expression, frm=frame)))


@pytest.mark.parametrize("reload", ["--reload", "--no-reload"])
def test_the_console_of_a_frame_opens_with_the_pin(
    start: Callable[..., Program], hello: Path, reload: str
) -> None:
    program = start(*RUN, "--debug", reload).wait_until_open()
    wait_for(lambda: program.get("/")[0] == 200)
    console = Console(program, "/fail")
    assert console.functions[-1] == "fail"
    assert len(set(console.frames)) == len(console.functions) > 1
    own = console.frames[-1]
    assert ">>> secret" not in console.evaluate("secret * 2", own), "without a PIN"
    assert '"auth": false' in console.send(cmd="pinauth", pin="000-000-000")
    assert ">>> secret" not in console.evaluate("secret * 2", own), "with a wrong PIN"

    console.send(cmd="printpin")
    pins = set(re.findall(r"[Pp][Ii][Nn](?: code)?: (\d{3}-\d{3}-\d{3})", program.printed))
    assert len(pins) == 1, program.printed
    assert '"auth": true' in console.send(cmd="pinauth", pin=pins.pop())
    assert console.evaluate("secret * 2", own).splitlines() == [">>> secret * 2", "82"]
    console.evaluate("secret = 'changed'", own)
    assert "'changed'" in console.evaluate("secret", own)


def test_the_reloader_starts_anew_after_a_change(
    start: Callable[..., Program], hello: Path
) -> None:
    program = start(*RUN, "--debug").wait_until_open()
    assert program.get("/") == (200, "debug=True")
    hello.write_text(APP.replace('f"debug={app.debug}"', '"changed"'))
    wait_for(lambda: "Detected change in" in program.printed)
    program.wait_for_answer("/", (200, "changed"))


def test_without_the_reloader_nothing_changes(start: Callable[..., Program], hello: Path) -> None:
    program = start("python", "hello.py", "{port}", "{'debug': True, 'use_reloader': False}")
    program.wait_until_open()
    hello.write_text(APP.replace('f"debug={app.debug}"', '"changed"'))
    assert program.get("/") == (200, "debug=True")
    assert "Restarting" not in program.printed


@pytest.mark.parametrize("debug", ["--debug", "--no-debug"])
def test_breakpoint_opens_pdb_in_the_terminal(
    start: Callable[..., Program], hello: Path, debug: str
) -> None:
    program = start(*RUN, debug, "--no-reload").wait_until_open()
    for line in ("p secret", "secret = 99", "c"):
        program.type_in(line)
    assert program.get("/stop") == (200, "100")
    # Python 3.13 stops at the call itself, those before it at the next line.
    assert re.search(r"hello\.py\((19|20)\)stop\(\)", program.printed)
    assert "(Pdb) 41" in program.printed


def test_the_debugger_of_visual_studio_code_stops_in_a_view(
    start: Callable[..., Program], hello: Path
) -> None:
    port = find_free_port()
    program = start(
        "python",
        *("-m", "debugpy", "--listen", f"127.0.0.1:{port}", "--wait-for-client"),
        *("-m", "kolben", "--app", "hello", "run", "--port", "{port}"),
        *("--debug", "--no-debugger", "--no-reload"),
        PYDEVD_DISABLE_FILE_VALIDATION="1",
    )
    line = APP.splitlines().index("    return str(secret / 0)") + 1
    with DebugAdapter(port) as editor:
        editor.attach_with_breakpoint(hello, line)
        program.wait_until_open()
        with program.asking("/fail"):
            stopped_at = editor.wait_for_stop()
            assert (stopped_at.function, stopped_at.line) == ("fail", line)
            assert editor.evaluate("secret + 1", stopped_at) == "42"
            editor.go_on()
