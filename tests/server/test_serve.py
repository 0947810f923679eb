"""`kolben serve` as a real process: what it says, answers, survives, and how it ends."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kolben.version import VERSION
from tests.running import Server, is_open, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals and fork are those of POSIX"),
]

APP = """\
import os, time
from flask import Flask, Response, request

app = Flask(__name__)

@app.get("/")
def index():
    return "hello"

@app.get("/pid")
def pid():
    return str(os.getpid())

@app.get("/sleep/<float:seconds>")
def sleep(seconds):
    time.sleep(seconds)
    return "slept"

@app.get("/die")
def die():
    os._exit(9)

@app.get("/environ")
def environ():
    return {key: str(value) for key, value in request.environ.items()}

@app.get("/status/<status>")
def bad_status(status):
    response = Response("never sent")
    if status.isdecimal():
        response.status_code = int(status)
    else:
        response.status = status
    return response

@app.post("/body")
def body():
    data = request.get_data()
    print("VIEW SAW", len(data), flush=True)
    return data

@app.post("/lines")
def lines():
    return [line.decode() for line in request.stream]

@app.get("/endless")
def endless():
    def pieces():
        try:
            while True:
                yield b"x" * 65536
        finally:
            open("closed", "w").close()
    return Response(pieces())

class RawStatus:
    def __init__(self, below):
        self.below = below

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"].startswith("/raw/"):
            start_response(environ["PATH_INFO"][5:], [])
            return [b"never sent"]
        return self.below(environ, start_response)

app.wsgi_app = RawStatus(app.wsgi_app)
"""


def answers(server: Server) -> bool:
    """Say whether a request is answered; one that a dying worker had accepted is not."""
    try:
        return server.get("/") == (200, b"hello")
    except (OSError, http.client.HTTPException):
        return False


@pytest.fixture(scope="module", params=["wsgi", "rsgi"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server for the tests that leave it as it was: one worker, two threads."""
    directory = tmp_path_factory.mktemp("serve")
    (directory / "hello.py").write_text(APP)
    options = ["--threads", "2", "--access-log", "--interface", request.param]
    running = Server(directory, "hello", *options, A_SECRET="in the process")
    try:
        yield running.wait_until_ready()
    finally:
        running.end()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers for one test; `files` are modules to write first."""
    running: list[Server] = []

    def begin(app: str | None = "hello", *options: str, **variables: Any) -> Server:
        files: dict[str, str] = variables.pop("files", {"hello": APP})
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        running.append(Server(tmp_path, app, *options, **variables))
        return running[-1]

    yield begin
    for one in running:
        one.end()


def test_it_says_where_it_is_and_what_it_holds(start: Callable[..., Server]) -> None:
    server = start("hello", "--workers", "2", "--threads", "3").wait_until_ready()
    expected = (
        f"Kolben {VERSION} serving hello:app on http://127.0.0.1:{server.port}\n"
        "2 workers × 3 threads = 6 requests at once (RSGI); async views beside them\n"
    )
    assert expected == server.out
    assert "" == server.err


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
@pytest.mark.parametrize("how", ["option", "variable"])
def test_on_an_event_loop_plain_views_have_the_threads_that_it_says(
    start: Callable[..., Server], interface: str, how: str
) -> None:
    """With two threads, three views that wait for each other never get together."""
    app = """\
import threading
from flask import Flask

app = Flask(__name__)
together = threading.Barrier(2)

@app.get("/together")
def wait():
    together.wait(10)
    return threading.current_thread().name[:12]

@app.get("/thread/<int:number>")
def thread(number):
    return threading.current_thread().name
