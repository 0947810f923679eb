"""Settings in Granian's words, and the files of TLS that must be there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import trustme
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes, SSLProtocols

from kolben.server.granian_options import granian_options
from kolben.server.settings import Settings


def test_settings_reach_granian() -> None:
    settings = Settings(
        "hello",
        port=81,
        workers=3,
        threads=5,
        interface="wsgi",
        loop="asyncio",
        http="1",
        header_timeout_s=7,
        max_header_bytes=9000,
    )
    found = granian_options(settings)
    assert (
        "127.0.0.1",
        81,
        3,
        5,
        Interfaces.WSGI,
        Loops.asyncio,
        HTTPModes.http1,
        False,
    ) == tuple(
        found[name]
        for name in (
            "address",
            "port",
            "workers",
            "blocking_threads",
            "interface",
            "loop",
            "http",
            "websockets",
        )
    )
    assert (7000, 9000) == (
        found["http1_settings"].header_read_timeout,
        found["http1_settings"].max_buffer_size,
    )
    assert 9000 == found["http2_settings"].max_headers_size
    assert "ssl_cert" not in found


def test_on_an_event_loop_granian_has_one_thread_and_websockets() -> None:
    found = granian_options(Settings("hello", threads=5, interface="rsgi"))
    assert (1, RuntimeModes.mt, True, Loops.auto) == (
        found["blocking_threads"],
        found["runtime_mode"],
        found["websockets"],
        found["loop"],
    )


def test_files_of_tls_reach_granian(tmp_path: Path) -> None:
    certificate, key, authorities = (str(tmp_path / name) for name in ("c.pem", "k.pem", "a.pem"))
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(authorities)
    found = granian_options(
        Settings("hello", tls_certificate=certificate, tls_key=key, tls_client_ca=authorities)
    )
    assert (Path(certificate), Path(key), Path(authorities), True, SSLProtocols.tls12) == tuple(
        found[name]
        for name in ("ssl_cert", "ssl_key", "ssl_ca", "ssl_client_verify", "ssl_protocol_min")
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tls_certificate": "none.pem"}, "--tls-certificate: there is no file 'none.pem'."),
        ({"tls_certificate": __file__}, "--tls-certificate needs --tls-key"),
        ({"tls_key": __file__}, "TLS needs --tls-certificate."),
        ({"tls_client_ca": __file__}, "TLS needs --tls-certificate."),
    ],
)
def test_files_of_tls_that_do_not_go_together_are_told(given: dict[str, str], said: str) -> None:
    with pytest.raises(click.UsageError, match=said.replace(".", r"\.")):
        granian_options(Settings("hello", **given))


@pytest.mark.parametrize(
    ("interface", "http", "expected"),
    [
        ("rsgi", "auto", HTTPModes.auto),
        ("asgi", "2", HTTPModes.http2),
        ("wsgi", "auto", HTTPModes.http1),
        ("wsgi", "1", HTTPModes.http1),
    ],
)
def test_over_wsgi_http_1_alone_is_spoken(interface: Any, http: Any, expected: HTTPModes) -> None:
    found = granian_options(Settings("hello", interface=interface, http=http))
    assert expected is found["http"]


def test_http_2_over_wsgi_is_refused_with_the_cure() -> None:
    with pytest.raises(click.UsageError, match="Leave out --interface wsgi"):
        granian_options(Settings("hello", interface="wsgi", http="2"))
