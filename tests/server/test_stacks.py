"""What a stop cuts off, and what held the worker up, is told whether or not anybody watches."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.running import Server
from tests.server.test_watchdog import ask_and_lose

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX"),
]

INTERFACES = ["wsgi", "asgi", "rsgi"]

APP = """\
import threading, time
from flask import Flask, request

app = Flask(__name__)

def work():
    time.sleep(60)

@app.get("/busy/<name>")
def sleep(name):
    work()
    return name

@app.get("/thread")
def begin():
    threading.Thread(target=work, name="mailer", daemon=False).start()
    return ""
"""


@pytest.mark.parametrize("watching", [["--no-top"], ["--access-log"], []], ids=" ".join)
@pytest.mark.parametrize("interface", INTERFACES)
def test_a_view_that_does_not_end_is_named_with_its_thread(
    interface: str, watching: list[str], serve: Callable[..., Server]
) -> None:
    server = serve(APP, "--stop-timeout", "1", "--interface", interface, *watching)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask_and_lose, server, "/busy/a%0Ab")
        time.sleep(0.7)
        assert 0 == server.stop()
    assert re.search(r"1 cut off: GET /busy/<name> \(\d\.\d s\)\.", server.err)
    # What a client has sent cannot forge a line.
    held = r"is held up by thread \S+, GET /busy/a\\nb \(view sleep\): \S+served\.py:7 in work"
    assert re.search(held, server.err), server.err


def test_a_thread_that_the_interpreter_waits_for_is_named(serve: Callable[..., Server]) -> None:
    server = serve(APP, "--stop-timeout", "1", "--no-top")
    assert 200 == server.get("/thread")[0]
    assert 0 == server.stop()
    assert re.search(r"is held up by thread mailer: \S+served\.py:7 in work\.", server.err)
