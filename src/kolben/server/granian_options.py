"""The settings that Granian itself keeps, in its own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings

from kolben.server.settings import Settings, raise_file_limit

# Granian's own default is 16 MiB for each stream.
MAX_HTTP2_STREAMS = 128


def granian_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of Granian's server for these settings.

    Raises click.UsageError for TLS files that are missing or do not go together, and for HTTP/2
    over WSGI.
    """
    is_wsgi = settings.spoken_interface == "wsgi"
    return {
        "address": settings.host,
        "port": settings.port,
        "uds": Path(settings.unix_socket) if settings.unix_socket else None,
        "uds_permissions": settings.unix_socket_mode,
        "interface": Interfaces(settings.spoken_interface),
        "workers": settings.workers,
        "blocking_threads": settings.threads if is_wsgi else 1,
        # PERF: Granian's own choice for all but RSGI over HTTP/1. Its I/O thread is woken less
        # often by the others: 19 us a request instead of 20 us (benchmarks/serving.py).
        "runtime_mode": RuntimeModes.mt,
        "loop": Loops.auto if settings.loop == "auto" else Loops(settings.loop),
        "http": _http_mode(settings),
        "websockets": not is_wsgi,
        "backlog": settings.backlog,
        "backpressure": raise_file_limit(settings.max_connections),
        "http1_settings": HTTP1Settings(
            header_read_timeout=settings.header_timeout_s * 1000,
            max_buffer_size=settings.max_header_bytes,
        ),
        "http2_settings": HTTP2Settings(
            max_concurrent_streams=MAX_HTTP2_STREAMS,
            max_headers_size=settings.max_header_bytes,
            keep_alive_interval=settings.header_timeout_s * 1000,
        ),
        **_tls_options(settings),
    }


def _http_mode(settings: Settings) -> HTTPModes:
    """Return the versions of HTTP that are spoken: over WSGI HTTP/1.1 alone.

    SECURITY: when a client resets a stream whose body it has not sent, Granian 2.8 never returns
    from the `read` of WSGI's input. The thread would be lost, and nothing in Python can end it.
    """
    if settings.spoken_interface != "wsgi":
        return HTTPModes(settings.http)
    if settings.http == "2":
        raise click.UsageError(
            "--http 2 is not available over WSGI: a client that cancels its upload would take a"
            " thread with it. Leave out --interface wsgi, or have a proxy speak HTTP/2 and serve"
            " HTTP/1.1 to it (--http 1)."
        )
    return HTTPModes.http1


def _tls_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments for TLS; none without a certificate."""
    files = {
        "--tls-certificate": settings.tls_certificate,
        "--tls-key": settings.tls_key,
        "--tls-client-ca": settings.tls_client_ca,
    }
    for option, name in files.items():
        if name and not Path(name).is_file():
            raise click.UsageError(f"{option}: there is no file {name!r}.")
    if not settings.tls_certificate:
        if settings.tls_key or settings.tls_client_ca:
            raise click.UsageError("TLS needs --tls-certificate.")
        return {}
    if not settings.tls_key:
        raise click.UsageError("--tls-certificate needs --tls-key, the file with its private key.")
    _check_pair(settings.tls_certificate, settings.tls_key)
    authorities = settings.tls_client_ca
    return {
        "ssl_cert": Path(settings.tls_certificate),
        "ssl_key": Path(settings.tls_key),
        "ssl_protocol_min": SSLProtocols(f"tls{settings.tls_minimum}"),
        "ssl_ca": Path(authorities) if authorities else None,
        "ssl_client_verify": bool(authorities),
    }


def _check_pair(certificate: str, key: str) -> None:
    """Raise click.UsageError unless a certificate and a key can be read and are a pair.

    Granian 2.8 has a setting for a key's password, and dies of the keys that OpenSSL 3 writes.
    """
    import ssl  # starts faster without it

    def refuse_password() -> str:
        raise click.UsageError(
            f"--tls-key {key} has a password. Write it without one, into a file that only the"
            f" server may read: openssl pkey -in {key} -out FILE"
        )

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, refuse_password)
    except ssl.SSLError as error:
        raise click.UsageError(
            f"--tls-certificate {certificate} and --tls-key {key} cannot be used:"
            f" {error.reason or error}. They must be PEM files that belong together."
        ) from None
