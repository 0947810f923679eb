"""A server's certificate, judged by a handshake with itself: no network, no clock but our own."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any


def read_expiry(certificate: str, key: str) -> float:
    """Return when a certificate expires, in seconds since the epoch.

    certificate, key: PEM files. Raises OSError (ssl.SSLError among it) if they cannot be read, do
    not belong together, or are not valid now; the reason is in the error.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Of a key that has a password, it must not be asked for on the terminal.
    server.load_cert_chain(certificate, key, password=lambda: "")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(certificate)
    peer: Any = _shake_hands(client, server).getpeercert()
    return ssl.cert_time_to_seconds(peer["notAfter"])


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> ssl.SSLObject:
    """Let two sides talk in memory; return the client's. Raises what the client does not accept."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    # Each side has its turn until nothing is left to say: three rounds in the slowest version.
    for _ in range(3):
        for side in (asking, answering):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return asking
