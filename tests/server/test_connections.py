"""Connections that say nothing are ended, and no others."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from kolben.server import connections
from kolben.server.connections import (
    HAS_TCP_INFO,
    PREFACE_BYTES,
    SilentConnections,
    count_connections,
    end_silent_connections,
)

pytestmark = pytest.mark.skipif(not HAS_TCP_INFO, reason="only Linux tells what came")


class Server:
    """A listener, and the connections to it: pairs of what the client and what the server holds."""

    def __init__(self, stack: ExitStack, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server((host, 0), family=family))
        self.address = self._listener.getsockname()[:2]
        self.silent = SilentConnections(self.address[1], 10)

    def connect(self) -> tuple[socket.socket, socket.socket]:
        client = self._stack.enter_context(socket.create_connection(self.address))
        client.settimeout(5)
        return client, self._stack.enter_context(self._listener.accept()[0])

    def is_ended(self, client: socket.socket) -> bool:
        client.setblocking(False)
        try:
            return not client.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with ExitStack() as stack:
        try:
            yield Server(stack, request.param)
        except OSError:
            pytest.skip("there is no IPv6 here")


def test_a_silent_connection_has_its_time_from_when_it_is_seen(server: Server) -> None:
    early, _ = server.connect()
    assert 0 == server.silent.end_old(100)
    late, _ = server.connect()
    assert 0 == server.silent.end_old(109)
    assert 1 == server.silent.end_old(110)
    assert (True, False) == (server.is_ended(early), server.is_ended(late))
    assert 1 == server.silent.end_old(119)
    assert server.is_ended(late)


@pytest.mark.parametrize(
    ("sent", "is_ended"),
    [(b"PRI * HTTP/2.0", True), (b"G" * PREFACE_BYTES, False)],
    ids=["half a preface", "as many bytes as a preface has"],
)
def test_what_may_be_the_beginning_of_anything_is_silence(
    server: Server, sent: bytes, is_ended: bool
) -> None:
    client, _ = server.connect()
    client.send(sent)
    server.silent.end_old(0)
    assert is_ended == bool(server.silent.end_old(10))
    assert is_ended == server.is_ended(client)


def test_who_was_answered_is_not_silent(server: Server) -> None:
    client, held = server.connect()
    client.send(b"GET /\r\n\r\n")
    held.send(b"x")
    assert b"x" == client.recv(1)
    server.silent.end_old(0)
    assert 0 == server.silent.end_old(10)
    assert not server.is_ended(client)


def test_connections_of_the_app_to_others_are_left_alone(server: Server) -> None:
    with ExitStack() as stack:
        other = Server(stack, "127.0.0.1")
        client, held = other.connect()
        server.silent.end_old(0)
        assert 0 == server.silent.end_old(10)
        assert not other.is_ended(client)
        assert not other.is_ended(held)


def test_a_listener_is_left_alone(server: Server) -> None:
    server.silent.end_old(0)
    assert 0 == server.silent.end_old(10)
    server.connect()


def test_a_descriptor_that_is_another_connections_by_now_is_left_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, held = server.connect()
    assert not server.silent._end(held.fileno(), inode=1)
    assert not server.silent._end(1_000_000, inode=1)
    assert not server.is_ended(client)


def test_one_that_speaks_at_the_last_moment_is_left_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = server.connect()
    server.silent.end_old(0)
    end: Callable[[int, int], bool] = server.silent._end

    def speak_first(descriptor: int, inode: int) -> bool:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return end(descriptor, inode)

    monkeypatch.setattr(server.silent, "_end", speak_first)
    assert 0 == server.silent.end_old(10)
    assert not server.is_ended(client)


def test_a_thread_looks_again_and_again(server: Server) -> None:
    client, _ = server.connect()
    end_silent_connections(server.address[1], 0.3)
    assert b"" == client.recv(1)


def test_those_to_one_port_are_counted(server: Server) -> None:
    port = server.address[1]
    assert 0 == count_connections(port)
    _, held = server.connect()
    server.connect()
    assert 2 == count_connections(port)
    held.close()
    assert 1 == count_connections(port), "the other side of it is open still"


def test_where_the_system_does_not_tell_none_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_TABLES", ("/nowhere",))
    assert count_connections(80) is None


def test_it_can_be_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections.threading, "Thread", None)
    end_silent_connections(server.address[1], 0)
    monkeypatch.setattr(connections, "HAS_TCP_INFO", False)
    end_silent_connections(server.address[1], 1)
