"""The check of a Redis that is there, gone or stopped, each time a real one of the test's own."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kolben import Flask
from kolben.health import check_redis
from tests.running import find_free_port, is_open, wait_for
from tests.services import give_up

if sys.platform == "win32":
    pytest.skip("there is no Redis for Windows", allow_module_level=True)

KINDS = ["plain", "async"]


class OwnRedis:
    """A Redis that only this test knows, on a port and on a Unix socket."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = find_free_port()
        self.path = str(folder / "redis.sock")
        self._options = ["--port", str(self.port), "--unixsocket", self.path]
        self._options += ["--save", "", *options]
        self._folder = folder
        if shutil.which("redis-server") is None:
            give_up("There is no redis-server to start.")
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", *self._options], stdout=subprocess.DEVNULL, cwd=self._folder
        )
        wait_for(lambda: is_open(self.port))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    """A Redis that the test may stop."""
    made = OwnRedis(tmp_path)
    yield made
    made.end()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs, as a server's does."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


def client_of(kind: str, **where: Any) -> Any:
    """Return a client with the library's own defaults."""
    import redis
    import redis.asyncio

    return (redis.Redis if kind == "plain" else redis.asyncio.Redis)(**where)


@pytest.mark.parametrize("kind", KINDS)
def test_a_redis_that_is_gone_is_named_at_once(
    kind: str, app: Flask, loop: asyncio.AbstractEventLoop, own_redis: OwnRedis
) -> None:
    app.add_health_check("cache", check_redis(client_of(kind, port=own_redis.port)))
    assert app.health_checks.run(loop) == {"cache": None}
    own_redis.end()
    began = time.monotonic()
    assert app.health_checks.run(loop) == {"cache": "ConnectionError"}
    assert time.monotonic() - began < 1
    own_redis.start()
    assert app.health_checks.run(loop) == {"cache": None}


@pytest.mark.parametrize("kind", KINDS)
def test_a_redis_that_is_stopped_is_given_up_by_the_check_itself(
    kind: str, app: Flask, loop: asyncio.AbstractEventLoop, own_redis: OwnRedis
) -> None:
    check = check_redis(client_of(kind, port=own_redis.port), timeout_s=0.3)
    app.add_health_check("cache", check)
    own_redis.process.send_signal(signal.SIGSTOP)
    assert app.health_checks.run(loop) == {"cache": "TimeoutError"}
    own_redis.process.send_signal(signal.SIGCONT)
    assert app.health_checks.run(loop) == {"cache": None}


@pytest.mark.parametrize("kind", KINDS)
def test_a_unix_socket_is_asked_as_well(
    kind: str, app: Flask, loop: asyncio.AbstractEventLoop, own_redis: OwnRedis
) -> None:
    app.add_health_check("cache", check_redis(client_of(kind, unix_socket_path=own_redis.path)))
    assert app.health_checks.run(loop) == {"cache": None}
    own_redis.end()
    assert app.health_checks.run(loop)["cache"] in {"ConnectionError", "FileNotFoundError"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_leaves_the_clients_own_pool_alone(
    kind: str, app: Flask, loop: asyncio.AbstractEventLoop, own_redis: OwnRedis
) -> None:
    client = client_of(kind, port=own_redis.port, max_connections=1)
    app.add_health_check("cache", check_redis(client))
    for _ in range(3):
        assert app.health_checks.run(loop) == {"cache": None}
    with client_of("plain", port=own_redis.port) as plain:
        # The connection that asks is the only one left.
        wait_for(lambda: len(plain.client_list()) == 1)


def test_a_client_of_a_cluster_is_asked_as_it_is(app: Flask, tmp_path: Path) -> None:
    import redis.cluster

    own = OwnRedis(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(find_free_port()))
    try:
        with redis.Redis(port=own.port) as node:
            node.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
            wait_for(lambda: node.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
        cluster = redis.cluster.RedisCluster("127.0.0.1", own.port)
        app.add_health_check("cache", check_redis(cluster))
        assert app.health_checks.run() == {"cache": None}
        cluster.close()
    finally:
        own.end()
