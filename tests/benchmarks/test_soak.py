"""What the soak counts, it counts right: connections of a process, and what wrk saw."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from benchmarks.soak import (
    Load,
    count_connections,
    memory_mib,
    parse_connections,
    parse_load,
    state_of,
)

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0
   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0
   3: 0100007F:1F90 0100007F:C002 08 00000000:00000000 00:00000000 00000000     0        0 14 1 0
   4: 0100007F:1F91 0100007F:C003 01 00000000:00000000 00:00000000 00000000     0        0 15 1 0
"""


def test_established_connections_at_the_port_are_found_and_no_others() -> None:
    assert [12] == parse_connections(TABLE, 0x1F90)


def test_every_kind_of_failure_is_counted_and_named() -> None:
    line = (
        '{"requests": 90, "seconds": 1.0, "p50_ms": 1, "p99_ms": 2,'
        ' "refused": 1, "broken": 2, "late": 0, "wrong_status": 4}'
    )
    assert Load(90, 7, "1 refused, 2 broken, 4 wrong_status") == parse_load(line)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
class TestThisProcess:
    """Counted on the machine that runs the tests."""

    def test_only_connections_that_it_has_accepted_count(self) -> None:
        pid = os.getpid()
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = server.getsockname()
            with socket.create_connection(address), socket.create_connection(address):
                assert 0 == count_connections(pid, address[1])
                with server.accept()[0]:
                    assert 1 == count_connections(pid, address[1])

    def test_its_memory_grows_with_what_it_keeps(self) -> None:
        before = memory_mib(os.getpid())
        kept = bytearray(os.urandom(1)) * 32 * 2**20
        assert 24 < memory_mib(os.getpid()) - before < 40
        del kept

    def test_a_process_that_is_gone_has_no_state(self) -> None:
        assert state_of(os.getpid()) in {"R", "S"}
        assert state_of(2**22 + 1) is None
