"""`kolben serve` behind nginx and Caddy, with the very files of the manual."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from kolben.server.probe import check_url
from kolben.server.settings import Settings
from tests.running import Server, find_free_port, is_open, wait_for
from tests.services import give_up

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="two addresses of this machine"),
]

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
PROGRAM = Path(__file__).parent / "programs" / "proxied_app.py"
# On this machine too, and not the address of the proxy.
CLIENT = "127.0.0.2"
SOCKET = "unix:/run/shop/kolben.sock"
# What nginx's packages have in /etc/nginx/nginx.conf.
NGINX = """\
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/shop.conf;
}}
"""


@dataclass
class Site:
    """A proxy with a server behind it; port: the proxy's."""

    proxy: str
    port: int
    server: Server

    def ask(
        self, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=30, source_address=(CLIENT, 0)
        )
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Host": self.host, **named})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @property
    def host(self) -> str:
        return f"shop.example:{self.port}"


def start_nginx(folder: Path, upstream: str, port: int) -> list[str]:
    """Write the manual's file for these addresses; return the command."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    assert 1 == text.count("listen 80;")
    assert 1 == text.count(f"server {SOCKET} fail_timeout=0;")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    (folder / "shop.conf").write_text(text.replace(SOCKET, upstream))
    # As root it would become nobody, who may not use the socket in this folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(user=user, folder=folder))
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def start_caddy(folder: Path, upstream: str, port: int) -> list[str]:
    """Do the same for Caddy, which is kept from asking for certificates."""
    text = (DEPLOY / "Caddyfile").read_text("utf-8")
    assert 1 == text.count("unix//run/shop/kolben.sock\n")
    text = text.replace("unix//run/shop/kolben.sock\n", f"{upstream.replace(':/', '//', 1)}\n")
    text = text.replace("shop.example {", f"http://shop.example:{port} {{")
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n\n{text}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES = {"nginx": start_nginx, "caddy": start_caddy}


def takes_connections(server: Server, path: Path) -> bool:
    """Say whether the server behind a proxy can be reached, over its socket if it has one."""
    if not path.exists():
        return is_open(server.port)
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def find(program: str) -> str:
    """Return the path of a proxy; Debian has them in a folder that users do not search."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    return path or give_up(f"{program} is not installed: apt-get install {program}")


@pytest.fixture(
    scope="module",
    params=[("nginx", "unix"), ("nginx", "tcp"), ("caddy", "unix")],
    ids=lambda value: " over ".join(value),
)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    name, over = request.param
    program = find(name)
    folder = tmp_path_factory.mktemp(f"{name}-{over}")
    shutil.copy(PROGRAM, folder)
    path = folder / "kolben.sock"
    where = ["--unix-socket", str(path), "--trust-proxy", "unix"]
    if over == "tcp":
        where = ["--trust-proxy", "127.0.0.1"]
    server = Server(folder, "proxied_app", "--interface", "rsgi", *where)
    upstream = f"unix:{path}" if over == "unix" else f"127.0.0.1:{server.port}"
    port = find_free_port()
    command = PROXIES[name](folder, upstream, port)
    log = folder / "proxy.log"
    with log.open("w") as written:
        environ = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        proxy = subprocess.Popen(
            [program, *command[1:]], env=environ, cwd=folder, stdout=written, stderr=written
        )
    try:
        wait_for(lambda: takes_connections(server, path) or server.process.poll() is not None, 30)
        wait_for(lambda: is_open(port) or proxy.poll() is not None, 30)
        assert proxy.poll() is None, log.read_text()
        assert server.process.poll() is None, server.err
        yield Site(name, port, server)
    finally:
        server.end()
        proxy.terminate()
        try:
            proxy.wait(20)
        except subprocess.TimeoutExpired:
            proxy.kill()
            proxy.wait()


def test_the_app_sees_the_client_and_the_public_address(site: Site) -> None:
    status, body = site.ask("/who")
    assert 200 == status
    told = json.loads(body)
    assert (CLIENT, f"http://{site.host}/who") == (told["client"], told["url"])


