"""A real server that has more to do than it can answers what it takes on, and refuses the rest."""

from __future__ import annotations

import http.client
import statistics
import threading
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


class Clients:
    """Clients that ask again as soon as they have an answer, and a little later if refused."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self.answered = 0
        self.refusals: set[tuple[str | None, bytes]] = set()
        # How many others were answered while each that was let in waited.
        self.before: list[int] = []

    def ask(self, number: int, until: int) -> None:
        """Ask from so many connections at once, until so many requests have been answered."""
        with ThreadPoolExecutor(number) as clients:
            for done in [clients.submit(self._ask_again, until) for _ in range(number)]:
                done.result()

    def _ask_again(self, until: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        while (answered := self.answered) < until:
            connection.request("GET", "/work")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                with self._lock:
                    self.before.append(self.answered - answered)
                    self.answered += 1
            else:
                assert answer.status == 503
                self.refusals.add((answer.headers["Retry-After"], body))
                time.sleep(0.05)
        connection.close()


@pytest.mark.parametrize("interface", ["rsgi", "asgi"])
def test_what_is_taken_on_is_answered_soon_and_the_rest_at_once(
    serve: Callable[..., Server], interface: str
) -> None:
    options = ("--threads", "2", "--interface", interface)
    server = serve(APP.replace("SECONDS", "0.05"), *options)
    clients = Clients(server)
    clients.ask(8, until=40)
    assert clients.refusals == set(), "they are a queue, and no overload"
    clients.ask(80, until=240)
    body = b"The server has more to do than it can. Try again in a moment.\n"
    assert clients.refusals == {("1", body)}
    # Two at work and at most three that wait, where 78 would. What is answered last came while
    # others were refused.
    assert statistics.median(clients.before[-80:]) < 12
    clients.refusals.clear()
    clients.ask(2, until=clients.answered + 20)
    assert clients.refusals == set()
    assert server.get("/quick") == (200, b"quick")


def test_fewer_wait_where_it_is_said_so(serve: Callable[..., Server]) -> None:
    server = serve(APP.replace("SECONDS", "0.05"), "--threads", "2", "--max-waiting", "4")
    clients = Clients(server)
    clients.ask(4, until=20)
    assert clients.refusals == set()
    clients.ask(20, until=60)
    assert len(clients.refusals) == 1