"""
    options = ["--threads", "2"] if how == "option" else []
    variables = {} if how == "option" else {"KOLBEN_THREADS": "2"}
    server = start(
        "hello", "--interface", interface, *options, files={"hello": app}, **variables
    ).wait_until_ready()
    said = f"1 worker × 2 threads = 2 requests at once ({interface.upper()})"
    assert f"{said}; async views beside them" == server.out.splitlines()[1]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(server.get, ["/together"] * 2))
    assert [(200, b"kolben-view-")] * 2 == answers
    with ThreadPoolExecutor(8) as pool:
        names = {body for _, body in pool.map(server.get, ["/thread/1"] * 40)}
    assert names <= {b"kolben-view-1", b"kolben-view-2"}


@pytest.mark.parametrize("name", ["KOLBEN_THREADS", "KOLBEN_SERVE_THREADS"])
def test_a_number_of_threads_that_is_none_is_refused(
    start: Callable[..., Server], name: str
) -> None:
    server = start("hello", **{name: "many"})
    assert 2 == server.process.wait(20)
    assert "Invalid value for '--threads'" in server.err
    assert "'many' is not a valid integer range" in server.err


def test_it_holds_as_many_requests_at_once_as_it_says(server: Server) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(server.get, ["/sleep/0.5"] * 4))
    took = time.monotonic() - began
    assert [(200, b"slept")] * 4 == answers
    assert 0.95 < took < 1.6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_after_the_running_requests(
    number: int, start: Callable[..., Server]
) -> None:
    server = start("hello", "--workers", "2").wait_until_ready()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.get, "/sleep/1.0")
        time.sleep(0.4)
        assert 0 == server.stop(number)
        assert (200, b"slept") == answer.result()
    report = r"Worker \d \(pid \d+\) has ended: 1 request finished while it was stopping, none was"
    assert re.fullmatch(report + r" cut off\.\n", server.err)
    assert not is_open(server.port)


def test_control_c_in_a_terminal_reaches_all_processes_and_is_no_failure(
    start: Callable[..., Server],
) -> None:
    server = start("hello", "--workers", "2").wait_until_ready()
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(server.process.pid)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for pid in children:
        os.kill(int(pid), signal.SIGINT)
    assert 0 == server.stop(signal.SIGINT)
    assert "Traceback" not in server.err


def test_a_signal_ends_it_even_while_the_app_is_loading(start: Callable[..., Server]) -> None:
    text = "import time\nopen('begun', 'w').close()\ntime.sleep(30)"
    server = start("slow", "--workers", "2", files={"slow": text})
    wait_for(lambda: (server._out.parent / "begun").exists())
    began = time.monotonic()
    assert 0 == server.stop()
    assert time.monotonic() - began < 5
    assert "" == server.out + server.err


def test_a_request_that_does_not_end_is_cut_at_the_stop_timeout(
    start: Callable[..., Server],
) -> None:
    server = start("hello", "--stop-timeout", "1").wait_until_ready()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.get, "/sleep/30.0")
        time.sleep(0.4)
        began = time.monotonic()
        assert 0 == server.stop()
        assert time.monotonic() - began < 5
        with pytest.raises((OSError, http.client.HTTPException)):
            answer.result()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import a_module_that_is_missing", "is not installed in the Python that runs this"),
        ("def broken(:", "SyntaxError"),
        ("raise ZeroDivisionError('own words')", "ZeroDivisionError: own words"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("x = 1", "has no app called 'app'"),
    ],
    ids=["missing module", "syntax error", "other error", "exit", "no app"],
)
def test_an_app_that_fails_ends_it_at_once_and_is_told_once(
    text: str, said: str, start: Callable[..., Server]
) -> None:
    began = time.monotonic()
    server = start("bad", "--workers", "2", files={"bad": text})
    assert 1 == server.process.wait(15)
    assert time.monotonic() - began < 8
    assert 1 == server.err.count("Error: The") == server.err.count(said)
    assert ("bad.py" in server.err) == (text != "x = 1")
    assert "kolben/" not in server.err.replace(str(Path(sys.prefix)), "")
    assert "" == server.out


def test_a_factory_and_its_arguments_are_taken(start: Callable[..., Server]) -> None:
    text = (
        "from flask import Flask\n"
        "def create_app(name, port=1):\n"
        "    app = Flask(__name__)\n"
        "    app.add_url_rule('/', view_func=lambda: f'{name} {port}')\n"
        "    return app\n"
    )
    path = "factory:create_app('dev', port=2)"
    server = start(path, files={"factory": text}).wait_until_ready()
    assert (200, b"dev 2") == server.get("/")
    assert f"serving {path} on" in server.out


def test_wsgi_py_is_found_without_being_named(start: Callable[..., Server]) -> None:
    server = start(None, files={"wsgi": APP}).wait_until_ready()
    assert "serving wsgi:app on" in server.out


def test_flask_is_kolben_in_workers_that_are_spawned(start: Callable[..., Server]) -> None:
    text = (
        "import sys\n"
        "from flask import Flask\n"
        "app = Flask(__name__)\n"
        "app.add_url_rule('/', view_func=lambda: Flask.__module__)\n"
    )
    run = (
        "import multiprocessing, sys\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('spawn')\n"
        "    from kolben.cli import main\n"
        "    main()\n"
    )
    server = start("hello", files={"hello": text, "run": run})
    server.end()
    directory = server._out.parent
    with server._out.open("w") as out, server._err.open("w") as err:
        server.process = subprocess.Popen(
            [sys.executable, "run.py", "--app", "hello", "serve", "--workers", "2"],
            cwd=directory,
            env={**os.environ, "KOLBEN_SERVE_PORT": str(server.port)},
            stdout=out,
            stderr=err,
        )
    status, body = server.wait_until_ready().get("/")
    assert (200, b"kolben.app") == (status, body)
    assert 0 == server.stop()


@pytest.mark.parametrize("path", ["/status/99", "/status/1000", "/status/0", "/status/abc"])
def test_a_status_that_http_does_not_have_is_a_500_and_no_death(path: str, server: Server) -> None:
    before = server.get("/pid")
    assert 500 == server.get(path)[0]
    assert "The response of the view 'bad_status' can't be sent" in server.err
    assert before == server.get("/pid")


@pytest.mark.parametrize("path", ["/raw/99", "/raw/1000", "/raw/0", "/raw/abc", "/raw/100"])
def test_a_middleware_cannot_kill_the_worker_either(path: str, server: Server) -> None:
    before = server.get("/pid")
    assert 500 == server.get(path)[0]
    wait_for(lambda: f"he status '{path[5:]}'" in server.err)
    assert before == server.get("/pid")


@pytest.mark.parametrize("path", ["/body", "/lines"])
def test_a_body_that_is_cut_never_looks_whole(path: str, server: Server) -> None:
    request = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello"
    answer = server.send(request % path.encode(), finish=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert "VIEW SAW" not in server.out


def test_a_whole_body_is_read_in_every_way(server: Server) -> None:
    data = b"one\ntwo\n\nthree" * 5000
    assert (200, data) == server.get("/body", "POST", data)
    status, body = server.get("/lines", "POST", b"one\ntwo\n\nthree")
    assert (200, b'["one\\n","two\\n","\\n","three"]') == (status, body.strip())
    chunked = b"POST /lines HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close"
    answer = server.send(chunked + b"\r\n\r\n4\r\na\nb\n\r\n1\r\nc\r\n0\r\n\r\n")
    assert answer.endswith(b'["a\\n","b\\n","c"]\n')


def test_the_environ_has_the_request_and_no_more(server: Server) -> None:
    request = (
        b"GET /environ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content_Length: 50\r\nContent_Type: y\r\nX-Own: z\r\n\r\n"
    )
    answer = server.send(request)
    assert b'"HTTP_X_OWN":"z"' in answer
    assert b"A_SECRET" not in answer
    assert b'"PATH"' not in answer
    assert b"HTTP_CONTENT_" not in answer


@pytest.mark.parametrize(
    ("request_line_and_host", "status"),
    [
        (b"GET / HTTP/1.1\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost:\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"200"),
        (b"GET / HTTP/1.0\r\n", b"200"),
    ],
)
def test_http_1_1_requires_one_valid_host(
    request_line_and_host: bytes, status: bytes, server: Server
) -> None:
    answer = server.send(request_line_and_host + b"Connection: close\r\n\r\n")
    assert status == answer.split(b" ")[1]


def test_the_access_log_shows_control_characters_escaped(server: Server) -> None:
    server.get("/%1b[31m%0aforged%22%5c%ff?q=%0a")
    wait_for(lambda: "forged" in server.out)
    line = next(line for line in server.out.splitlines() if "forged" in line)
    assert re.search(
        r'"GET /\\x1b\[31m\\nforged\\"\\\\(\\\\xff|\ufffd)\?q=%0a HTTP/1.1" 404 ', line
    )


def test_the_access_log_is_off_by_default(start: Callable[..., Server]) -> None:
    server = start().wait_until_ready()
    server.get("/")
    assert 2 == server.out.count("\n")


def test_a_stream_is_closed_when_the_client_goes_away(start: Callable[..., Server]) -> None:
    server = start().wait_until_ready()
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 200")
    wait_for(lambda: (server._out.parent / "closed").exists())


def test_it_outlives_its_workers_however_fast_they_die(start: Callable[..., Server]) -> None:
    server = start().wait_until_ready()
    for _ in range(3):
        with pytest.raises((OSError, http.client.HTTPException)):
            server.get("/die")
        wait_for(lambda: answers(server))
    wait_for(lambda: 3 == server.err.count("died with exit code 9; it is started again"))
    assert 0 == server.stop()


def test_a_hangup_brings_new_workers(start: Callable[..., Server]) -> None:
    server = start().wait_until_ready()
    _, old = server.get("/pid")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.get("/pid")[1] != old)
    assert 0 == server.stop()


def test_a_known_hash_seed_is_refused(start: Callable[..., Server]) -> None:
    server = start(PYTHONHASHSEED="0")
    assert 1 == server.process.wait(15)
    assert "PYTHONHASHSEED=0" in server.err


def test_a_port_that_is_taken_is_refused(start: Callable[..., Server]) -> None:
    first = start().wait_until_ready()
    second = start("hello", "--port", str(first.port))
    assert 1 == second.process.wait(15)
    assert f"127.0.0.1:{first.port} cannot be listened on" in second.err
    assert (200, b"hello") == first.get("/")


def test_debug_mode_is_warned_of(start: Callable[..., Server]) -> None:
    server = start(FLASK_DEBUG="1").wait_until_ready()
    assert "Warning: Debug mode is on" in server.err


def test_an_ascii_terminal_gets_an_ascii_line(start: Callable[..., Server]) -> None:
    server = start(PYTHONIOENCODING="ascii").wait_until_ready()
    assert "1 worker x " in server.out
