"""The services that some tests need: where each is, whether it answers, and what to do if not.

`python -m tests.services` waits until all of them answer, a minute at most.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from typing import NoReturn

import pytest

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Service:
    """A service on this machine.

    greeting: sent first; empty where the service speaks first. answer: how its reply begins.
    """

    name: str
    url: str
    port: int
    greeting: bytes
    answer: tuple[bytes, ...]

    def answers(self) -> bool:
        """Say whether something on the port speaks the service's language."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(self.greeting)
                return connection.recv(64).startswith(self.answer)
        except OSError:
            return False


POSTGRESQL = Service(
    "PostgreSQL",
    "postgresql://postgres@127.0.0.1:5432/postgres",
    5432,
    b"\x00\x00\x00\x08\x04\xd2\x16\x2f",  # asks whether it speaks TLS
    (b"S", b"N"),
)
# The first packet has a length of three bytes, the number 0, and the protocol's version, 10.
MARIADB = Service(
    "MariaDB",
    "mysql://root@127.0.0.1:3306/test",
    3306,
    b"",
    tuple(bytes([length, 0, 0, 0, 10]) for length in range(256)),
)
REDIS = Service("Redis", "redis://127.0.0.1:6379/0", 6379, b"PING\r\n", (b"+PONG",))
RABBITMQ = Service(
    "RabbitMQ",
    "amqp://guest:guest@127.0.0.1:5672//",
    5672,
    b"AMQP\x00\x00\x09\x01",
    (b"\x01\x00\x00",),
)
ALL = (POSTGRESQL, MARIADB, REDIS, RABBITMQ)


def need(service: Service) -> str:
    """Return the URL of a service that answers; else give the test up."""
    if not service.answers():
        give_up(f"{service.name} does not answer on 127.0.0.1:{service.port}.")
    return service.url


def give_up(reason: str) -> NoReturn:
    """Skip the test for want of something, saying what; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def wait_for_all() -> list[str]:
    """Wait for every service; return the names of those that never answered."""
    end = time.monotonic() + PATIENCE_S
    absent = list(ALL)
    while True:
        absent = [service for service in absent if not service.answers()]
        if not absent or time.monotonic() > end:
            return [service.name for service in absent]
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(f"Not answering: {', '.join(names)}." if (names := wait_for_all()) else 0)
