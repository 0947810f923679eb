"""A reload whose start fails, in whatever way, costs no worker; the parent says why."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Server, wait_for
from tests.server.test_life import workers_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are those of POSIX"),
]

APP = """\
import os
from flask import Flask

app = Flask(__name__)

@app.get("/pid")
def pid():
    return str(os.getpid())
"""

# What the new release does, and what is said of it.
FAILURES = {
    "exception": ("1 / 0", "ZeroDivisionError"),
    "exit": ("import sys; sys.exit(0)", "SystemExit"),
    "hard exit": ("import os; os._exit(0)", "ended with exit code 0 before it was ready"),
    "segfault": (
        "import ctypes; ctypes.string_at(0)",
        "ended with exit code -11 (SIGSEGV) before it was ready",
    ),
    "killed": (
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "ended with exit code -9 (SIGKILL) before it was ready",
    ),
    "no memory": (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**27, 2**27)); x = bytes(2**30)",
        "MemoryError",
    ),
    "no threads": (
        # The hook comes before Granian makes its threads: it panics then.
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))",
        "before it was ready",
    ),
}


def reload(server: Server, source: str) -> None:
    (server.folder / "served.py").write_text(source, "utf-8")
    server.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("interface", ["wsgi", "rsgi"])
def test_each_way_to_fail_costs_no_worker(interface: str, serve: Callable[..., Server]) -> None:
    server = serve(APP, "--workers", "2", "--interface", interface)
    old = workers_of(server)
    for number, (how, (line, said)) in enumerate(FAILURES.items(), 1):
        reload(server, f"{line}\n{APP}")
        wait_for(lambda number=number: number == server.err.count("SIGHUP tries again"))  # type: ignore[misc]  # bound at once
        assert (how, said in server.err) == (how, True), server.err
        assert (how, old) == (how, workers_of(server))
        assert 200 == server.get("/pid")[0]
    # Where a crash in C code was is told as well.
    assert "in string_at" in server.err
    reload(server, APP)
    wait_for(lambda: set(old).isdisjoint(workers_of(server)))
    assert 0 == server.stop()


def test_one_that_hangs_at_its_start_is_waited_for_and_shown(serve: Callable[..., Server]) -> None:
    server = serve(APP, "--worker-timeout", "1")
    (old,) = workers_of(server)
    reload(server, f"import time\n\ndef load():\n    time.sleep(60)\n\nload()\n{APP}")
    wait_for(lambda: "has been loading the app for" in server.err)
    wait_for(lambda: 'served.py", line 4 in load' in server.err)
    assert (200, str(old).encode()) == server.get("/pid")
    # The next one takes its place.
    reload(server, APP)
    wait_for(lambda: server.get("/pid")[1] != str(old).encode())
    assert 0 == server.stop()


def test_a_start_that_takes_longer_than_a_worker_may_be_silent_is_no_failure(
    serve: Callable[..., Server],
) -> None:
    # It waits in C code, and holds the lock meanwhile; the signal that asks for its stack ends one
    # of the calls.
    slow = "import ctypes\nfor _ in range(5): ctypes.PyDLL(None).sleep(1)\n"
    server = serve(slow + APP, "--worker-timeout", "1")
    assert 200 == server.get("/pid")[0]
    assert "has been loading the app for" in server.err
    assert "killed" not in server.err


def test_a_certificate_that_has_become_unreadable_costs_no_worker(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """Granian reads it in the worker, and panics."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    files = "--tls-certificate", str(certificate), "--tls-key", str(key)
    server = serve(APP, *files)
    old = workers_of(server)
    certificate.write_text("no certificate")
    for times in (1, 2, 3, 4):
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda times=times: times == server.err.count("SIGHUP tries again"))  # type: ignore[misc]  # bound at once
    assert old == workers_of(server)
    assert server.process.poll() is None
    assert 0 == server.stop()
