"""What it costs a request that it is watched, beside what prometheus-client's own counting costs.

    python -m benchmarks.watching [--servers]

Every figure on the cost of watching in src/kolben and docs/watching.md comes from here:
microseconds of CPU time, the best of several batches. --servers: how much `kolben top` is of a
request through a server, over loopback (Linux, with wrk); a minute.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.parts import measure
from benchmarks.startup import find_free_port
from kolben import Flask
from kolben.core.current import current
from kolben.core.exchange import watchers
from kolben.server.access_log import access_log
from kolben.server.counting import RequestCounter
from kolben.server.granian_wsgi import base_environ, connect
from kolben.server.measuring import Measures
from kolben.server.observing import Observer

app = Flask(__name__)
SECONDS = 2
ROUNDS = 3


@app.get("/")
def index() -> str:
    """Answer with little."""
    return "hello"


class Server:
    """Takes answers as Granian does, and sends them nowhere."""

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        """Take a whole answer."""

    def response_iter(self, status: int, headers: Any, body: Any) -> None:
        """Take a stream."""


ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "localhost",
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.input": None,
    "wsgi.url_scheme": "http",
}


def ways() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is watched, and what answers a request so."""
    handle = connect(app, base_environ(multiprocess=False, multithread=True))
    server = Server()

    def asked(observer: Observer | RequestCounter) -> Callable[[], Any]:
        watched = observer.observe_wsgi(handle)
        return lambda: watched(server, dict(ENVIRON))

    measures = Measures()
    yield "kolben top alone", asked(RequestCounter(lambda method, path: None))
    yield (
        "an exchange, of which nothing is asked",
        asked(Observer(at_begin=(id,), counts_bytes=False)),
    )
    yield "metrics", asked(Observer(at_end=(measures.note,), counts_bytes=False))
    yield "metrics and request ids", asked(Observer(at_end=(measures.note,), sends_ids=True))
    with Path(os.devnull).open("w") as nowhere:
        yield "access log", asked(Observer(at_end=(access_log(nowhere),)))
        yield "access log as JSON", asked(Observer(at_end=(access_log(nowhere, "json"),)))


def countings() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield ways to count a request that is over, by route and status."""
    from prometheus_client import Counter, Histogram

    measures = Measures()
    exchange: Any = SimpleNamespace(method="GET", route="/", status=200, duration_s=0.01)
    requests = Counter("requests", "Requests.", ["method", "route", "status"])
    durations = Histogram("durations", "Durations.", ["route", "status"])

    def count() -> None:
        requests.labels("GET", "/", "200").inc()
        durations.labels("/", "2xx").observe(0.01)

    yield "counted by Kolben", lambda: measures.note(exchange)
    yield "counted by prometheus-client, shared", count


def questions() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield ways to ask whether anybody watches."""
    yield "nothing", lambda: None
    yield "a list that is empty", lambda: watchers and None
    yield "a context variable", lambda: current.get() is None


def measure_servers() -> None:
    """Print the CPU time of a request through a server, with `kolben top` and without."""
    for interface in ("wsgi", "rsgi"):
        found: dict[str, list[float]] = {"--no-top": [], "--top": []}
        for _ in range(ROUNDS):
            for option, figures in found.items():
                figures.append(_us_of_a_request("--interface", interface, option))
        without, with_top = (min(figures) for figures in found.values())
        print(f"{interface}: {without:.2f} us; with kolben top {with_top / without:.3f} of that")


def _us_of_a_request(*options: str) -> float:
    """Serve the app of this file and ask for its page with wrk; return the worker's CPU time."""
    port = find_free_port()
    command = [sys.executable, "-m", "kolben", "--app", "benchmarks.watching", "serve"]
    command += ["--port", str(port), "--threads", "1", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()  # its worker has loaded the app
        try:
            _wait_for(port)
            (pid,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            _load(port)
            before_s = _cpu_s(pid)
            count = _load(port)
            return (_cpu_s(pid) - before_s) / count * 1e6
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    """Return when a server listens on a port."""
    for _ in range(500):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.01)
    raise TimeoutError(f"nothing listens on {port}")


def _load(port: int) -> int:
    """Ask for the page as often as the server answers; return how often that was."""
    command = ["/usr/bin/env", "wrk", "-t1", "-c32", f"-d{SECONDS}s", f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) requests in", said)
    assert found is not None, said
    return int(found[1])


def _cpu_s(pid: str) -> float:
    """Return the CPU time that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print a line for each way."""
    if "--servers" in sys.argv[1:]:
        measure_servers()
        return
    with tempfile.TemporaryDirectory() as folder:
        # The library looks at it when it is imported.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        handle = connect(app, base_environ(multiprocess=False, multithread=True))
        bare = measure(lambda: handle(Server(), dict(ENVIRON)))
        print(f"{'a request that nobody watches':44}{bare:9.2f} us")
        for name, call in ways():
            print(f"{'+ ' + name:44}{measure(call) - bare:9.2f} us")
            watchers.clear()
        for name, call in countings():
            print(f"{name:44}{measure(call):9.2f} us")
        nothing = 0.0
        for name, call in questions():
            cost = measure(call)
            nothing = nothing or cost
            print(f"{'asked: ' + name:44}{(cost - nothing) * 1000:9.0f} ns")


if __name__ == "__main__":
    main()
