"""How to serve: each setting with its default, its meaning, and what it may be.

Rule: the command line, the environment, the TOML table and `--print-config` are made from the
fields of Settings (kolben.server.options); nothing else says what a setting is called.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kolben.env import default_threads

INTERFACES = ("auto", "wsgi", "asgi", "rsgi")
# What stands for "choose for me" in --interface.
AUTO_INTERFACE = "rsgi"


def setting(
    default: Any,
    text: str,
    *,
    group: str,
    flags: tuple[str, ...] = (),
    least: float | None = None,
    most: float | None = None,
    variables: tuple[str, ...] = (),
) -> Any:
    """Make a field of Settings that is an option as well.

    default: a value, or a function that finds one. text: what the help says. group: the heading
    it stands under. flags: short forms. least, most: of a number. variables: of the environment,
    besides KOLBEN_SERVE_NAME.
    """
    metadata = {
        "text": text,
        "group": group,
        "flags": flags,
        "least": least,
        "most": most,
        "variables": variables,
    }
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """How to serve an app.

    threads: in each worker; each of them runs one view at a time, and with ASGI or RSGI views that
    are async run beside them on one event loop.
    """

    app: str | None

    host: str = setting(
        "127.0.0.1", "The address to listen on.", group="Where it listens", flags=("-h",)
    )
    port: int = setting(
        8000, "The port to listen on.", group="Where it listens", flags=("-p",), least=1, most=65535
    )
    unix_socket: str | None = setting(
        None, "Listen on a Unix socket at this path instead.", group="Where it listens"
    )
    unix_socket_mode: int = setting(
        0o660,
        "Who may use that socket: a mode as of chmod.",
        group="Where it listens",
        least=0,
        most=0o777,
    )
    http: Literal["auto", "1", "2"] = setting(
        "auto",
        "Versions of HTTP; 'auto' is HTTP/1.1, and HTTP/2 where the client begins so"
        " (over WSGI HTTP/1.1 alone).",
        group="Where it listens",
    )
    root_path: str = setting(
        "", "The path that the app is mounted at, as '/shop'.", group="Where it listens"
    )
    backlog: int = setting(
        2048,
        "Connections that the system keeps waiting to be accepted.",
        group="Where it listens",
        least=128,
    )

    workers: int = setting(1, "Processes; each loads the app.", group="Processes", least=1)
    threads: int = setting(
        default_threads,
        "Threads in each worker; each runs one view at a time.",
        group="Processes",
        least=1,
        variables=("KOLBEN_THREADS",),
    )
    spare_threads: int = setting(
        60,
        "More threads, while views wait and do not compute; 0 where --threads is given.",
        group="Processes",
        least=0,
    )
    interface: Literal["auto", "wsgi", "asgi", "rsgi"] = setting(
        "auto", "How server and app speak; 'auto' is RSGI.", group="Processes"
    )
    loop: Literal["auto", "asyncio", "uvloop"] = setting(
        "auto", "The event loop; 'auto' is uvloop where it is installed.", group="Processes"
    )
    stop_timeout_s: int = setting(
        30, "Seconds that running requests are given at the end.", group="Processes", least=1
    )
    worker_timeout_s: int = setting(
        30,
        "Seconds without a sign of life until a worker is replaced; 0: any number.",
        group="Processes",
        least=0,
    )
    reload: bool = setting(
        False, "Start the workers anew when a file of the app changes.", group="Processes"
    )
    pid_file: str | None = setting(
        None, "Write the number of the parent process into this file.", group="Processes"
    )
    recycle_after_requests: int = setting(
        0, "Replace a worker after so many requests; 0: never.", group="Processes", least=0
    )
    recycle_after_s: int = setting(
        0, "Replace a worker after so many seconds; 0: never.", group="Processes", least=0
    )
    recycle_above_mib: int = setting(
        0, "Replace a worker that holds more MiB of memory; 0: never.", group="Processes", least=0
    )

    tls_certificate: str | None = setting(
        None, "Speak HTTPS with this certificate (PEM, with its chain).", group="TLS"
    )
    tls_key: str | None = setting(
        None, "The certificate's private key (PEM, without a password).", group="TLS"
    )
    tls_minimum: Literal["1.2", "1.3"] = setting(
        "1.2", "The oldest version of TLS that is spoken.", group="TLS"
    )
    tls_client_ca: str | None = setting(
        None, "Only take clients with a certificate of these authorities (PEM).", group="TLS"
    )

    trust_proxy: tuple[str, ...] = setting(
        (),
        "Believe X-Forwarded headers of a proxy with this address or network;"
        " 'unix' for a Unix socket, '*' for everyone.",
        group="Behind a proxy",
    )
    proxy_headers: tuple[str, ...] = setting(
        ("for", "proto"),
        "Which of for, proto, host, port, prefix the proxy sets.",
        group="Behind a proxy",
    )

    max_connections: int = setting(
        4096, "Connections that each worker holds.", group="Limits", least=1
    )
    max_waiting: int = setting(
        1024, "Requests that may wait in each worker; more get a 503.", group="Limits", least=1
    )
    max_header_bytes: int = setting(
        131072,
        "Bytes of the request line and all headers together.",
        group="Limits",
        least=8192,
    )
    max_body_bytes: int = setting(
        0, "Bytes of a body, whatever the app allows; 0: what it allows.", group="Limits", least=0
    )
    max_unsent_bytes: int = setting(
        268435456,
        "Bytes of answers that clients leave unread in each worker before the slowest client is"
        " disconnected; 0: any number.",
        group="Limits",
        least=0,
    )
    header_timeout_s: int = setting(
        30,
        "Seconds until the headers of a request must be there, the next one's on a connection too.",
        group="Limits",
        least=1,
    )
    body_timeout_s: int = setting(
        30, "Seconds without a byte of a body; 0: any number.", group="Limits", least=0
    )
    request_timeout_s: int = setting(
        0, "Seconds until a view must have answered; 0: any number.", group="Limits", least=0
    )
    silent_timeout_s: int = setting(
        30,
        "Seconds until a new connection must have sent a byte; 0: any number.",
        group="Limits",
        least=0,
    )

    static_mount: tuple[str, ...] = setting(
        (),
        "Serve files without the app: ROUTE=FOLDER, as '/static=static'.",
        group="Static files",
    )
    static_max_age_s: int = setting(
        3600,
        "Seconds that clients may keep such a file; 0: they are told nothing.",
        group="Static files",
        least=0,
    )

    access_log: bool = setting(False, "Write a line for each request to stdout.", group="Watching")
    access_log_format: Literal["text", "json"] = setting(
        "text", "What such a line looks like.", group="Watching"
    )
    log_format: Literal["text", "json"] = setting(
        "text", "What a line of the app's own log looks like.", group="Watching"
    )
    request_ids: bool = setting(
        False, "Send each answer with the X-Request-ID of its request.", group="Watching"
    )
    health: bool = setting(False, "Answer /healthz and /readyz.", group="Watching")
    metrics: bool = setting(False, "Answer /metrics for Prometheus.", group="Watching")
    otel: bool = setting(False, "Make a span of OpenTelemetry for each request.", group="Watching")
    top: bool = setting(True, "Let `kolben top` see what the workers do.", group="Watching")
    watch_host: str = setting(
        "127.0.0.1", "The address for health and metrics, with --watch-port.", group="Watching"
    )
    watch_port: int = setting(
        0,
        "Answer health and metrics on this port alone; 0: on the app's own.",
        group="Watching",
        least=0,
        most=65535,
    )

    @property
    def spoken_interface(self) -> str:
        """The interface that is used: wsgi, asgi or rsgi."""
        return AUTO_INTERFACE if self.interface == "auto" else self.interface

    @property
    def address(self) -> str:
        """The URL at which the app is served; of a Unix socket, `unix:` and its path."""
        if self.unix_socket:
            return f"unix:{self.unix_socket}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "https" if self.tls_certificate else "http"
        return f"{scheme}://{host}:{self.port}{self.root_path}"

    @property
    def capacity(self) -> str:
        """How many requests are worked on at once, and what that is the product of."""
        factors = f"{_count(self.workers, 'worker')} × {_count(self.threads, 'thread')}"
        product = self.workers * self.threads
        interface = self.spoken_interface
        line = f"{factors} = {_count(product, 'request')} at once ({interface.upper()})"
        if interface == "wsgi":
            return line
        most = product + self.workers * self.spare_threads
        more = f", up to {most} while views wait" if self.spare_threads else ""
        return f"{line}{more}; async views beside them"


def raise_file_limit(wanted_connections: int) -> int:
    """Allow this process as many open files as it may have; return how many connections fit.

    SECURITY: a silent connection costs a client nothing, and Granian stops taking new ones at this
    number: 1,500 of them stop a server with Granian's own limit of 1,024.
    """
    try:
        import resource  # starts faster without it
    except ImportError:
        return wanted_connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wanted_connections * 2
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # The rest is for the app's own files and sockets.
    is_enough = soft == resource.RLIM_INFINITY or soft >= wanted
    return wanted_connections if is_enough else soft * 3 // 4


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


def check_unix_socket(path: str) -> None:
    """Make way for a Unix socket: remove one that a program has left behind.

    Raises OSError if a program listens there, or if something else than a socket has that name.
    """
    file = Path(path)
    if not file.exists():
        if not file.absolute().parent.is_dir():
            raise FileNotFoundError(2, "the folder does not exist")
        return
    if not file.is_socket():
        raise FileExistsError(17, "there is a file of this name that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            file.unlink()
        else:
            raise OSError(98, "another program listens there")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