def test_what_a_client_says_of_itself_is_not_believed(site: Site) -> None:
    _, body = site.ask(
        "/who",
        X_Forwarded_For="6.6.6.6",
        X_Forwarded_Proto="https",
        X_Forwarded_Host="evil.example",
        X_Forwarded_Prefix="/evil",
    )
    told = json.loads(body)
    assert (CLIENT, f"http://{site.host}/who") == (told["client"], told["url"])


def test_an_event_arrives_before_the_next_one_is_made(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    connection.request("GET", "/events", headers={"Host": site.host})
    stream = connection.getresponse()
    assert b'data: {"number": 1}\n' == stream.readline()
    assert (200, b"") == site.ask("/seen")
    assert [b"\n", b'data: {"number": 2, "seen": true}\n'] == [stream.readline(), stream.readline()]
    connection.close()


def test_a_websocket_goes_through(site: Site) -> None:
    # The name is in the URL, so that it is in the Host; the address is that of the proxy.
    raw = socket.create_connection(("127.0.0.1", site.port), timeout=20)
    with connect(f"ws://{site.host}/echo", sock=raw) as peer:
        for message in ("one", b"\x00\xff", "x" * 70_000):
            peer.send(message)
            assert message == peer.recv(timeout=20)


@pytest.mark.parametrize("is_chunked", [False, True], ids=["with a length", "in chunks"])
def test_a_large_upload_arrives_whole(site: Site, is_chunked: bool) -> None:
    piece = bytes(range(256)) * 256
    whole = piece * 200
    body = iter([piece] * 200) if is_chunked else whole
    status, answer = site.ask("/upload", "POST", body)
    digest = hashlib.sha256(whole).hexdigest()
    assert (200, {"length": len(whole), "digest": digest}) == (status, json.loads(answer))


def test_a_larger_one_than_the_proxy_allows_is_refused(site: Site) -> None:
    try:
        status, _ = site.ask("/upload", "POST", b"x" * (17 * 1024 * 1024))
    except ConnectionError:
        # The proxy closes while the body is still sent, with its answer before that.
        return
    assert 200 != status
    assert 413 == status


@pytest.mark.parametrize("length_first", [True, False])
def test_nginx_refuses_a_body_of_two_lengths(site: Site, length_first: bool) -> None:
    if site.proxy != "nginx":
        pytest.skip("Caddy reads it by its chunks, and sends those alone")
    lengths = [b"Content-Length: 3", b"Transfer-Encoding: chunked"]
    both = b"\r\n".join(lengths if length_first else lengths[::-1])
    host = site.host.encode()
    start = b"POST /upload HTTP/1.1\r\nHost: %b\r\n%b\r\n\r\n0\r\n\r\n" % (host, both)
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        client.sendall(start + b"GET /who HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert 1 == answer.count(b"HTTP/1.1 "), "nothing after it is answered"
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_the_doctor_judges_what_a_proxy_sends(tmp_path: Path) -> None:
    port, behind = find_free_port(), find_free_port()
    command = start_nginx(tmp_path, f"127.0.0.1:{behind}", port)
    with subprocess.Popen([find("nginx"), *command[1:]], stderr=subprocess.DEVNULL) as proxy:
        wait_for(lambda: is_open(port))
        url = f"http://127.0.0.1:{port}"
        (told,) = check_url(url, Settings("shop", port=behind))
        assert told.reason.startswith(
            "The proxy at 127.0.0.1 sends X-Forwarded-For, X-Forwarded-Proto, and is not believed"
        )
        assert "Serve with --trust-proxy 127.0.0.1" == told.cure
        (well,) = check_url(url, Settings("shop", port=behind, trust_proxy=("127.0.0.1",)))
        assert "127.0.0.1 sends X-Forwarded-For, X-Forwarded-Proto." == well.reason
        proxy.terminate()
