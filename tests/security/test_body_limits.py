"""A body is read up to a limit, whether or not it says how long it is, and never short."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from kolben import Flask
from tests.security.ways import RAW, EnvironWay, Server, Way, call, make_environ, parse_answer

WAYS_TO_READ = {
    "data": "text/plain",
    "stream": "text/plain",
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
}


def text(length: int) -> bytes:
    """Make a body that is JSON as well."""
    return b'"' + b"x" * (length - 2) + b'"'


MEBIBYTE = 2**20


@pytest.mark.parametrize(("reading", "kind"), WAYS_TO_READ.items())
def test_a_longer_body_is_too_large(way: Way, reading: str, kind: str) -> None:
    assert way.post(f"/limited/100?way={reading}", text(101), kind).status == 413


@pytest.mark.parametrize(("reading", "kind"), WAYS_TO_READ.items())
def test_a_body_of_the_limit_is_read(way: Way, reading: str, kind: str) -> None:
    assert way.post(f"/limited/100?way={reading}", text(100), kind).status == 200


def test_a_multipart_body_counts_whole(way: Way) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--b--\r\n'
    kind = "multipart/form-data; boundary=b"
    assert way.post(f"/limited/{len(body)}?way=form", body, kind).status == 200
    assert way.post(f"/limited/{len(body) - 1}?way=form", body, kind).status == 413


def chunked(body: bytes, size: int = 1000) -> bytes:
    """Write a body in chunks (RFC 9112 §7.1)."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


@pytest.mark.parametrize(("reading", "kind"), WAYS_TO_READ.items())
@pytest.mark.parametrize(("length", "status"), [(5000, 200), (5001, 413), (MEBIBYTE, 413)])
def test_a_chunked_body_is_limited_too(
    server: Server, reading: str, kind: str, length: int, status: int
) -> None:
    headers = [("Content-Type", kind), ("Transfer-Encoding", "chunked")]
    body = chunked(text(length))
    assert server.ask(f"/limited/5000?way={reading}", "POST", headers, body).status == status


def test_a_chunked_body_without_end_is_cut_at_the_limit(server: Server) -> None:
    """64 MiB in chunks against a limit of 1 MiB: 413, and no memory for them."""
    pid, before = server.pid(), server.peak_memory_bytes()
    head = "POST /limited/1048576 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode())
        with suppress(ConnectionError):
            for _ in range(1024):
                connection.sendall(chunk)
                if received := _already_there(connection):
                    break
        with suppress(ConnectionError):
            received = received or connection.recv(65536)
    # A server that closes while we send may take its answer back with it.
    assert not received or parse_answer(received).status == 413
    assert server.pid() == pid
    assert server.peak_memory_bytes() - before < 24 * MEBIBYTE


def _already_there(connection: socket.socket) -> bytes:
    connection.setblocking(False)
    try:
        return connection.recv(65536)
    except BlockingIOError:
        return b""
    finally:
        connection.settimeout(20)


def test_a_limit_of_the_app_holds_for_every_view(app: Flask, environ_way: EnvironWay) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10
    try:
        assert environ_way.post("/body", b"x" * 11, "text/plain").status == 413
        assert environ_way.post("/body", b"x" * 10, "text/plain").status == 200
        assert environ_way.post_form("/form", b"x" * 11).status == 413
    finally:
        app.config["MAX_CONTENT_LENGTH"] = None


def test_an_unread_body_of_any_length_does_no_harm(way: Way) -> None:
    assert way.post("/ignored-body", b"x" * MEBIBYTE, "text/plain").text == "ignored"


# Lengths that lie.


