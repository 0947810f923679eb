"""HTTPS, with versions, passwords and certificates of clients, on a real server."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.running import Server

pytestmark = pytest.mark.slow

APP = """\
from flask import Flask, request

app = Flask(__name__)

@app.get("/")
def index():
    return f"{request.scheme} {request.is_secure}"

@app.get("/broken")
def broken():
    def pieces():
        yield "a" * 100_000
        raise ValueError("in the stream")

    return pieces()
"""
INTERFACES = ["wsgi", "asgi", "rsgi"]


class Files:
    """An authority and a certificate of it for this machine, in files."""

    def __init__(self, directory: Path) -> None:
        self.authority = trustme.CA()
        issued = self.authority.issue_cert("127.0.0.1")
        self.certificate, self.key, self.ca = (
            directory / f"{n}.pem" for n in ("cert", "key", "ca")
        )
        issued.private_key_pem.write_to_path(self.key)
        self.authority.cert_pem.write_to_path(self.ca)
        for part in issued.cert_chain_pems:
            part.write_to_path(self.certificate, append=True)

    @property
    def options(self) -> list[str]:
        return ["--tls-certificate", str(self.certificate), "--tls-key", str(self.key)]

    def context(self) -> ssl.SSLContext:
        """Return a client's side that trusts the authority."""
        context = ssl.create_default_context(cafile=str(self.ca))
        # The chains that trustme makes do not say all that VERIFY_X509_STRICT asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []
    (tmp_path / "hello.py").write_text(APP)

    def begin(*options: str, **variables: str) -> Server:
        running.append(Server(tmp_path, "hello", *options, **variables))
        return running[-1]

    yield begin
    for one in running:
        one.end()


def get(server: Server, context: ssl.SSLContext, path: str = "/") -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=10, context=context)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("interface", INTERFACES)
def test_it_speaks_https(interface: str, start: Callable[..., Server], files: Files) -> None:
    server = start("--interface", interface, *files.options).wait_until_ready()
    assert f"on https://127.0.0.1:{server.port}\n" in server.out
    assert (200, b"https True") == get(server, files.context())
    assert 0 == server.stop()


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_client_must_have_a_certificate_where_one_is_asked_for(
    interface: str, start: Callable[..., Server], files: Files, tmp_path: Path
) -> None:
    options = ["--interface", interface, *files.options, "--tls-client-ca", str(files.ca)]
    server = start(*options).wait_until_ready()
    with pytest.raises((OSError, http.client.HTTPException)):
        get(server, files.context())
    stranger, known = files.context(), files.context()
    trustme.CA().issue_cert("me@example.org").configure_cert(stranger)
    with pytest.raises((OSError, http.client.HTTPException)):
        get(server, stranger)
    files.authority.issue_cert("me@example.org").configure_cert(known)
    assert (200, b"https True") == get(server, known)


@pytest.mark.parametrize(("least", "is_taken"), [("1.2", True), ("1.3", False)])
def test_versions_of_tls_below_the_oldest_are_refused(
    least: str, is_taken: bool, start: Callable[..., Server], files: Files
) -> None:
    server = start(*files.options, "--tls-minimum", least).wait_until_ready()
    context = files.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if is_taken:
        assert (200, b"https True") == get(server, context)
    else:
        with pytest.raises(ssl.SSLError):
            get(server, context)


@pytest.mark.parametrize(
    ("http_version", "expected"), [("auto", "h2"), ("1", "http/1.1"), ("2", "h2")]
)
def test_the_client_is_told_which_http_is_spoken(
    http_version: str, expected: str | None, start: Callable[..., Server], files: Files
) -> None:
    server = start(*files.options, "--http", http_version).wait_until_ready()
    context = files.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    address = ("127.0.0.1", server.port)
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        assert expected == secured.selected_alpn_protocol()


def test_a_key_with_a_password_is_refused_with_the_cure(
    start: Callable[..., Server], files: Files, tmp_path: Path
) -> None:
    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    cipher = BestAvailableEncryption(b"open sesame")
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cipher))
    server = start("--tls-certificate", str(files.certificate), "--tls-key", str(locked))
    assert 2 == server.process.wait(20)
    assert "has a password. Write it without one" in server.err
    assert "Traceback" not in server.err


def test_files_that_do_not_belong_together_are_told(
    start: Callable[..., Server], files: Files, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(other)
    server = start("--tls-certificate", str(files.certificate), "--tls-key", str(other))
    assert 2 == server.process.wait(20)
    assert "Traceback" not in server.err
    assert "--tls-certificate" in server.err


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_half_of_a_stream_does_not_look_whole(
    files: Files, start: Callable[..., Server], interface: str, host: str
) -> None:
    server = start("--interface", interface, "--host", host, *files.options).wait_until_ready()
    with pytest.raises((http.client.HTTPException, OSError)):
        get(server, files.context(), "/broken")
    assert (200, b"https True") == get(server, files.context())


@pytest.mark.parametrize(("interface", "chosen"), [("wsgi", "http/1.1"), ("rsgi", "h2")])
def test_http_2_is_offered_where_it_is_spoken(
    start: Callable[..., Server], files: Files, interface: str, chosen: str
) -> None:
    server = start(*files.options, "--interface", interface).wait_until_ready()
    context = files.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as connection,
    ):
        assert connection.selected_alpn_protocol() == chosen
