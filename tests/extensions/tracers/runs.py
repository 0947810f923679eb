"""The tracers, how each is begun, and the places in which an app is asked the same things."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.environment import Environment
from tests.extensions.tracers.programs.asked import REQUESTS
from tests.user_environment import user_environment

PROGRAMS = Path(__file__).parent / "programs"
PACKAGES = (
    "flask==3.1.3",
    "asgiref==3.13.0",
    "gunicorn==27.0.1",
    "newrelic==14.1.0",
    "ddtrace==4.16.0",
    "elastic-apm==6.26.2",
    "opentelemetry-distro==0.66b1",
    "opentelemetry-instrumentation-flask==0.66b1",
    "opentelemetry-exporter-otlp-proto-http==1.45.1",
    "sentry-sdk==2.75.0",
    "aws-xray-sdk==2.15.0",
    "scout-apm==4.0.0",
    "wrapt==1.17.3",
)
# Nothing is sent anywhere: what a tracer recorded is taken in the process.
VARIABLES = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "0",
    "DD_REMOTE_CONFIGURATION_ENABLED": "0",
    "DD_TRACE_STARTUP_LOGS": "0",
    "NEW_RELIC_CONFIG_FILE": str(PROGRAMS / "newrelic.ini"),
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_TRACES_EXPORTER": "none",
}
START_S = 60.0
END_S = 20.0


@dataclass(frozen=True)
class Tracer:
    """A tracer and one of the ways in which its documentation begins it.

    command: what stands before the server's command; None where the app itself begins it.
    """

    name: str
    begun: str
    command: tuple[str, ...] = ()


TRACERS = {
    "newrelic": Tracer("New Relic", "`newrelic.agent.initialize()`"),
    "newrelic-admin": Tracer(
        "New Relic", "`newrelic-admin run-program`", ("newrelic-admin", "run-program")
    ),
    "ddtrace": Tracer("Datadog", "`import ddtrace.auto`"),
    "ddtrace-run": Tracer("Datadog", "`ddtrace-run`", ("ddtrace-run",)),
    "elastic": Tracer("Elastic APM", "`ElasticAPM(app)`"),
    "otel": Tracer("OpenTelemetry", "`FlaskInstrumentor().instrument()`"),
    "otel-app": Tracer("OpenTelemetry", "`FlaskInstrumentor().instrument_app(app)`"),
    "otel-command": Tracer(
        "OpenTelemetry", "`opentelemetry-instrument`", ("opentelemetry-instrument",)
    ),
    "sentry": Tracer("Sentry", "`sentry_sdk.init()`"),
    "xray": Tracer("AWS X-Ray", "`XRayMiddleware(app, xray_recorder)`"),
    "scout": Tracer("Scout", "`ScoutApm(app)`"),
}
# Where the app is asked: in its own process, by gunicorn, or by `kolben serve`.
IN_PROCESS, GUNICORN, SERVED = "in process", "gunicorn", ("rsgi", "asgi", "wsgi")

Record = dict[str, list[dict[str, Any]]]


def environment() -> Environment:
    """Return the environment with all tracers, and the real Flask beside Kolben."""
    return user_environment("tracers", PACKAGES)


def record_of(where: str, tracer: str, folder: Path, *, on_flask: bool) -> Record:
    """Ask the app everything, and return what the tracer recorded of each request."""
    place = environment()
    record = (
        folder / f"{tracer}-{where.replace(' ', '-')}-{'flask' if on_flask else 'kolben'}.jsonl"
    )
    variables = {**place.environ(), **VARIABLES, "TRACER": tracer, "RECORD": str(record)}
    if on_flask:
        variables["KOLBEN_DROP_IN"] = "0"
    command = _launch(place, TRACERS[tracer].command)
    if where == IN_PROCESS:
        ended = subprocess.run(
            [*command, *place.command(PROGRAMS / "in_process.py")],
            env=variables,
            cwd=PROGRAMS,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
    else:
        with _served(place, command, where, variables) as port:
            _ask_all(port, record)
    return _read(record)


def _launch(place: Environment, command: tuple[str, ...]) -> list[str]:
    """Return a tracer's command, as it stands in the environment's folder."""
    return [str(_script(place, command[0])), *command[1:]] if command else []


def _script(place: Environment, name: str) -> Path:
    return Path(place.command()[0]).parent / name


@contextmanager
def _served(
    place: Environment, command: list[str], where: str, variables: dict[str, str]
) -> Iterator[int]:
    """Start a server with one worker, and end it; give its port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    if where == GUNICORN:
        server = [str(_script(place, "gunicorn")), "-b", f"127.0.0.1:{port}", "shop:app"]
    else:
        server = [str(_script(place, "kolben")), "--app", "shop:app", "serve", "--workers", "1"]
        server += ["--port", str(port), "--interface", where]
    log = Path(variables["RECORD"]).with_suffix(".log")
    with log.open("w") as told:
        process = subprocess.Popen(
            [*command, *server],
            env=variables,
            cwd=PROGRAMS,
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
    try:
        _wait_for(process, port, log)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"The server did not start:\n{log.read_text('utf-8')}")


def _ask_all(port: int, record: Path) -> None:
    """Ask everything; each request begins once all is written down of the one before."""
    _settle(record)
    for name, method, target in REQUESTS:
        with record.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"asked": name}) + "\n")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(method, target, headers={"Host": "shop.test"})
        connection.getresponse().read()
        connection.close()
        _settle(record)


def _settle(record: Path) -> None:
    """Wait until nothing has been written for a moment."""
    size = -1
    while size != (size := record.stat().st_size if record.exists() else 0):
        time.sleep(0.08)


def _read(record: Path) -> Record:
    """Return what was recorded of each request; what came before the first is left out."""
    found: Record = {}
    asked: list[dict[str, Any]] | None = None
    for line in record.read_text("utf-8").splitlines():
        noted = json.loads(line)
        if "asked" in noted:
            asked = found[noted["asked"]] = []
        elif asked is not None:
            asked.append(noted)
    return found