class Endless(io.RawIOBase):
    """A stream that never ends, and fails if it is asked for all."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # as io calls it
        self.taken += len(buffer)
        assert self.taken < 10 * MEBIBYTE, "it was read without a limit"
        return len(buffer)

    def readall(self) -> bytes:
        raise AssertionError("all of it was asked for")


@pytest.mark.parametrize("reading", WAYS_TO_READ)
def test_only_what_was_promised_is_read(app: Flask, reading: str) -> None:
    stream = Endless()
    headers = [("Host", "h"), ("Content-Type", WAYS_TO_READ[reading]), ("Content-Length", "10")]
    call(
        app, make_environ(f"/limited/100?way={reading}", "POST", headers, io.BufferedReader(stream))
    )
    assert stream.taken < MEBIBYTE


@pytest.mark.parametrize("reading", WAYS_TO_READ)
def test_without_a_length_nothing_is_read(app: Flask, reading: str) -> None:
    stream = Endless()
    headers = [("Host", "h"), ("Content-Type", WAYS_TO_READ[reading])]
    call(
        app, make_environ(f"/limited/100?way={reading}", "POST", headers, io.BufferedReader(stream))
    )
    assert stream.taken == 0


@pytest.mark.parametrize(("reading", "kind"), WAYS_TO_READ.items())
@pytest.mark.parametrize("way", RAW, indirect=True)
def test_a_body_that_is_cut_off_is_no_body(way: Way, reading: str, kind: str) -> None:
    headers = [("Content-Type", kind), ("Content-Length", "50")]
    target = f"/limited/100?way={reading}"
    if isinstance(way, Server):
        lines = [f"POST {target} HTTP/1.1", "Host: localhost", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers]
        raw = way.send("\r\n".join([*lines, "", "12345"]).encode(), then_close=True)
        # Nobody is there to be answered; if there is an answer, it is no success.
        assert not raw or parse_answer(raw).status == 400
    else:
        assert way.ask(target, "POST", headers, b"12345").status == 400


@pytest.mark.parametrize(
    "length", ["-1", "+5", "5,6", "5, 5", "abc", "0x5", "5_0", " ", "", "1e1", "5.0", "\xb2"]
)
@pytest.mark.parametrize("reading", WAYS_TO_READ)
def test_a_length_that_is_no_number_is_no_body(
    environ_way: EnvironWay, reading: str, length: str
) -> None:
    headers = [("Content-Type", WAYS_TO_READ[reading]), ("Content-Length", length)]
    answer = environ_way.ask(f"/limited/100?way={reading}", "POST", headers, b"12345")
    assert answer.status == 400 or (answer.status, answer.text) == (200, "0")


@pytest.mark.parametrize("length", ["-1", "+5", "5,6", "abc", "0x5", "5_0", "5 5", "\xb2"])
def test_a_length_that_is_no_number_leaves_the_server_alone(server: Server, length: str) -> None:
    pid = server.pid()
    headers = [("Content-Type", "text/plain"), ("Content-Length", length)]
    began = time.monotonic()
    answer = server.ask("/limited/100?way=data", "POST", headers, b"12345")
    assert time.monotonic() - began < 5
    assert answer.status == 400 or (answer.status, answer.text) == (200, "0")
    assert server.pid() == pid


def test_a_length_of_4000_digits_is_too_large(environ_way: EnvironWay) -> None:
    headers = [("Content-Type", "text/plain"), ("Content-Length", "9" * 4000)]
    assert environ_way.ask("/limited/100", "POST", headers, b"1").status in {400, 413}


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n12345\r\n0\r\n\r\n",
        b"-5\r\n12345\r\n0\r\n\r\n",
        b"5\r\n123",
        b"5\r\n12345\r\n",
        b"",
        b"5\r\n12345XX0\r\n\r\n",
    ],
    ids=["no number", "negative", "cut", "endless", "nothing", "unended"],
)
@pytest.mark.parametrize("reading", WAYS_TO_READ)
def test_broken_chunks_are_no_body(
    servers: Callable[[str], Server], reading: str, body: bytes
) -> None:
    lines = [
        f"POST /limited/100?way={reading} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Transfer-Encoding: chunked",
        f"Content-Type: {WAYS_TO_READ[reading]}",
    ]
    head = "\r\n".join([*lines, "", ""]).encode()
    raw = servers("development").send(head + body, then_close=True)
    assert not raw or parse_answer(raw).status == 400, raw
