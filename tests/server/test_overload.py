"""A real server that has more to do than it can answers what it takes on in time, and says so."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.running import Server

pytestmark = pytest.mark.slow
APP = """
import time
from kolben import Flask

app = Flask(__name__)


@app.get("/quick")
def quick():
    return "quick"


@app.get("/async")
async def later():
    return "async"


@app.get("/work")
def work():
    time.sleep(SECONDS)
    return "worked"
"""


def test_async_views_go_on_while_all_threads_are_busy(serve: Callable[..., Server]) -> None:
    server = serve(APP.replace("SECONDS", "2"), "--threads", "2")
    with ThreadPoolExecutor(6) as clients:
        busy = [clients.submit(server.get, "/work") for _ in range(6)]
        time.sleep(0.5)
        assert server.get("/async") == (200, b"async")
        # Two threads need 6 s for them.
        assert not all(request.done() for request in busy)
        assert [request.result() for request in busy] == [(200, b"worked")] * 6


def test_ten_times_too_much_is_refused_and_what_is_taken_on_is_answered_in_time(
    serve: Callable[..., Server],
) -> None:
    server = serve(APP.replace("SECONDS", "0.1"), "--threads", "2", "--max-waiting", "4")
    end = time.monotonic() + 3

    def ask_again() -> list[tuple[int, float, str | None]]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        found = []
        while time.monotonic() < end:
            began = time.monotonic()
            connection.request("GET", "/work")
            answer = connection.getresponse()
            answer.read()
            found.append((answer.status, time.monotonic() - began, answer.headers["Retry-After"]))
            if answer.status == 503:
                time.sleep(0.1)
        connection.close()
        return found

    with ThreadPoolExecutor(60) as clients:
        asked = [clients.submit(ask_again) for _ in range(60)]
        results = [result for future in asked for result in future.result()]
    taken_on = sorted(took_s for status, took_s, _ in results if status == 200)
    assert {status for status, *_ in results} == {200, 503}
    assert {retry for status, _, retry in results if status == 503} == {"1"}
    # On a quiet machine 0.3 s: two before it, and itself. All sixty in turn would take 3 s.
    assert taken_on[len(taken_on) // 2] < 1.5
    assert server.get("/quick") == (200, b"quick")
