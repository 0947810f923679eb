"""The site under its public address: what a proxy before the server makes of a request.

While the server is not running, the doctor listens in its place, for one request of its own. While
it is running, only its answer can be looked at.
"""

from __future__ import annotations

import email.utils
import http.client
import secrets
import socketserver
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from kolben.server.checks import Finding, Verdict
from kolben.server.proxies import parse_trust
from kolben.server.settings import Settings, check_port, check_unix_socket

PATIENCE_S = 10.0
# The answer of a machine whose clock differs by more is pointed out.
TOLERANCE_S = 5.0
FORGED = {
    "proto": "gopher",
    "host": "forged.invalid",
    "port": "9",
    "prefix": "/forged",
}


@dataclass
class Seen:
    """What arrived. peer: an address; empty for a Unix socket."""

    peer: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def check_url(url: str, settings: Settings) -> list[Finding]:
    """Ask for a page under the public address, and judge what arrives, or what is answered."""
    try:
        if settings.unix_socket:
            check_unix_socket(settings.unix_socket)
        else:
            check_port(settings.host, settings.port)
    except OSError:
        return list(_judge_answer(url, _ask(url, "/")))
    if settings.tls_certificate:
        return [
            Finding(
                "public address",
                Verdict.WARNING,
                "Nobody serves there, and the doctor cannot answer over TLS in the server's place.",
                "Start the server, and ask again.",
            )
        ]
    path = f"/{secrets.token_hex(8)}"
    seen = Seen()
    with _listen(settings, path, seen) as server:
        listening = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        listening.start()
        answer = _ask(url, path)
        server.shutdown()
        listening.join()
    if settings.unix_socket:
        check_unix_socket(settings.unix_socket)
    if seen.peer is None:
        reason = answer if isinstance(answer, str) else f"someone else answered {answer.status}"
        return [
            Finding(
                "public address",
                Verdict.PROBLEM,
                f"A request to {url} does not come to {settings.address}: {reason}.",
                "Have the proxy send requests there.",
            )
        ]
    return list(judge_request(url, seen, settings))


def judge_request(url: str, seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Judge the X-Forwarded headers and the Host of a request as it arrived."""
    peer = seen.peer or "unix"
    said = {
        name: seen.headers[f"x-forwarded-{name}"]
        for name in ("for", *FORGED)
        if f"x-forwarded-{name}" in seen.headers and not _is_forged(name, seen)
    }
    trust = parse_trust(settings.trust_proxy, settings.proxy_headers)
    trusted = trust is not None and trust.trusts(seen.peer or "")
    if said and not trusted:
        yield Finding(
            "proxy headers",
            Verdict.PROBLEM,
            f"The proxy at {peer} sends {_names(said)}, and is not believed: every client looks"
            " like the proxy, and links may be of http.",
            f"Serve with --trust-proxy {peer}",
        )
    elif trusted:
        yield from _judge_trusted(peer, said, seen, settings)
    else:
        yield Finding("proxy headers", Verdict.OK, "None come, and none are believed.")
    host = seen.headers.get("host", "")
    public = urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
    believed = trusted and "host" in settings.proxy_headers
    if host.partition(":")[0] != public.partition(":")[0] and not believed:
        yield Finding(
            "host",
            Verdict.WARNING,
            f"The proxy makes the Host {host!r} of {public!r}; links will carry it.",
            "Have it pass on the client's: proxy_set_header Host $host; in nginx.",
        )


def _judge_trusted(
    peer: str, said: dict[str, str], seen: Seen, settings: Settings
) -> Iterator[Finding]:
    """Judge what a proxy that is believed sets, and what it lets a client say."""
    forged = {name: "" for name in settings.proxy_headers if _is_forged(name, seen)}
    missing = {name: "" for name in settings.proxy_headers if name not in said | forged}
    if forged:
        yield Finding(
            "proxy headers",
            Verdict.PROBLEM,
            f"The proxy at {peer} passes on a client's own {_names(forged)}, which is believed.",
            "Have it set them itself, or take them out of --proxy-headers.",
        )
    if missing:
        yield Finding(
            "proxy headers",
            Verdict.WARNING,
            f"The proxy at {peer} is believed, and does not send {_names(missing)}.",
            "Have it set them, or take them out of --proxy-headers.",
        )
    if not forged and not missing:
        yield Finding("proxy headers", Verdict.OK, f"{peer} sends {_names(said)}.")


def _judge_answer(url: str, answer: http.client.HTTPResponse | str) -> Iterator[Finding]:
    """Judge what a running server answers."""
    if isinstance(answer, str):
        yield Finding(
            "public address",
            Verdict.PROBLEM,
            f"{url} does not answer: {answer}.",
            "See that the proxy runs, and that its name and certificate are right.",
        )
        return
    if answer.status in {502, 503, 504}:
        yield Finding(
            "public address",
            Verdict.PROBLEM,
            f"{url} answers {answer.status}.",
            "See whether the server is ready, and where the proxy sends requests.",
        )
    else:
        yield Finding("public address", Verdict.OK, f"{url} answers {answer.status}.")
    date = email.utils.parsedate_tz(answer.headers.get("Date", ""))
    difference_s = 0.0 if date is None else email.utils.mktime_tz(date) - time.time()
    if abs(difference_s) > TOLERANCE_S:
        yield Finding(
            "clocks",
            Verdict.WARNING,
            f"The clock there differs by {difference_s:.0f} seconds from the one here.",
            "Run an NTP client on both machines.",
        )


def _ask(url: str, path: str) -> http.client.HTTPResponse | str:
    """Send a request with forged headers; return the answer, or why there is none."""
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    if not parts.hostname:
        return "it is no URL"
    connection = kind(parts.hostname, parts.port, timeout=PATIENCE_S)
    headers = {f"X-Forwarded-{name}": value for name, value in FORGED.items()}
    try:
        connection.request("GET", parts.path.rstrip("/") + path, headers=headers)
        answer = connection.getresponse()
        answer.read(1)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return answer


def _is_forged(name: str, seen: Seen) -> bool:
    """Say whether a header arrived as the client had forged it."""
    return name in FORGED and seen.headers.get(f"x-forwarded-{name}") == FORGED[name]


def _names(names: dict[str, str]) -> str:
    return ", ".join(f"X-Forwarded-{name.capitalize()}" for name in names)


def _listen(settings: Settings, path: str, seen: Seen) -> Any:
    """Listen where the server would, and note what comes for a path."""

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE_S

        def do_GET(self) -> None:
            if self.path.endswith(path):
                seen.headers = {name.lower(): value for name, value in self.headers.items()}
                # Of a Unix socket it is an empty text.
                seen.peer = "".join(self.client_address[:1])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name too
            """Say nothing."""

    if settings.unix_socket:
        return socketserver.UnixStreamServer(settings.unix_socket, Handler)

    class Server(socketserver.TCPServer):
        allow_reuse_address = True

    return Server((settings.host, settings.port), Handler)
