"""How to serve: what the command line says, and what follows from it."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass

# SECURITY: a silent connection costs a client nothing, and Granian stops taking new ones at this
# number: 1,500 of them stop a server with Granian's own limit of 1,024.
MAX_CONNECTIONS = 4096
BACKLOG = 2048

INTERFACES = ("auto", "wsgi", "asgi", "rsgi")


@dataclass(frozen=True)
class Settings:
    """How to serve an app.

    threads: in each worker; each of them runs one view at a time, and with ASGI or RSGI views that
    are async run beside them on one event loop.
    stop_timeout_s: how long a worker may go on with its requests after the server was told to
    stop; then it is killed.
    """

    app: str | None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 4
    interface: str = "wsgi"
    access_log: bool = False
    stop_timeout_s: int = 30

    @property
    def address(self) -> str:
        """The URL at which the app is served."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def capacity(self) -> str:
        """How many requests are worked on at once, and what that is the product of."""
        factors = f"{_count(self.workers, 'worker')} × {_count(self.threads, 'thread')}"
        if self.interface != "wsgi":
            return f"{factors} ({self.interface.upper()}); async views share one event loop"
        product = self.workers * self.threads
        return f"{factors} = {_count(product, 'request')} at once (WSGI)"


def raise_file_limit() -> int:
    """Allow this process as many open files as it may have; return how many connections fit."""
    try:
        import resource  # starts faster without it
    except ImportError:
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS * 2
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # The rest is for the app's own files and sockets.
    return MAX_CONNECTIONS if soft in (resource.RLIM_INFINITY, wanted) else soft * 3 // 4


def is_hash_seed_known() -> bool:
    """Say whether everyone knows how this interpreter hashes strings (PYTHONHASHSEED=0)."""
    return not sys.flags.hash_randomization


def check_port(host: str, port: int) -> None:
    """Raise OSError if another program listens at an address.

    Granian's sockets share a port with whoever shares it as well (SO_REUSEPORT): two servers on
    one port would each get some of the requests, and neither would say so.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":
            # A port that is only waiting for the last packets of a closed connection is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
