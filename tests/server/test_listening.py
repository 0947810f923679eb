"""Sockets that outlive workers: how connections spread, where they go, and that none is lost."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("descriptors of POSIX", allow_module_level=True)

from granian import net

from kolben.server.listening import (
    IS_LINUX,
    NO_SOCKETS,
    Listening,
    address_of,
    count_connections,
    forget_others,
    stop_accepting,
)
from tests.running import find_free_port

only_linux = pytest.mark.skipif(not IS_LINUX, reason="groups of sockets are Linux's")
_specs: Any = net


@pytest.fixture
def port() -> int:
    return find_free_port()


@pytest.fixture
def three(port: int) -> Iterator[Listening]:
    listening = Listening([_specs.SocketSpec("127.0.0.1", port, 512)] * 3, 512)
    yield listening
    listening.close()


def accept_all(listening: Listening, port: int, connections: int = 60) -> list[int]:
    """Connect so often, and return how many connections each socket has got."""
    found = []
    with ExitStack() as opened:
        for _ in range(connections):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        for index in range(3):
            one = listening.of(index)[1]
            one.setblocking(False)
            found.append(0)
            while True:
                try:
                    opened.enter_context(one.accept()[0])
                except BlockingIOError:
                    break
                found[-1] += 1
    return found


@only_linux
def test_connections_spread_over_all_of_them(three: Listening, port: int) -> None:
    found = accept_all(three, port, 300)
    assert 300 == sum(found)
    # By chance it is outside of this once in a million times.
    assert all(55 < one < 150 for one in found)


@only_linux
@pytest.mark.parametrize("ready", [[1], [2], [0, 2], [0, 1]], ids=str)
def test_new_connections_go_to_workers_that_are_ready(
    ready: list[int], three: Listening, port: int
) -> None:
    three.steer(ready)
    found = accept_all(three, port)
    assert 60 == sum(found[index] for index in ready)
    assert all(found[index] for index in ready)


@only_linux
@pytest.mark.parametrize("ready", [[], [0, 1, 2]], ids=str)
def test_they_go_to_all_again(ready: list[int], three: Listening, port: int) -> None:
    three.steer([1])
    three.steer(ready)
    assert all(accept_all(three, port))


def test_one_socket_serves_all_where_there_is_only_one(port: int) -> None:
    listening = Listening([_specs.SocketSpec("127.0.0.1", port, 128)], 128)
    try:
        listening.steer([0])
        assert listening.of(0) == listening.of(5)
        assert listening.identities(0).own == listening.identities(5).own
    finally:
        listening.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_socket_is_left_in_one_process_and_kept_in_another(three: Listening, port: int) -> None:
    """What was in the queue, and comes later, is accepted by the other."""
    three.steer([0])
    identities = three.identities(0)
    kept = three.of(0)[1].dup()
    if not IS_LINUX:
        pytest.skip("which socket has the connection is known on Linux alone")
    # The other process: a fork has all descriptors, and changes only its own.
    done, tell = os.pipe()
    pid = os.fork()
    if not pid:
        forget_others(identities)
        before = address_of(identities.own)
        stop_accepting(identities.own)
        ours = three.of(0)[1]
        ours.setblocking(False)
        code = 0
        try:
            ours.accept()
        except BlockingIOError:
            code = 7
        is_right = before == ("127.0.0.1", port) and address_of(identities.own) is None
        os.write(tell, b"x")
        os._exit(code if is_right else 1)
    with socket.create_connection(("127.0.0.1", port)) as client:
        os.read(done, 1)
        accepted, peer = kept.accept()
        assert client.getsockname() == peer
        accepted.close()
    assert 7 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    kept.close()
    os.close(done)
    os.close(tell)


def test_without_sockets_there_is_nothing_to_leave() -> None:
    forget_others(NO_SOCKETS)
    stop_accepting(NO_SOCKETS.own)
    assert address_of(NO_SOCKETS.own) is None


def test_the_connections_to_an_address_are_counted(tmp_path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, ExitStack() as opened:
        address = tcp.getsockname()
        assert 0 == count_connections(address)
        for expected in (1, 2):
            opened.enter_context(socket.create_connection(address))
            opened.enter_context(tcp.accept()[0])
            # The client's end is in this process as well, and is none of the server's.
            assert expected == count_connections(address)
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as unix, ExitStack() as opened:
        unix.bind(path)
        unix.listen()
        assert 0 == count_connections(path)
        client = opened.enter_context(socket.socket(socket.AF_UNIX))
        client.connect(path)
        opened.enter_context(unix.accept()[0])
        assert 1 == count_connections(path)
