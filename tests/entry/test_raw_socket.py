"""Connections of this process are found by their ends, written to and cut off."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kolben.entry import raw_socket
from kolben.entry.raw_socket import Ends, cut_off, forget, parse_ends, write_close

pytestmark = pytest.mark.skipif(os.name == "nt", reason="it has no folder of descriptors")


class Pair:
    """A connection: what the server holds, and what the client does."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, 0), family=family) as listener:
            self.client = socket.create_connection(listener.getsockname()[:2])
            self.server, _ = listener.accept()
        self.client.settimeout(5)

    @property
    def ends(self) -> Ends:
        found = parse_ends(self.text(self.client), self.text(self.server))
        assert found is not None
        return found

    @staticmethod
    def text(end: socket.socket) -> str:
        """Write an address as Granian does."""
        host, port = end.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def test_a_close_frame_is_written(pair: Pair) -> None:
    assert write_close(pair.ends, 4001, "why")
    assert b"\x88\x05" + struct.pack("!H", 4001) + b"why" == pair.client.recv(100)


def test_over_ipv6_too() -> None:
    try:
        pair = Pair("::1")
    except OSError:
        pytest.skip("there is no IPv6 here")
    assert write_close(pair.ends, 1000, "")
    assert b"\x88\x02\x03\xe8" == pair.client.recv(100)
    pair.close()


def test_it_does_not_matter_at_which_address_the_server_listens(pair: Pair) -> None:
    port = pair.server.getsockname()[1]
    ends = parse_ends(pair.text(pair.client), f"0.0.0.0:{port}")
    assert pair.ends == ends == parse_ends(pair.text(pair.client), f"[::]:{port}")


def test_a_connection_is_cut_off(pair: Pair) -> None:
    cut_off(pair.ends)
    assert b"" == pair.client.recv(100)
    assert b"" == pair.server.recv(100)
    cut_off(pair.ends)


def test_what_is_not_there_is_not_found(pair: Pair) -> None:
    nowhere = (("127.0.0.1", 1), 2)
    assert not write_close(nowhere, 1000, "")
    cut_off(nowhere)
    ends = pair.ends
    assert write_close(ends, 1000, "")
    pair.close()
    assert not write_close(ends, 1000, "")


def test_a_descriptor_that_is_another_connections_by_now_is_not_used(pair: Pair) -> None:
    other = Pair()
    raw_socket._descriptors[pair.ends] = other.server.fileno()
    assert write_close(pair.ends, 1000, "")
    assert b"\x88\x02\x03\xe8" == pair.client.recv(100)
    other.client.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.client.recv(100)
    other.close()


def test_a_descriptor_that_is_closed_by_now_is_looked_for_again(pair: Pair) -> None:
    raw_socket._descriptors[pair.ends] = 1_000_000
    assert write_close(pair.ends, 1000, "")


def test_a_client_that_has_gone_takes_nothing(pair: Pair) -> None:
    ends = pair.ends
    pair.server.setblocking(False)
    for size in (65_536, 1):
        with suppress(BlockingIOError):
            while pair.server.send(b"x" * size):
                pass
    assert not write_close(ends, 1000, "")


def test_other_descriptors_are_left_alone(pair: Pair) -> None:
    with socket.socket(socket.AF_UNIX) as file, socket.create_server(("127.0.0.1", 0)) as listener:
        raw_socket._descriptors.clear()
        raw_socket._inodes.clear()
        raw_socket._look_again()
        assert {file.fileno(), listener.fileno()}.isdisjoint(raw_socket._descriptors.values())
    raw_socket._note(1_000_000)
    assert pair.server.fileno() == raw_socket._descriptors[pair.ends]


def test_without_a_folder_of_descriptors_nothing_is_found(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_socket._descriptors.clear()
    raw_socket._inodes.clear()
    monkeypatch.setattr(raw_socket, "_FOLDERS", ("/nowhere",))
    assert not write_close(pair.ends, 1000, "")


@pytest.mark.parametrize("client", ["unix:", "", "/a/path"])
def test_a_socket_that_is_a_file_has_no_ends(client: str) -> None:
    assert parse_ends(client, "127.0.0.1:80") is None
    assert parse_ends("127.0.0.1:80", client) is None


def test_a_connection_that_is_over_is_forgotten(pair: Pair) -> None:
    assert write_close(pair.ends, 1000, "")
    forget(pair.ends)
    assert pair.ends not in raw_socket._descriptors
    forget(pair.ends)
    assert write_close(pair.ends, 1000, "")


def test_a_descriptor_that_is_another_socket_than_before_is_looked_at_again(pair: Pair) -> None:
    assert write_close(pair.ends, 1000, "")
    gone = pair.ends
    pair.close()
    other = Pair()  # it gets the same numbers
    assert write_close(other.ends, 1000, "")
    assert not write_close(gone, 1000, "")
    other.close()


def test_ends_of_connections_that_are_over_are_not_kept_for_ever(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_socket, "_MOST_GONE", 2)
    monkeypatch.setattr(raw_socket, "_inodes", {})
    monkeypatch.setattr(raw_socket, "_descriptors", {})
    for port in range(1, 5):
        raw_socket._descriptors[("127.0.0.1", port), 80] = 1_000_000
    assert write_close(pair.ends, 1000, "")
    assert {pair.ends} <= set(raw_socket._descriptors)
    assert (("127.0.0.1", 1), 80) not in raw_socket._descriptors
