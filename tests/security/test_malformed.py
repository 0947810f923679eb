"""Ten thousand broken requests: each is a 4xx or the end of its connection, and no more."""

from __future__ import annotations

import random
import re
import select
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.security.ways import PATIENCE_S, Server

pytestmark = pytest.mark.slow

COUNT = 10_000
SEED = 9112
AT_ONCE = 16
MOMENT_S = 0.02

CLOSE = b"Host: localhost\r\nConnection: close\r\n"
WHOLE = [
    b"GET /path/x?a=1&b=%20 HTTP/1.1\r\n" + CLOSE + b"Accept: */*\r\nCookie: a=1; b=2\r\n\r\n",
    b"GET /slash HTTP/1.1\r\n" + CLOSE + b'Range: bytes=0-5\r\nIf-None-Match: "a"\r\n\r\n',
    b"HEAD / HTTP/1.0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + CLOSE + b"\r\n",
    b"POST /body HTTP/1.1\r\n" + CLOSE + b"Content-Length: 11\r\n\r\nhello world",
    b"POST /body HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
    b"POST /form HTTP/1.1\r\n" + CLOSE + b"Content-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 15\r\n\r\na=1&b=%C3%A4&c=",
    b"POST /form HTTP/1.1\r\n" + CLOSE + b"Content-Type: multipart/form-data; boundary=x\r\n"
    b'Content-Length: 64\r\n\r\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    b"value\r\n--x--\r\n",
    b"POST /json HTTP/1.1\r\n" + CLOSE + b"Content-Type: application/json\r\n"
    b'Content-Length: 13\r\n\r\n{"a": [1, 2]}',
    b"GET /external HTTP/1.1\r\n" + CLOSE + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
]  # fmt: skip
# What parsers stumble over.
TOKENS = [
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"%", b"%00", b"%ff",
    b"\xff", b"\xc3\xa4", b"\x0b", b"\x7f", b"\x1b", b"HTTP/1.1", b"HTTP/2.0", b"chunked",
    b"identity", b"-1", b"+5", b"0x5", b"18446744073709551621", b"9" * 30, b"A" * 5000, b"/../",
    b"//", b"http://",
    b"Host: b\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n", b"X: y\r\n" * 120,
]  # fmt: skip


def break_one(whole: bytes, chance: random.Random) -> bytes:
    """Change a request in one to four places."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice([1, 1, 2, 5, 20]))
        change = chance.randrange(6)
        if change == 0:
            data[at:at] = chance.choice(TOKENS)
        elif change == 1:
            del data[at:end]
        elif change == 2:
            data[at:end] = chance.choice(TOKENS)
        elif change == 3:
            data[at:end] = chance.randbytes(end - at)
        elif change == 4:
            data[at:at] = data[at:end] * chance.choice([1, 3])
        else:
            del data[at:]
    return bytes(data)


def requests() -> Iterator[bytes]:
    """Make the requests: the same each time."""
    chance = random.Random(SEED)
    for _ in range(COUNT):
        yield break_one(chance.choice(WHOLE), chance)


def send(server: Server, data: bytes) -> list[int]:
    """Send a request, and no more; return the statuses that come until the server closes."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        with suppress(OSError):  # it may answer, and close, before it has read all
            connection.sendall(data)
            # Granian answers nobody who ends the connection at once.
            select.select([connection], [], [], MOMENT_S)
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while part := connection.recv(65536):
                received += part
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


@pytest.mark.parametrize("name", ["serve-wsgi", "serve-asgi", "serve-rsgi"])
def test_no_request_is_more_than_a_bad_one(servers: Callable[[str], Server], name: str) -> None:
    server = servers(name)
    pid = server.pid()
    seen: Counter[int] = Counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for data, statuses in threads.map(lambda data: (data, send(server, data)), requests()):
            failed = [code for code in statuses if code >= 500]
            assert not failed, (failed, data, server.new_output()[-2000:])
            seen.update(statuses)
    assert pid == server.pid()
    # The generator breaks requests, and not all of them.
    assert seen[200] > 500
    assert seen[400] > 2000
    assert "Traceback" not in server.new_output()
